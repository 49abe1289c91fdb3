"""MuJoCo Warp, on NVIDIA GPUs (and, slowly, on the CPU)."""

from __future__ import annotations

from animRL.cfg.sim.mujoco_config import MujocoConfig
from animRL.cfg.validators import OptionalOf, Range


class WarpConfig(MujocoConfig):
    """Integrator, solver and armature as for the engine "mujoco"; sizes of the contact arrays."""

    nconmax = None
    """Contacts for which there is room, per environment; None: as many as the character can have
    with the ground (Bob: 30)."""
    njmax = None
    """Constraint rows for which there is room, per environment; None: those of that many contacts
    and of every joint at its limit (Bob: 122, with a pyramidal cone 152)."""
    deterministic = False
    """Repeat results bit for bit on a GPU as well, where sums are otherwise taken in any order."""
    graph = True
    """Record a control step once and replay it, instead of launching each of its kernels, where
    the host waits in each iteration of the solver to learn whether it is the last."""

    _adds = ("nconmax", "njmax", "deterministic", "graph")
    _valid = {
        "nconmax": OptionalOf(int, Range(1, 100_000)),
        "njmax": OptionalOf(int, Range(1, 100_000)),
    }
