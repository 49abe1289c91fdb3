"""Mirroring: what the left did the right does, on any character whose sides are alike."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from animRL.cfg.characters.bob_config import BobConfig
from animRL.motion.edit.mirror import joint_mirror, mirror, partners
from animRL.motion.trajectory import Trajectory, body_poses
from animRL.sim.character import Character
from animRL.utils.errors import InputError
from animRL.utils.rotations import quat_rotate
from tests.viewer.three_links import MJCF, make_character

PLANE = np.array([1.0, -1.0, 1.0])


@pytest.fixture(scope="module")
def bob() -> Character:
    return Character.from_config(BobConfig())


def anything(joints: int, frames: int = 5) -> Trajectory:
    """Poses, places and rotations with no symmetry."""
    rng = np.random.default_rng(3)
    quat = rng.normal(size=(frames, 4))
    return Trajectory(
        rng.normal(size=(frames, 3)), quat / np.linalg.norm(quat, axis=1, keepdims=True),
        rng.uniform(-1.0, 1.0, (frames, joints)), 0.02,
    )  # fmt: skip


def one_sided(folder: Path, old: str, new: str) -> Character:
    """The three links with something changed in their file."""
    assert old in MJCF
    original = make_character(folder)
    (folder / "other.xml").write_text(MJCF.replace(old, new))
    config = SimpleNamespace(
        name="other", asset=str(folder / "other.xml"), joint_names=list(original.joint_names),
        default_joint_angles={}, stiffness={"default": 1.0}, damping={"default": 1.0},
        effort_limit={"default": 1.0}, end_effectors={}, fall_bodies=[], anatomical_joints=[],
        hands=[], feet=[], friction=1.0,
    )  # fmt: skip
    return Character.from_config(config)


def test_bodies_are_reflected(bob: Character) -> None:
    motion = anything(32)
    place, turn = body_poses(bob, motion)
    mirrored_place, mirrored_turn = body_poses(bob, mirror(bob, motion))
    other = [bob.body_names.index(name) for name in partners(bob.body_names)]
    assert other != list(range(len(other)))
    np.testing.assert_allclose(mirrored_place, place[:, other] * PLANE, atol=1e-6)
    # A body's own reflected x axis, likewise, is its partner's.
    forward = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
    np.testing.assert_allclose(
        quat_rotate(torch.from_numpy(mirrored_turn), forward).numpy(),
        quat_rotate(torch.from_numpy(turn[:, other]), forward).numpy() * PLANE,
        atol=1e-6,
    )


def test_mirroring_twice_changes_nothing(bob: Character) -> None:
    motion = anything(32)
    again = mirror(bob, mirror(bob, motion))
    np.testing.assert_allclose(again.joint_pos, motion.joint_pos)
    np.testing.assert_allclose(again.root_pos, motion.root_pos)
    np.testing.assert_allclose(again.root_quat, motion.root_quat)


def test_signs_come_from_the_axes(bob: Character) -> None:
    pairs = joint_mirror(bob)
    sign = dict(zip(bob.joint_names, pairs.sign))
    assert sign["joint_lKnee"] == 1.0 and sign["joint_lHip_torsion"] == -1.0
    assert sign["joint_lowerback_x"] == 1.0 and sign["joint_lowerback_z"] == -1.0
    np.testing.assert_array_equal(pairs.partner[pairs.partner], np.arange(32))


def test_an_axis_that_points_the_other_way_changes_the_sign(tmp_path: Path) -> None:
    assert joint_mirror(make_character(tmp_path)).sign.tolist() == [1.0, 1.0]
    turned = one_sided(tmp_path, 'name="right_hip" axis="0 1 0"', 'name="right_hip" axis="0 -1 0"')
    assert joint_mirror(turned).sign.tolist() == [-1.0, -1.0]
    motion = anything(2)
    place, mirrored = body_poses(turned, motion)[0], body_poses(turned, mirror(turned, motion))[0]
    np.testing.assert_allclose(mirrored, place[:, [0, 2, 1]] * PLANE, atol=1e-6)


def test_an_axis_with_no_reflection_is_refused(tmp_path: Path) -> None:
    skewed = one_sided(tmp_path, 'name="right_hip" axis="0 1 0"', 'name="right_hip" axis="1 1 0"')
    with pytest.raises(InputError, match="right_hip is no reflection of that of left_hip"):
        joint_mirror(skewed)


def test_joints_in_another_order_are_refused(tmp_path: Path) -> None:
    """The same axes on both sides, one after the other in different orders."""
    two = '<joint name="{0}_hip" axis="0 1 0"/><joint name="{0}_twist" axis="1 0 0"/>'
    swapped = '<joint name="{0}_twist" axis="1 0 0"/><joint name="{0}_hip" axis="0 1 0"/>'
    text = MJCF
    for side, form in (("left", two), ("right", swapped)):
        old = f'<joint name="{side}_hip" axis="0 1 0" range="-1.5 1.5"/>'
        assert old in text
        text = text.replace(old, form.format(side))
    (tmp_path / "order.xml").write_text(text)
    names = ["left_hip", "left_twist", "right_hip", "right_twist"]
    config = SimpleNamespace(
        name="order", asset=str(tmp_path / "order.xml"), joint_names=names,
        default_joint_angles={}, stiffness={"default": 1.0}, damping={"default": 1.0},
        effort_limit={"default": 1.0}, end_effectors={}, fall_bodies=[], anatomical_joints=[],
        hands=[], feet=[], friction=1.0,
    )  # fmt: skip
    with pytest.raises(InputError, match="do not follow each other alike"):
        joint_mirror(Character.from_config(config))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["lKnee", "rKnee", "lowerback"], ["rKnee", "lKnee", "lowerback"]),
        (["LeftArm", "RightArm"], ["RightArm", "LeftArm"]),
        (["left_hip", "right_hip", "root"], ["right_hip", "left_hip", "root"]),
        (["joint_lHip_1", "joint_rHip_1"], ["joint_rHip_1", "joint_lHip_1"]),
        (["hand.L", "hand.R", "chest"], ["hand.R", "hand.L", "chest"]),
        (["mixamo:LeftLeg", "mixamo:RightLeg"], ["mixamo:RightLeg", "mixamo:LeftLeg"]),
        (["L_Ankle", "R_Ankle", "Pelvis"], ["R_Ankle", "L_Ankle", "Pelvis"]),
        (["lfemur", "rfemur"], ["rfemur", "lfemur"]),
        (["LEFT_HIP", "RIGHT_HIP"], ["RIGHT_HIP", "LEFT_HIP"]),
        (["ankle", "tail", "elbow_l"], ["ankle", "tail", "elbow_l"]),
        (["bald", "bard"], ["bald", "bard"]),
    ],
)
def test_names_find_their_other_side(names: list[str], expected: list[str]) -> None:
    assert partners(names) == expected
