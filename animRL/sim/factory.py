"""Choose and build an engine from a configuration; the only place that knows their names."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

from animRL.utils.errors import InputError

if TYPE_CHECKING:
    from animRL.sim.base import SimBackend

DEFAULT_NUM_ENVS = {"mujoco": 512, "warp": 4096, "isaacgym": 4096, "kinematic": 512}
"""Environments where nobody says how many. 512 were measured (docs/tuning.md); 4096 on a GPU were
not, and are the course's."""
ENGINES = tuple(DEFAULT_NUM_ENVS)
"""Names that ``sim.engine`` accepts, besides "auto"."""


def warp_is_installed() -> bool:
    """Whether the extra ``gpu`` is there; nothing is imported."""
    return all(importlib.util.find_spec(name) for name in ("warp", "mujoco_warp"))


def resolve_engine(name: str, device: str = "auto") -> str:
    """Turn "auto" into the best engine of this machine for a device; check any other name.

    Raises:
        InputError: for an unknown engine, with the valid names; for Isaac Gym where no Python with
            it is named.
    """
    if name == "auto":
        import torch  # here alone: a name is checked without the seconds that it takes to load

        wanted = device == "auto" or device.startswith("cuda")
        return "warp" if wanted and torch.cuda.is_available() and warp_is_installed() else "mujoco"
    if name not in ENGINES:
        raise InputError(f"sim.engine is {name!r}; valid: auto, {', '.join(ENGINES)}")
    if name == "isaacgym":
        from animRL.sim.isaac_gym.worker_process import find_python

        find_python()
    return name


def engine_for_few(name: str) -> str:
    """The engine that steps a few characters on the CPU, in place of one called ``name``.

    Engines for thousands are slow to start, and to step one; MuJoCo on the CPU is neither.
    """
    return name if name == "kinematic" else "mujoco"


def resolve_device(engine: str, name: str) -> str:
    """Turn the device "auto" into the engine's own: a GPU for Warp and Isaac Gym, else the CPU.

    Raises:
        InputError: for a device that torch does not know, this machine lacks or the engine cannot
            use.
    """
    import torch

    if name == "auto":
        on_gpu = engine in ("warp", "isaacgym") and torch.cuda.is_available()
        return "cuda" if on_gpu else "cpu"
    _check_device(name)
    valid = {"mujoco": ("cpu",), "warp": ("cpu", "cuda"), "isaacgym": ("cpu", "cuda")}.get(engine)
    if valid and torch.device(name).type not in valid:
        raise InputError(
            f"sim.device is {name!r}; valid for engine {engine}: auto, {', '.join(valid)}"
        )
    return name


def make_backend(env_cfg: Any, num_envs: int) -> SimBackend:
    """Build the engine of ``env_cfg.sim`` with the character of ``env_cfg.character``."""
    from animRL.sim.character import Character

    sim = env_cfg.sim
    if not env_cfg.character.joint_names:
        raise InputError("character.joint_names is empty; valid: at least one hinge, to be moved")
    engine = resolve_engine(sim.engine, sim.device)
    device = resolve_device(engine, sim.device)
    character = Character.from_config(env_cfg.character)
    if engine == "kinematic":
        from animRL.sim.kinematic import KinematicBackend

        return KinematicBackend(character, num_envs, sim.dt * sim.substeps, device)
    if engine == "warp":
        if not warp_is_installed():
            raise InputError(
                "sim.engine is 'warp', which needs mujoco-warp: pip install -e '.[gpu]'"
            )
        from animRL.sim.mujoco_warp import MujocoWarpBackend

        return MujocoWarpBackend(character, sim.warp, num_envs, sim.dt, sim.substeps, device)
    if engine == "isaacgym":
        from animRL.sim.isaac_gym.engine import IsaacGymBackend

        return IsaacGymBackend(character, sim, num_envs, device)
    from animRL.sim.mujoco_cpu import MujocoCpuBackend

    return MujocoCpuBackend(character, sim.mujoco, num_envs, sim.dt, sim.substeps, sim.threads)


def _check_device(name: str) -> None:
    """Refuse a device that torch does not know or this machine does not have."""
    import torch

    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"sim.device is {name!r}; valid: auto, cpu, cuda where there is one "
                         f"({reason})") from error  # fmt: skip
