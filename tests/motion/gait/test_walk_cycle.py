"""A cycle of walking: its two halves mirror each other, and a sway only moves the pelvis."""

from __future__ import annotations

import numpy as np
import pytest

from animRL.cfg.characters.bob_config import BobConfig
from animRL.motion.gait.gait_data import WalkStyle
from animRL.motion.gait.leg import LegGeometry
from animRL.motion.gait.walk import leg_geometry
from animRL.motion.gait.walk_cycle import LEG_JOINTS, WalkCycle, foot_pitch, walk_cycle
from animRL.sim.character import Character

STYLE, COUNT = WalkStyle(), 112
# The cycle begins as the left heel lands: the pelvis is then midway between the feet.
STEADY = np.tile([-0.25 * STYLE.stride, 0.0], (COUNT, 1))


@pytest.fixture(scope="module")
def leg() -> LegGeometry:
    return leg_geometry(Character.from_config(BobConfig()))


@pytest.fixture(scope="module")
def cycle(leg: LegGeometry) -> WalkCycle:
    return walk_cycle(STYLE, leg, STEADY)


def test_half_a_cycle_later_right_does_what_left_did(cycle: WalkCycle) -> None:
    for name in LEG_JOINTS:
        left, right = cycle.joints[f"joint_l{name}"], cycle.joints[f"joint_r{name}"]
        sign = 1.0 if name in ("Hip_1", "Knee", "Ankle_1") else -1.0
        np.testing.assert_allclose(right, sign * np.roll(left, COUNT // 2), atol=1e-12)


def test_the_pelvis_advances_steadily_and_turns_there_and_back(cycle: WalkCycle) -> None:
    advance = STYLE.stride * (np.arange(COUNT) / COUNT - 0.25)
    np.testing.assert_allclose(cycle.root_pos[:, 0], advance, atol=1e-12)
    np.testing.assert_allclose(
        cycle.root_rot @ np.swapaxes(cycle.root_rot, -1, -2), [np.eye(3)] * COUNT, atol=1e-12
    )
    mirror = np.diag([1.0, -1.0, 1.0])
    half = np.roll(cycle.root_rot, COUNT // 2, axis=0)
    np.testing.assert_allclose(half, mirror @ cycle.root_rot @ mirror, atol=1e-9)


def test_joints_go_on_over_the_end_without_a_leap(cycle: WalkCycle) -> None:
    for name, angle in cycle.joints.items():
        step = np.abs(np.diff(angle, append=angle[:1]))
        assert step[-1] <= 1.5 * step[:-1].max() + 1e-12, name


def test_a_sway_moves_the_pelvis_and_the_legs_that_stand_but_no_arm(
    leg: LegGeometry, cycle: WalkCycle
) -> None:
    sway = np.zeros((COUNT, 2))
    sway[:, 1] = 0.02 * np.sin(2.0 * np.pi * np.arange(COUNT) / COUNT)
    swaying = walk_cycle(STYLE, leg, STEADY + sway)
    np.testing.assert_allclose(swaying.root_pos[:, :2] - cycle.root_pos[:, :2], sway, atol=1e-12)
    moved = {
        name for name, angle in cycle.joints.items()
        if np.abs(swaying.joints[name] - angle).max() > 1e-6
    }  # fmt: skip
    assert {"joint_lHip_2", "joint_rHip_2"} <= moved
    assert all(any(joint in name for joint in LEG_JOINTS) for name in moved)


def test_the_foot_is_flat_in_the_middle_of_stance_and_lands_on_its_heel() -> None:
    pitch = foot_pitch(STYLE)
    np.testing.assert_allclose(pitch(np.linspace(*STYLE.foot_flat, 7)), 0.0, atol=1e-9)
    assert pitch(0.0)[0] == pytest.approx(np.radians(STYLE.heel_strike_pitch))
    assert pitch(STYLE.stance_share)[0] == pytest.approx(np.radians(STYLE.toe_off_pitch))
