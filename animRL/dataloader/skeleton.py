"""The skeleton that an imported clip moves, stored in the clip's file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from animRL.utils.errors import InputError

Vector = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]

IDENTITY: Quaternion = (0.0, 0.0, 0.0, 1.0)
# Axes and rotations are stored rounded; farther from unit length than this they are neither.
_UNIT_TOLERANCE = 1e-3
_MAX_JOINTS = 1000
_VALID_RADIUS = "0 or more [m]"


@dataclass(frozen=True)
class Hinge:
    """One degree of freedom: a name, which is the clip's joint name, and a unit axis."""

    name: str
    axis: Vector


@dataclass(frozen=True)
class SkeletonJoint:
    """One joint, the origin of the body that hangs from it.

    The body's frame stands at ``offset`` [m] in the parent's frame and is turned there by
    ``rotation`` (xyzw), then by the hinges one after the other: R(axis 0, q 0) R(axis 1, q 1) ...
    No hinges: fixed to the parent.
    """

    name: str
    parent: int
    """Number of the parent, smaller than its own; -1 for the root, joint 0, which is free."""
    offset: Vector
    rotation: Quaternion = IDENTITY
    hinges: tuple[Hinge, ...] = ()
    role: str | None = None
    """Place in the anatomy, such as ``left_knee``; see ``motion/anatomy.py``."""
    radius: float = 0.0
    """How far the body reaches around the joint [m], where that is known; 0: unknown."""


@dataclass(frozen=True)
class Skeleton:
    """A tree of joints, parents before children; its zero pose has x forward, z up, in metres."""

    name: str
    joints: tuple[SkeletonJoint, ...]

    @property
    def hinge_names(self) -> tuple[str, ...]:
        """Names of all hinges, in the order of the joints: the clip's joint names."""
        return tuple(hinge.name for joint in self.joints for hinge in joint.hinges)

    @property
    def joint_names(self) -> tuple[str, ...]:
        """Names of all joints, the root first."""
        return tuple(joint.name for joint in self.joints)

    @property
    def roles(self) -> dict[str, str]:
        """Name of the joint at each place of the anatomy that is known."""
        return {joint.role: joint.name for joint in self.joints if joint.role is not None}

    def to_dict(self) -> dict[str, Any]:
        """Return it as the object that stands in the clip's file; defaults are left out."""
        return {"Name": self.name, "Joints": [_joint_to_dict(joint) for joint in self.joints]}

    @classmethod
    def from_dict(cls, data: Any, source: str) -> Skeleton:
        """Read and validate what ``to_dict`` wrote.

        Args:
            data: a parsed JSON value.
            source: the file and field, for the error.

        Raises:
            InputError: one line with the joint and field, and what would be valid.
        """
        if not isinstance(data, dict) or not isinstance(data.get("Joints"), list):
            raise InputError(f"{source} is no skeleton; valid: an object with Name and Joints")
        if not isinstance(data.get("Name"), str):
            raise InputError(f"{source}.Name is missing or no text; valid: a name")
        rows = data["Joints"]
        if not 1 <= len(rows) <= _MAX_JOINTS:
            raise InputError(f"{source}.Joints has {len(rows)}; valid: 1 to {_MAX_JOINTS} joints")
        joints = tuple(
            _joint_from_dict(row, index, f"{source}.Joints[{index}]")
            for index, row in enumerate(rows)
        )
        skeleton = cls(data["Name"], joints)
        for what, names in (
            ("joint", skeleton.joint_names),
            ("hinge", skeleton.hinge_names),
            ("role", [joint.role for joint in joints if joint.role is not None]),
        ):
            twice = sorted({name for name in names if list(names).count(name) > 1})
            if twice:
                raise InputError(f"{source}: the {what} name '{twice[0]}' is there twice")
        return skeleton


def _joint_to_dict(joint: SkeletonJoint) -> dict[str, Any]:
    data: dict[str, Any] = {"Name": joint.name, "Parent": joint.parent}
    data["Offset"] = [round(value, 9) for value in joint.offset]
    if joint.rotation != IDENTITY:
        data["Rotation"] = [round(value, 9) for value in joint.rotation]
    if joint.hinges:
        data["Hinges"] = [
            {"Name": hinge.name, "Axis": [round(value, 9) for value in hinge.axis]}
            for hinge in joint.hinges
        ]
    if joint.role is not None:
        data["Role"] = joint.role
    if joint.radius:
        data["Radius"] = round(joint.radius, 6)
    return data


def _joint_from_dict(data: Any, index: int, source: str) -> SkeletonJoint:
    if not isinstance(data, dict):
        raise InputError(f"{source} is no object; valid: Name, Parent, Offset, Hinges")
    parent = data.get("Parent")
    valid = "-1" if index == 0 else f"a joint before it, 0 to {index - 1}"
    if type(parent) is not int or not (parent == -1 if index == 0 else 0 <= parent < index):
        raise InputError(f"{source}.Parent is {parent!r}; valid: {valid}")
    rows = data.get("Hinges", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError(f"{source}.Hinges is no list of objects; valid: Name and Axis each")
    if index == 0 and rows:
        raise InputError(f"{source}.Hinges: the root moves freely; valid: none")
    hinges = tuple(
        Hinge(
            _name(row, "Name", f"{source}.Hinges[{number}]"),
            _unit(row, "Axis", 3, f"{source}.Hinges[{number}]"),  # type: ignore[arg-type]
        )
        for number, row in enumerate(rows)
    )
    rotation = _unit(data, "Rotation", 4, source) if "Rotation" in data else IDENTITY
    radius = _numbers({"Radius": [data.get("Radius", 0.0)]}, "Radius", 1, source)[0]
    if radius < 0.0:
        raise InputError(f"{source}.Radius is {radius}; valid: {_VALID_RADIUS}")
    return SkeletonJoint(
        name=_name(data, "Name", source),
        parent=parent,
        offset=_numbers(data, "Offset", 3, source),  # type: ignore[arg-type]
        rotation=rotation,  # type: ignore[arg-type]
        hinges=hinges,
        role=_name(data, "Role", source) if data.get("Role") is not None else None,
        radius=radius,
    )


def _name(data: Mapping[str, Any], field: str, source: str) -> str:
    value = data.get(field)
    if not isinstance(value, str) or not value:
        raise InputError(f"{source}.{field} is {value!r}; valid: a name")
    return value


def _numbers(data: Mapping[str, Any], field: str, count: int, source: str) -> tuple[float, ...]:
    value = data.get(field)
    valid = f"{count} finite numbers" if count > 1 else "a finite number"
    if not isinstance(value, list) or len(value) != count:
        raise InputError(f"{source}.{field} is {str(value)[:60]}; valid: {valid}")
    for number in value:
        if type(number) not in (int, float) or not abs(number) < 1e9 or not math.isfinite(number):
            raise InputError(f"{source}.{field} is {str(value)[:60]}; valid: {valid}")
    return tuple(float(number) for number in value)


def _unit(data: Mapping[str, Any], field: str, count: int, source: str) -> Sequence[float]:
    value = _numbers(data, field, count, source)
    length = math.sqrt(sum(number * number for number in value))
    if abs(length - 1.0) > _UNIT_TOLERANCE:
        raise InputError(f"{source}.{field} has length {length:.4g}; valid: 1")
    return tuple(number / length for number in value)
