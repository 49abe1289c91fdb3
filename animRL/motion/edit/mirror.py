"""Left becomes right: a motion reflected in the plane between the two sides of the body."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from animRL.dataloader.skeleton import Hinge, Skeleton
from animRL.motion.rotations import Array, invert, multiply, to_rotvec
from animRL.motion.trajectory import Trajectory
from animRL.utils.errors import InputError

if TYPE_CHECKING:
    from animRL.sim.character import Character

_REFLECTION = np.array([1.0, -1.0, 1.0])
"""y of the root's frame, and of the world, changes its sign."""
_AXIAL = -_REFLECTION
"""What a reflection does to an axis of rotation: det(M) M."""
_PROBE = 0.5
"""Angle [rad] by which each joint is turned to find its axis."""
_PARALLEL = 0.99
"""Least cosine between an axis and its partner's reflected one: within 8 degrees."""
_SAME_TURN = 0.3
"""Largest difference [rad] between how a body bends against its parent and how its partner's
reflection does, each joint bent by about 0.8 rad: three axes within `_PARALLEL` add up to that."""
_SIDE = re.compile(r"left|right|l|r", re.IGNORECASE)
_OTHER = {"left": "right", "right": "left", "l": "r", "r": "l"}


@dataclass(frozen=True)
class JointMirror:
    """The mirrored angle of joint j (J,) is ``sign[j]`` x the angle of ``partner[j]``."""

    partner: NDArray[np.int64]
    sign: Array


def mirror(character: Character, trajectory: Trajectory) -> Trajectory:
    """Reflect a motion in the world's plane y = 0, so that what the left did, the right does.

    Raises:
        InputError: if the character's joints cannot be paired, see `joint_mirror`.
    """
    pairs = joint_mirror(character)
    return _reflected(trajectory, trajectory.joint_pos[:, pairs.partner] * pairs.sign)


def mirror_skeleton(skeleton: Skeleton, trajectory: Trajectory) -> tuple[Skeleton, Trajectory]:
    """Reflect a motion together with the skeleton that it brings along.

    Every joint becomes its reflection and takes the name and role of its partner, so the two
    sides need not be alike, nor their hinges be in the same order. Angles are in the order of
    ``skeleton.hinge_names``, those returned in that of the new skeleton; each hinge keeps the
    direction of its axis as far as that can be, with the sign of its angle chosen for it.
    """
    others = dict(zip(skeleton.hinge_names, partners(skeleton.hinge_names), strict=True))
    names = _partner_joints(skeleton)
    joints, signs = [], []
    for joint, name in zip(skeleton.joints, names, strict=True):
        hinges = []
        for hinge in joint.hinges:
            axis = np.array(hinge.axis) * _AXIAL
            sign = 1.0 if float(axis @ np.array(hinge.axis)) >= 0.0 else -1.0
            signs.append(sign)
            x, y, z = (float(value) for value in sign * axis)
            hinge_name = _renamed(hinge.name, joint.name, name, others[hinge.name])
            hinges.append(Hinge(hinge_name, (x, y, z)))
        (x, y, z), (qx, qy, qz, qw) = joint.offset, joint.rotation
        joints.append(
            replace(
                joint, name=name, offset=(x, -y, z), rotation=(-qx, qy, -qz, qw),
                hinges=tuple(hinges), role=_other_role(joint.role),
            )
        )  # fmt: skip
    angles = trajectory.joint_pos * np.array(signs)
    return replace(skeleton, joints=tuple(joints)), _reflected(trajectory, angles)


def _reflected(trajectory: Trajectory, joint_pos: Array) -> Trajectory:
    """The root's reflection, with the angles given."""
    return replace(
        trajectory,
        root_pos=trajectory.root_pos * _REFLECTION,
        root_quat=trajectory.root_quat * np.append(_AXIAL, 1.0),
        joint_pos=joint_pos,
    )


def _partner_joints(skeleton: Skeleton) -> list[str]:
    """Name of each joint's partner: by its place in the anatomy if that is known, else by name."""
    by_name = dict(zip(skeleton.joint_names, partners(skeleton.joint_names), strict=True))
    names = []
    for joint in skeleton.joints:
        other = _other_role(joint.role)
        name = skeleton.roles.get(other or "", by_name[joint.name])
        if name == joint.name and other != joint.role:  # on one side only: its name moves over
            name = next(iter(_other_sides(name)), name)
        names.append(name)
    return names


