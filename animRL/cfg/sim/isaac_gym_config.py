"""Isaac Gym Preview 4, in a process of its own under Python 3.8."""

from __future__ import annotations

from animRL.cfg.base_config import BaseConfig
from animRL.cfg.validators import Choice, OptionalOf, Range


class IsaacGymConfig(BaseConfig):
    """Where PhysX computes, its solver, armature and contacts; names as in Isaac Gym's PhysXParams.

    The drives are PhysX's own, which are implicit: the course's gains need no armature. The values
    are those of legged_gym, not tuned for animRL.
    """

    pipeline = "gpu"
    """"gpu": physics and its tensors stay on the graphics card; "cpu": neither does."""
    gpu = None
    """Number of the GPU; None: that of ``sim.device``, else of several processes each its own."""
    solver_type = 1
    """0: PGS; 1: TGS, which holds stiff drives better."""
    num_position_iterations = 4
    num_velocity_iterations = 0
    contact_offset = 0.01
    """Contacts are made where shapes are closer than this [m]."""
    rest_offset = 0.0
    """Distance at which shapes rest [m]."""
    bounce_threshold_velocity = 0.5
    """Slower contacts do not bounce [m/s]."""
    max_depenetration_velocity = 1.0
    """Largest speed with which shapes that overlap are pushed apart [m/s]."""
    max_gpu_contact_pairs = 8388608
    default_buffer_size_multiplier = 5.0
    num_threads = 0
    """Of PhysX on the CPU; 0: the calling one."""
    armature = 0.0
    """Added to the inertia of every joint [kg m^2]."""
    start_seconds = 300.0
    """How long the worker may take to build all worlds."""
    step_seconds = 60.0
    """How long it may take for a control step, the first of which is slow."""

    _valid = {
        "pipeline": Choice("gpu", "cpu"),
        "gpu": OptionalOf(int, Range(0, 63)),
        "solver_type": Choice(0, 1),
        "num_position_iterations": Range(1, 255),
        "num_velocity_iterations": Range(0, 255),
        "contact_offset": Range(0.0, 1.0),
        "rest_offset": Range(0.0, 1.0),
        "bounce_threshold_velocity": Range(0.0, 100.0),
        "max_depenetration_velocity": Range(0.0, 1e3),
        "max_gpu_contact_pairs": Range(1024, 2**28),
        "default_buffer_size_multiplier": Range(1.0, 1000.0),
        "num_threads": Range(0, 256),
        "armature": Range(0.0, 10.0),
        "start_seconds": Range(1.0, 1e5),
        "step_seconds": Range(1.0, 1e5),
    }
