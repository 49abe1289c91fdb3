"""Retargeted motions as CSV, as those made of LAFAN1 are: one frame a row.

A row is: root x y z [m], root rotation qx qy qz qw, then a joint angle [rad] each. A header line
with names may come first; then the columns may stand in any order, and ``time`` [s] or ``frame``
may be among them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from animRL.motion.importers.files import frame_time, is_sound, read_text, unit_quaternions
from animRL.motion.importers.options import ImportOptions
from animRL.motion.importers.robot import AngleMotion
from animRL.motion.rotations import Array
from animRL.utils.errors import InputError

DEFAULT_FPS = 30.0
"""Rate of the published files, which do not state it."""
_ROOT = ("x", "y", "z", "qx", "qy", "qz", "qw")
_PREFIXES = ("root_", "base_", "pos_", "root_pos_", "base_pos_", "quat_", "root_quat_", "rot_",
             "root_rot_", "base_quat_", "")  # fmt: skip
_SYNONYMS = {"translatex": "x", "translatey": "y", "translatez": "z"}
_TIME, _IGNORED = ("time", "t", "timestamp"), ("frame", "index", "frame_id")
_UNEVEN = 0.1


def looks_like_csv(text: str) -> bool:
    """Whether the first lines are rows of at least seven values between commas."""
    lines = [line for line in text.splitlines() if line.strip()][:2]
    if not lines or any(line.count(",") < len(_ROOT) - 1 for line in lines):
        return False
    return all(_is_number(cell) for cell in lines[-1].split(","))


def read_csv(path: Path, options: ImportOptions) -> AngleMotion:
    """Read the rows; which model the joints belong to is decided later.

    Raises:
        InputError: one line naming the file, the line, and what would be valid.
    """
    lines = [
        (number, line)
        for number, line in enumerate(read_text(path).splitlines(), start=1)
        if line.strip()
    ]
    header: list[str] | None = None
    if lines and not any(_is_number(cell) for cell in lines[0][1].split(",")):
        header = [cell.strip().strip('"') for cell in lines.pop(0)[1].split(",")]
    if len(lines) < 2:
        raise InputError(f"{path}: {len(lines)} row(s) of numbers; valid: at least 2")
    values = _values(lines, len(_ROOT) if header is None else len(header), header, path)
    times: Array | None = None
    names: tuple[str, ...] | None = None
    if header is None:
        root, joints = values[:, : len(_ROOT)], values[:, len(_ROOT) :]
    else:
        root, joints, names, times = _by_name(header, values, path)
    dt, note = _frame_time(times, path, options)
    return AngleMotion(
        format="CSV of root and joint angles",
        root_pos=root[:, :3],
        root_quat=unit_quaternions(root[:, 3:7], f"{path}: root rotation, frame "),
        joint_pos=joints,
        joint_names=names,
        dt=dt,
        notes=(note,) if note else (),
    )


def _values(
    lines: list[tuple[int, str]], least: int, header: list[str] | None, path: Path
) -> Array:
    width = len(lines[0][1].split(",")) if header is None else len(header)
    if width < least:
        raise InputError(
            f"{path}: line {lines[0][0]}: {width} columns; valid: x y z qx qy qz qw and the joints"
        )
    rows = []
    for number, line in lines:
        cells = line.split(",")
        if len(cells) != width:
            raise InputError(f"{path}: line {number}: {len(cells)} columns; valid: {width}")
        try:
            row = [float(cell) for cell in cells]
        except ValueError:
            bad = next(cell.strip() for cell in cells if not _is_number(cell))
            raise InputError(f"{path}: line {number}: '{bad[:40]}'; valid: numbers") from None
        sound = is_sound(np.array(row))
        if not sound.all():
            column = int(np.flatnonzero(~sound)[0])
            raise InputError(
                f"{path}: line {number}: column {column + 1} is {row[column]}; valid: finite"
            )
        rows.append(row)
    return np.array(rows)


def _by_name(
    header: list[str], values: Array, path: Path
) -> tuple[Array, Array, tuple[str, ...], Array | None]:
    """Root (T, 7), joints (T, J), their names, and times (T,) where the file has them."""
    root: dict[str, int] = {}
    joints: list[int] = []
    times: Array | None = None
    for column, name in enumerate(header):
        folded = name.lower()
        part = _root_part(folded)
        if part is not None:
            if part in root:
                raise InputError(f"{path}: the header names '{part}' of the root twice")
            root[part] = column
        elif folded in _TIME:
            times = values[:, column]
        elif folded not in _IGNORED:
            joints.append(column)
    missing = [name for name in _ROOT if name not in root]
    if missing:
        raise InputError(
            f"{path}: the header has no column '{missing[0]}' of the root; valid: "
            f"{', '.join(_ROOT)}, with a prefix such as root_ or without"
        )
    names = tuple(header[column] for column in joints)
    return values[:, [root[name] for name in _ROOT]], values[:, joints], names, times


def _root_part(name: str) -> str | None:
    """Which of the root's seven numbers a column's name means, or None."""
    for prefix in _PREFIXES:
        rest = name.removeprefix(prefix) if name.startswith(prefix) else None
        if rest is None:
            continue
        rest = _SYNONYMS.get(rest, rest)
        if any(word in prefix for word in ("quat", "rot")) and rest in ("x", "y", "z", "w"):
            rest = f"q{rest}"
        if rest in _ROOT and not (prefix == "root_" and rest == "w"):
            return rest
    return None


def _frame_time(times: Array | None, path: Path, options: ImportOptions) -> tuple[float, str]:
    if options.fps is not None:
        return frame_time(1.0 / options.fps, "--fps"), ""
    if times is None:
        return 1.0 / DEFAULT_FPS, f"{DEFAULT_FPS:g} frames a second assumed; --fps overrides"
    steps = np.diff(times)
    dt = frame_time(float(np.median(steps)), f"{path}: time")
    if np.abs(steps - dt).max() > _UNEVEN * dt:
        row = int(np.abs(steps - dt).argmax())
        raise InputError(
            f"{path}: time steps by {steps[row]:.4g} s after frame {row}, elsewhere {dt:.4g} s; "
            "valid: even steps, or --fps RATE"
        )
    return dt, ""


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
