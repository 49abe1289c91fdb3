"""What DeepMimic's imitation reward measures (Peng et al. 2018, section 5.1).

Sums of squares (N,) over pure poses, for reward terms and for metrics; N characters, B bodies, K
anatomical joints.
"""

from __future__ import annotations

from dataclasses import dataclass

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
    """Indices of the bodies that these errors and the metrics name, found once for a character."""

    def __init__(self, character: Character) -> None:
        """Look up the character's anatomical joints, hands and feet."""
        self.character = character
        self.joints = character.body_indices(character.anatomical_joints)
        self.parents = character.body_indices(_anatomical_parents(character))
        self.end_effectors = character.body_indices([*character.hands, *character.feet])


def pose_error(actual: Pose, reference: Pose, groups: BodyGroups) -> Tensor:
    """Sum (N,) over the anatomical joints of the squared angle between rotations [rad^2]."""
    difference = rot.quat_mul(
        _joint_rotations(actual, groups), rot.quat_conjugate(_joint_rotations(reference, groups))
    )
    return rot.quat_angle(difference).square().sum(dim=-1)


def velocity_error(actual: Pose, reference: Pose) -> Tensor:
    """Sum (N,) over the joints of the squared difference in velocity [rad^2/s^2]."""
    return (actual.joint_vel - reference.joint_vel).square().sum(dim=-1)


def end_effector_error(actual: Pose, reference: Pose, groups: BodyGroups) -> Tensor:
    """Sum (N,) over hands and feet of the squared distance, world frame [m^2]."""
    ends = actual.body_pos[:, groups.end_effectors] - reference.body_pos[:, groups.end_effectors]
    return ends.square().sum(dim=(-1, -2))


def center_of_mass_error(actual: Pose, reference: Pose, groups: BodyGroups) -> Tensor:
    """Squared distance (N,) between the centres of mass, world frame [m^2]."""
    character = groups.character
    center = character.center_of_mass(actual.body_pos, actual.body_quat)
    center_ref = character.center_of_mass(reference.body_pos, reference.body_quat)
    return (center - center_ref).square().sum(dim=-1)


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
