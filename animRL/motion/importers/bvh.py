"""BVH files (Biovision hierarchy): any skeleton, any order of channels, angles in degrees."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from animRL.motion.importers.files import frame_time, is_sound, read_text
from animRL.motion.importers.options import ImportOptions
from animRL.motion.importers.source import SourceJoint, SourceMotion
from animRL.motion.rotations import Array, matrix_about_coordinate
from animRL.utils.errors import InputError

_CHANNELS = tuple(f"{axis}{kind}" for kind in ("position", "rotation") for axis in "xyz")
_MAX_JOINTS = 500
# How far, of its bone's length, a joint's position may wander to count as one that stays.
_STRETCH = 1e-3


@dataclass
class _Joint:
    """One joint as the hierarchy states it; channels are numbers 0 to 5 of `_CHANNELS`."""

    name: str
    parent: int
    line: int
    offset: list[float] | None = None
    channels: list[int] = field(default_factory=list)
    is_end: bool = False


def read_bvh(path: Path, options: ImportOptions) -> SourceMotion:
    """Read a BVH file; units and axes stay open, to be detected.

    Raises:
        InputError: one line naming the file, the line, and what would be valid.
    """
    lines = read_text(path).splitlines()
    joints, start = _hierarchy(lines, path)
    width = sum(len(joint.channels) for joint in joints)
    if width == 0:
        raise InputError(f"{path}: no joint has CHANNELS; valid: at least the root's")
    dt, start, count = _motion_header(lines, start, path)
    values = _values(lines, start, (count, width), path)
    if options.fps is not None:
        dt = 1.0 / options.fps
    turns, positions = _channel_values(joints, values)
    offsets, notes, warnings = _offsets(joints, positions)
    root_pos = positions.get(0)
    if root_pos is None:
        root_pos = np.tile(np.array(joints[0].offset), (count, 1))
        warnings.append("the root has no position channels: the body stays in one place")
    return SourceMotion(
        format="BVH",
        name=path.stem,
        joints=tuple(
            SourceJoint(joint.name, joint.parent, offset, _hinges(joint))
            for joint, offset in zip(joints, offsets, strict=True)
        ),
        turns=turns,
        angles=np.zeros((count, 0)),
        root_pos=root_pos,
        dt=dt,
        notes=tuple(notes),
        warnings=tuple(warnings),
    )


def _hinges(joint: _Joint) -> tuple[()] | None:
    """None for a ball joint; a joint that never turns is fixed."""
    turning = any(channel >= 3 for channel in joint.channels)
    return None if turning or joint.parent < 0 else ()


def _hierarchy(lines: list[str], path: Path) -> tuple[list[_Joint], int]:
    """The joints, and the number of the line after MOTION."""
    joints: list[_Joint] = []
    open_joints: list[int] = []
    pending: int | None = None
    for number, line in enumerate(lines, start=1):
        for part in re.findall(r"[{}]|[^{}]+", line):
            words = part.split()
            if not words:
                continue
            key, where = words[0].upper(), f"{path}: line {number}"
            if key == "MOTION":
                if open_joints or pending is not None or not joints:
                    raise InputError(f"{where}: MOTION before the hierarchy is closed by }}")
                _check_hierarchy(joints, path)
                return joints, number
            if key == "{":
                if pending is None:
                    raise InputError(f"{where}: a {{ that follows no ROOT, JOINT or End Site")
                open_joints.append(pending)
                pending = None
            elif key == "}":
                if not open_joints:
                    raise InputError(f"{where}: a }} without a {{")
                open_joints.pop()
            elif key in ("ROOT", "JOINT", "END"):
                if pending is not None:
                    raise InputError(f"{where}: {words[0]} where a {{ is needed")
                pending = len(joints)
                joints.append(_new_joint(key, words, joints, open_joints, where))
            elif key != "HIERARCHY":
                _read_field(joints[open_joints[-1]] if open_joints else None, words, where)
    raise InputError(f"{path}: cut short: no MOTION after {len(lines)} lines")


def _new_joint(
    key: str, words: list[str], joints: list[_Joint], open_joints: list[int], where: str
) -> _Joint:
    line = int(where.rsplit(" ", 1)[1])
    if key == "ROOT" and joints:
        raise InputError(f"{where}: a second ROOT; valid: one skeleton a file")
    if key != "ROOT" and not open_joints:
        raise InputError(f"{where}: {words[0]} outside of a ROOT")
    if len(joints) >= _MAX_JOINTS:
        raise InputError(f"{where}: more than {_MAX_JOINTS} joints")
    parent = open_joints[-1] if open_joints else -1
    if key == "END":
        base = f"{joints[parent].name}_end"
        taken = {joint.name for joint in joints}
        tries = (base, *(f"{base}{i}" for i in range(2, len(joints) + 3)))
        return _Joint(next(n for n in tries if n not in taken), parent, line, is_end=True)
    name = " ".join(words[1:])
    if not name:
        raise InputError(f"{where}: {words[0]} without a name")
    if name in {joint.name for joint in joints}:
        raise InputError(f"{where}: a second joint named '{name}'; valid: each name once")
    return _Joint(name, parent, line)


def _read_field(joint: _Joint | None, words: list[str], where: str) -> None:
    key = words[0].upper()
    if joint is None or key not in ("OFFSET", "CHANNELS"):
        raise InputError(f"{where}: '{words[0][:40]}'; valid: OFFSET, CHANNELS, JOINT, End Site")
    if key == "OFFSET":
        try:
            offset = [float(word) for word in words[1:]]
        except ValueError:
            offset = []
        if len(offset) != 3 or not is_sound(np.array(offset)).all():
            raise InputError(f"{where}: '{' '.join(words)[:60]}'; valid: OFFSET and three numbers")
        joint.offset = offset
        return
    names = [word.lower() for word in words[2:]]
    if not (len(words) > 1 and words[1].isdigit() and int(words[1]) == len(names)):
        raise InputError(f"{where}: CHANNELS gives another number of channels than it names")
    for name in names:
        if name not in _CHANNELS or names.count(name) > 1:
            raise InputError(
                f"{where}: channel '{name[:40]}'; valid, each once: {', '.join(_CHANNELS)}"
            )
    joint.channels = [_CHANNELS.index(name) for name in names]


def _check_hierarchy(joints: list[_Joint], path: Path) -> None:
    for joint in joints:
        if joint.offset is None:
            raise InputError(f"{path}: line {joint.line}: '{joint.name}' has no OFFSET")
        places = [channel for channel in joint.channels if channel < 3]
        if places and len(places) != 3:
            raise InputError(
                f"{path}: line {joint.line}: '{joint.name}' has {len(places)} position channels; "
                "valid: none or all three"
            )


def _motion_header(lines: list[str], start: int, path: Path) -> tuple[float, int, int]:
    """Frame time [s], number of the first line with frames, number of frames."""
    found: dict[str, str] = {}
    number = start
    for number in range(start, len(lines)):
        match = re.match(r"\s*(frames|frame\s+time)\s*:\s*(\S+)\s*$", lines[number], re.IGNORECASE)
        if match:
            found[" ".join(match.group(1).lower().split())] = match.group(2)
        elif lines[number].strip():
            break
    else:
        number = len(lines)
    try:
        count, dt = int(found["frames"]), float(found["frame time"])
    except KeyError as error:
        raise InputError(
            f"{path}: line {min(number, len(lines) - 1) + 1}: no '{error.args[0].title()}:' "
            "after MOTION"
        ) from None
    except ValueError:
        raise InputError(
            f"{path}: line {start + 1}: Frames: {found['frames'][:40]}, Frame Time: "
            f"{found['frame time'][:40]}; valid: a whole number and seconds"
        ) from None
    if count < 2:
        raise InputError(f"{path}: line {start + 1}: Frames: {count}; valid: at least 2")
    return frame_time(dt, f"{path}: line {start + 2}: Frame Time"), number, count


def _values(lines: list[str], start: int, shape: tuple[int, int], path: Path) -> Array:
    rows, numbers = [], []
    for number in range(start, len(lines)):
        words = lines[number].split()
        if not words:
            continue
        if len(words) != shape[1]:
            raise InputError(
                f"{path}: line {number + 1}: {len(words)} numbers; valid: {shape[1]}, one for "
                "each channel"
            )
        rows.append(words)
        numbers.append(number + 1)
    if len(rows) != shape[0]:
        raise InputError(
            f"{path}: line {len(lines)}: {len(rows)} frames where Frames says {shape[0]}; "
            "cut short, or a wrong number"
        )
    try:
        values = np.array(rows, dtype=np.float64)
        bad = np.argwhere(~is_sound(values))
    except ValueError:
        bad = np.array([[i, j] for i, row in enumerate(rows) for j, w in enumerate(row) if _odd(w)])
    if len(bad):
        row, column = bad[0]
        raise InputError(
            f"{path}: line {numbers[row]}: channel {column + 1} is '{rows[row][column][:40]}'; "
            "valid: finite numbers"
        )
    return values


def _odd(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return True
    return False


def _channel_values(joints: list[_Joint], values: Array) -> tuple[Array, dict[int, Array]]:
    """Rotations (T, B, 3, 3), and positions (T, 3) of the joints that have them."""
    turns = np.tile(np.eye(3), (len(values), len(joints), 1, 1))
    positions: dict[int, Array] = {}
    column = 0
    for index, joint in enumerate(joints):
        for channel in joint.channels:
            numbers = values[:, column]
            column += 1
            if channel < 3:
                place = positions.setdefault(index, np.empty((len(values), 3)))
                place[:, channel] = numbers
            else:
                turn = matrix_about_coordinate(channel - 3, np.radians(numbers))
                turns[:, index] = turns[:, index] @ turn
    return turns, positions


def _offsets(
    joints: list[_Joint], positions: dict[int, Array]
) -> tuple[list[Array], list[str], list[str]]:
    """Offsets (3,) of the joints, with notes and warnings on position channels.

    Programs differ in whether position channels replace the offset or add to it; what the joints
    other than the root hold tells which.
    """
    offsets = [np.array(joint.offset) for joint in joints]
    inner = {index: place for index, place in positions.items() if index}
    if not inner:
        return offsets, [], []
    means = {index: place.mean(axis=0) for index, place in inner.items()}
    replace = sum(float(np.linalg.norm(means[i] - offsets[i])) for i in inner)
    add = sum(float(np.linalg.norm(means[i])) for i in inner)
    notes, warnings = [], []
    adds = add < replace
    notes.append(f"{len(inner)} joints have positions, which {'add to' if adds else 'replace'} "
                 "their offsets")  # fmt: skip
    moved = {}
    for index, place in inner.items():
        offsets[index] = means[index] + (offsets[index] if adds else 0.0)
        length = max(float(np.linalg.norm(offsets[index])), 1e-9)
        moved[index] = float(np.ptp(place, axis=0).max()) / length
    if adds and 0 in positions:
        positions[0] = positions[0] + offsets[0]
    worst = max(moved, key=lambda index: moved[index])
    if moved[worst] > _STRETCH:
        warnings.append(
            f"the bone to '{joints[worst].name}' changes its length or place by "
            f"{100.0 * moved[worst]:.1f} %: its mean is used"
        )
    return offsets, notes, warnings
