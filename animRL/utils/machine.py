"""The machine on which something was measured."""

from __future__ import annotations

import contextlib
import platform
from importlib.metadata import PackageNotFoundError, version

import torch

PACKAGES = ("mujoco-warp", "warp-lang", "torch", "mujoco", "rsl-rl-lib", "numpy")
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
