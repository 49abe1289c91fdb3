"""The plots that eval.py leaves of what one character did: joints, path, phase, contacts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

CONTACT_FORCE = 1.0
"""Ground force [N] above which a body touches."""
CONTACT_HEIGHT = 0.005
"""Height [m] of the lowest point of a body, up to which the reference is said to touch: clips are
put on the ground to a few millimetres."""


def write_plots(out: Path, env: Any, trace: Any, steps: int, task: str) -> None:
    """Draw the first steps of a trace into ``eval_joints.png`` and ``eval_motion.png``.

    Args:
        out: folder.
        env: of which the trace is.
        trace: see ``evaluation.evaluate.Trace``.
        steps: so many.
        task: its name, for the titles.
    """
    from animRL.viewer.tracking_plots import plot_joints, plot_motion

    tracking = tracking_of(env, trace, steps)
    names = env.character.joint_names
    plot_joints(out / "eval_joints.png", tracking, names, f"{task}: joint angles")
    plot_motion(out / "eval_motion.png", tracking, f"{task}: path, phase and contacts")


def tracking_of(env: Any, trace: Any, steps: int) -> Any:
    """What the plots show of a trace's first steps, see ``viewer.tracking_plots.Tracking``."""
    from animRL.scripts.films import poses_of
    from animRL.viewer.tracking_plots import Tracking

    poses, reference = poses_of(trace, 0, steps)
    forces = np.stack([force.cpu().numpy() for force in trace.ground_forces[:steps]])
    lowest = _lowest_points(env, reference)
    contacts = {}
    for name in (*env.character.feet, *env.character.hands):
        body = env.character.body_index(name)
        touched = np.linalg.norm(forces[:, body], axis=-1) > CONTACT_FORCE
        contacts[name] = touched, lowest[body] < CONTACT_HEIGHT
    return Tracking(
        env.dt, poses, reference, np.array(trace.phases[:steps]), contacts,
        falls=[step for step, fell in enumerate(trace.falls[:steps]) if fell],
        starts=[step + 1 for step, done in enumerate(trace.dones[: steps - 1]) if done],
    )  # fmt: skip


def _lowest_points(env: Any, poses: Any) -> dict[int, Any]:
    """Height [m] of the lowest point (T,) of each body with collision geometry."""
    import torch

    from animRL.motion.ground import contact_spheres, sphere_centres, sphere_heights

    character = env.character.to("cpu")
    states = (poses.root_pos, poses.root_quat, poses.joint_pos)
    places, turns = character.forward_kinematics(*(torch.from_numpy(s).float() for s in states))
    spheres = contact_spheres(character)
    centres = sphere_centres(spheres, places.double().numpy(), turns.double().numpy())
    heights = sphere_heights(spheres, centres) - float(env.env_origins[0, 2])
    return {
        body: heights[:, spheres.of(body)].min(axis=1)
        for body in range(len(character.body_names))
        if len(spheres.of(body))
    }
