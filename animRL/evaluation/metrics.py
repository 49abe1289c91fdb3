"""What "imitated" means, as pure functions of poses; N episodes, B bodies, K anatomical joints."""

from __future__ import annotations

import torch
from torch import Tensor

from animRL.reward import imitation
from animRL.reward.imitation import BodyGroups as BodyGroups  # these two are for callers, too
from animRL.reward.imitation import Pose as Pose


def position_error(actual: Pose, reference: Pose, groups: BodyGroups) -> Tensor:
    """Position error (N,) [m] as MimicKit defines it (Peng, arXiv 2510.13794).

    (Sum over the anatomical joints of the root-relative position error + the root's position
    error) / (K + 1), world axes.
    """
    root, root_ref = actual.body_pos[:, :1], reference.body_pos[:, :1]
    joints = actual.body_pos[:, groups.joints] - root
    joints_ref = reference.body_pos[:, groups.joints] - root_ref
    errors = torch.cat([joints - joints_ref, root - root_ref], dim=1)
    return errors.norm(dim=-1).mean(dim=-1)


def mean_body_distance(actual: Pose, reference: Pose, groups: BodyGroups) -> Tensor:
    """Mean distance (N,) [m] of the anatomical joints and the root from the reference's, world."""
    root = torch.zeros(1, dtype=torch.long, device=groups.joints.device)
    index = torch.cat([root, groups.joints])
    return (actual.body_pos[:, index] - reference.body_pos[:, index]).norm(dim=-1).mean(dim=-1)


def imitation_reward(actual: Pose, reference: Pose, groups: BodyGroups) -> Tensor:
    """DeepMimic's imitation reward (N,) in [0, 1] (Peng et al. 2018, section 5.1).

    0.65 exp(-2 sum |angle|^2) over the rotations of the anatomical joints + 0.1 exp(-0.1 sum
    |difference|^2) over the joint velocities + 0.15 exp(-40 sum |difference|^2) over hands and
    feet + 0.1 exp(-10 |difference|^2) of the centre of mass.
    """
    return (
        0.65 * torch.exp(-2.0 * imitation.pose_error(actual, reference, groups))
        + 0.10 * torch.exp(-0.1 * imitation.velocity_error(actual, reference))
        + 0.15 * torch.exp(-40.0 * imitation.end_effector_error(actual, reference, groups))
        + 0.10 * torch.exp(-10.0 * imitation.center_of_mass_error(actual, reference, groups))
    )
