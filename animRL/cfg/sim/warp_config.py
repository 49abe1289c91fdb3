"""MuJoCo Warp, on NVIDIA GPUs (and, slowly, on the CPU)."""

from __future__ import annotations

from animRL.cfg.base_config import BaseConfig
from animRL.cfg.validators import Choice, OptionalOf, Range


class WarpConfig(BaseConfig):
    """Integrator, solver and armature as for the engine "mujoco"; sizes of the contact arrays."""

    integrator = "discrete"
    solver = "Newton"
    cone = "elliptic"
    """Friction cone; a pyramid would make physics depend on the heading."""
    iterations = 100
    ls_iterations = 50
    armature = 0.0
    """Added to the inertia of every joint [kg m^2]."""
    nconmax = None
    """Contacts for which there is room, per environment; None: as many as the character can have
    with the ground (Bob: 30)."""
    njmax = None
    """Constraint rows for which there is room, per environment; None: those of that many contacts
    and of every joint at its limit (Bob: 122, with a pyramidal cone 152)."""
    deterministic = False
    """Repeat results bit for bit on a GPU as well, where sums are otherwise taken in any order."""
    graph = True
    """Record a control step once and replay it, instead of launching each of its kernels."""

    _valid = {
        "integrator": Choice("discrete", "implicitfast", "Euler"),
        "solver": Choice("Newton", "CG"),
        "cone": Choice("elliptic", "pyramidal"),
        "iterations": Range(1, 1000),
        "ls_iterations": Range(1, 1000),
        "armature": Range(0.0, 10.0),
        "nconmax": OptionalOf(int, Range(1, 100_000)),
        "njmax": OptionalOf(int, Range(1, 100_000)),
    }
