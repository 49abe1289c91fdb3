"""What the policy sees: named parts, in a fixed order."""

from __future__ import annotations

import torch
from torch import Tensor

from animRL.sim.base import SimState
from animRL.utils import rotations as rot


class ObservationLayout:
    """Named slices of an observation; 108 numbers for Bob's 32 joints.

    Part: base height above the environment's origin [m]; base rotation relative to the anchor's
    turn (xyzw, w >= 0); linear [m/s] and angular [rad/s] velocity, base frame; joint angle minus
    default [rad]; joint velocity [rad/s]; last action; phase of the target frame.
    """

    def __init__(self, num_joints: int) -> None:
        sizes = {
            "base_height": 1,
            "base_quat": 4,
            "base_lin_vel": 3,
            "base_ang_vel": 3,
            "joint_pos": num_joints,
            "joint_vel": num_joints,
            "last_action": num_joints,
            "phase": 1,
        }
        self.parts: dict[str, slice] = {}
        start = 0
        for name, size in sizes.items():
            self.parts[name] = slice(start, start + size)
            start += size
        self.size = start

    def __getitem__(self, name: str) -> slice:
        """Columns of a part."""
        return self.parts[name]


def observe(
    state: SimState,
    origin_height: Tensor,
    anchor_turn: Tensor,
    default_joint_pos: Tensor,
    last_action: Tensor,
    phase: Tensor,
) -> Tensor:
    """Compute observations (N, 12 + 3J) in the order of ``ObservationLayout``.

    Args:
        state: the engine's state.
        origin_height: z of each environment's origin (N,) [m].
        anchor_turn: turn about z of each environment's reference (N,) [rad].
        default_joint_pos: (J,) [rad].
        last_action: (N, J), as the policy gave it.
        phase: (N,) of the target frame by which the next state is judged.
    """
    quat = state.root_quat
    relative = rot.quat_mul(rot.quat_about_z(-anchor_turn), quat)
    velocities = torch.stack([state.root_lin_vel, state.root_ang_vel], dim=1)
    base = rot.quat_rotate_inverse(quat.unsqueeze(1), velocities).flatten(1)
    return torch.cat(
        [
            (state.root_pos[:, 2] - origin_height).unsqueeze(-1),
            rot.quat_positive_w(relative),
            base,
            state.joint_pos - default_joint_pos,
            state.joint_vel,
            last_action,
            phase.unsqueeze(-1),
        ],
        dim=-1,
    )