def _other_role(role: str | None) -> str | None:
    if role is None:
        return None
    side, _, place = role.partition("_")
    return f"{_OTHER[side]}_{place}" if place and side in _OTHER else role


def _renamed(hinge: str, joint: str, partner: str, other: str) -> str:
    """Name of a hinge on the other side: its joint's name replaced if it begins with that."""
    return partner + hinge.removeprefix(joint) if hinge.startswith(joint) else other


def joint_mirror(character: Character) -> JointMirror:
    """Pair a character's joints by name, with the signs that their axes ask for.

    Joints on either side are paired by names that differ in left and right alone. A joint that
    turns about an axis a by q turns, reflected by M, about -M a by q: the sign says whether the
    partner's axis in the zero pose is that one or its opposite.

    Raises:
        InputError: if an axis is no reflection of its partner's, or the joints on the two sides
            follow each other in different orders: angles then cannot be taken over one by one.
    """
    names = character.joint_names
    partner = np.array([names.index(name) for name in partners(names)])
    axes = _axes(character)
    cosine = (axes * (axes[partner] * _AXIAL)).sum(axis=1)
    for joint in np.flatnonzero(np.abs(cosine) < _PARALLEL):
        other = names[partner[joint]]
        raise InputError(
            f"mirror: the axis of {names[joint]} is no reflection of that of {other}; valid: a "
            "character whose two sides are alike"
        )
    pairs = JointMirror(partner, np.sign(cosine))
    _check_order(character, pairs)
    return pairs


def partners(names: Sequence[str]) -> list[str]:
    """For each name the one on the other side, or itself if there is none.

    Sides are told by "left" and "right", or by a letter l or r at the beginning of a word:
    ``lKnee``, ``joint_l_knee``, ``LeftFoot``, ``hand.R``.
    """
    known = set(names)
    return [next((o for o in _other_sides(name) if o in known), name) for name in names]


def _other_sides(name: str) -> list[str]:
    """The names that a name may have on the other side; which of them exist is for the caller."""
    found = []
    for match in _SIDE.finditer(name):
        word = match.group()
        before = name[: match.start()]
        if len(word) == 1 and before and before[-1].isalnum() and not word.isupper():
            continue  # a letter within a word
        other = _OTHER[word.lower()]
        if word[0].isupper():
            other = other.upper() if word.isupper() else other.capitalize()
        found.append(before + other + name[match.end() :])
    return found


def _axes(character: Character) -> Array:
    """Each joint's axis (J, 3) in the zero pose, in the root's frame."""
    count = len(character.joint_names)
    turned = to_rotvec(_turned(character, _PROBE * np.eye(count)))
    moved = np.linalg.norm(turned, axis=-1).argmax(axis=1)  # all that it moves turn alike
    return turned[np.arange(count), moved] / _PROBE


def _turned(character: Character, joint_pos: Array) -> Array:
    """Rotations (n, B, 4) by which angles (n, J) turn the bodies out of the zero pose."""
    angles = torch.cat([torch.zeros(1, joint_pos.shape[1]), torch.from_numpy(joint_pos)])
    root = torch.tensor([[0.0, 0.0, 0.0, 1.0]], dtype=torch.float64).expand(len(angles), 4)
    origin = torch.zeros(len(angles), 3, dtype=torch.float64)
    quat = character.forward_kinematics(origin, root, angles.double())[1].numpy()
    return multiply(quat[1:], invert(quat[:1]))


def _check_order(character: Character, pairs: JointMirror) -> None:
    """Raise InputError unless a pose and its mirror image turn each body as a mirror does."""
    pose = 0.8 + 0.2 * np.sin(np.arange(len(pairs.sign)))  # no two angles alike
    turned = _turned(character, np.stack([pose, pose[pairs.partner] * pairs.sign]))
    parents = turned[:, list(character.body_parents)]  # the root's, the last one, is not used
    bent = to_rotvec(multiply(invert(parents), turned))
    bodies = [character.body_names.index(name) for name in partners(character.body_names)]
    wrong = np.linalg.norm(bent[1] - bent[0, bodies] * _AXIAL, axis=-1)
    wrong[0] = 0.0
    if wrong.max() > _SAME_TURN:
        body = character.body_names[int(wrong.argmax())]
        raise InputError(
            f"mirror: the joints that lead to {body} and to its partner do not follow each other "
            "alike; valid: a character whose two sides are alike"
        )
