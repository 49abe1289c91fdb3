"""MuJoCo on the CPU."""

from __future__ import annotations

from animRL.cfg.base_config import BaseConfig
from animRL.cfg.validators import Choice, Range


class MujocoConfig(BaseConfig):
    """Integrator, solver and armature.

    `discrete` takes the course's stiff drives without armature: it solves contacts and drives
    together, implicitly. `implicitfast` needs armature 0.1 and is then about a fifth faster.
    """

    integrator = "discrete"
    solver = "Newton"
    cone = "elliptic"
    """Friction cone; a pyramid would make physics depend on the heading."""
    jacobian = "sparse"
    """How the solver keeps the contacts' Jacobian: equal results to rounding, another speed. For
    Bob "sparse" takes a fifth off a step on the CPU; "auto" is "dense" up to 59 degrees of
    freedom."""
    iterations = 100
    ls_iterations = 50
    armature = 0.0
    """Added to the inertia of every joint [kg m^2]."""

    _valid = {
        "integrator": Choice("discrete", "implicitfast", "Euler"),
        "solver": Choice("Newton", "CG"),
        "cone": Choice("elliptic", "pyramidal"),
        "jacobian": Choice("sparse", "dense", "auto"),
        "iterations": Range(1, 1000),
        "ls_iterations": Range(1, 1000),
        "armature": Range(0.0, 10.0),
    }
