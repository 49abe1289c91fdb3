"""The ground: slip of what stands on it, points beneath it, support that hangs above it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from animRL.motion.check.findings import Finding, Verdict, judge
from animRL.motion.check.measures import Measures
from animRL.motion.rotations import Array
from animRL.motion.runs import runs

# Contacts are found here to accuse them of slip: nearer to the ground and longer than those that
# retargeting looks for (retarget/contacts.py), so that no swinging foot is taken for a planted one.

# Shorter contacts and hovers are a frame's rounding, not a stance [s].
SHORTEST = 0.08
# What moves faster while something else carries the body swings, it does not stand [m/s].
PLANTED_SPEED = 0.4


@dataclass(frozen=True)
class Stance:
    """A contact sphere on the ground from frame ``start`` to ``stop``, and how far it slipped."""

    sphere: int
    start: int
    stop: int
    slip: float
    frame: int


def stances(measures: Measures, steps: Array | None = None) -> Iterator[Stance]:
    """Every stance of the spheres of feet and hands, by another way of the points if given.

    A point is planted while it is near the ground and slow: toes leave and heels land almost
    along the ground, and a swinging toe passes 13 mm above it (Winter). The first and the last
    step of a stance are left out: contact begins or ends somewhere in them.
    """
    steps = measures.point_steps if steps is None else steps
    dt = measures.clip.frame_duration
    weight = _planted_weight(measures)
    slow = np.linalg.norm(steps, axis=-1) < PLANTED_SPEED * dt
    for sphere in range(len(measures.spheres)):
        if measures.body_name(sphere) not in planted_bodies(measures):
            continue
        for run in runs((weight[:, sphere] > 0.0) & slow[:, sphere]):
            first, last = run.start, run.stop
            start, stop = first + (first > 0), last - (last < len(steps))
            if (last - first) * dt < SHORTEST or stop <= start:
                continue
            way = np.cumsum(weight[start:stop, sphere, None] * steps[start:stop, sphere], axis=0)
            yield _stance(sphere, start, np.linalg.norm(way, axis=1))


def slides(measures: Measures, steps: Array | None = None) -> Iterator[Stance]:
    """Times at which the body is carried and every point that touches slides, however fast."""
    steps = measures.point_steps if steps is None else steps
    weight = _planted_weight(measures)
    lengths = np.where(weight > 0.0, np.linalg.norm(steps, axis=-1), np.inf)
    slowest, sphere = lengths.min(axis=1), lengths.argmin(axis=1)
    carried = measures.supported[1:] & measures.supported[:-1] & np.isfinite(slowest)
    dt = measures.clip.frame_duration
    for run in runs(carried & (slowest >= PLANTED_SPEED * dt)):
        first, last = run.start, run.stop
        start, stop = first + (first > 0), last - (last < len(steps))
        if (stop - start) * dt >= SHORTEST:
            index = np.arange(start, stop)
            way = np.cumsum(steps[index, sphere[index]], axis=0)
            yield _stance(int(sphere[start]), start, np.linalg.norm(way, axis=1))


def _stance(sphere: int, start: int, distance: Array) -> Stance:
    worst = int(distance.argmax())
    return Stance(sphere, start, start + len(distance), float(distance[worst]), start + worst + 1)


def _planted_weight(measures: Measures) -> Array:
    """How much each sphere counts as planted from frame to frame (T - 1, S), from 0 to 1."""
    height = np.maximum(measures.clearance[1:], measures.clearance[:-1])
    share = np.clip(height / measures.thresholds.slip_height, 0.0, 1.0)
    faded: Array = 2.0 - 2.0**share
    return faded


def planted_bodies(measures: Measures) -> set[str]:
    """Names of feet and hands, or of the end effectors where there are none."""
    names = {*measures.character.feet, *measures.character.hands}
    return names or set(measures.character.end_effector_names)


def check_skating(measures: Measures) -> Finding:
    """How far a planted point slips in its worst stance."""
    name = "foot skating"
    if not len(measures.spheres):
        return _no_geometry(name)
    found = max(
        [*stances(measures), *slides(measures)], key=lambda stance: stance.slip, default=None
    )
    warn, fail = measures.thresholds.skating
    if found is None:
        return Finding(name, Verdict.OK, 0.0, warn, "m", advice="no foot or hand is planted")
    verdict = judge(found.slip, warn, fail)
    dt = measures.clip.frame_duration
    advice = (
        f"slips while planted from {found.start * dt:.2f} to {found.stop * dt:.2f} s: hold the "
        "foot by inverse kinematics (retarget does), or see ground forces and axes"
    )
    return Finding(
        name, verdict, found.slip, warn, "m", found.frame, measures.body_name(found.sphere),
        "" if verdict is Verdict.OK else advice,
    )  # fmt: skip


def check_penetration(measures: Measures) -> Finding:
    """How deep the deepest point lies under the ground."""
    name = "penetration"
    if not len(measures.spheres):
        return _no_geometry(name)
    frame, sphere = np.unravel_index(measures.heights.argmin(), measures.heights.shape)
    depth = max(0.0, -float(measures.heights[frame, sphere]))
    warn, fail = measures.thresholds.penetration
    verdict = judge(depth, warn, fail)
    advice = "" if verdict is Verdict.OK else "raise the clip: --fix puts planted feet on the floor"
    return Finding(
        name, verdict, depth, warn, "m", int(frame), measures.body_name(int(sphere)), advice
    )


def check_floating(measures: Measures) -> Finding:
    """How high the lowest point hangs while the motion needs support.

    Free flight needs none. The largest height that lasts is reported, not that of one frame.
    """
    name = "floating"
    if not len(measures.spheres):
        return _no_geometry(name)
    lowest = np.where(measures.supported, measures.lowest, -np.inf)
    lasting = min(max(2, round(SHORTEST / measures.clip.frame_duration)), len(lowest))
    held = np.lib.stride_tricks.sliding_window_view(lowest, lasting).min(axis=1)
    start = int(held.argmax())
    height = max(0.0, float(held[start]))
    frame = start + lasting // 2
    body = measures.body_name(int(measures.heights[frame].argmin()))
    warn, fail = measures.thresholds.floating
    verdict = judge(height, warn, fail)
    advice = (
        f"the body is carried by nothing; planted feet usually stand at {measures.floor:.3f} m: "
        "lower the clip (--fix does)"
    )
    if not measures.supported.any():
        return Finding(name, Verdict.OK, 0.0, warn, "m", advice="never needs support")
    return Finding(
        name, verdict, height, warn, "m", frame, body, "" if verdict is Verdict.OK else advice
    )


def _no_geometry(name: str) -> Finding:
    return Finding(name, Verdict.SKIPPED, advice="the character has no geometry that collides")
