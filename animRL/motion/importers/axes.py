"""Which way is up, which way the character looks, and how long a unit is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from animRL.motion.importers.source import SourceMotion
from animRL.motion.rotations import Array
from animRL.utils.errors import InputError

UNITS = {"m": 1.0, "cm": 0.01, "inch": 0.0254, "mm": 0.001, "CMU unit": 0.0254 / 0.45}
"""Metres of each unit; the CMU motion capture database counts in 1/0.45 inch."""
_METRIC = ("m", "cm", "mm")
_HEIGHTS = (1.1, 2.4)
"""Heights [m] over the joints, from ankle to head, that a person may have."""
_TYPICAL_HEIGHT = 1.55
_SNAP = np.cos(np.radians(25.0))
_SURE = 0.6


@dataclass(frozen=True, eq=False)
class Axes:
    """Rotations (3, 3) from the file's axes: of its world to z up, of the root's frame at rest
    to x forward, y left, z up."""

    world: Array
    body: Array
    report: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...] = ()


def axis_vector(name: str) -> Array:
    """Unit vector (3,) of an axis such as "y" or "-x"."""
    return (-1.0 if name.startswith("-") else 1.0) * np.eye(3)["xyz".index(name[-1])]


def axis_name(vector: Array) -> str:
    """Name of the axis nearest to a vector (3,)."""
    index = int(np.abs(vector).argmax())
    return ("-" if vector[index] < 0.0 else "") + "xyz"[index]


def detect_axes(motion: SourceMotion, roles: Mapping[str, str], forward: str | None) -> Axes:
    """Find the axes that the reader left open, from the legs, the spine, and left and right.

    Args:
        motion: as read.
        roles: name of the joint at each role.
        forward: the user's word for where the character looks at rest.
    """
    evidence = _Evidence(motion, roles)
    report, warnings = [], []
    up, how = _world_up(motion, evidence)
    report.append(("up axis", f"{axis_name(up)} ({how})"))
    body, how, stands = _body_axes(motion, evidence, up, forward)
    report.append(("forward axis", f"{_axis_or_vector(body[0])} at rest ({how})"))
    if not stands:
        report.append(("rest pose", "no standing pose: its axes are those of the bones"))
    toes = evidence.toes_forward(body)
    if toes is not None and toes < -0.3:
        warnings.append(
            "the toes point backwards: left and right may be swapped, or --forward is wrong"
        )
    if stands and np.dot(body[2], up) > _SNAP:
        world = body
    else:
        first = {"x": "y", "y": "z", "z": "x"}[axis_name(up)[-1]]
        world = np.stack([axis_vector(first), np.cross(up, axis_vector(first)), up])
    return Axes(world, body, tuple(report), tuple(warnings))


class _Evidence:
    """Directions of limbs over the motion and at rest."""

    def __init__(self, motion: SourceMotion, roles: Mapping[str, str]) -> None:
        self._index = {role: motion.names.index(name) for role, name in roles.items()}
        self._position, rotation = motion.poses(motion.every())
        self._root = rotation[:, 0]
        self._rest = motion.rest_poses()

    def _difference(self, start: str, end: str) -> tuple[Array, Array] | None:
        """From a role to another: over the motion (T, 3), world, and at rest (3,)."""
        if start not in self._index or end not in self._index:
            return None
        a, b = self._index[start], self._index[end]
        return self._position[:, b] - self._position[:, a], self._rest[b] - self._rest[a]

    def _mean(self, pairs: list[tuple[str, str]], in_root: bool) -> tuple[Array, Array] | None:
        """Mean directions from role to role, of length 1 where all agree: motion, rest."""
        found = [d for pair in pairs if (d := self._difference(*pair)) is not None]
        if not found:
            return None
        moving = np.stack([_unit(moved) for moved, _ in found])
        if in_root:
            moving = np.einsum("tij,...ti->...tj", self._root, moving)
        return moving.mean(axis=(0, 1)), np.stack([_unit(rest) for _, rest in found]).mean(axis=0)

    def legs_up(self) -> tuple[Array, Array] | None:
        """From the ankles to the hips: in the world over the motion, at rest."""
        return self._mean([(f"{s}_ankle", f"{s}_hip") for s in ("left", "right")], False)

    def spine(self) -> tuple[Array, Array] | None:
        """From the pelvis to the upper trunk: in the root's frame over the motion, at rest."""
        ends = [role for role in ("neck", "chest", "spine", "head") if role in self._index]
        return self._mean([("pelvis", ends[0])] if ends else [], True)

    def left(self) -> tuple[Array, Array] | None:
        """From right to left: in the root's frame over the motion, at rest."""
        for role in ("hip", "shoulder", "clavicle"):
            found = self._mean([(f"right_{role}", f"left_{role}")], True)
            if found is not None:
                return found
        return None

    def floor_distance(self, up: Array) -> float:
        """How far from 0 the lowest joint of all frames is along an axis, in the file's unit."""
        return abs(float((self._position @ up).min()))

    def toes_forward(self, body: Array) -> float | None:
        """How much the feet point forward over the motion, 1 to -1; None without toe joints."""
        toes = self._mean([(f"{s}_ankle", f"{s}_toe") for s in ("left", "right")], True)
        return None if toes is None else float(np.dot(body[0], toes[0]))


