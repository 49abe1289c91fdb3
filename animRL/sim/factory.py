"""Choose and build an engine from a configuration; the only place that knows their names."""

from __future__ import annotations

from typing import Any

import torch

from animRL.sim.base import SimBackend
from animRL.utils.errors import InputError

DEFAULT_NUM_ENVS = {"mujoco": 512, "kinematic": 512}
"""Environments with which each engine trains fastest, by measurement (docs/tuning.md)."""
ENGINES = tuple(DEFAULT_NUM_ENVS)
"""Names that ``sim.engine`` accepts, besides "auto"."""


def resolve_engine(name: str) -> str:
    """Turn "auto" into the best engine of this machine; check any other name.

    Raises:
        InputError: for an unknown engine, with the valid names.
    """
    if name == "auto":
        return "mujoco"
    if name not in ENGINES:
        raise InputError(f"sim.engine is {name!r}; valid: auto, {', '.join(ENGINES)}")
    return name


def make_backend(env_cfg: Any, num_envs: int) -> SimBackend:
    """Build the engine of ``env_cfg.sim`` with the character of ``env_cfg.character``."""
    from animRL.sim.character import Character

    engine = resolve_engine(env_cfg.sim.engine)
    _check_device(env_cfg.sim.device)
    character = Character.from_config(env_cfg.character)
    sim = env_cfg.sim
    if engine == "kinematic":
        from animRL.sim.kinematic import KinematicBackend

        return KinematicBackend(character, num_envs, sim.dt * sim.substeps, sim.device)
    from animRL.sim.mujoco_cpu import MujocoCpuBackend

    if sim.device != "cpu":
        raise InputError(f"sim.device is {sim.device!r}; valid for engine mujoco: cpu")
    return MujocoCpuBackend(character, sim.mujoco, num_envs, sim.dt, sim.substeps, sim.threads)


def _check_device(name: str) -> None:
    """Refuse a device that torch does not know or this machine does not have."""
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"sim.device is {name!r}; valid: cpu, cuda where there is one "
                         f"({reason})") from error  # fmt: skip
