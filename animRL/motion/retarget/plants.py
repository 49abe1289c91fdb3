"""Feet and hands that stay where they stand: poses held while they touch, blended between."""

from __future__ import annotations

import itertools

import numpy as np

from animRL.motion.retarget.contacts import ContactLimits, contacts, speeds
from animRL.motion.retarget.soles import Planted, Sole, print_of, standing
from animRL.motion.rotations import (
    Array,
    continuous,
    from_rotvec,
    invert,
    multiply,
    rotate,
    to_rotvec,
)
from animRL.motion.runs import Mask, runs

RAMP_S = 0.06
"""Half the time in which a hold takes effect before a stance and ends after it [s]."""
FADE_S = 0.25
"""Longest time in which a foot leaves what holds it, or comes to it [s]."""
CLEARANCE, CLEARANCE_S = 0.02, 0.06
"""How high a moving foot passes over the ground [m], and how soon beside its stances [s]."""
PAUSE_S, SLIP = 0.12, 0.12
"""A pause shorter than this [s] over less than this way [m] interrupts no stance."""
STILL = 0.1
"""Points slower than about this [m/s] decide equally where a foot stands."""


def plant(pos: Array, quat: Array, sole: Sole, dt: float, limits: ContactLimits) -> Planted:
    """Hold a body still wherever its points rest on the ground z = 0.

    A stance has one print: the outline of the flat sole that fits the touching points best (least
    squares over place and heading). In it the foot lies flat or, where it is tilted, stands on
    the lowest edge of its print: it rolls over heel and toes but does not slide. Between stances
    the difference to the given pose fades.

    Args:
        pos: origin of the body (T, 3) [m], as wanted without a ground.
        quat: its rotation (T, 4), xyzw.
        sole: its points.
        dt: from frame to frame [s].
        limits: when a point touches.
    """
    centres = pos[:, None] + rotate(quat[:, None], sole.points)
    heights, moving = centres[..., 2] - sole.radius, speeds(centres, dt)
    mask = contacts(heights, moving, dt, limits)
    mask = _lasting(mask, heights, centres, dt, limits)
    weights = mask / (moving**2 + STILL**2)
    held_pos, held_quat = pos.copy(), quat.copy()
    for stance in runs(np.any(mask, axis=1)):
        places, turns = print_of(centres[stance], quat[stance], weights[stance], sole)
        held_pos[stance], held_quat[stance] = standing(quat[stance], places, turns, sole)
    return _blended((pos, quat), (held_pos, held_quat), mask, sole, dt)


def hold_point(pos: Array, quat: Array, touching: Mask, height: float, dt: float) -> Planted:
    """Hold a body's origin at one place and height [m] in each stance, and leave its rotation.

    ``touching`` (T,) are the stances; the rest is what ``plant`` takes and returns.
    """
    held = pos.copy()
    for stance in runs(touching):
        held[stance] = pos[stance].mean(axis=0)
        held[stance, 2] = height
    point = Sole(np.zeros((1, 3)), np.zeros(1), quat[0])
    return _blended((pos, quat), (held, quat), touching[:, None], point, dt)


def lay(
    pose: tuple[Array, Array], solved: tuple[Array, Array], touching: Mask, sole: Sole, dt: float
) -> Planted:
    """Hold a body on the ground in each stance as it lies there, on average, in a solution.

    Args:
        pose: position (T, 3) and rotation (T, 4) wanted without a ground.
        solved: those that came out of inverse kinematics.
        touching: the stances (T,).
        sole: the points of the body.
        dt: from frame to frame [s].
    """
    held_pos, held_quat = pose[0].copy(), pose[1].copy()
    for stance in runs(touching):
        # Its first and last part it still comes down, or already goes.
        edge = (stance.stop - stance.start) // 4
        inner = slice(stance.start + edge, stance.stop - edge)
        mean = solved[1][inner].mean(axis=0)  # of continuous sign, nearly constant
        held_quat[stance] = mean / np.linalg.norm(mean)
        held_pos[stance] = solved[0][inner].mean(axis=0)
        low = rotate(held_quat[stance][0], sole.points)[:, 2] - sole.radius
        held_pos[stance, 2] = -low.min()
    return _blended(pose, (held_pos, held_quat), touching[:, None], sole, dt)