def _world_up(motion: SourceMotion, evidence: _Evidence) -> tuple[Array, str]:
    """Which way is up, and how that is known.

    The legs point down at rest, and in most motions. Where the two disagree (a lying body, a rest
    pose of other axes than the world's) it is the axis along which the lowest joint is near 0.
    """
    if motion.up is not None:
        return axis_vector(motion.up), "given"
    legs = evidence.legs_up()
    if legs is None:
        return axis_vector(motion.usual_up), "assumed; --up overrides"
    moving, rest = legs
    usual = axis_vector(motion.usual_up), "usual in this format; --up overrides"
    if motion.rest_up is None and np.abs(rest).max() > _SURE:
        usual = axis_vector(axis_name(rest)), "the legs point down at rest"
    if np.abs(moving).max() <= _SURE:
        return usual
    seen = axis_vector(axis_name(moving)), "the legs point down in the motion"
    return min((seen, usual), key=lambda option: evidence.floor_distance(option[0]))


def _body_axes(
    motion: SourceMotion, evidence: _Evidence, up: Array, forward: str | None
) -> tuple[Array, str, bool]:
    """Forward, left and up at rest as rows (3, 3); how they were found; whether it stands."""
    given = forward or motion.rest_forward
    rest_up, stands = _rest_up(motion, evidence, up)
    if given is not None:
        ahead = axis_vector(given)
        if abs(np.dot(ahead, rest_up)) > _SNAP:
            raise InputError(
                f"--forward {given}: the axis that points up at rest; valid: one across it"
            )
        return _frame(ahead, rest_up), "given", stands
    left = evidence.left()
    if left is None:
        ahead = axis_vector("z" if axis_name(rest_up)[-1] == "y" else "x")
        return _frame(ahead, rest_up), "assumed; --forward overrides", stands
    return _frame(np.cross(_snapped(left[0]), rest_up), rest_up), "from left and right", stands


def _rest_up(motion: SourceMotion, evidence: _Evidence, up: Array) -> tuple[Array, bool]:
    """Which way is up in the root's frame, and whether the zero pose stands that way."""
    if motion.rest_up is not None:
        return axis_vector(motion.rest_up), True
    legs, spine, left = evidence.legs_up(), evidence.spine(), evidence.left()
    if legs is None:
        return up, True
    axis = _snapped(legs[1])
    upright = bool(np.abs(axis).max() == 1.0)
    if spine is not None:
        upright = upright and float(np.dot(spine[1], axis)) > -0.3
    if left is not None:
        upright = upright and abs(float(np.dot(left[1], axis))) < 0.5
    if upright:
        return axis, True
    if spine is None:
        return up, False
    return _snapped(spine[0]), False


def _frame(forward: Array, up: Array) -> Array:
    """Rows forward, left, up (3, 3), at right angles; up is kept."""
    up = up / np.linalg.norm(up)
    left = np.cross(up, forward)
    left = left / np.linalg.norm(left)
    return np.stack([np.cross(left, up), left, up])


def _snapped(vector: Array) -> Array:
    """The coordinate axis if the vector lies near one, else its direction."""
    direction = _unit(vector)
    nearest = axis_vector(axis_name(direction))
    return nearest if float(np.dot(nearest, direction)) > _SNAP else direction


def _unit(vectors: Array) -> Array:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def _axis_or_vector(vector: Array) -> str:
    if np.abs(vector).max() > 0.9999:
        return axis_name(vector)
    return "(" + ", ".join(f"{value:.2f}" for value in vector) + ")"


def detect_scale(
    motion: SourceMotion, roles: Mapping[str, str], given: float | None
) -> tuple[float, str, str | None]:
    """Metres of one unit, how that is known, and a warning if it is a guess."""
    if given is not None:
        return given, f"{given:g} m (given)", None
    if motion.scale is not None:
        return motion.scale, f"{motion.scale:g} m (the format's)", None
    height, units = _standing_height(motion, roles), dict(UNITS)
    what = "head joint {:.2f} m over ankles"
    if height is None:
        rest = motion.rest_poses()
        height, units = float(np.ptp(rest, axis=0).max()), {u: UNITS[u] for u in _METRIC}
        what = "{:.2f} m tall or wide"
    if height <= 0.0:
        return 1.0, "1 m (assumed)", "the unit of length is a guess: set --scale [m per unit]"
    fits = {unit: s for unit, s in units.items() if _HEIGHTS[0] <= height * s <= _HEIGHTS[1]}
    unit = min(fits or _METRIC, key=lambda u: abs(np.log(height * UNITS[u] / _TYPICAL_HEIGHT)))
    scale = UNITS[unit]
    if fits:
        return scale, f"{scale:.6g} m ({unit}: {what.format(height * scale)})", None
    return (
        scale,
        f"{scale:.6g} m ({unit}, a guess)",
        f"the skeleton is {height:.4g} units tall, no person's height in any unit: taken as "
        f"{unit}; --scale sets the metres of one unit",
    )


def _standing_height(motion: SourceMotion, roles: Mapping[str, str]) -> float | None:
    """Length of the bones from ankle to hip and from pelvis to head; None without legs."""
    lengths = [float(np.linalg.norm(joint.offset)) for joint in motion.joints]
    parents = motion.parents

    def bones(end: str, start: str) -> float | None:
        """Length of the way from a role up to another; None if it leads elsewhere."""
        if end not in roles or start not in roles:
            return None
        index, top, total = motion.names.index(roles[end]), motion.names.index(roles[start]), 0.0
        while index != top:
            if index < 0:
                return None
            total, index = total + lengths[index], parents[index]
        return total

    leg = bones("left_ankle", "left_hip") or bones("right_ankle", "right_hip")
    trunk = bones("head", "pelvis")
    if leg is not None and trunk is not None:
        return leg + trunk
    if leg is not None:  # the head is about as far above the hips as the ankles are below
        return 2.0 * leg
    return None
