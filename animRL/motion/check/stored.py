"""Stored columns that follow from the poses: velocities, end effectors, and the frame time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from animRL.motion.check.explain import explain_end_effectors
from animRL.motion.check.findings import Finding, Verdict, judge
from animRL.motion.check.measures import Measures
from animRL.motion.rotations import Array
from animRL.motion.trajectory import periodic_rate

# Slower than this (rms, [m/s] or [rad/s]) a column says nothing about the frame time.
STILL = 0.05
# Least correlation of stored and differenced velocities that differ by a factor.
ALIKE = 0.9
COMMON_RATES = (16, 20, 24, 25, 30, 48, 50, 60, 72, 90, 100, 120, 144, 150, 200, 240, 250)


@dataclass(frozen=True)
class Comparison:
    """Stored columns (T, n) beside what the poses give (T, n), [m/s] or [rad/s]."""

    name: str
    stored: Array
    expected: Array
    unit: str
    columns: tuple[str, ...]

    @property
    def factor(self) -> float:
        """Stored over expected by least squares; nan for a motion too slow to tell."""
        power = float((self.expected**2).sum())
        return float((self.stored * self.expected).sum()) / power if self.moves else float("nan")

    @property
    def moves(self) -> bool:
        """Whether there is enough motion to compare factors and signs."""
        return rms(self.expected) > STILL

    @property
    def correlation(self) -> float:
        """Of stored and expected, in [-1, 1]; 0 if either vanishes."""
        return correlation(self.stored, self.expected)


def comparisons(measures: Measures) -> tuple[Comparison, ...]:
    """Root linear and angular, joint and end-effector velocities."""
    layout, frames = measures.clip.layout, measures.clip.frames
    linear, angular = measures.base_rates
    character, count = measures.character, len(frames)
    ends = measures.end_effectors.reshape(count, -1)
    rates = periodic_rate(ends, measures.trajectory.dt, measures.trajectory.loop)
    axes = tuple("xyz")
    return (
        Comparison("root velocity", frames[:, layout.root_lin_vel], linear, "m/s", axes),
        Comparison("root turn rate", frames[:, layout.root_ang_vel], angular, "rad/s", axes),
        Comparison(
            "joint velocities", frames[:, layout.joint_vel], measures.rates.joint, "rad/s",
            character.joint_names,
        ),
        Comparison(
            "end-effector velocities", frames[:, layout.ee_vel], rates, "m/s",
            tuple(f"{name} {axis}" for name in character.end_effector_names for axis in axes),
        ),
    )  # fmt: skip


def check_velocities(measures: Measures, item: Comparison) -> Finding:
    """Stored velocities against finite differences: their rms, no entry and no column far off.

    What finite differences themselves lose (second against fourth order) is allowed on top.
    """
    thresholds = measures.thresholds
    relative = (
        thresholds.root_velocity if item.name.startswith("root") else thresholds.joint_velocity
    )
    difference = item.stored - item.expected
    lost = rms(_fourth_order(item.expected) - item.expected)
    limits = [
        share * rms(item.expected) + floor + lost
        for share, floor in zip(relative, thresholds.velocity_floor)
    ]
    value = rms(difference)
    verdict = judge(value, *limits)
    frame, column = map(int, np.unravel_index(np.abs(difference).argmax(), difference.shape))
    peak = thresholds.velocity_peak * float(np.abs(item.expected).max()) + 2.0 * limits[0]
    if abs(difference[frame, column]) > peak:
        verdict, value, limits[0] = Verdict.FAIL, float(abs(difference[frame, column])), peak
    if verdict is Verdict.OK and (wrong := _wrong_column(measures, item)) is not None:
        column, value, limits[0] = wrong
        verdict, frame = Verdict.FAIL, int(np.abs(difference[:, column]).argmax())
    if verdict is not Verdict.OK and _in_world_axes(measures, item):
        verdict = Verdict.FAIL
    advice = "" if verdict is Verdict.OK else _velocity_advice(measures, item)
    return Finding(
        item.name, verdict, value, limits[0], item.unit, frame, item.columns[column], advice
    )


def _wrong_column(measures: Measures, item: Comparison) -> tuple[int, float, float] | None:
    """A column that says nothing of its own motion, which the others hide: its rms and limit."""
    own = np.sqrt(np.mean(item.expected**2, axis=0))
    lost = np.sqrt(np.mean((_fourth_order(item.expected) - item.expected) ** 2, axis=0))
    off = np.sqrt(np.mean((item.stored - item.expected) ** 2, axis=0))
    thresholds = measures.thresholds
    limit = thresholds.velocity_column * own + thresholds.velocity_floor[1] + lost
    excess = np.where(own > STILL, off / limit, 0.0)
    column = int(excess.argmax()) if len(excess) else 0
    if not len(excess) or excess[column] <= 1.0:
        return None
    return column, float(off[column]), float(limit[column])


def check_frame_time(measures: Measures, items: tuple[Comparison, ...]) -> Finding:
    """Whether stored velocities are one factor off throughout: then the frame time is wrong."""
    name, dt = "frame time", measures.clip.frame_duration
    warn, fail = measures.thresholds.frame_time
    told = [i for i in items if i.moves and i.correlation > ALIKE]
    factors = np.array([item.factor for item in told])
    if not len(factors):
        advice = "stored velocities cannot tell"
        return Finding(name, Verdict.SKIPPED, where=f"{dt:g} s", advice=advice)
    factor = float(np.median(factors))
    agreed = len(factors) >= 2 and bool((np.abs(factors / factor - 1.0) < fail).all())
    verdict = judge(abs(factor - 1.0), warn, fail) if agreed else Verdict.OK
    advice = (
        f"all stored velocities are {factor:.3g} times those of the poses: FrameDuration "
        f"{fitting_frame_time(dt, factor):.5g} would fit (--fix takes it)"
    )
    return Finding(
        name, verdict, abs(factor - 1.0), warn, "", None, f"{dt:g} s",
        "" if verdict is Verdict.OK else advice,
    )  # fmt: skip


def fitting_frame_time(dt: float, factor: float) -> float:
    """The frame time [s] at which velocities ``factor`` times too large fit; a common one if near.

    Stored velocities carry the sign and size of the true frame time: they are the poses' rates at
    ``dt / factor``.
    """
    return common_frame_time(dt / factor)


def common_frame_time(dt: float) -> float:
    """The frame time [s] of a common rate, if one is within 3 %; else ``dt``."""
    rate = min(COMMON_RATES, key=lambda r: abs(r * dt - 1.0))
    return 1.0 / rate if abs(rate * dt - 1.0) < 0.03 else dt


def check_end_effectors(measures: Measures) -> Finding:
    """Stored end effectors against forward kinematics, the largest distance."""
    stored = measures.clip.frames[:, measures.clip.layout.ee_pos]
    if not stored.shape[1]:
        return Finding("end effectors", Verdict.SKIPPED, advice="the clip has none")
    distance = np.linalg.norm(
        stored.reshape(measures.end_effectors.shape) - measures.end_effectors, axis=2
    )
    frame, end = np.unravel_index(distance.argmax(), distance.shape)
    value = float(distance[frame, end])
    warn, fail = measures.thresholds.end_effector
    verdict = judge(value, warn, fail)
    advice = ""
    if verdict is not Verdict.OK:
        told = explain_end_effectors(measures)
        advice = (
            told.text
            if told
            else "recorded on another skeleton, or stale: --fix computes them from the joints"
        )
    return Finding(
        "end effectors", verdict, value, warn, "m", int(frame),
        measures.character.end_effector_names[end], advice,
    )  # fmt: skip


def _velocity_advice(measures: Measures, item: Comparison) -> str:
    mend = "--fix computes them from the poses"
    degrees = rms(item.stored * np.pi / 180.0 - item.expected)
    if item.unit == "rad/s" and item.moves and degrees < 0.2 * rms(item.expected):
        return f"degrees per second, radians are wanted; {mend}"
    if item.moves and item.correlation > ALIKE and abs(item.factor - 1.0) > 0.1:
        return f"{item.factor:.3g} times the differences of the poses; {mend}"
    if _in_world_axes(measures, item):
        return f"these are in the world's axes, the base's are wanted; {mend}"
    if not item.name.startswith("root") and item.unit == "m/s":
        ends = measures.end_effectors
        turning = np.cross(measures.base_rates[1][:, None], ends)
        whole = item.expected.reshape(ends.shape) + turning + measures.base_rates[0][:, None]
        if rms(item.stored - whole.reshape(item.stored.shape)) < 0.5 * rms(
            item.stored - item.expected
        ):
            return f"these include the root's motion, rates in the base frame are wanted; {mend}"
    return f"not the rate of change of the poses; {mend}"


def _in_world_axes(measures: Measures, item: Comparison) -> bool:
    if not item.name.startswith("root"):
        return False
    world = measures.rates.root_lin if item.unit == "m/s" else measures.rates.root_ang
    return rms(item.stored - world) < 0.5 * rms(item.stored - item.expected)


def rms(values: Array) -> float:
    """Root of the mean square over all entries; 0 of nothing."""
    return float(np.sqrt(np.mean(values**2))) if values.size else 0.0


def correlation(a: Array, b: Array) -> float:
    """Cosine of two arrays, in [-1, 1]; 0 if either vanishes."""
    norm = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float((a * b).sum()) / norm if norm > 0.0 else 0.0


def _fourth_order(rate: Array) -> Array:
    """What second-order differences would be without their leading error: r - h^2 r''/6."""
    if len(rate) < 3:
        return rate
    bend = np.diff(rate, 2, axis=0)
    return rate - np.concatenate([bend[:1], bend, bend[-1:]]) / 6.0
