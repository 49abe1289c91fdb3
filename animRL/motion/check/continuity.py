"""From frame to frame: jumps, frames that repeat amid motion, signs of quaternions."""

from __future__ import annotations

import numpy as np

from animRL.motion.check.findings import Finding, Verdict, judge
from animRL.motion.check.measures import Measures
from animRL.motion.rotations import Array, turn_steps
from animRL.motion.runs import runs

# Files keep six decimals: two frames closer than this are the same.
SAME = 2e-6
# A stop amid motion: the steps beside it are at least this share of the usual one.
MOVING_SHARE = 0.3


def check_signs(measures: Measures) -> Finding:
    """Neighbouring quaternions of opposite sign: the same rotation, poison to interpolation."""
    name = "quaternion signs"
    quat = measures.clip.frames[:, measures.clip.layout.root_rot]
    flips = np.flatnonzero((quat[1:] * quat[:-1]).sum(axis=1) < 0.0) + 1
    if not len(flips):
        return Finding(name, Verdict.OK, 0.0, 0.0, "flips")
    advice = "q and -q are one rotation, but between them a mean is none: --fix turns the signs"
    return Finding(
        name, Verdict.FAIL, float(len(flips)), 0.0, "flips", int(flips[0]), "root", advice
    )


def kinks(measures: Measures) -> tuple[Array, Array, Array]:
    """How far each frame lies off the line through its neighbours, not over time.

    Root path (T,) [m], root turn (T,) [rad], joints (T, J) [rad]; 0 in the first and last frame.
    """
    poses = measures.trajectory
    turn = turn_steps(poses.root_quat)
    path, joints = np.diff(poses.root_pos, 2, axis=0), np.abs(np.diff(poses.joint_pos, 2, axis=0))
    return (
        np.pad(np.linalg.norm(path, axis=1), 1),
        np.pad(np.linalg.norm(np.diff(turn, axis=0), axis=1), 1),
        np.pad(joints, ((1, 1), (0, 0))),
    )


def check_jumps(measures: Measures) -> list[Finding]:
    """Leaps of the root's place, its heading and the joints within one frame."""
    thresholds, dt = measures.thresholds, measures.trajectory.dt
    path, turn, joints = kinks(measures)
    by_angle = thresholds.jump_angular_acceleration * dt**2
    by_length = thresholds.jump_acceleration * dt**2
    frame, joint = np.unravel_index(joints.argmax(), joints.shape)
    found = []
    for name, values, limits, allowance, unit, where in (
        ("root jumps", path, thresholds.jump_length, by_length, "m", "root"),
        ("heading jumps", turn, thresholds.jump_angle, by_angle, "rad", "root"),
        (
            "joint jumps", joints[:, joint], thresholds.jump_angle, by_angle, "rad",
            measures.character.joint_names[joint],
        ),
    ):  # fmt: skip
        worst = int(values.argmax())
        verdict = judge(float(values[worst]), limits[0] + allowance, limits[1] + allowance)
        advice = "a leap between two frames: a bad cut, a wrapped angle, or a lost marker"
        found.append(
            Finding(
                name,
                verdict,
                float(values[worst]),
                limits[0] + allowance,
                unit,
                worst,
                where,
                "" if verdict is Verdict.OK else advice,
            )  # fmt: skip
        )
    return found


def check_frozen(measures: Measures) -> Finding:
    """Frames that repeat the one before while the motion around them goes on."""
    name = "frozen frames"
    poses = measures.trajectory
    rows = np.hstack([poses.root_pos, poses.root_quat, poses.joint_pos])
    steps = np.abs(np.diff(rows, axis=0)).max(axis=1)
    moving = steps[steps > SAME]
    usual = float(np.median(moving)) if len(moving) else 0.0
    count, first = 0, None
    for run in runs(steps <= SAME):
        start, stop = run.start, run.stop
        beside = steps[[max(start - 1, 0), min(stop, len(steps) - 1)]]
        if (beside > MOVING_SHARE * usual).all() and usual > 0.0:
            count += stop - start
            first = start + 1 if first is None else first
    verdict = judge(count, *measures.thresholds.frozen_frames)
    advice = "resampled by repetition: interpolate instead, or give the true frame time"
    return Finding(
        name, verdict, float(count), 0.0, "frames", first, "",
        "" if verdict is Verdict.OK else advice,
    )  # fmt: skip
