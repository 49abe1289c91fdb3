"""Limbs through limbs, but not flesh on flesh."""

from __future__ import annotations

import pytest

from animRL.motion.body_shapes import BodyShapes


def test_an_arm_through_the_belly_fails(bench) -> None:
    finding = bench.joints(lShoulder_1=0.0, lShoulder_2=-0.3).report.find("self-collision")
    assert finding.verdict == "FAIL" and finding.value > 0.06
    assert "lumbar" in finding.where and "Arm" in finding.where


@pytest.mark.parametrize("side", ["l", "r"])
def test_a_leg_through_the_other_fails(bench, side) -> None:
    inward = -0.5 if side == "l" else 0.5
    finding = bench.joints(**{f"{side}Hip_2": inward}).report.find("self-collision")
    assert finding.verdict == "FAIL" and "Leg" in finding.where


def test_the_default_pose_and_neighbours_do_not_collide(bench) -> None:
    still = {n.removeprefix("joint_"): float(bench.bob.default_joint_pos[i])
             for i, n in enumerate(bench.bob.joint_names)}  # fmt: skip
    assert bench.joints(**still).report.find("self-collision").value == 0.0


def test_neighbours_are_no_pair(bench) -> None:
    shapes = BodyShapes(bench.bob)
    name = [shapes.tool.model.body(body).name for body in shapes.bodies]
    pairs = {frozenset((name[a], name[b])) for a, b in shapes.pairs}
    assert frozenset(("lHand", "lumbar")) in pairs
    assert frozenset(("lUpperLeg", "lLowerLeg")) not in pairs
    assert frozenset(("lLowerArm", "lUpperArm")) not in pairs