def _blended(
    pose: tuple[Array, Array], held: tuple[Array, Array], mask: Mask, sole: Sole, dt: float
) -> Planted:
    """Let the stances' differences to a pose fade between them, above the ground."""
    pos, quat = pose
    stances = list(runs(np.any(mask, axis=1)))
    if stances:
        turn = to_rotvec(multiply(held[1], invert(quat)))
        move, turn = _faded(held[0] - pos, turn, stances, dt)
        pos, quat = pos + move, multiply(from_rotvec(turn), quat)
    low = pos[:, None, 2] + rotate(quat[:, None], sole.points)[..., 2] - sole.radius
    lift = np.maximum(_clearance(stances, len(pos), dt) - low.min(axis=1), 0.0)
    pos = pos + lift[:, None] * [0.0, 0.0, 1.0]
    return Planted(pos, continuous(quat), _held(stances, len(pos), dt), mask)


def _lasting(mask: Mask, heights: Array, centres: Array, dt: float, limits: ContactLimits) -> Mask:
    """Contacts (T, P) without short, low pauses between stances that are near each other.

    In such a pause the measured foot slipped, and was lifted by nothing.
    """
    mask, low = mask.copy(), heights.min(axis=1)
    stances = list(runs(np.any(mask, axis=1)))
    for before, after in itertools.pairwise(stances):
        pause = slice(before.stop, after.start)
        ends = centres[[before.stop - 1, after.start], :, :2].mean(axis=1)
        near = np.linalg.norm(ends[1] - ends[0]) < SLIP
        short = (after.start - before.stop) * dt < PAUSE_S
        if short and near and (low[pause] < limits.height[1]).all():
            mask[pause] = mask[before.stop - 1] | mask[after.start]
    return mask


def _faded(move: Array, turn: Array, stances: list[slice], dt: float) -> tuple[Array, Array]:
    """Let the differences of the stances fade into each other, or into none, in between."""
    both = np.concatenate([move, turn], axis=1)
    frames = FADE_S / dt
    ends = [(stances[i].stop, stances[i + 1].start) for i in range(len(stances) - 1)]
    for stop, start in [(0, stances[0].start), *ends, (stances[-1].stop, len(both))]:
        steps = np.arange(stop, start)
        if len(steps) == 0:
            continue
        gap = start - stop + 1.0
        span = min(gap, frames)
        leave = _smooth(np.clip(1.0 - (steps - stop + 1.0) / span, 0.0, 1.0))[:, None]
        come = _smooth(np.clip(1.0 - (start - steps) / span, 0.0, 1.0))[:, None]
        before = both[stop - 1] if stop > 0 else np.zeros(6)
        after = both[start] if start < len(both) else np.zeros(6)
        both[stop:start] = leave * before + come * after
    return both[:, :3], both[:, 3:]


def _held(stances: list[slice], count: int, dt: float) -> Array:
    """1 (T,) in the stances, falling to 0 in a short time before and after."""
    share = np.clip(1.0 - _frames_away(stances, count) * dt / (2.0 * RAMP_S), 0.0, 1.0)
    return _smooth(share)


def _clearance(stances: list[slice], count: int, dt: float) -> Array:
    """Least height (T,) of the lowest point: 0 in the stances, then soon `CLEARANCE` [m].

    What moves near the ground without a stance would drag over it.
    """
    away = _frames_away(stances, count)
    return CLEARANCE * np.sqrt(np.clip(away * dt / CLEARANCE_S, 0.0, 1.0))


def _frames_away(stances: list[slice], count: int) -> Array:
    """Frames (T,) to the nearest stance, 0 in it."""
    times, away = np.arange(count), np.full(count, np.inf)
    for stance in stances:
        beside = np.maximum(stance.start - times, times - stance.stop + 1)
        away = np.minimum(away, np.maximum(beside, 0))
    return away


def _smooth(share: Array) -> Array:
    """Smooth step of shares in [0, 1]: 3 s^2 - 2 s^3."""
    return share * share * (3.0 - 2.0 * share)
