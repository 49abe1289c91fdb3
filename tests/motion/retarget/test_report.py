"""The report: errors after alignment, and the joint limit that stands in the way by its name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from animRL.dataloader.clip import Clip
from animRL.dataloader.skeleton import Skeleton
from animRL.motion.retarget.entry import retarget
from animRL.motion.retarget.report import Report, Row, table, warnings
from animRL.motion.skeleton_character import skeleton_character
from animRL.sim.character import Character


def row(**values) -> Row:
    base = Row("left hand", "lHand", 0.01, 0.02, 0.0, (), 0.0)
    return replace(base, **values)


def report(*rows: Row) -> Report:
    return Report(
        rows, 0.02, 0.1, np.zeros(3), ("joint_rKnee", 8.25, 7), 0.004, -0.001, {"left_ankle": 2}
    )


def test_the_table_says_what_was_measured() -> None:
    text = table(report(row(), row(what="head (neck)", body="neck", mean=0.031)))
    assert "left hand     lHand          1.0    2.0" in text
    assert "head (neck)   neck           3.1" in text
    assert "2 left_ankle; slide up to 0.40 cm, lowest point -0.10 cm" in text
    assert "joint_rKnee, 8.2 rad/s in frame 7" in text
    assert "one mean offset over all frames and rows removed" in text


def test_the_table_names_the_limits() -> None:
    limits = (("joint_rShoulder_2", 0.3, 0.75),)
    assert "20 % of frames; of these joint_rShoulder_2 at +0.30 in 75 %" in table(
        report(row(over=0.2, limits=limits))
    )
    assert "5 % of frames; no joint at its limit" in table(report(row(over=0.05)))
    assert "feet or hands held on the ground in 50 %" in table(report(row(over=0.05, held=0.5)))


def test_far_bodies_are_warned_of() -> None:
    assert warnings(report(row())) == []
    found = warnings(report(row(), row(what="right foot", body="rFoot", mean=0.12)))
    assert found == ["right foot (rFoot) is 12 cm from where it belongs on average"]


@pytest.fixture(scope="module")
def raised_arm(squat: Clip) -> Clip:
    """The squat with the right arm crossed far behind the back, which Bob's shoulder cannot."""
    frames = squat.frames.copy()
    columns = squat.layout.joint_pos
    for name, angle in (("right_shoulder_z", -2.6), ("right_shoulder_x", 0.3)):
        frames[:, columns.start + squat.joint_names.index(name)] = angle
    return replace(squat, frames=frames)


def test_a_joint_limit_in_the_way_is_found(
    raised_arm: Clip, spread_skeleton: Skeleton, bob: Character, silent
) -> None:
    result = retarget(raised_arm, skeleton_character(spread_skeleton), bob, progress=silent)
    hand = next(row for row in result.report.rows if row.what == "right hand")
    assert hand.over > 0.5
    names = [name for name, _, share in hand.limits if share > 0.5]
    assert any(name.startswith(("joint_rShoulder", "joint_rScapula")) for name in names), hand
    left = next(row for row in result.report.rows if row.what == "left hand")
    assert left.mean < 0.5 * hand.mean
