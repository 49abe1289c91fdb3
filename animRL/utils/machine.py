"""The machine on which something was measured."""

from __future__ import annotations

import contextlib
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from animRL.utils.paths import REPO_ROOT

GIT_SECONDS = 5.0
PACKAGES = ("animRL", "mujoco-warp", "warp-lang", "torch", "mujoco", "rsl-rl-lib", "numpy")
"""Those whose versions a speed depends on."""


def gpu(device: torch.device) -> dict[str, str]:
    """Name of a device that is a GPU, else nothing."""
    return {"gpu": torch.cuda.get_device_name(device)} if device.type == "cuda" else {}


def versions() -> dict[str, str]:
    """Versions of those of ``PACKAGES`` that are installed; torch's tells for which GPUs it is."""
    found = {}
    for name in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = str(torch.__version__) if name == "torch" else version(name)
    return found


def processor() -> str:
    """Name of the processor, as the system gives it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
        return names[0]
    except (OSError, IndexError):
        return platform.processor() or platform.machine()


def provenance(device: torch.device) -> dict[str, Any]:
    """What the numbers of a run depend on beside its settings, as plain values.

    On a CPU two runs of the same settings are equal where all of this is.
    """
    return {
        "versions": {**versions(), "python": platform.python_version()},
        "threads": torch.get_num_threads(),
        "processor": processor(),
        **gpu(device),
        "git_commit": git_commit(),
    }


def git_commit(folder: Path = REPO_ROOT) -> str | None:
    """The commit of the code, with ``+changes`` if there are any; None where it is not known."""

    def ask(*words: str) -> str:
        return subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, text=True, check=True,
            timeout=GIT_SECONDS, stdin=subprocess.DEVNULL,
        ).stdout.strip()  # fmt: skip

    try:
        if Path(ask("rev-parse", "--show-toplevel")).resolve() != folder:
            return None  # animRL lies inside somebody else's repository
        changed = ask("status", "--porcelain", "--untracked-files=no")
        return ask("rev-parse", "HEAD") + ("+changes" if changed else "")
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
