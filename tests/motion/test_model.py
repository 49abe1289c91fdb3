"""Positions of the model and poses of the character are the same thing in two orders."""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np
import pytest

from animRL.motion.model import CharacterModel
from animRL.motion.trajectory import Trajectory, body_poses
from tests.motion.small_characters import BALL, HOPPER, about, make_character, rigid


@pytest.fixture
def tool(tmp_path: Path) -> CharacterModel:
    """Its joints are in another order than in the file: knee, ankle, hip."""
    return CharacterModel(make_character(tmp_path, HOPPER, ("knee", "ankle", "hip")))


@pytest.fixture
def motion() -> Trajectory:
    random = np.random.default_rng(0)
    quat = about((1.0, -2.0, 0.3), random.uniform(0.0, 1.0, 5))
    return Trajectory(random.normal(size=(5, 3)), quat, random.uniform(0.0, 1.0, (5, 3)), 0.1)


def test_joints_go_by_their_names(tool: CharacterModel, motion: Trajectory) -> None:
    qpos = tool.to_qpos(motion)
    np.testing.assert_array_equal(qpos[:, :3], motion.root_pos)
    np.testing.assert_array_equal(qpos[:, 3], motion.root_quat[:, 3])
    np.testing.assert_array_equal(qpos[:, 4:7], motion.root_quat[:, :3])
    np.testing.assert_array_equal(qpos[:, 7:], motion.joint_pos[:, [2, 0, 1]])
    assert tool.dof_columns.tolist() == [7, 8, 6]


def test_there_and_back(tool: CharacterModel, motion: Trajectory) -> None:
    again = tool.to_trajectory(tool.to_qpos(motion), 0.1, True)
    assert again.loop
    for field in ("root_pos", "root_quat", "joint_pos"):
        np.testing.assert_allclose(getattr(again, field), getattr(motion, field), atol=1e-12)


def test_bodies_are_where_the_character_has_them(tool: CharacterModel, motion: Trajectory) -> None:
    position, _ = body_poses(tool.character, motion)
    data = mujoco.MjData(tool.model)
    for row, qpos in enumerate(tool.to_qpos(motion)):
        data.qpos[:] = qpos
        mujoco.mj_kinematics(tool.model, data)
        np.testing.assert_allclose(data.xpos[tool.body_ids], position[row], atol=1e-6)


def test_a_difference_leads_from_one_position_to_the_other(
    tool: CharacterModel, motion: Trajectory
) -> None:
    qpos = tool.to_qpos(motion)
    steps = tool.difference(qpos[:-1], qpos[1:])
    for before, step, after in zip(qpos[:-1], steps, qpos[1:], strict=True):
        moved = before.copy()
        mujoco.mj_integratePos(tool.model, moved, step, 1.0)
        np.testing.assert_allclose(moved[:3], after[:3], atol=1e-12)
        assert abs(moved[3:7] @ after[3:7]) == pytest.approx(1.0, abs=1e-12)
        np.testing.assert_allclose(moved[7:], after[7:], atol=1e-12)


def test_a_roots_turn_is_in_its_own_frame(tmp_path: Path) -> None:
    """Turned by 90 degrees about z, then by 0.2 rad about the world's x: its own -y."""
    tool = CharacterModel(make_character(tmp_path, BALL))
    half = np.sqrt(0.5)
    before = rigid(np.zeros((1, 3)), 0.1, np.array([[0.0, 0.0, half, half]]))
    s, c = np.sin(0.1) * half, np.cos(0.1) * half
    after = rigid(np.zeros((1, 3)), 0.1, np.array([[s, -s, c, c]]))
    change = tool.difference(tool.to_qpos(before), tool.to_qpos(after))
    np.testing.assert_allclose(change[0], [0.0, 0.0, 0.0, 0.0, -0.2, 0.0], atol=1e-12)


def test_nothing_but_mechanics_is_left(tool: CharacterModel) -> None:
    """A knee far beyond its limit, a foot in the other leg: no force arises."""
    data = mujoco.MjData(tool.model)
    data.qpos[:] = [0.0, 0.0, -5.0, 1.0, 0.0, 0.0, 0.0, 0.0, 6.0, 0.0]
    mujoco.mj_forward(tool.model, data)
    assert data.nefc == 0
    assert tool.model.nu == 0
