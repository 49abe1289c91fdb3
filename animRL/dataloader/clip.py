"""One motion clip: a validated file of the format in which animRL stores motions."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from animRL.dataloader.frame_layout import FrameLayout
from animRL.dataloader.skeleton import Skeleton
from animRL.utils.errors import InputError
from animRL.utils.files import replacing
from animRL.utils.input_files import read_json

# A joint angle beyond two full turns is a unit error, not a pose: 4 pi rad, or 12.6 degrees.
MAX_JOINT_ANGLE = 4.0 * np.pi
# No position [m] or velocity of a motion is so large; in single precision it would be useless.
MAX_NUMBER = 1e6
MIN_FRAME_DURATION = 1e-5
# Stored rotations are rounded; farther from unit length than this they are no rotations.
QUATERNION_NORM_TOLERANCE = 0.02


@dataclass(frozen=True)
class Clip:
    """A motion as read from a file.

    ``frames`` is (T, D) float64 with the columns of ``FrameLayout``; ``frame_duration`` is in
    seconds; ``loop`` is the file's word (None: it says nothing); ``skeleton`` is the one that an
    imported clip moves (None: the joints are a character's own).
    """

    frames: np.ndarray
    frame_duration: float
    joint_names: tuple[str, ...]
    end_effector_names: tuple[str, ...]
    motion_weight: float = 1.0
    loop: bool | None = None
    source: str = "<memory>"
    skeleton: Skeleton | None = None

    @property
    def layout(self) -> FrameLayout:
        """Columns of a frame."""
        return FrameLayout(len(self.joint_names), len(self.end_effector_names))

    @property
    def duration(self) -> float:
        """Length in seconds: (T - 1) x frame duration."""
        return (len(self.frames) - 1) * self.frame_duration


def load_clip(path: str | Path) -> Clip:
    """Read and validate a motion file.

    Raises:
        InputError: one line naming the file, the field and what would be valid.
    """
    path = Path(path)
    return clip_from_data(read_clip_data(path), path)


def clip_from_data(data: dict[str, Any], path: str | Path) -> Clip:
    """Validate the fields of a motion file, however they were come by; ``path`` is for messages.

    Raises:
        InputError: one line naming the file, the field and what would be valid.
    """
    path = Path(path)
    joint_names = _names(data, "JointNames", path)
    end_effector_names = _names(data, "EndEffectorNames", path)
    duration = _number(data, "FrameDuration", path)
    if not MIN_FRAME_DURATION <= duration <= 1.0:
        raise InputError(
            f"{path}: FrameDuration is {duration}; valid: seconds from {MIN_FRAME_DURATION:g} to 1"
        )
    weight = _number(data, "MotionWeight", path, default=1.0)
    if not 0.0 < weight <= MAX_NUMBER:
        raise InputError(
            f"{path}: MotionWeight is {weight}; valid: a number above 0, at most {MAX_NUMBER:g}"
        )
    loop = data.get("Loop")
    if loop is not None and not isinstance(loop, bool):
        raise InputError(f"{path}: Loop is {loop!r:.60}; valid: true or false")
    if data.get("OutputMode", "ISAAC") != "ISAAC":
        raise InputError(f"{path}: OutputMode is {data['OutputMode']!r:.60}; valid: 'ISAAC'")
    frames = _frames(data, FrameLayout(len(joint_names), len(end_effector_names)), path)
    clip = Clip(
        frames, duration, joint_names, end_effector_names, weight, loop, str(path),
        _skeleton(data, joint_names, path),
    )  # fmt: skip
    return _checked_values(clip)


def save_clip(clip: Clip, path: str | Path) -> None:
    """Write a clip to a file, complete or not at all; one frame a line, to be read by people.

    Raises:
        InputError: if it cannot be written.
    """
    header: dict[str, Any] = {
        "FrameDuration": clip.frame_duration,
        "MotionWeight": clip.motion_weight,
        "OutputMode": "ISAAC",
        "EndEffectorNames": list(clip.end_effector_names),
        "JointNames": list(clip.joint_names),
    }
    if clip.loop is not None:
        header["Loop"] = clip.loop
    rows = ",\n".join(json.dumps([round(float(v), 6) for v in frame]) for frame in clip.frames)
    text = json.dumps(header, indent=1)[:-2] + _skeleton_text(clip.skeleton)
    text += ',\n "Frames": [\n' + rows + "\n]\n}\n"
    with replacing(Path(path)) as stream:
        stream.write(text.encode())


def _skeleton_text(skeleton: Skeleton | None) -> str:
    """The skeleton's part of a file, one joint a line."""
    if skeleton is None:
        return ""
    data = skeleton.to_dict()
    rows = ",\n".join("  " + json.dumps(joint) for joint in data["Joints"])
    name = json.dumps(data["Name"])
    return f',\n "Skeleton": {{"Name": {name}, "Joints": [\n{rows}\n ]}}'


def permuted_to(
    clip: Clip, joint_names: Sequence[str], end_effector_names: Sequence[str] | None = None
) -> Clip:
    """Return the clip with its joints (and end effectors) in the order of the given names.

    Raises:
        InputError: if the clip's names are not the same set.
    """
    joints = _permutation(clip, "JointNames", clip.joint_names, joint_names)
    wanted = clip.end_effector_names if end_effector_names is None else end_effector_names
    ends = _permutation(clip, "EndEffectorNames", clip.end_effector_names, wanted)
    triples = np.concatenate([np.arange(3 * e, 3 * e + 3) for e in ends] or [np.arange(0)])
    layout, frames = clip.layout, clip.frames.copy()
    for columns, order in (
        (layout.joint_pos, joints),
        (layout.joint_vel, joints),
        (layout.ee_pos, triples.astype(int)),
        (layout.ee_vel, triples.astype(int)),
    ):
        frames[:, columns] = clip.frames[:, columns][:, order]
    return replace(
        clip, frames=frames, joint_names=tuple(joint_names), end_effector_names=tuple(wanted)
    )


def _permutation(clip: Clip, field: str, have: Sequence[str], want: Sequence[str]) -> list[int]:
    if set(have) != set(want):
        missing, extra = sorted(set(want) - set(have)), sorted(set(have) - set(want))
        parts = [f"missing {', '.join(missing)}"] if missing else []
        parts += [f"unknown {', '.join(extra)}"] if extra else []
        raise InputError(f"{clip.source}: {field}: {'; '.join(parts)}; valid: {', '.join(want)}")
    return [list(have).index(name) for name in want]


def read_clip_data(path: Path) -> dict[str, Any]:
    """Read the JSON object that a motion file holds; its fields are not looked at.

    Raises:
        InputError: if there is no such file or it holds no JSON object.
    """
    data = read_json(path, "a JSON motion file")
    if not isinstance(data, dict):
        raise InputError(f"{path}: a JSON {type(data).__name__}; valid: an object with Frames")
    return data


def _field(data: dict[str, Any], name: str, path: Path) -> Any:
    if name not in data:
        raise InputError(f"{path}: field {name} is missing; present: {', '.join(sorted(data))}")
    return data[name]


def _number(data: dict[str, Any], name: str, path: Path, default: float | None = None) -> float:
    value = data.get(name, default) if default is not None else _field(data, name, path)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not _is_finite(value):
        raise InputError(f"{path}: {name} is {str(value)[:40]!r}; valid: a finite number")
    return float(value)


def _is_finite(value: float) -> bool:
    """Whether a number of any size fits a float."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _names(data: dict[str, Any], name: str, path: Path) -> tuple[str, ...]:
    value = _field(data, name, path)
    if not isinstance(value, list) or not all(isinstance(n, str) and n for n in value):
        raise InputError(f"{path}: {name} is not a list of names")
    twice = sorted({n for n in value if value.count(n) > 1})
    if twice:
        raise InputError(f"{path}: {name} names {', '.join(twice)} more than once")
    return tuple(value)


def _skeleton(data: dict[str, Any], joint_names: tuple[str, ...], path: Path) -> Skeleton | None:
    if data.get("Skeleton") is None:
        return None
    skeleton = Skeleton.from_dict(data["Skeleton"], f"{path}: Skeleton")
    if odd := sorted(set(skeleton.hinge_names) ^ set(joint_names)):
        raise InputError(
            f"{path}: Skeleton has other hinges than JointNames ('{odd[0]}' is in one alone); "
            "valid: the same names in both"
        )
    return skeleton


def _frames(data: dict[str, Any], layout: FrameLayout, path: Path) -> np.ndarray:
    rows = _field(data, "Frames", path)
    if not isinstance(rows, list) or len(rows) < 2:
        count = len(rows) if isinstance(rows, list) else "no"
        raise InputError(f"{path}: Frames has {count} frame(s); valid: a list of at least 2")
    for index, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != layout.width:
            count = len(row) if isinstance(row, list) else "no"
            raise InputError(
                f"{path}: Frames[{index}] has {count} columns; valid: {layout.width} for "
                f"{layout.num_joints} joints and {layout.num_end_effectors} end effectors"
            )
        if not all(type(value) in (int, float) for value in row):
            raise InputError(f"{path}: Frames[{index}] holds something that is not a number")
        for column, value in enumerate(row):
            if not (_is_finite(value) and abs(value) <= MAX_NUMBER):
                text = str(value)[:40]
                raise InputError(
                    f"{path}: Frames[{index}][{column}] is {text}; valid: finite numbers up to "
                    f"{MAX_NUMBER:g}"
                )
    return np.asarray(rows, dtype=np.float64)


def _checked_values(clip: Clip) -> Clip:
    """Refuse frames whose numbers cannot be what their columns say; normalise the rotations."""
    layout, frames = clip.layout, clip.frames.copy()
    norms = np.linalg.norm(frames[:, layout.root_rot], axis=1)
    bad = np.flatnonzero(np.abs(norms - 1.0) > QUATERNION_NORM_TOLERANCE)
    if len(bad):
        raise InputError(
            f"{clip.source}: Frames[{bad[0]}] root rotation has length {norms[bad[0]]:.4g}; "
            "valid: unit quaternions xyzw in columns 3 to 6"
        )
    frames[:, layout.root_rot] /= norms[:, None]
    angles = np.abs(frames[:, layout.joint_pos])
    if angles.size and angles.max() > MAX_JOINT_ANGLE:
        row, joint = np.unravel_index(angles.argmax(), angles.shape)
        raise InputError(
            f"{clip.source}: Frames[{row}] {clip.joint_names[joint]} is "
            f"{frames[row, layout.joint_pos][joint]:.4g}; valid: radians (are these degrees?)"
        )
    return replace(clip, frames=frames)
