"""Mend what a check found and a machine can mend; say what was changed, and by how much."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from animRL.dataloader.clip import Clip
from animRL.motion.check import axes, stored
from animRL.motion.check.checker import Inspection, check_clip
from animRL.motion.check.explain import explain_end_effectors
from animRL.motion.check.findings import Finding, Verdict
from animRL.motion.check.joints import beyond_limits
from animRL.motion.check.measures import Measures, with_poses
from animRL.motion.edit.seam import close_loop, mismatch
from animRL.motion.rotations import Array
from animRL.motion.trajectory import Trajectory, to_clip
from animRL.utils.errors import InputError

# The root's height follows the ground through a bell of this half width [s]: slower than a step's
# loading, so that it adds less than the ground force check allows.
FOLLOW_SECONDS = 0.12
# What is left under the ground is lifted under a narrower bell [s], this often.
LIFT_SECONDS, LIFTS = 0.06, 6
# Each time by so much more than is missing, as the bell takes off the peak; by trial on the clips
# at hand.
LIFT_FACTOR = 1.5
# The root follows the support only while that is so near the ground [m]; farther off another fault
# holds it up. By trial on the clips at hand.
FOLLOWED = 0.1
# A support that wanders by more than this [m] is not one floor: hovering, or stairs.
STEADY = 0.03
# End effectors farther off [m] may mean that the joints are wrong, not they.
ENDS, FAR = "end effectors", 0.1
# Less than this was rounding [m].
SHIFT = 5e-4


Step = Callable[[Measures, Trajectory], tuple[Trajectory, str]]


@dataclass(frozen=True)
class Mended:
    """The mended clip, what was changed, and the check of the result.

    ``changes`` is empty if there was nothing to mend.
    """

    clip: Clip
    changes: tuple[str, ...]
    inspection: Inspection

    @property
    def left(self) -> tuple[Finding, ...]:
        """What the clip still does not pass."""
        bad = (Verdict.WARNING, Verdict.FAIL)
        return tuple(f for f in self.inspection.report.findings if f.verdict in bad)


def mend(inspection: Inspection) -> Mended:
    """Mend the clip of an inspection and check the result.

    In turn: frame time, order and sign of joints, unit of length, order of quaternions and their
    signs, joints just beyond their limits, the seam of a loop, the height over the floor;
    velocities and end effectors are computed anew.

    Raises:
        InputError: if the inspection has no poses to mend.
    """
    measures = inspection.measures
    if measures is None:
        raise InputError(f"{inspection.report.source}: no poses could be read; nothing to mend")
    changes = list(inspection.changes) + _renamed(inspection)
    poses = Trajectory.from_clip(measures.clip)
    changes += _signs(measures.clip, poses)
    for step in _steps(inspection):
        poses, change = step(with_poses(measures, poses), poses)
        changes += [change] if change else []
    clip = to_clip(
        measures.character, poses, motion_weight=measures.clip.motion_weight,
        skeleton=measures.clip.skeleton, source=inspection.report.source,
    )  # fmt: skip
    clip = replace(clip, loop=measures.clip.loop)
    changes += _recomputed(measures.clip, clip, inspection)
    return Mended(clip, tuple(changes), check_clip(clip, measures.character, measures.thresholds))


def _steps(inspection: Inspection) -> list[Step]:
    """What to try: stored columns count only if they were read, the ground only if z is up."""
    failed = inspection.report.failed()
    steps: list[Step] = []
    steps += [_frame_time] * ("frame time" in failed) + [_joints] * (ENDS in failed)
    steps += [_length, _rotation, _limits]
    return steps if "axes" in failed else [*steps, _seam, _height, _following]


def _renamed(inspection: Inspection) -> list[str]:
    names = ("joint names", "end-effector names")
    return [
        f"{f.check} written as the character's: {f.advice.partition(';')[0]}"
        for f in inspection.report.findings
        if f.check in names and f.verdict is not Verdict.OK
    ]


def _frame_time(measures: Measures, poses: Trajectory) -> tuple[Trajectory, str]:
    """Believe all stored velocities together rather than one number in the header."""
    items = stored.comparisons(measures)
    told = [item.factor for item in items if item.moves and item.correlation > stored.ALIKE]
    dt = stored.fitting_frame_time(poses.dt, float(np.median(told)))
    return replace(poses, dt=dt), f"FrameDuration {poses.dt:g} s replaced by {dt:.5g} s"


def _joints(measures: Measures, poses: Trajectory) -> tuple[Trajectory, str]:
    """Take the joints as the stored end effectors say, where that is unmistakable."""
    told = explain_end_effectors(measures)
    if told is None or told.joint_pos is None:
        return poses, ""
    return replace(poses, joint_pos=told.joint_pos), told.text.partition(" (")[0]


def _length(measures: Measures, poses: Trajectory) -> tuple[Trajectory, str]:
    told = axes.length_factor(measures)
    if told is None:
        return poses, ""
    changed = replace(poses, root_pos=poses.root_pos / told[0])
    return changed, f"root positions taken as {told[1]}: divided by {told[0]:g}"


def _rotation(measures: Measures, poses: Trajectory) -> tuple[Trajectory, str]:
    told = axes.rotation_reading(measures)
    if told is None or told.name == axes.Y_UP:
        return poses, ""
    return replace(poses, root_quat=told.quat), f"root rotations {told.name}"


def _signs(clip: Clip, poses: Trajectory) -> list[str]:
    """Say what the poses, of continuous signs, changed."""
    stored = clip.frames[:, clip.layout.root_rot]
    turned = int(((stored * poses.root_quat).sum(axis=1) < 0.0).sum())
    return [f"quaternion signs turned in {turned} frames"] if turned else []


def _limits(measures: Measures, poses: Trajectory) -> tuple[Trajectory, str]:
    """Clamp angles that are just beyond their limits."""
    character = measures.character
    beyond = beyond_limits(character, poses.joint_pos)
    most = float(beyond.max())
    rounding, clampable = measures.thresholds.joint_limit
    small = (beyond.max(axis=0) > 0.0) & (beyond.max(axis=0) <= clampable)
    if most <= rounding or not small.any():
        return poses, ""
    lower, upper = (t.double().numpy() for t in (character.joint_lower, character.joint_upper))
    clamped = np.where(small, np.clip(poses.joint_pos, lower, upper), poses.joint_pos)
    by = float(np.abs(clamped - poses.joint_pos).max())
    changed = replace(poses, joint_pos=clamped)
    return changed, f"{int(small.sum())} joints clamped to their limits, by up to {by:.3f} rad"


def _seam(measures: Measures, poses: Trajectory) -> tuple[Trajectory, str]:
    from animRL.motion.check.seam import check_seam

    worst = [f for f in check_seam(measures) if f.verdict in (Verdict.WARNING, Verdict.FAIL)]
    if not poses.loop or not worst or len(poses) < 9:
        return poses, ""
    gap = mismatch(poses)
    closed = close_loop(measures.character, poses)
    by = float(np.abs(closed.joint_pos - poses.joint_pos).max())
    return closed, (
        f"seam closed: joints were {np.abs(gap.joint).max():.3f} rad, the root's height "
        f"{abs(gap.height):.3f} m and its tilt {np.linalg.norm(gap.tilt):.3f} rad apart; joints "
        f"moved by up to {by:.3f} rad"
    )


def _height(measures: Measures, poses: Trajectory) -> tuple[Trajectory, str]:
    """Shift the clip so that what usually carries it touches the ground, if that is one level."""
    heights = measures.lowest[measures.supported]
    if not len(measures.spheres) or not len(heights) or abs(measures.floor) < SHIFT:
        return poses, ""
    if float(np.median(np.abs(heights - measures.floor))) > STEADY:
        return poses, ""
    changed = replace(poses, root_pos=poses.root_pos - [0.0, 0.0, measures.floor])
    way = "lowered" if measures.floor > 0.0 else "raised"
    return changed, f"{way} by {abs(measures.floor):.4f} m: planted feet on the floor"


def _following(measures: Measures, poses: Trajectory) -> tuple[Trajectory, str]:
    """Let the root's height follow the ground where the support still floats or sinks."""
    thresholds = measures.thresholds
    if not len(measures.spheres) or not measures.supported.any():
        return poses, ""
    low = measures.lowest
    carried = measures.supported & (np.abs(low) < FOLLOWED)
    deepest = max(0.0, -float(low.min()))
    highest = float(low[carried].max(initial=0.0))
    if deepest <= thresholds.penetration[0] and highest <= thresholds.floating[0]:
        return poses, ""
    index = np.arange(len(low))
    wanted = np.interp(index, index[carried], low[carried]) if carried.any() else 0.0 * low
    correction = smoothed(wanted, max(1, round(FOLLOW_SECONDS / poses.dt)), poses.loop)
    for _ in range(LIFTS):
        sunk = np.minimum(low - correction + 0.9 * thresholds.penetration[0], 0.0)
        correction = correction + LIFT_FACTOR * smoothed(
            sunk, max(1, round(LIFT_SECONDS / poses.dt)), poses.loop
        )
    if np.abs(correction).max() < SHIFT:
        return poses, ""
    lift = np.column_stack([np.zeros((len(low), 2)), correction])
    changed = replace(poses, root_pos=poses.root_pos - lift)
    return (
        changed,
        f"root height made to follow the ground, by up to {np.abs(correction).max():.4f} m",
    )


