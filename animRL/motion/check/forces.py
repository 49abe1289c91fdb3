"""Whether a body on the ground can make the motion: contact forces and joint torques."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import mujoco
import numpy as np
from numpy.typing import NDArray

from animRL.motion.check.findings import Finding, Verdict, judge
from animRL.motion.check.measures import Measures, windowed_mean, with_poses
from animRL.motion.dynamics import contact_forces
from animRL.motion.model import CharacterModel
from animRL.motion.rotations import Array
from animRL.motion.trajectory import extended

# A metre's lever counts this much against a weight of force: force comes first, so that what is
# left of the moment is how far outside the support the weight would have to be held. (Alike, a
# standing body that leans out of its support would seem held by friction that nothing asks for.)
MOMENT_SHARE = 0.2
FORCE_CHECKS = ("ground force", "ground jolts", "tipping")
MEND = "motion.py edit --physical changes the motion until it can; or change its speed or path"


@dataclass(frozen=True)
class Effort:
    """At M frames: what no contact can give, and the torques left to the drives.

    ``frames`` (M,); ``force`` (M,) over the weight; ``moment`` (M,) over weight x 1 m; ``torque``
    (M, J) [N m]; ``touching`` (M,) number of points that may push.
    """

    frames: NDArray[np.int64]
    force: Array
    moment: Array
    torque: Array
    touching: NDArray[np.int64]


def effort(measures: Measures) -> Effort:
    """Solve for contact forces that make the motion, each frame's wrench meant over a window.

    A point may push if it touches the ground anywhere in the window. A loop is gone around.
    """
    if measures.trajectory.loop:
        return _around(measures)
    wrench, window = measures.wrench, measures.window
    about_origin = wrench.moment + np.cross(wrench.centre, wrench.force)
    means = windowed_mean(
        np.hstack([wrench.force, about_origin, wrench.centre, wrench.generalised[:, 6:]]), window
    )
    frames = _judged_frames(measures)
    tool = CharacterModel(measures.character)
    data = mujoco.MjData(tool.model)
    qpos = tool.to_qpos(measures.trajectory)
    missing, torque = np.empty((len(frames), 6)), means[frames, 9:].copy()
    touching = np.empty(len(frames), dtype=np.int64)
    for row, frame in enumerate(frames):
        spheres, points = _touching(measures, int(frame), window // 2)
        force, moment, centre = means[frame, :3], means[frame, 3:6], means[frame, 6:9]
        moment = moment - np.cross(centre, force)
        given, missing[row] = contact_forces(
            centre + MOMENT_SHARE * (points - centre), centre, force, MOMENT_SHARE * moment,
            measures.character.friction, measures.weight,
        )  # fmt: skip
        missing[row, 3:] /= MOMENT_SHARE
        touching[row] = len(points)
        data.qpos[:] = qpos[frame]
        torque[row] -= _joint_share(tool, data, measures.spheres.body[spheres], points, given)
    step = int(frames[1] - frames[0]) if len(frames) > 1 else 1
    span = round(measures.thresholds.moment_window / (step * measures.trajectory.dt))
    lasting = windowed_mean(missing[:, 3:], min(span // 2 * 2 + 1, len(frames)))
    moment = np.where((touching == 0)[:, None], missing[:, 3:], lasting)
    return Effort(
        frames, np.linalg.norm(missing[:, :3], axis=1) / measures.weight,
        np.linalg.norm(moment, axis=1) / measures.weight, torque, touching,
    )  # fmt: skip


def jolts(measures: Measures) -> Effort:
    """The effort over a shorter window, in which shaking does not cancel out."""
    thresholds = measures.thresholds
    short = replace(thresholds, force_window=thresholds.jolt_window)
    return effort(replace(measures, thresholds=short))


def _around(measures: Measures) -> Effort:
    """The effort of a loop, with as much of the cycle before and after it as the means take in."""
    count, thresholds = len(measures.trajectory), measures.thresholds
    span = thresholds.moment_window + thresholds.force_window
    margin = min(math.ceil(span / measures.trajectory.dt), count - 1)
    found = effort(with_poses(measures, extended(measures.trajectory, margin)))
    frames = found.frames - margin
    inside = (frames >= 0) & (frames < count)
    values = {name: value[inside] for name, value in vars(found).items()}
    return Effort(**{**values, "frames": frames[inside]})


def _judged_frames(measures: Measures) -> NDArray[np.int64]:
    """Four frames to a window, as its mean changes no faster; none of the ends of no loop.

    There the differences are one-sided, and the mean is over too few frames.
    """
    window, count = measures.window, len(measures.trajectory)
    edge = 0 if count < 2 * window else window // 2 + 1
    return np.arange(edge, count - edge, max(1, window // 4))


def check_ground_forces(measures: Measures, found: Effort) -> list[Finding]:
    """The largest force and moment that no contact can give."""
    if not len(measures.spheres):
        advice = "the character has no geometry that collides"
        return [Finding(n, Verdict.SKIPPED, advice=advice) for n in FORCE_CHECKS]
    sudden = jolts(measures)
    limits = measures.thresholds
    return [
        _judged("ground force", found, found.force, limits.ground_force, "weights"),
        _judged("ground jolts", sudden, sudden.force, limits.ground_jolt, "weights"),
        _judged("tipping", found, found.moment, limits.ground_moment, "weight m"),
    ]


def _judged(
    name: str, found: Effort, values: Array, limits: tuple[float, float], unit: str
) -> Finding:
    row = int(values.argmax())
    verdict = judge(float(values[row]), *limits)
    points = found.touching[row]
    if name == "tipping":
        advice = "the body would tip over: the support is not under the weight"
        advice = advice if points else "the spin changes in flight, where nothing can change it"
    else:
        advice = "needs a force that no contact gives"
        advice += "" if points else ": in flight a body can only fall"
    return Finding(
        name, verdict, float(values[row]), limits[0], unit, int(found.frames[row]),
        f"{points} points touch" if points else "in the air",
        "" if verdict is Verdict.OK else f"{advice}; {MEND}",
    )  # fmt: skip


def check_torques(measures: Measures, found: Effort) -> Finding:
    """The largest torque over its drive's effort limit."""
    limit = measures.character.effort.double().numpy()
    ratio = np.abs(found.torque) / limit
    row, joint = np.unravel_index(ratio.argmax(), ratio.shape)
    warn, fail = measures.thresholds.effort
    value = float(np.abs(found.torque[row, joint]))
    verdict = judge(float(ratio[row, joint]), warn, fail)
    advice = f"the drive gives at most {limit[joint]:g} N m: slow the motion down"
    return Finding(
        "joint torque", verdict, value, warn * float(limit[joint]), "N m", int(found.frames[row]),
        measures.character.joint_names[joint], "" if verdict is Verdict.OK else advice,
    )  # fmt: skip


def _touching(measures: Measures, frame: int, half: int) -> tuple[NDArray[np.int64], Array]:
    """Spheres that touch within ``half`` frames, (P,), and their lowest points then, (P, 3)."""
    first = max(0, frame - half)
    near = measures.clearance[first : frame + half + 1]
    best = near.argmin(axis=0)
    spheres = np.flatnonzero(near.min(axis=0) < measures.thresholds.touching)
    points = measures.centres[first + best[spheres], spheres].copy()
    points[:, 2] -= measures.spheres.radius[spheres]
    return spheres, points


def _joint_share(
    tool: CharacterModel,
    data: mujoco.MjData,
    bodies: NDArray[np.int64],
    points: Array,
    forces: Array,
) -> Array:
    """Torques (J,) that forces (P, 3) at points (P, 3) of bodies (P,) exert on the joints."""
    mujoco.mj_kinematics(tool.model, data)
    mujoco.mj_comPos(tool.model, data)
    total, jacobian = np.zeros(tool.model.nv), np.empty((3, tool.model.nv))
    for body, point, force in zip(bodies, points, forces):
        if force.any():
            mujoco.mj_jac(tool.model, data, jacobian, None, point, tool.body_ids[body])
            total += force @ jacobian
    return total[tool.dof_columns]
