"""When which points of a foot or hand rest on the ground, judged by height and speed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from animRL.motion.rotations import Array
from animRL.motion.runs import Mask, runs


@dataclass(frozen=True)
class ContactLimits:
    """A contact begins below the first height [m] and speed [m/s] and ends above the second.

    Pauses and contacts shorter than ``shortest`` [s] are none.
    """

    # Contacts are found here to be held still: wider than in check/contact.py, as captured feet
    # hover and slide by centimetres, and a contact that is missed would skate.

    height: tuple[float, float] = (0.025, 0.045)
    speed: tuple[float, float] = (0.45, 0.75)
    shortest: float = 0.05


def speeds(points: Array, dt: float) -> Array:
    """Speeds (T, P) [m/s] of points (T, P, 3), by central differences."""
    if len(points) < 2:
        return np.zeros(points.shape[:2])
    return np.linalg.norm(np.gradient(points, dt, axis=0), axis=-1)


def contacts(heights: Array, moving: Array, dt: float, limits: ContactLimits) -> Mask:
    """Which points touch the ground when (T, P).

    Args:
        heights: of the points over the ground (T, P) [m].
        moving: their speeds (T, P) [m/s].
        dt: from frame to frame [s].
        limits: the two thresholds of each; between them the state before goes on.
    """
    begins = (heights < limits.height[0]) & (moving < limits.speed[0])
    holds = (heights < limits.height[1]) & (moving < limits.speed[1])
    mask = begins.copy()
    for frame in range(1, len(mask)):
        mask[frame] |= mask[frame - 1] & holds[frame]
    for frame in range(len(mask) - 2, -1, -1):  # a contact also began when it first held
        mask[frame] |= mask[frame + 1] & holds[frame]
    frames = max(round(limits.shortest / dt), 1)
    for column in mask.T:
        _drop_short(column, frames, False)
        _drop_short(column, frames, True)
    return mask


def _drop_short(mask: Mask, frames: int, value: bool) -> None:
    """Turn stretches of a value shorter than so many frames over, but at the clip's ends."""
    for stretch in list(runs(mask == value)):
        inner = stretch.start > 0 and stretch.stop < len(mask)
        if inner and stretch.stop - stretch.start < frames:
            mask[stretch] = not value
