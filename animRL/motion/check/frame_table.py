"""Frames as a table of numbers, whatever a file holds in their place."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from animRL.dataloader.frame_layout import FrameLayout
from animRL.motion.rotations import Array


def column_name(layout: FrameLayout, joints: list[str], column: int) -> str:
    """What a column of a frame holds, in words."""
    fields = (
        "root_pos", "root_rot", "joint_pos", "ee_pos", "root_lin_vel", "root_ang_vel", "joint_vel",
        "ee_vel",
    )  # fmt: skip
    field = next(f for f in fields if column < getattr(layout, f).stop)
    place = column - getattr(layout, field).start
    if field in ("joint_pos", "joint_vel"):
        return joints[place] + (" velocity" if field == "joint_vel" else "")
    return f"{field} {place}"


def rotation_shift(table: Array) -> int | None:
    """How many columns stand before the root's, by where unit quaternions are found."""
    for shift in range(max(1, table.shape[1] - 6)):
        norms = np.linalg.norm(table[:, shift + 3 : shift + 7], axis=1)
        if len(norms) and np.nanmax(np.abs(norms - 1.0)) < 0.02 and shift < 4:
            return shift
    return None


def array(rows: list[list[Any]], width: int) -> Array:
    """Rows as (T, width) floats; nan for what is no number, and for what a row lacks."""
    table = np.full((len(rows), width), np.nan)
    for index, row in enumerate(rows):
        values = [float(v) if is_number(v) else float("nan") for v in row[:width]]
        table[index, : len(values)] = values
    return table


def interpolated(table: Array, bad: NDArray[np.bool_]) -> Array:
    """The table with each column's bad entries on the line between the good ones around them."""
    table, index = table.copy(), np.arange(len(table))
    for column in np.flatnonzero(bad.any(axis=0)):
        good = ~bad[:, column]
        known = table[good, column]
        table[:, column] = np.interp(index, index[good], known) if len(known) else 0.0
    return table


def is_number(value: Any) -> bool:
    """Whether a value is a number that fits a float (nan and inf do)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        float(value)
    except OverflowError:
        return False
    return True


def names_fault(names: Any) -> str:
    """What is wrong with a list of names, or nothing."""
    if not isinstance(names, list) or not all(isinstance(n, str) and n for n in names):
        return "is missing or no list of names"
    twice = next((name for name in names if names.count(name) > 1), None)
    return "" if twice is None else f"names '{twice[:40]}' twice"
