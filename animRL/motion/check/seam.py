"""The seam of a loop: its last frame must repeat the first, at the same velocity."""

from __future__ import annotations

import numpy as np

from animRL.motion.check.findings import Finding, Verdict, judge, worst
from animRL.motion.check.measures import Measures
from animRL.motion.check.stored import correlation
from animRL.motion.edit.seam import mismatch
from animRL.motion.rotations import Array, turn_steps
from animRL.motion.trajectory import Trajectory, seam_transform, velocities

# A clip that does not say whether it loops may be meant to if its ends are this much closer to
# each other than its poses to their mean, and its joints move on alike (correlation).
MEANT_SHARE, MEANT_CORRELATION = 0.75, 0.5


def meant_to_loop(measures: Measures) -> bool:
    """Whether a clip whose file is silent on looping ends about where it began, moving on."""
    joints = measures.trajectory.joint_pos
    spread = float(np.linalg.norm(joints - joints.mean(axis=0), axis=1).mean())
    near = np.linalg.norm(joints[-1] - joints[0]) < MEANT_SHARE * spread
    rates = velocities(measures.trajectory.frames(slice(None))).joint
    return bool(near and correlation(rates[0], rates[-1]) > MEANT_CORRELATION)


def check_seam(measures: Measures) -> list[Finding]:
    """Pose and velocity over the seam, root and joints; only for what loops or is meant to."""
    says = measures.clip.loop
    if not says and not (says is None and meant_to_loop(measures)):
        advice = "the clip does not loop"
        return [Finding(n, Verdict.SKIPPED, advice=advice) for n in ("seam", "seam velocity")]
    found = [_pose_seam(measures), _velocity_seam(measures)]
    if says is None:
        found = [_only_meant(f) for f in found]
    return found


def _only_meant(finding: Finding) -> Finding:
    """The finding for a clip that was not called a loop: at most a warning."""
    if finding.verdict is Verdict.OK:
        return finding
    advice = f"the ends look like a loop's (--loop takes it as one); then {finding.advice}"
    return Finding(**{**vars(finding), "verdict": Verdict.WARNING, "advice": advice})


def _pose_seam(measures: Measures) -> Finding:
    thresholds, last = measures.thresholds, len(measures.trajectory) - 1
    gap = mismatch(measures.trajectory)
    joint = int(measures.seam_mismatch.argmax())
    candidates = [
        ("joint", float(measures.seam_mismatch[joint]), thresholds.seam_pose, "of range"),
        ("root height", abs(gap.height), thresholds.seam_height, "m"),
        ("root tilt", float(np.linalg.norm(gap.tilt)), thresholds.seam_tilt, "rad"),
    ]
    angle = measures.trajectory.joint_pos[[0, -1], joint]
    names = {"joint": measures.character.joint_names[joint]}
    missing = {
        "joint": f"{names['joint']} ends {angle[1] - angle[0]:+.3f} rad off its start",
        "root height": f"the root ends {gap.height:+.3f} m off its start",
        "root tilt": f"the root ends {np.degrees(np.linalg.norm(gap.tilt)):.1f} degrees off",
    }
    results = []
    for kind, value, limits, unit in candidates:
        verdict = judge(value, *limits)
        advice = f"{missing[kind]}: --fix spreads the mismatch over the clip"
        results.append(
            Finding(
                "seam",
                verdict,
                value,
                limits[0],
                unit,
                last,
                names.get(kind, kind),
                "" if verdict is Verdict.OK else advice,
            )  # fmt: skip
        )
    return worst(results)


def velocity_steps(trajectory: Trajectory) -> tuple[Array, Array]:
    """Steps of velocity at inner frames (T - 4, n) and at the seam (n,), each side one-sided.

    Columns: root velocity (3), root turn rate (3), joints. At a frame t the step is the velocity
    extrapolated from after it less that from before it: 0 for a parabola, large at an impact.
    """
    poses = trajectory.frames(slice(None))
    onward = seam_transform(trajectory).apply(poses)
    inside, after = _halves(poses), _halves(onward)[:2]
    steps = _steps(inside)
    return steps, _steps(np.concatenate([inside[-2:], after]))[0]


def _steps(halves: Array) -> Array:
    """Steps (n - 3, k) of rates (n, k) between frames, at the frames with two on either side."""
    if len(halves) < 4:
        return np.zeros((0, halves.shape[1]))
    later, sooner = 1.5 * halves[2:-1] - 0.5 * halves[3:], 1.5 * halves[1:-2] - 0.5 * halves[:-3]
    return later - sooner


def _halves(trajectory: Trajectory) -> Array:
    """Rates (T - 1, 6 + J) between frames, twice if there is but one."""
    turn = turn_steps(trajectory.root_quat)
    moves = [np.diff(trajectory.root_pos, axis=0), turn, np.diff(trajectory.joint_pos, axis=0)]
    rates = np.hstack(moves) / trajectory.dt
    return np.repeat(rates, 2, axis=0) if len(rates) == 1 else rates


def _velocity_seam(measures: Measures) -> Finding:
    """The largest step over the seam, in the largest steps of the same kind elsewhere."""
    name, thresholds = "seam velocity", measures.thresholds
    steps, step = velocity_steps(measures.trajectory)
    usual = np.abs(steps).max(axis=0, initial=0.0)
    groups = (slice(0, 3), slice(3, 6), slice(6, None))
    floors = (0.05, 0.2, 0.5)
    scale = np.concatenate(
        [np.maximum(usual[g], max(floor, 0.3 * usual[g].max())) for g, floor in zip(groups, floors)]
    )
    ratio = np.abs(step) / scale
    column = int(ratio.argmax())
    axes = [f"root {k} {a}" for k in ("velocity", "turn rate") for a in "xyz"]
    where = [*axes, *measures.character.joint_names][column]
    verdict = judge(float(ratio[column]), *thresholds.seam_velocity)
    unit = "m/s" if column < 3 else "rad/s"
    advice = f"{where} leaps by {step[column]:+.2f} {unit}: --fix spreads the mismatch"
    return Finding(
        name, verdict, float(ratio[column]), thresholds.seam_velocity[0], "usual steps",
        len(measures.trajectory) - 1, where, "" if verdict is Verdict.OK else advice,
    )  # fmt: skip
