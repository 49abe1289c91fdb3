"""Units and axes: metres, z up, xyzw, and a root that moves the way its feet push."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from animRL.motion.check.contact import planted_bodies, slides, stances
from animRL.motion.check.findings import Finding, Verdict
from animRL.motion.check.measures import Measures, with_poses
from animRL.motion.check.stored import STILL, Comparison, correlation, rms
from animRL.motion.rotations import Array, invert, multiply, rotate

# A root never higher than this share of where it stands, or once higher than so many times that,
# neither lies nor jumps: its height is in other units, or not above the ground.
FLATTEST, TALLEST = 0.05, 3.0
# Where the median height in the supposed unit lies, in standing heights: from kneeling to a jump.
LIKELY_HEIGHT = (0.25, 1.5)
UNITS = {100.0: "centimetres", 1000.0: "millimetres", 39.37: "inches", 3.281: "feet"}
# Another reading explains a clip if it brings what is wrong under this share of it.
EXPLAINS = 0.35
WXYZ, INVERTED, Y_UP = "read as wxyz", "with rotations inverted", "turned from y up to z up"
# On feet or hands in less than the first share of the frames as it is, in more than the second when
# read otherwise: then the other reading stands up what lay. By trial on the clips at hand.
SELDOM, MOSTLY = 0.1, 0.9
# Stored root velocities farther off than the first share of the speed are wrong; nearer than the
# second, both linear and angular, they fit.
RATES_OFF, RATES_FIT = 0.3, 0.05
# Where the world's axes bring the stored root velocity under this share of what it is off in the
# root's, it is in the world's and says nothing of mirrored ones; half, as in check/stored.py.
OTHER_AXES = 0.5
# A stored velocity runs against the root's path if both move along an axis by more than the first
# (rms, [m/s]) and correlate under the second. By trial on the clips at hand.
MOVES, OPPOSED = 0.02, -0.8
# A body on its feet has its lowest point this near the ground [m].
NEAR_GROUND = 0.08


def standing_height(measures: Measures) -> float:
    """Height of the root over the ground in the default pose [m]."""
    character = measures.character
    pose = replace(
        measures.trajectory.frames(slice(0, 1)), root_pos=np.zeros((1, 3)),
        root_quat=np.array([[0.0, 0.0, 0.0, 1.0]]),
        joint_pos=character.default_joint_pos.double().numpy()[None],
    )  # fmt: skip
    position, _ = character.forward_kinematics(
        *(torch.from_numpy(a) for a in (pose.root_pos, pose.root_quat, pose.joint_pos))
    )
    return max(-float(position[..., 2].min()), 1e-3)


def length_factor(measures: Measures) -> tuple[float, str] | None:
    """How many of the file's length units make a metre, and their name, if not metres."""
    height = float(np.median(measures.trajectory.root_pos[:, 2])) / standing_height(measures)
    factor = min(UNITS, key=lambda u: abs(np.log(max(height, 1e-9) / u)))
    tall = height > TALLEST and LIKELY_HEIGHT[0] < height / factor < LIKELY_HEIGHT[1]
    return (factor, UNITS[factor]) if tall else None


def check_length_unit(measures: Measures) -> Finding:
    """The root's greatest height against where it stands."""
    name = "length unit"
    top = float(measures.trajectory.root_pos[:, 2].max()) / standing_height(measures)
    frame = int(measures.trajectory.root_pos[:, 2].argmax())
    if FLATTEST <= top <= TALLEST:
        return Finding(name, Verdict.OK, top, TALLEST, "standing heights", frame, "root")
    told = length_factor(measures)
    if told:
        advice = f"the root's path is in {told[1]}: divide it by {told[0]:g} (--fix does)"
    else:
        advice = "the root's height fits no body of this size: metres above the ground are wanted"
    return Finding(name, Verdict.FAIL, top, TALLEST, "standing heights", frame, "root", advice)


@dataclass(frozen=True)
class RotationReading:
    """A way to read the root's rotations (T, 4) xyzw, and what speaks for it.

    ``off_ground``: median distance of the lowest point from the ground [m]; ``on_feet``: share of
    the frames whose lowest point is on a foot or a hand; ``rates``: how far the stored linear or
    angular velocity of the root is off that of the poses, over the latter, the larger of the two
    (nan if nothing moves).
    """

    name: str
    quat: Array
    off_ground: float
    on_feet: float
    rates: float

    def explains(self, as_is: RotationReading) -> bool:
        """Whether this reading stands where the other does not, or fits the stored velocities."""
        if self.off_ground > max(NEAR_GROUND, EXPLAINS * as_is.off_ground):
            return False
        stands = as_is.off_ground > NEAR_GROUND and self.off_ground < EXPLAINS * as_is.off_ground
        upright = as_is.on_feet < SELDOM and self.on_feet > MOSTLY
        fits = as_is.rates > RATES_OFF and self.rates < RATES_FIT
        return self.on_feet >= as_is.on_feet and (stands or upright or fits)


def rotation_reading(measures: Measures) -> RotationReading | None:
    """The other reading of the root's rotations that explains the clip, if one does.

    Tried are wxyz, the inverse, and y up.
    """
    if not len(measures.spheres):
        return None
    quat = measures.trajectory.root_quat
    turned = multiply(np.array([np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5)]), quat)
    as_is = _reading(measures, "as it is", quat)
    found = [
        reading
        for name, other in (
            (WXYZ, quat[:, [1, 2, 3, 0]]),
            (INVERTED, invert(quat)),
            (Y_UP, turned),
        )
        if (reading := _reading(measures, name, other)).explains(as_is)
    ]
    return min(found, key=lambda r: r.off_ground + np.nan_to_num(r.rates), default=None)


