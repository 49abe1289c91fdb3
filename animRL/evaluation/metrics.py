"""What "imitated" means, as pure functions of poses; N episodes, B bodies, K anatomical joints."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from animRL.sim.character import Character
from animRL.utils import rotations as rot


@dataclass(frozen=True)
class Pose:
    """Where all bodies of N characters are, and how fast their joints move."""

    body_pos: Tensor
    """Origins (N, B, 3), world frame [m]."""
    body_quat: Tensor
    """Rotations (N, B, 4), xyzw."""
    joint_vel: Tensor
    """Joint velocities (N, J) [rad/s]."""


class BodyGroups:
    """Indices of the bodies that the metrics name, found once for a character."""

    def __init__(self, character: Character) -> None:
        """Look up the character's anatomical joints, hands and feet."""
        self.character = character
        self.joints = character.body_indices(character.anatomical_joints)
        self.parents = character.body_indices(_anatomical_parents(character))
        self.end_effectors = character.body_indices([*character.hands, *character.feet])


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
    angles = rot.quat_angle(
        rot.quat_mul(
            _joint_rotations(actual, groups),
            rot.quat_conjugate(_joint_rotations(reference, groups)),
        )
    )
    velocity = actual.joint_vel - reference.joint_vel
    ends = actual.body_pos[:, groups.end_effectors] - reference.body_pos[:, groups.end_effectors]
    character = groups.character
    center = character.center_of_mass(actual.body_pos, actual.body_quat)
    center_ref = character.center_of_mass(reference.body_pos, reference.body_quat)
    return (
        0.65 * torch.exp(-2.0 * angles.square().sum(dim=-1))
        + 0.10 * torch.exp(-0.1 * velocity.square().sum(dim=-1))
        + 0.15 * torch.exp(-40.0 * ends.square().sum(dim=(-1, -2)))
        + 0.10 * torch.exp(-10.0 * (center - center_ref).square().sum(dim=-1))
    )


def _joint_rotations(pose: Pose, groups: BodyGroups) -> Tensor:
    """Rotations (N, K, 4) of the anatomical joints: hinges between two of them form one.

    So the forearm's torsion, whose centre lies below the elbow, counts with the wrist.
    """
    parents = pose.body_quat[:, groups.parents]
    return rot.quat_mul(rot.quat_conjugate(parents), pose.body_quat[:, groups.joints])


def _anatomical_parents(character: Character) -> list[str]:
    """For each anatomical joint the nearest body above it that is one too, else the root."""
    known = {0, *(character.body_index(name) for name in character.anatomical_joints)}
    parents = []
    for name in character.anatomical_joints:
        body = character.body_parents[character.body_index(name)]
        while body not in known:
            body = character.body_parents[body]
        parents.append(character.body_names[body])
    return parents