def smoothed(values: Array, width: int, loop: bool) -> Array:
    """Values (T,) under a bell (Hann) of half width ``width`` frames; round a loop's seam."""
    bell = np.hanning(2 * width + 1)[1:-1]
    bell /= bell.sum()
    half = len(bell) // 2
    if loop:
        cycle = values[:-1]
        padded = np.take(cycle, np.arange(-half, len(cycle) + half), mode="wrap")
        return np.append(inner := np.convolve(padded, bell, mode="valid"), inner[0])
    return np.convolve(np.pad(values, half, mode="edge"), bell, mode="valid")


def _recomputed(before: Clip, after: Clip, inspection: Inspection) -> list[str]:
    """What the new velocities and end effectors changed, where they were not ok before."""
    layout = before.layout
    words = {
        "root velocity": (layout.root_lin_vel, "m/s"),
        "root turn rate": (layout.root_ang_vel, "rad/s"),
        "joint velocities": (layout.joint_vel, "rad/s"),
        ENDS: (layout.ee_pos, "m"),
        "end-effector velocities": (layout.ee_vel, "m/s"),
    }
    good = (Verdict.OK, Verdict.SKIPPED)
    bad = {f.check for f in inspection.report.findings if f.verdict not in good}
    told = explain_end_effectors(inspection.measures) if inspection.measures else None
    changes = []
    for name, (columns, unit) in words.items():
        most = float(np.abs(after.frames[:, columns] - before.frames[:, columns]).max(initial=0.0))
        if name in bad:
            unexplained = name == ENDS and told is None and most > FAR
            doubt = "; are the joints in the right order?" if unexplained else ""
            changes.append(
                f"{name} computed from the poses: changed by up to {most:.4g} {unit}{doubt}"
            )
    return changes
