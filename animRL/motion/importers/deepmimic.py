"""Motions and characters of the DeepMimic release (Peng et al. 2018): JSON, y up, x forward."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from animRL.dataloader.skeleton import Hinge
from animRL.motion.importers.files import (
    LARGEST,
    frame_time,
    read_json,
    require_finite,
    require_keys,
    unit_quaternions,
)
from animRL.motion.importers.options import ImportOptions
from animRL.motion.importers.source import SourceJoint, SourceMotion, resampled
from animRL.motion.rotations import Array, matrix_about_coordinate, to_matrix
from animRL.utils.errors import InputError

# Numbers in a frame for each type of joint; a revolute joint turns about its z axis.
_WIDTHS = {"spherical": 4, "revolute": 1, "fixed": 0}
# Clips of the release were blended without normalising: lengths of 0.90 to 1.12 occur in them.
_LENGTH_TOLERANCE = 0.25
_LENGTH_WARNING = 0.02
_LOOPS = {"wrap": True, "none": False}


def is_deepmimic(data: dict[str, Any]) -> bool:
    """Whether a JSON object looks like such a motion: frames without names or a duration."""
    return "Frames" in data and "JointNames" not in data and "FrameDuration" not in data


def read_deepmimic(path: Path, options: ImportOptions) -> SourceMotion:
    """Read a motion and the skeleton of its character.

    A frame is: its duration [s], root position 3, root rotation 4 (w first), then for each joint
    in the character's order 4, 1 or 0 numbers. The last frame's duration is no part of the motion.

    Raises:
        InputError: one line naming the file and frame, or that the character's file is needed.
    """
    data = read_json(path)
    skeleton = _skeleton_file(path, options)
    joints = read_character(skeleton)
    widths = [0 if joint.hinges == () else 4 if joint.hinges is None else 1 for joint in joints[1:]]
    rows = _rows(data, 8 + sum(widths), path, skeleton)
    loop = data.get("Loop")
    if loop is not None and loop not in _LOOPS:
        raise InputError(f"{path}: Loop is {str(loop)[:40]!r}; valid: {', '.join(_LOOPS)}")
    turns = np.tile(np.eye(3), (len(rows), len(joints), 1, 1))
    quats = {"root rotation": rows[:, 4:8]}
    angles, column = [], 8
    for index, width in enumerate(widths, start=1):
        if width == 4:
            quats[joints[index].name] = rows[:, column : column + 4]
        elif width == 1:
            angles.append(rows[:, column])
        column += width
    balls = [0, *(i for i, width in enumerate(widths, start=1) if width == 4)]
    for index, (name, wxyz) in zip(balls, quats.items(), strict=True):
        turns[:, index] = _rotations(wxyz, f"{path}: {name}, frame ")
    motion = SourceMotion(
        format="DeepMimic motion",
        name=skeleton.stem,
        joints=joints,
        turns=turns,
        angles=np.stack(angles, axis=1) if angles else np.zeros((len(rows), 0)),
        root_pos=rows[:, 1:4],
        dt=1.0,
        up="y",
        rest_up="y",
        rest_forward="x",
        scale=1.0,
        loop=None if loop is None else _LOOPS[loop],
        notes=(f"skeleton of {skeleton}",),
        warnings=_uneven_lengths(quats),
    )
    return _timed(motion, rows[:, 0], path, options)


def read_character(path: Path) -> tuple[SourceJoint, ...]:
    """The joints of a DeepMimic character file."""
    data = read_json(path)
    skeleton = data.get("Skeleton")
    rows = skeleton.get("Joints") if isinstance(skeleton, dict) else None
    if not isinstance(rows, list) or not rows or not all(isinstance(r, dict) for r in rows):
        raise InputError(f"{path}: no Skeleton.Joints; valid: a DeepMimic character file")
    return tuple(_joint(row, index, path) for index, row in enumerate(rows))


def _joint(row: dict[str, Any], index: int, path: Path) -> SourceJoint:
    where = f"{path}: Joints[{index}]"
    require_keys(row, ("Name", "Type", "Parent"), path)
    parent, kind = row["Parent"], row["Type"]
    if type(parent) is not int or not (parent == -1 if index == 0 else 0 <= parent < index):
        raise InputError(f"{where}.Parent is {parent!r}; valid: a joint before it, the root -1")
    if index and kind not in _WIDTHS:
        raise InputError(f"{where}.Type is {kind!r}; valid: {', '.join(_WIDTHS)}")
    attach = [row.get(f"Attach{part}{axis}", 0.0) for part in ("", "Theta") for axis in "XYZ"]
    for value in attach:
        if type(value) not in (int, float) or not abs(value) < LARGEST:
            raise InputError(f"{where}: attachment {value!r}; valid: finite numbers")
    x, y, z = (matrix_about_coordinate(axis, np.array(attach[3 + axis])) for axis in range(3))
    hinges: tuple[Hinge, ...] | None = None
    if kind == "revolute":
        hinges = (Hinge(str(row["Name"]), (0.0, 0.0, 1.0)),)
    elif kind == "fixed":
        hinges = ()
    return SourceJoint(
        name=str(row["Name"]),
        parent=parent,
        offset=np.array(attach[:3]) if index else np.zeros(3),  # the root's is a place to start
        hinges=hinges,
        rest=(z @ y @ x) if index else np.eye(3),
    )


def _skeleton_file(path: Path, options: ImportOptions) -> Path:
    if options.skeleton is not None:
        return options.skeleton
    name = path.stem.split("_")[0] + ".txt"
    places = [path.parent.parent / "characters" / name, path.parent / name]
    for place in places:
        if place.is_file() and place.resolve() != path.resolve():
            return place
    raise InputError(
        f"{path}: a DeepMimic motion needs its character's file for the skeleton; "
        f"valid: --skeleton FILE, or one of {', '.join(map(str, places))}"
    )


def _rows(data: dict[str, Any], width: int, path: Path, skeleton: Path) -> Array:
    rows = data.get("Frames")
    if not isinstance(rows, list) or len(rows) < 2:
        count = len(rows) if isinstance(rows, list) else "no"
        raise InputError(f"{path}: Frames has {count} frame(s); valid: a list of at least 2")
    for index, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != width:
            count = len(row) if isinstance(row, list) else "no"
            raise InputError(
                f"{path}: Frames[{index}] has {count} numbers; valid: {width} for {skeleton}"
            )
        if not all(type(value) in (int, float) for value in row):
            raise InputError(f"{path}: Frames[{index}] holds something that is not a number")
    try:
        values = np.array(rows, dtype=np.float64)
    except OverflowError:
        raise InputError(f"{path}: Frames holds a number too large to be one") from None
    require_finite(values, f"{path}: Frames")
    return values


def _rotations(wxyz: Array, where: str) -> Array:
    xyzw = np.roll(wxyz, -1, axis=1)
    return to_matrix(unit_quaternions(xyzw, where, "w x y z", _LENGTH_TOLERANCE))


def _uneven_lengths(quats: dict[str, Array]) -> tuple[str, ...]:
    """A warning with the place where a quaternion is farthest from unit length, if it is far."""
    lengths = np.stack([np.linalg.norm(quat, axis=1) for quat in quats.values()])
    index, frame = np.unravel_index(np.abs(lengths - 1.0).argmax(), lengths.shape)
    if abs(lengths[index, frame] - 1.0) <= _LENGTH_WARNING:
        return ()
    name = list(quats)[index]
    return (
        f"quaternions are not of unit length, {name} in frame {frame} is "
        f"{lengths[index, frame]:.3f} long: normalised",
    )


def _timed(
    motion: SourceMotion, durations: Array, path: Path, options: ImportOptions
) -> SourceMotion:
    """Give the motion its frame time; frames of varying duration are resampled."""
    steps = durations[:-1]
    if options.fps is not None:
        return replace(motion, dt=1.0 / options.fps)
    for index in np.flatnonzero((steps <= 0.0) | (steps > 1.0))[:1]:
        frame_time(float(steps[index]), f"{path}: Frames[{index}][0]")
    dt = float(np.median(steps))
    motion = replace(motion, dt=dt)
    # Durations are rounded in the release (0.016666); a thousandth is no change of rate.
    if np.abs(steps - dt).max() <= 1e-3 * dt:
        return motion
    note = f"frames last {steps.min():.4g} to {steps.max():.4g} s: resampled to {dt:.4g} s"
    times = np.concatenate([[0.0], np.cumsum(steps)])
    return replace(resampled(motion, times), notes=(*motion.notes, note))
