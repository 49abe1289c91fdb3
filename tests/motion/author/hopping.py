"""A hopper's motions, drawn roughly, and what a motion asks of the ground it stands on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from animRL.motion.dynamics import contact_forces, root_wrench
from animRL.motion.ground import contact_spheres, sphere_centres, sphere_heights
from animRL.motion.rotations import Array
from animRL.motion.trajectory import Trajectory, body_poses
from animRL.sim.character import Character
from tests.motion.small_characters import about

G = 9.81
DT = 0.05


@dataclass
class Physics:
    """What a motion asks of its planted contacts, in shares of the body's weight and metres."""

    missing: Array
    """(T, 6): force, and moment over 1 m, that the contacts cannot give."""
    heights: Array
    """(T, S) of all contact spheres."""
    slipped: Array
    """Way of the planted spheres from frame to frame, their roll left out."""

    @classmethod
    def of(cls, character: Character, motion: Trajectory, planted: np.ndarray) -> Physics:
        spheres = contact_spheres(character)
        centres = sphere_centres(spheres, *body_poses(character, motion))
        wrench, weight = root_wrench(character, motion), G * float(character.body_mass.sum())
        missing = []
        for t, down in enumerate(planted):
            points = centres[t, down] * [1.0, 1.0, 0.0]
            parts = wrench.centre[t], wrench.force[t], wrench.moment[t]
            missing.append(contact_forces(points, *parts, character.friction, weight)[1] / weight)
        both = planted[1:] & planted[:-1] & (spheres.radius == 0.0)
        slipped = np.linalg.norm(np.diff(centres[..., :2], axis=0), axis=-1)[both]
        return cls(np.array(missing), sphere_heights(spheres, centres), slipped)


def hop(bend: Array, rise: Array, loop: bool = False, turn: float = 0.0) -> Trajectory:
    """Bent in hip, knee and ankle by so much [rad], the foot level and ``rise`` above the ground.

    With ``turn`` it goes round in a circle of half a metre.
    """
    share = turn * np.linspace(0.0, 1.0, len(bend))
    place = 0.5 * np.column_stack([np.sin(share), 1.0 - np.cos(share)])
    height = 0.06 + 0.8 * np.cos(bend) + rise
    joints = np.column_stack([-bend, -bend, 2.0 * bend])
    quat = about((0, 0, 1), share)
    return Trajectory(np.column_stack([place, height]), quat, joints, DT, loop)


def soles(hopper: Character, down: np.ndarray) -> np.ndarray:
    """The lower corners of the foot planted in some frames (T,)."""
    spheres = contact_spheres(hopper)
    foot = spheres.body == hopper.body_index("foot")
    return np.outer(down, foot & (spheres.centre[:, 2] < -0.05))


def even(motion: Trajectory) -> Array:
    return np.ones((len(motion), 6 + motion.joint_pos.shape[1]))


def crouch_and_jump() -> tuple[Trajectory, np.ndarray]:
    """Crouch, stretch, a third of a second in the air drawn as a triangle, land, stand up."""
    bend = np.interp(
        np.arange(29), [0, 3, 8, 11, 14, 17, 20, 25, 28], [0.3, 0.3, 1, 0.2, 0.4, 0.2, 1, 0.3, 0.3]
    )
    rise = np.interp(np.arange(29), [0, 11, 14, 17, 28], [0.0, 0.0, 0.2, 0.0, 0.0])
    return hop(bend, rise), (np.arange(29) <= 11) | (np.arange(29) >= 17)
