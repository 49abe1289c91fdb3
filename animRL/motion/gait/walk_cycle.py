"""One cycle of walking as a pose at every phase: pelvis, legs, and what swings above them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from animRL.motion.gait.gait_data import PUBLISHED_LEG, WalkStyle, published_curve
from animRL.motion.gait.leg import (
    LegGeometry,
    leg_angles,
    leg_roll,
    reach_ankle,
    standing_ankle,
)
from animRL.motion.gait.minimum_jerk import Knot, MinimumJerkCurve
from animRL.motion.rotations import matrix_about_coordinate

LEG_JOINTS = ("Hip_1", "Hip_2", "Hip_torsion", "Knee", "Ankle_1")
# Phases at which the swinging leg is drawn to the published angles.
SWING_PHASES = (0.66, 0.71, 0.76, 0.81, 0.86, 0.91, 0.95)
# Price of a squared radian off them, against the integral of squared jerk over the phase: enough
# to follow the published curves, too little to follow the corners of so few key values.
SWING_WEIGHT = 1e8
PITCH_WEIGHT = 1e7
# The shoulder blade follows the arm by this much to each side [degrees], as in reaching ahead.
SCAPULA_SWING = 2.0
# The hands hang in line with the forearms, turned in a little [rad].
WRIST = 0.1
# The trunk leans over the standing leg in the middle of its stance, which is 60 % long.
LIST_PHASE = 0.3


@dataclass(frozen=True)
class WalkCycle:
    """Poses at M phases k / M: root position and rotation (world), joint angles by name (M,)."""

    root_pos: np.ndarray
    root_rot: np.ndarray
    joints: dict[str, np.ndarray]


def walk_cycle(style: WalkStyle, leg: LegGeometry, sway: np.ndarray) -> WalkCycle:
    """Build the poses of a cycle at M phases, given a periodic planar pelvis motion (M, 2) [m].

    ``sway`` is what the pelvis does beside its steady advance; M is even.
    """
    count = len(sway)
    phase = np.arange(count) / count
    turn, lists = _pelvis_turn(style, phase), _pelvis_list(style, phase)
    root_rot = matrix_about_coordinate(2, turn) @ matrix_about_coordinate(0, lists)
    height = style.pelvis_height - style.pelvis_rise * np.cos(
        4.0 * np.pi * (phase - style.pelvis_low_phase)
    )
    root_pos = np.column_stack([style.stride * phase + sway[:, 0], sway[:, 1], height])
    left = _left_leg(style, leg, root_pos, root_rot)
    joints = _spine(style, phase, turn, lists)
    for name, angle in zip(LEG_JOINTS, left.T, strict=True):
        _put_pair(joints, name, angle)
    for name, angle in _left_arm(style, phase).items():
        _put_pair(joints, name, angle)
    return WalkCycle(root_pos, root_rot, joints)


def foot_pitch(style: WalkStyle) -> MinimumJerkCurve:
    """Pitch of the left foot [rad] over the phase, toes down positive; 0 while it lies flat."""
    thigh, knee, ankle = (published_curve(c) for c in PUBLISHED_LEG)
    strike = np.radians(style.heel_strike_pitch)
    knots = [
        Knot(style.foot_flat[0], 0.0, 0.0, 0.0),
        Knot(style.foot_flat[1], 0.0, 0.0, 0.0),
        Knot(style.stance_share, np.radians(style.toe_off_pitch)),
    ]
    for p in SWING_PHASES:
        value = (knee(p) - thigh(p) - ankle(p))[0] - np.radians(style.toe_lift)
        knots.append(Knot(p, max(value, strike), weight=PITCH_WEIGHT))
    knots.append(Knot(1.0, strike))
    return MinimumJerkCurve(knots, period=1.0)


def _left_leg(
    style: WalkStyle, leg: LegGeometry, root_pos: np.ndarray, root_rot: np.ndarray
) -> np.ndarray:
    """Angles (M, 5) of the left leg over a cycle that begins with its heel contact."""
    count = len(root_pos)
    phase = np.arange(count) / count
    pitch = foot_pitch(style)(phase)
    # Two samples past the borders of stance give its speed and acceleration there.
    margin = 2
    lift = round(style.stance_share * count)
    index = np.arange(-margin, lift + margin + 1)
    advance = np.outer(index // count, [style.stride, 0.0, 0.0])
    hip = (root_pos + root_rot @ leg.hip)[index % count] + advance
    foothold = np.array([0.0, 0.5 * style.step_width, 0.0])
    ankle = np.tile(foothold, (len(index), 1))
    for _ in range(4):  # the lean hardly moves the ankle: each pass gains two digits
        ankle = foothold + standing_ankle(leg, pitch[index % count], leg_roll(hip, ankle))
    stance = reach_ankle(leg, hip, ankle)
    pose = np.empty((count, 3))
    pose[: lift + 1] = stance[margin : margin + lift + 1]
    pose[lift:] = _swing(stance[-2 * margin - 1 :], stance[: 2 * margin + 1], phase[lift:])
    return leg_angles(root_rot, pose, pitch)


def _swing(lifting: np.ndarray, landing: np.ndarray, phase: np.ndarray) -> np.ndarray:
    """Roll, thigh and knee (K, 3) from toe-off to heel contact, phases (K,).

    They leave and meet the stance (five samples (5, 3) around toe-off and heel contact) with its
    value, velocity and acceleration; thigh and knee follow the published curves, shifted by what
    they differ from the stance at both borders.
    """
    step = phase[1] - phase[0]
    borders = np.array([phase[0], 1.0])
    columns = []
    for k, published in enumerate((None, PUBLISHED_LEG[0], PUBLISHED_LEG[1])):
        start = _border_knot(lifting[:, k], step, borders[0])
        end = _border_knot(landing[:, k], step, borders[1])
        between = []
        if published is not None:
            sign = -1.0 if published is PUBLISHED_LEG[0] else 1.0
            curve = published_curve(published)
            gaps = np.array([start.value, end.value]) - sign * curve(borders)
            for p in SWING_PHASES:
                value = sign * curve(p)[0] + np.interp(p, borders, gaps)
                between.append(Knot(p, value, weight=SWING_WEIGHT))
        columns.append(MinimumJerkCurve([start, *between, end])(phase))
    return np.column_stack(columns)


def _border_knot(values: np.ndarray, step: float, time: float) -> Knot:
    """The state in the middle of five samples (5,), by fourth-order central differences."""
    velocity = values @ np.array([1.0, -8.0, 0.0, 8.0, -1.0]) / (12.0 * step)
    acceleration = values @ np.array([-1.0, 16.0, -30.0, 16.0, -1.0]) / (12.0 * step**2)
    return Knot(time, values[2], velocity, acceleration)


def _pelvis_turn(style: WalkStyle, phase: np.ndarray) -> np.ndarray:
    """Turn of the pelvis about z: at left heel contact its left side is farthest ahead."""
    return -np.radians(style.pelvis_rotation) * np.cos(2.0 * np.pi * phase)


def _pelvis_list(style: WalkStyle, phase: np.ndarray) -> np.ndarray:
    """Roll of the pelvis: in left stance its right side hangs lower."""
    wave = np.cos(2.0 * np.pi * (phase - style.pelvis_list_phase))
    return np.radians(style.pelvis_list) * wave


def _spine(
    style: WalkStyle, phase: np.ndarray, turn: np.ndarray, lists: np.ndarray
) -> dict[str, np.ndarray]:
    """Angles of the spine: the trunk turns against the pelvis and stays upright, the head ahead."""
    thorax_turn = np.radians(style.thorax_rotation) * np.cos(2.0 * np.pi * phase)
    thorax_list = -np.radians(style.thorax_list) * np.cos(2.0 * np.pi * (phase - LIST_PHASE))
    lean = np.radians(style.thorax_lean) * np.ones_like(phase)
    return {
        "joint_lowerback_x": 0.5 * lean,
        "joint_upperback_x": 0.5 * lean,
        "joint_lowerback_z": 0.5 * (thorax_list - lists),
        "joint_upperback_z": 0.5 * (thorax_list - lists),
        "joint_upperback_y": thorax_turn - turn,
        "joint_lowerneck_y": -thorax_turn,
    }


def _left_arm(style: WalkStyle, phase: np.ndarray) -> dict[str, np.ndarray]:
    """Angles of the left arm, which swings with the right leg."""
    swing = np.cos(2.0 * np.pi * (phase - style.shoulder_phase))
    bend = np.cos(2.0 * np.pi * (phase - style.elbow_phase))
    still = np.ones_like(phase)
    return {
        "Scapula_y": -np.radians(SCAPULA_SWING) * swing,
        "Shoulder_1": -np.radians(style.shoulder_middle + style.shoulder_swing * swing),
        "Shoulder_2": np.radians(style.shoulder_abduction) * still,
        "Shoulder_torsion": np.radians(style.shoulder_torsion) * still,
        "Elbow_flexion_extension": -np.radians(style.elbow_middle + style.elbow_swing * bend),
        "Elbow_torsion": 0.0 * still,
        "Wrist_x": 0.0 * still,
        "Wrist_z": -WRIST * still,
    }


def _put_pair(joints: dict[str, np.ndarray], name: str, left: np.ndarray) -> None:
    """Add a left joint's angles and, half a cycle later, the right one's mirror image."""
    pitching = ("Hip_1", "Knee", "Ankle_1", "Shoulder_1", "Elbow_flexion_extension", "Wrist_x")
    sign = 1.0 if name in pitching else -1.0
    joints[f"joint_l{name}"] = left
    joints[f"joint_r{name}"] = sign * np.roll(left, -(len(left) // 2))
