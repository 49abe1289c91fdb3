"""Metrics against hand arithmetic and plain NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from animRL.cfg.characters.bob_config import BobConfig
from animRL.evaluation.metrics import (
    BodyGroups,
    Pose,
    imitation_reward,
    mean_body_distance,
    position_error,
)
from animRL.reward.imitation import pose_error
from animRL.sim.character import Character
from animRL.utils import rotations as rot


@pytest.fixture(scope="module")
def groups() -> BodyGroups:
    return BodyGroups(Character.from_config(BobConfig()))


def pose(groups: BodyGroups, joints: torch.Tensor, root: torch.Tensor | None = None,
         joint_vel: torch.Tensor | None = None) -> Pose:  # fmt: skip
    count = len(joints)
    root = torch.zeros(count, 3) if root is None else root
    upright = torch.tensor([0.0, 0.0, 0.0, 1.0]).expand(count, 4)
    bodies = groups.character.forward_kinematics(root, upright, joints)
    return Pose(*bodies, torch.zeros_like(joints) if joint_vel is None else joint_vel)


def standing(groups: BodyGroups, count: int = 2) -> torch.Tensor:
    return groups.character.default_joint_pos.expand(count, -1)


def test_seventeen_anatomical_joints_with_their_parents(groups: BodyGroups) -> None:
    names = groups.character.body_names
    parents = {names[j]: names[p] for j, p in zip(groups.joints, groups.parents, strict=True)}
    assert len(parents) == 17
    assert parents["lumbar"] == "pelvis" and parents["torso"] == "lumbar"
    assert parents["lHand"] == "lLowerArm" and parents["rFoot"] == "rLowerLeg"
    assert parents["lUpperLeg"] == "pelvis" and parents["rScapula"] == "torso"


def test_the_same_pose_has_no_error_and_the_whole_reward(groups: BodyGroups) -> None:
    same = pose(groups, standing(groups))
    assert float(position_error(same, same, groups).max()) == 0.0
    torch.testing.assert_close(imitation_reward(same, same, groups), torch.ones(2))


def test_a_shifted_root_counts_once_among_eighteen(groups: BodyGroups) -> None:
    reference = pose(groups, standing(groups, 1))
    shifted = pose(groups, standing(groups, 1), torch.tensor([[0.3, 0.0, 0.4]]))
    assert float(position_error(shifted, reference, groups)) == pytest.approx(0.5 / 18, abs=1e-6)
    assert float(mean_body_distance(shifted, reference, groups)) == pytest.approx(0.5, abs=1e-5)


def test_imitation_reward_of_one_bent_knee_by_hand(groups: BodyGroups) -> None:
    character = groups.character
    bent = standing(groups, 1).clone()
    bent[0, character.joint_names.index("joint_lKnee")] += 0.4
    velocity = torch.zeros_like(bent)
    velocity[0, 3] = 2.0
    reference, actual = pose(groups, standing(groups, 1)), pose(groups, bent, joint_vel=velocity)
    foot = character.body_index("lFoot")
    way = (actual.body_pos - reference.body_pos)[0, foot]

    # The shank's and the foot's centres of mass move; weigh all bodies in plain NumPy.
    def center(p: Pose) -> np.ndarray:
        com = p.body_pos[0] + rot.quat_rotate(p.body_quat[0], character.body_com)
        mass = character.body_mass.numpy()
        return (mass[:, None] * com.numpy()).sum(0) / mass.sum()

    drop = center(actual) - center(reference)
    expected = (
        0.65 * math.exp(-2 * 0.4**2)
        + 0.1 * math.exp(-0.1 * 2.0**2)
        + 0.15 * math.exp(-40 * float((way**2).sum()))
        + 0.1 * math.exp(-10 * float((drop**2).sum()))
    )
    assert float(imitation_reward(actual, reference, groups)) == pytest.approx(expected, abs=1e-5)


def test_hinges_of_one_joint_form_one_rotation(groups: BodyGroups) -> None:
    """Two hinges of the hip turned at once: the angle of the product, not the sum of squares."""
    character = groups.character
    joints = torch.zeros(1, len(character.joint_names))
    turned = joints.clone()
    for name, angle in (("joint_lHip_1", 0.6), ("joint_lHip_2", 0.8)):
        turned[0, character.joint_names.index(name)] = angle
    a, b = pose(groups, turned), pose(groups, joints)
    about = [torch.tensor([[0.0, 0.6, 0.0]]), torch.tensor([[0.8, 0.0, 0.0]])]
    whole = rot.quat_mul(*(rot.quat_from_rotvec(v) for v in about))
    angle = float(rot.quat_angle(whole))
    assert angle**2 < 0.99 * (0.6**2 + 0.8**2)
    assert float(pose_error(a, b, groups)) == pytest.approx(angle**2, abs=1e-5)
