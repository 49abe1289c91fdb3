"""Put a motion on the floor: planted feet touch the ground z = 0."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from animRL.motion.ground import contact_spheres, sphere_centres, sphere_heights
from animRL.motion.rotations import Array
from animRL.motion.trajectory import Trajectory, body_poses

if TYPE_CHECKING:
    from animRL.sim.character import Character

# Contacts are found here to learn where the floor is: its height is not known yet, so heights are
# wide and speed decides, lower than in check/contact.py and retarget/contacts.py.
PLANTED_SPEED = 0.25
"""A point slower than this [m/s] may stand; a foot swings at several metres a second."""
PLANTED_HEIGHT = 0.08
"""A point higher than this [m] over the lowest of the motion does not stand: a foot's height."""
SUNK_DEPTH, SUNK_SHARE = 0.005, 0.05
"""Depth [m] and share of the frames that noise in a recorded motion may cost."""


def put_on_floor(character: Character, trajectory: Trajectory) -> tuple[Trajectory, float]:
    """Shift a trajectory in height so that its planted feet touch the ground.

    Returns the trajectory and by how much it was raised [m]; the path over the ground, and every
    pose, stay as they are. See `floor_height` for what is taken as the floor.
    """
    raised = -floor_height(character, trajectory)
    root_pos = trajectory.root_pos + np.array([0.0, 0.0, raised])
    return replace(trajectory, root_pos=root_pos), raised


def floor_height(character: Character, trajectory: Trajectory) -> float:
    """Height [m] of the floor on which a motion takes place.

    It is the median, over the frames in which a foot stands, of the foot's lowest point; but never
    so high that the body is deeper than `SUNK_DEPTH` below it in more than `SUNK_SHARE` of the
    frames. A foot stands while its lowest point moves slower than `PLANTED_SPEED` and is at most
    `PLANTED_HEIGHT` over the lowest point of the whole motion. Where no foot ever stands, and for
    a character without feet, the floor is that lowest point.
    """
    spheres = contact_spheres(character)
    position, rotation = body_poses(character, trajectory)
    if len(spheres) == 0:  # nothing that could touch the ground: the bodies' origins
        return float(position[..., 2].min())
    centres = sphere_centres(spheres, position, rotation)
    heights = sphere_heights(spheres, centres)
    lowest = float(heights.min())
    feet = [spheres.of(character.body_index(name)) for name in character.feet]
    standing = [
        _standing_heights(heights[:, foot], centres[:, foot], trajectory.dt, lowest)
        for foot in feet
        if len(foot)
    ]
    stood = np.concatenate(standing) if standing else np.empty(0)
    if len(stood) == 0:
        return lowest
    deepest = float(np.quantile(heights.min(axis=1), SUNK_SHARE)) + SUNK_DEPTH
    return min(float(np.median(stood)), deepest)


def _standing_heights(heights: Array, centres: Array, dt: float, lowest: float) -> Array:
    """Heights (n,) of a foot's lowest point in the frames in which it stands."""
    if len(heights) < 2:
        return np.empty(0)
    low = heights.argmin(axis=1)
    frames = np.arange(len(heights))
    speed = np.linalg.norm(np.gradient(centres, dt, axis=0), axis=-1)[frames, low]
    height = heights[frames, low]
    return height[(speed < PLANTED_SPEED) & (height < lowest + PLANTED_HEIGHT)]
