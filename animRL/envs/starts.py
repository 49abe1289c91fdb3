"""Where environments stand, and the states in which episodes start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from animRL.sim.base import ResetState
from animRL.utils import rotations as rot

if TYPE_CHECKING:
    from animRL.dataloader.motion_loader import MotionLoader
    from animRL.sim.character import Character


def grid(count: int, spacing: float) -> Tensor:
    """Origins (count, 3) [m] of environments on a square grid on the ground."""
    side = int(count**0.5 + 0.999999)
    index = torch.arange(count)
    rows, columns = index // side, index % side
    return torch.stack([spacing * rows, spacing * columns, 0 * index], dim=-1).float()


def uniform(shape: tuple[int, ...], low: float, high: float, device: torch.device) -> Tensor:
    """Uniform numbers between ``low`` and ``high``."""
    return low + (high - low) * torch.rand(shape, device=device)


def noise(shape: torch.Size, amplitude: float, device: torch.device) -> Tensor:
    """Uniform numbers in +-amplitude; no random number is drawn for amplitude 0."""
    if amplitude == 0.0:
        return torch.zeros(shape, device=device)
    return uniform(tuple(shape), -amplitude, amplitude, device)


class Starts:
    """States to start from, as a configuration's ``init_state`` says: on the clip, or standing."""

    def __init__(self, cfg: Any, character: Character, motions: MotionLoader) -> None:
        """Take up the settings, which may change later."""
        self.cfg, self.motions = cfg, motions
        self.default_joint_pos = character.default_joint_pos
        standing = [0.0, 0.0, cfg.root_height, 0.0, 0.0, 0.0, 1.0]
        self._standing = torch.tensor(standing, device=motions.device)

    def draw(self, frames: Tensor, origins: Tensor, yaw: Tensor | None = None) -> ResetState:
        """States (n) with the configured noise.

        Args:
            frames: frames (n, D) of the clips, for starts on the clip.
            origins: where each environment lies (n, 3) [m].
            yaw: turns of the whole start about z (n,) [rad].
        """
        cfg, count, device = self.cfg, len(frames), frames.device
        if cfg.reference_state_initialisation:
            state = state_on_clip(self.motions, frames, cfg.height_clearance)
            pos = torch.cat([torch.zeros_like(state.root_pos[:, :2]), state.root_pos[:, 2:]], -1)
            quat, joints, joint_vel = state.root_quat, state.joint_pos, state.joint_vel
            lin_vel, ang_vel = state.root_lin_vel, state.root_ang_vel
        else:
            pos, quat = self._standing.expand(count, 7).split([3, 4], dim=-1)
            low, high = cfg.joint_scale
            shape = (count, len(self.default_joint_pos))
            joints = self.default_joint_pos * uniform(shape, low, high, device)
            lin_vel = ang_vel = torch.zeros(count, 3, device=device)
            joint_vel = torch.zeros_like(joints)
        joints = joints + noise(joints.shape, cfg.joint_noise, device)
        lin_vel = lin_vel + noise(lin_vel.shape, cfg.root_velocity_noise, device)
        if yaw is not None:
            turn = rot.quat_about_z(yaw)
            quat = rot.quat_mul(turn, quat)
            lin_vel, ang_vel = rot.quat_rotate(turn, lin_vel), rot.quat_rotate(turn, ang_vel)
        return ResetState(origins + pos, quat, lin_vel, ang_vel, joints, joint_vel)


def state_on_clip(motions: MotionLoader, frames: Tensor, raise_by: Tensor | float) -> ResetState:
    """The character on frames (n, D), ``raise_by`` [m] above their height."""
    pos, quat = motions.get_root_pos(frames), motions.get_root_rot(frames)
    return ResetState(
        root_pos=torch.cat([pos[:, :2], (pos[:, 2] + raise_by).unsqueeze(-1)], dim=-1),
        root_quat=quat,
        root_lin_vel=rot.quat_rotate(quat, motions.get_linear_vel(frames)),
        root_ang_vel=rot.quat_rotate(quat, motions.get_angular_vel(frames)),
        joint_pos=motions.get_joint_pose(frames),
        joint_vel=motions.get_joint_vel(frames),
    )
