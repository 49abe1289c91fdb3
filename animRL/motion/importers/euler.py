"""Ball joints as three hinges: Euler angles that keep away from gimbal lock and never jump."""

from __future__ import annotations

from itertools import permutations

import numpy as np

from animRL.motion.rotations import Array, matrix_about_coordinate, transpose

Order = tuple[int, int, int]

ORDERS: tuple[Order, ...] = tuple(permutations(range(3)))  # type: ignore[arg-type]
DEFAULT: Order = (0, 2, 1)
"""x, z, y: for limbs that hang along z it is seldom near gimbal lock."""
_NEAR_LOCK = 0.9
"""Sine of the middle angle, 64 degrees, up to which the default order is kept."""
# Cosine of the middle angle below which the first angle is undetermined and the last one is kept.
_LOCKED = 1e-7
_TURN = 2.0 * np.pi


def best_order(rotations: Array) -> Order:
    """The order of axes for a ball joint that takes the rotations (T, 3, 3).

    The default one, so that clips of one skeleton usually agree, unless its middle angle comes
    near 90 degrees: then the one whose middle angle stays farthest from there.
    """
    worst = {order: float(np.abs(rotations[:, order[0], order[2]]).max()) for order in ORDERS}
    if worst[DEFAULT] <= _NEAR_LOCK:
        return DEFAULT
    return min(ORDERS, key=lambda order: worst[order])


def hinge_names(joint: str, order: Order) -> tuple[str, str, str]:
    """Names of a ball joint's hinges: its own with the axis, and the order unless the default.

    So angles of different orders never bear the same name.
    """
    letters = ["xyz"[axis] for axis in order]
    stem = joint if order == DEFAULT else f"{joint}_{''.join(letters)}"
    first, second, third = (f"{stem}_{letter}" for letter in letters)
    return first, second, third


def angles_of(rotations: Array, orders: list[Order]) -> Array:
    """Angles (T, N, 3) [rad] of N joints: R = R(axis 0, a) R(axis 1, b) R(axis 2, c), no jumps.

    Exact everywhere: the first angle is followed from frame to frame, the other two are solved
    for given it, so that gimbal lock leaves only the choice of the first. Each triple has a second
    one with the same rotation, (a + pi, pi - b, c + pi); the one nearer to the frame before is
    taken. The whole is shifted by full turns to lie around 0.

    Args:
        rotations: (T, N, 3, 3).
        orders: axes of each joint.
    """
    count = len(rotations)
    candidates = np.empty((count, len(orders), 2, 3))
    for joint, order in enumerate(orders):
        first = _first_angle(rotations[:, joint], order)
        for branch, turn in enumerate((0.0, np.pi)):
            candidates[:, joint, branch] = _solved(rotations[:, joint], order, first + turn)
    # The triple of the smaller angles first; from there on the nearer one.
    candidates[0] -= _TURN * np.round(candidates[0] / _TURN)
    joints = np.arange(len(orders))
    chosen = np.empty((count, len(orders), 3))
    chosen[0] = candidates[0, joints, np.abs(candidates[0]).sum(axis=-1).argmin(axis=-1)]
    for frame in range(1, count):
        previous, options = chosen[frame - 1][:, None], candidates[frame]
        step = options - previous
        step -= _TURN * np.round(step / _TURN)
        nearer = np.abs(step).sum(axis=-1).argmin(axis=-1)
        chosen[frame] = chosen[frame - 1] + step[joints, nearer]
    middle = 0.5 * (chosen.max(axis=0) + chosen.min(axis=0))
    return chosen - _TURN * np.round(middle / _TURN)


def _first_angle(rotations: Array, order: Order) -> Array:
    """The first angle (T,) of (T, 3, 3), held where it is undetermined."""
    _, j, k = order
    sine, cosine = -_sign(order) * rotations[:, j, k], rotations[:, k, k]
    first = np.arctan2(sine, cosine)
    known = np.flatnonzero(np.hypot(sine, cosine) >= _LOCKED)
    if len(known) == 0:
        return np.zeros_like(first)
    latest = np.searchsorted(known, np.arange(len(first)), side="right") - 1
    return first[known[np.maximum(latest, 0)]]


def _solved(rotations: Array, order: Order, first: Array) -> Array:
    """The triples (T, 3) with a given first angle (T,)."""
    i, j, k = order
    rest = transpose(matrix_about_coordinate(i, first)) @ rotations
    middle = np.arctan2(_sign(order) * rest[:, i, k], rest[:, k, k])
    last = np.arctan2(_sign(order) * rest[:, j, i], rest[:, j, j])
    return np.stack([first, middle, last], axis=-1)


def _sign(order: Order) -> float:
    """1 for a cyclic order (xyz, yzx, zxy), -1 for the others."""
    return 1.0 if (order[1] - order[0]) % 3 == 1 else -1.0
