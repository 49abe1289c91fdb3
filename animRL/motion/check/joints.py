"""Joints against the character's limits, and speeds that no body reaches."""

from __future__ import annotations

import numpy as np

from animRL.motion.check.findings import Finding, Verdict, judge
from animRL.motion.check.measures import Measures
from animRL.motion.rotations import Array
from animRL.sim.character import Character

# Angles in degrees, turned into radians, may be so far beyond a limit [rad]: what is stored is
# rounded, and captured people bend a little further than models. By trial on the clips at hand.
DEGREES_BEYOND = 0.1


def beyond_limits(character: Character, joint_pos: Array) -> Array:
    """How far each angle (T, J) lies beyond its limits; negative inside [rad]."""
    lower, upper = (t.double().numpy() for t in (character.joint_lower, character.joint_upper))
    return np.maximum(lower - joint_pos, joint_pos - upper)


def looks_like_degrees(character: Character, joint_pos: Array) -> bool:
    """Whether angles (T, J) can only be degrees.

    In the typical frame some joint is turned by more than half a turn, and as degrees all are
    within the limits.
    """
    largest = np.abs(joint_pos).max(axis=1, initial=0.0)
    as_degrees = beyond_limits(character, np.radians(joint_pos))
    return bool(np.median(largest) > np.pi and as_degrees.max(initial=-1.0) < DEGREES_BEYOND)


def check_limits(measures: Measures) -> Finding:
    """The angle farthest beyond a limit."""
    character, angles = measures.character, measures.trajectory.joint_pos
    beyond = beyond_limits(character, angles)
    frame, joint = np.unravel_index(beyond.argmax(), beyond.shape)
    value = max(0.0, float(beyond[frame, joint]))
    warn, fail = measures.thresholds.joint_limit
    verdict = judge(value, warn, fail)
    return Finding(
        "joint limits", verdict, value, warn, "rad", int(frame), character.joint_names[joint],
        "" if verdict is Verdict.OK else _limit_advice(measures, int(joint)),
    )  # fmt: skip


def _limit_advice(measures: Measures, joint: int) -> str:
    character, angles = measures.character, measures.trajectory.joint_pos
    if looks_like_degrees(character, angles):
        return "these are degrees: multiply the angles by pi / 180 (--fix does)"
    beyond = beyond_limits(character, angles)
    lower, upper = float(character.joint_lower[joint]), float(character.joint_upper[joint])
    column = angles[:, joint]
    span = f"{column.min():.3g}..{column.max():.3g} rad, the joint allows {lower:g}..{upper:g}"
    crowd = int((beyond.max(axis=0) > measures.thresholds.joint_limit[1]).sum())
    others = f", {crowd - 1} more joints" if crowd > 1 else ""
    if beyond_limits(character, -angles)[:, joint].max() <= 0.0 < -column.min() * lower:
        return f"{span}{others}: turned the other way it would fit (mirrored axis?)"
    if beyond[:, joint].max() <= measures.thresholds.joint_limit[1]:
        return f"{span}{others}: --fix clamps it"
    return f"{span}{others}: retarget to this character, or mend the pose"


def check_joint_speed(measures: Measures) -> Finding:
    """The fastest joint."""
    speed = np.abs(measures.rates.joint)
    frame, joint = np.unravel_index(speed.argmax(), speed.shape)
    warn, fail = measures.thresholds.joint_speed
    value = float(speed[frame, joint])
    verdict = judge(value, warn, fail)
    advice = "faster than any athlete: a jump between frames, a wrong frame time, or degrees"
    return Finding(
        "joint speeds", verdict, value, warn, "rad/s", int(frame),
        measures.character.joint_names[joint], "" if verdict is Verdict.OK else advice,
    )  # fmt: skip


def check_root_speed(measures: Measures) -> list[Finding]:
    """The root at its fastest, along its path and in its turning."""
    found = []
    for name, rate, limits, unit in (
        ("root speed", measures.rates.root_lin, measures.thresholds.root_speed, "m/s"),
        ("root turning", measures.rates.root_ang, measures.thresholds.root_turn, "rad/s"),
    ):
        speed = np.linalg.norm(rate, axis=1)
        frame = int(speed.argmax())
        verdict = judge(float(speed[frame]), *limits)
        advice = "faster than any athlete: a jump between frames, wrong units or frame time"
        found.append(
            Finding(
                name,
                verdict,
                float(speed[frame]),
                limits[0],
                unit,
                frame,
                "root",
                "" if verdict is Verdict.OK else advice,
            )  # fmt: skip
        )
    return found
