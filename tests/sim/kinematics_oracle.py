"""MuJoCo's forward kinematics, to compare with."""

from __future__ import annotations

import mujoco
import numpy as np
import torch
from torch import Tensor

from animRL.sim.character import Character
from animRL.utils.rotations import quat_normalize


def random_pose(character: Character, count: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    root_pos = torch.randn(count, 3, generator=generator)
    root_quat = quat_normalize(torch.randn(count, 4, generator=generator))
    lower = character.joint_lower.clamp(min=-3.0)
    upper = character.joint_upper.clamp(max=3.0)
    share = torch.rand(count, len(character.joint_names), generator=generator)
    return root_pos, root_quat, lower + share * (upper - lower)


def mujoco_poses(
    character: Character, pose: tuple[Tensor, Tensor, Tensor]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions (N, B, 3), rotations xyzw (N, B, 4) and centre of mass (N, 3) by MuJoCo."""
    model = character.load_spec().compile()
    data = mujoco.MjData(model)
    columns = [model.jnt_qposadr[model.joint(n).id] for n in character.joint_names]
    positions, rotations, centres = [], [], []
    for root_pos, root_quat, joint_pos in zip(*(part.numpy() for part in pose), strict=True):
        data.qpos[:3], data.qpos[3:7] = root_pos, root_quat[[3, 0, 1, 2]]
        data.qpos[columns] = joint_pos
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        positions.append(data.xpos[1:].copy())
        rotations.append(data.xquat[1:][:, [1, 2, 3, 0]].copy())
        centres.append(data.subtree_com[1].copy())
    return np.array(positions), np.array(rotations), np.array(centres)


def assert_same_as_mujoco(character: Character) -> None:
    pose = random_pose(character, 20)
    positions, rotations, centres = mujoco_poses(character, pose)
    body_pos, body_quat = character.forward_kinematics(*pose)
    np.testing.assert_allclose(body_pos, positions, atol=1e-5)
    closeness = np.abs((body_quat.numpy() * rotations).sum(axis=-1))  # q and -q are one rotation
    np.testing.assert_allclose(closeness, 1.0, atol=1e-5)
    np.testing.assert_allclose(character.center_of_mass(body_pos, body_quat), centres, atol=1e-5)
