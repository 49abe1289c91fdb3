"""A motion that exists, made physical: the clip is the sketch, its own contacts are planted."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from animRL.motion.author.problem import ITERATIONS, PhysicalMotion, Sketch
from animRL.motion.ground import ContactSpheres, contact_spheres, sphere_centres, sphere_heights
from animRL.motion.retarget.contacts import ContactLimits, contacts, speeds
from animRL.motion.runs import Mask
from animRL.motion.trajectory import Trajectory, body_poses
from animRL.sim.character import Character

ROOT_PRICE = 3.0
"""Price of moving the root by 1 m, against 1 rad at a joint: high, as the clip's path is wanted."""
SPREADS = (0.05, 0.01)
"""Prices of force of the stages: in the end less than for a sketch, so that who stands at the edge
of the feet may stay there."""
STANDS = ContactLimits(height=(0.008, 0.015), speed=(0.4, 0.8), shortest=0.04)
"""What rests on the ground in a clip whose feet are planted: contacts begin below the first height
[m] and speed [m/s] and end above the second; shorter ones [s] are none. Contacts
are found here to be pinned to the ground, in clips whose feet stand on it already: so nearer to it
than in retarget/contacts.py."""


def make_physical(
    character: Character,
    trajectory: Trajectory,
    track: Callable[[range], Iterable[int]] = lambda steps: steps,
    iterations: int = ITERATIONS,
) -> Trajectory:
    """Change a motion as little as needed for the ground to be able to carry it.

    What touches the ground, and when, is taken from the motion and kept. In the air the body comes
    to fly as thrown; on the ground it is balanced by forces that push and rub only.
    """
    weight = np.ones((len(trajectory), 6 + len(character.joint_names)))
    weight[:, :3] = ROOT_PRICE
    sketch = Sketch(trajectory, planted(character, trajectory), weight)
    return PhysicalMotion(character, sketch).solve(iterations, track, SPREADS)


def planted(character: Character, trajectory: Trajectory) -> Mask:
    """Which contact spheres (T, S) rest on the ground, by their height and speed."""
    spheres = contact_spheres(character)
    centres = sphere_centres(spheres, *body_poses(character, trajectory))
    heights = sphere_heights(spheres, centres)
    found = contacts(heights, speeds(centres, trajectory.dt), trajectory.dt, STANDS)
    found[:, _around_ends(character, spheres)] = False
    return found


def _around_ends(character: Character, spheres: ContactSpheres) -> Mask:
    """Spheres (S,) of a shank or forearm about the joint of its foot or hand.

    They touch the ground where the foot does, but roll over it with the shank.
    """
    count = len(character.joint_names)
    rest = Trajectory(np.zeros((1, 3)), np.eye(4)[3:], np.zeros((1, count)), 1.0)
    position, rotation = body_poses(character, rest)
    centre = sphere_centres(spheres, position, rotation)[0]
    around = np.zeros(len(spheres), dtype=bool)
    for name in (*character.feet, *character.hands):
        body = character.body_index(name)
        near = np.linalg.norm(centre - position[0, body], axis=1) < spheres.radius
        around |= near & (spheres.body != body)
    return around
