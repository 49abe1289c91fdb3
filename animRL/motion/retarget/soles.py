"""What touches the ground, how it is held there, and the print that it leaves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from animRL.motion.rotations import (
    Array,
    about_z,
    between,
    from_rotvec,
    heading,
    invert,
    multiply,
    rotate,
    rotate_planar,
    to_rotvec,
)
from animRL.motion.runs import Mask

HELD_COST = 60.0
"""Cost of a held point's distance from its place [1/m]; a body's goal costs about 1."""
FLAT_TILT = 0.17
"""A standing foot tilted by less than about this [rad] lies flat; one tilted by more stays so."""
LIFT = 0.004
"""A point of a tilted sole this much higher than its lowest one [m] carries it e times less."""
PLAY = 0.4
"""A foot that turns by less than this [rad] to either side while it stands does not turn."""


@dataclass(frozen=True)
class Sole:
    """The P points with which a body touches the ground: in its frame (P, 3), radius (P,) [m]."""

    points: Array
    radius: Array
    rest_quat: Array
    """Rotation (4,) of the body when it lies flat on the ground, heading along x."""

    @property
    def midline(self) -> Array:
        """The points (P, 3), moved sideways onto the line from heel to toe."""
        flat = rotate(self.rest_quat, self.points)
        flat[:, 1] = flat[:, 1].mean()
        return rotate(invert(self.rest_quat), flat)

    def steadied(self, width: float) -> Array:
        """The points and three more (P + 3, 3), so far [m] from their middle along each axis."""
        return np.concatenate([self.points, self.points.mean(axis=0) + width * np.eye(3)])


@dataclass(frozen=True)
class Hold:
    """Points (P, 3) in the frame of a role's body, the places (T, P, 3) where they are held.

    ``weight`` (T,) is 1 where they must not move and 0 where they are free; ``costs`` are those of
    a distance along the ground, twice, and upwards [1/m].
    """

    role: str
    points: Array
    places: Array
    weight: Array
    costs: tuple[float, float, float]

    def frames(self, index: slice) -> Hold:
        """A part of the frames."""
        return Hold(self.role, self.points, self.places[index], self.weight[index], self.costs)


@dataclass(frozen=True)
class Planted:
    """Poses (T, 3), (T, 4) of a body that holds still in its stances, and how firmly.

    ``held`` (T,) is 1 in a stance and falls to 0 beside it; ``touching`` (T, P) are its points.
    """

    pos: Array
    quat: Array
    held: Array
    touching: Mask

    def frames(self, index: slice) -> Planted:
        """A part of the frames."""
        return Planted(self.pos[index], self.quat[index], self.held[index], self.touching[index])

    def hold(self, role: str, points: Array, upward: float = HELD_COST) -> Hold:
        """Points (P, 3) in the body's frame, held where this pose has them; upwards at a cost."""
        places = self.pos[:, None] + rotate(self.quat[:, None], points)
        return Hold(role, points, places, self.held, (HELD_COST, HELD_COST, upward))


def print_of(centres: Array, quat: Array, weights: Array, sole: Sole) -> tuple[Array, Array]:
    """The print of a stance: places (t, P, 2) of the points, and heading (t,) [rad].

    The points count by weights (t, P), above 0 where they touch. The print keeps its heading until
    the foot has turned by `PLAY`; then it turns along, about the middle of the points that touch
    meanwhile.
    """
    flat = rotate(sole.rest_quat, sole.points)[:, :2]
    own = np.unwrap(heading(multiply(quat, invert(sole.rest_quat))))
    turns = _with_play(own, PLAY)
    outline = rotate_planar(turns[:, None], flat)
    offset = (weights[..., None] * (centres[..., :2] - outline)).sum(axis=1)
    offset /= weights.sum(axis=1)[:, None]  # the body's origin on the ground
    turning = weights * (np.abs(np.gradient(turns))[:, None] if len(turns) > 1 else 0.0)
    used = (turning if turning.sum() > 1e-9 else weights).sum(axis=0)
    pivot = rotate_planar(turns[:, None], (used @ flat / used.sum())[None])
    total = weights.sum(axis=1)[:, None]
    centre = (total * (offset + pivot[:, 0])).sum(axis=0) / total.sum()
    return centre - pivot + outline, turns


def _with_play(angles: Array, play: float) -> Array:
    """Angles (t,) that stand still until the given ones are farther away than the play."""
    followed = np.empty_like(angles)
    state = float(np.median(angles))
    for frame, angle in enumerate(angles):
        state = min(max(state, angle - play), angle + play)
        followed[frame] = state
    return followed


def standing(quat: Array, places: Array, turns: Array, sole: Sole) -> tuple[Array, Array]:
    """Poses (t, 3), (t, 4) that stand on a print, tilted as given but for small tilts."""
    up = np.array([0.0, 0.0, 1.0])
    own = multiply(quat, invert(sole.rest_quat))
    level = multiply(about_z(-heading(own)), own)  # without its heading
    tilt = to_rotvec(between(np.broadcast_to(up, (len(quat), 3)), rotate(level, up)))
    angle = np.linalg.norm(tilt, axis=1, keepdims=True)
    tilt = tilt * angle**2 / (angle**2 + FLAT_TILT**2)
    stood = multiply(about_z(turns), from_rotvec(tilt), sole.rest_quat)
    arms = rotate(stood[:, None], sole.points)
    low = arms[..., 2] - sole.radius
    lowest = low.min(axis=1, keepdims=True)
    weights = np.exp((lowest - low) / LIFT)[..., None]
    planar = (weights * (places - arms[..., :2])).sum(axis=1) / weights.sum(axis=1)
    return np.concatenate([planar, -lowest], axis=1), stood