def check_quaternion_order(measures: Measures) -> Finding:
    """Whether another reading of the root rotation stands on the ground where this one does not."""
    name = "quaternion order"
    if not len(measures.spheres):
        return Finding(name, Verdict.SKIPPED, advice="the character has no geometry that collides")
    as_is = _reading(measures, "as it is", measures.trajectory.root_quat)
    told = rotation_reading(measures)
    if told is None:
        return Finding(name, Verdict.OK, as_is.off_ground, None, "m", None, "root")
    mend = " (--fix does)" if told.name != Y_UP else ""
    limit = NEAR_GROUND if as_is.off_ground > NEAR_GROUND else None
    return Finding(
        name, Verdict.FAIL, as_is.off_ground, limit, "m", None, "root",
        f"{told.name}{mend} the motion fits: on feet or hands in {told.on_feet:.0%} of the frames "
        f"(as it is {as_is.on_feet:.0%}), {told.off_ground:.2f} m off the ground "
        f"({as_is.off_ground:.2f} m)",
    )  # fmt: skip


def _reading(measures: Measures, name: str, quat: Array) -> RotationReading:
    """The root turned otherwise, all else as it is."""
    root = measures.trajectory.root_pos[:, None]
    local = rotate(invert(measures.trajectory.root_quat)[:, None], measures.centres - root)
    centres = rotate(quat[:, None], local) + root
    heights = centres[..., 2] - measures.spheres.radius
    names = planted_bodies(measures)
    on_feet = [measures.body_name(int(sphere)) in names for sphere in heights.argmin(axis=1)]
    poses = replace(measures.trajectory, root_quat=quat)
    turned = with_poses(measures, poses)
    layout, frames = measures.clip.layout, measures.clip.frames
    off = [
        rms(frames[:, columns] - expected) / rms(expected)
        for columns, expected in zip((layout.root_lin_vel, layout.root_ang_vel), turned.base_rates)
        if rms(expected) > STILL
    ]
    return RotationReading(
        name, quat, float(np.median(np.abs(heights.min(axis=1)))), float(np.mean(on_feet)),
        max(off, default=float("nan")),
    )  # fmt: skip


def check_axes(measures: Measures, linear: Comparison) -> Finding:
    """Whether the root's path runs against the feet or against its own stored velocity."""
    name = "axes"
    world = rms(linear.stored - measures.rates.root_lin)
    if world > OTHER_AXES * rms(linear.stored - linear.expected):
        for axis in range(3):
            ours, theirs = linear.expected[:, axis], linear.stored[:, axis]
            if min(rms(ours), rms(theirs)) > MOVES and correlation(ours, theirs) < OPPOSED:
                return Finding(
                    name, Verdict.FAIL, correlation(ours, theirs), OPPOSED, "correlation", None,
                    f"root {'xyz'[axis]}",
                    f"stored {'xyz'[axis]} velocity runs against the root's path: mirrored axis",
                )  # fmt: skip
    upward = _other_up_axis(measures)
    if upward:
        return Finding(
            name, Verdict.FAIL, float(np.median(np.abs(measures.lowest))), NEAR_GROUND, "m", None,
            "root", f"the root's {upward} holds the height: turn the motion so that z points up",
        )  # fmt: skip
    slip = total_slip(measures, measures.point_steps)
    best, told = slip, ""
    path = measures.trajectory.root_pos[:, :2]
    for reading, planar in _paths(path).items():
        change = np.diff(planar - path, axis=0)
        other = total_slip(measures, measures.point_steps + change[:, None])
        if other < best:
            best, told = other, reading
    limit = measures.thresholds.skating[0]
    if told and slip > limit and best < EXPLAINS * slip:
        return Finding(
            name, Verdict.FAIL, slip, limit, "m slip", None, "root",
            f"{told} planted points slip by {best:.3f} m instead: mirrored or exchanged axes",
        )  # fmt: skip
    return Finding(name, Verdict.OK, slip, None, "m slip", None, "root")


def _other_up_axis(measures: Measures) -> str:
    """The axis, if not z, along which the root's height seems to be stored."""
    if not len(measures.spheres) or np.median(np.abs(measures.lowest)) < NEAR_GROUND:
        return ""
    root = measures.trajectory.root_pos
    off = [float(np.median(np.abs(measures.lowest - root[:, 2] + root[:, a]))) for a in (0, 1)]
    return "xy"[int(np.argmin(off))] if min(off) < NEAR_GROUND else ""


def _paths(planar: Array) -> dict[str, Array]:
    return {
        "with the root's x turned round": planar * [-1.0, 1.0],
        "with the root's y turned round": planar * [1.0, -1.0],
        "with the root's path turned round": -planar,
        "with the root's x and y exchanged": planar[:, ::-1],
    }


def total_slip(measures: Measures, steps: Array) -> float:
    """Worst slip of a stance [m], for a way (T - 1, S, 2) of the points over the ground."""
    found = [s.slip for s in (*stances(measures, steps), *slides(measures, steps))]
    return max(found, default=0.0)
