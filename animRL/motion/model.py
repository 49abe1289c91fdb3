"""A character as a MuJoCo model without ground or drives, poses converted by joint names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mujoco
import numpy as np

from animRL.motion.rotations import Array
from animRL.motion.trajectory import Trajectory

if TYPE_CHECKING:
    from animRL.sim.character import Character


class CharacterModel:
    """A compiled model and the way between a trajectory and its qpos.

    ``model`` has no contacts, no limits and no drives: what is left is the mechanics of the tree.
    Joint ``j`` of the character moves ``qpos_columns[j]`` and has velocity ``dof_columns[j]``;
    the free joint of the root comes first (position, rotation wxyz; linear velocity in the world,
    angular in the root's frame).
    """

    def __init__(self, character: Character) -> None:
        spec = character.load_spec()
        spec.option.disableflags = (
            mujoco.mjtDisableBit.mjDSBL_CONSTRAINT | mujoco.mjtDisableBit.mjDSBL_CONTACT
        )
        self.character = character
        self.model = spec.compile()
        ids = [self.model.joint(name).id for name in character.joint_names]
        self.qpos_columns = self.model.jnt_qposadr[ids].astype(int)
        self.dof_columns = self.model.jnt_dofadr[ids].astype(int)
        self.body_ids = np.array([self.model.body(name).id for name in character.body_names])

    def to_qpos(self, trajectory: Trajectory) -> Array:
        """Positions (T, nq) in the model's own order."""
        qpos = np.empty((len(trajectory), self.model.nq))
        qpos[:, :3] = trajectory.root_pos
        qpos[:, 3:7] = trajectory.root_quat[:, [3, 0, 1, 2]]
        qpos[:, self.qpos_columns] = trajectory.joint_pos
        return qpos

    def to_trajectory(self, qpos: Array, dt: float, loop: bool) -> Trajectory:
        """Poses from positions (T, nq) of the model."""
        quat = qpos[:, [4, 5, 6, 3]]
        return Trajectory(
            qpos[:, :3].copy(), quat / np.linalg.norm(quat, axis=1, keepdims=True),
            qpos[:, self.qpos_columns], dt, loop,
        )  # fmt: skip

    def difference(self, before: Array, after: Array) -> Array:
        """Tangents (T, nv) that lead from positions (T, nq) to others."""
        change = np.empty((len(before), self.model.nv))
        for row, (a, b) in enumerate(zip(before, after, strict=True)):
            mujoco.mj_differentiatePos(self.model, change[row], 1.0, a, b)
        return change
