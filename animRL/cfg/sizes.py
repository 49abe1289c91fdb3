"""How much memory a configuration asks for, worked out before any of it is taken."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from animRL.cfg.base_config import ConfigError

ENGINE_BYTES = 65_536
"""Of one environment; 10 to 50 kB were measured with Bob in the engine "mujoco"."""
DEFAULT_ENVS = 4096
"""Environments counted where nobody says how many; the largest default of an engine."""
_FLOAT = 4
_COPIES = 4
"""A weight, its gradient, and the two means that Adam keeps."""
_CONTACT_BYTES = 256
_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def check_sizes(env_cfg: Any, train_cfg: Any | None, most: int | None = None) -> None:
    """Refuse a configuration that asks for more memory than there is.

    Args:
        env_cfg: a ``MimicConfig``.
        train_cfg: a ``MimicTrainConfig``; None: nothing is trained.
        most: bytes that there are; None: those of this machine.

    Raises:
        ConfigError: naming the setting that asks for most of it.
    """
    most = memory_bytes() if most is None else most
    parts = memory_parts(env_cfg, train_cfg)
    total = sum(parts.values())
    if total > most:
        largest = max(parts, key=parts.__getitem__)
        raise ConfigError(
            f"{largest}: about {_gigabytes(total)} of memory would be needed; valid: values that "
            f"fit into the {_gigabytes(most)} of this machine"
        )


def memory_parts(env_cfg: Any, train_cfg: Any | None = None) -> dict[str, int]:
    """Estimate the bytes of each part, by the settings (with their values) that it depends on."""
    envs = env_cfg.env.num_envs or DEFAULT_ENVS
    joints = len(env_cfg.character.joint_names)
    warp = env_cfg.sim.warp
    rows = (warp.njmax or 0) * (joints + 16) * _FLOAT + (warp.nconmax or 0) * _CONTACT_BYTES
    parts = {
        f"env.num_envs {envs}": envs * (ENGINE_BYTES + joints**2 * 2 * _FLOAT),
        f"sim.warp.njmax, nconmax, with env.num_envs {envs}": envs * rows,
    }
    if train_cfg is None:
        return parts
    steps, policy = train_cfg.runner.num_steps_per_env, train_cfg.policy
    observed = 3 * joints + 12
    inputs = 2 * observed + 2 * policy.phase_harmonics
    layers = [inputs, *policy.hidden_dims, joints]
    weights = sum(a * b for a, b in zip(layers, layers[1:], strict=False))
    batch = -(-envs * steps // train_cfg.algorithm.num_mini_batches)
    parts |= {
        f"env.num_envs {envs} x runner.num_steps_per_env {steps}": (
            envs * steps * (observed + 4 * joints + 8) * _FLOAT
        ),
        f"policy.hidden_dims {policy.hidden_dims}": 2 * _COPIES * weights * _FLOAT,
        f"policy.hidden_dims {policy.hidden_dims} x env.num_envs {envs} x "
        f"runner.num_steps_per_env {steps} / algorithm.num_mini_batches": (
            2 * batch * sum(layers) * _FLOAT
        ),
        f"policy.phase_bins {policy.phase_bins}": 2 * policy.phase_bins * observed * _FLOAT,
    }
    return parts


def memory_bytes() -> int:
    """Memory of this machine, or what this process may have of it."""
    found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for name in _CGROUP_LIMITS:
        try:
            found = min(found, int(Path(name).read_text(encoding="utf-8")))
        except (OSError, ValueError):  # there is none: "max"
            continue
    return found


def _gigabytes(count: int) -> str:
    return f"{count / 2**30:.3g} GiB"
