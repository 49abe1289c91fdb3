"""The states that pictures are made of: root and joints of one character over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from animRL.utils.errors import InputError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Pose:
    """One state: root_pos (3,) world [m], root_quat (4,) xyzw, joint_pos (J,) [rad]."""

    root_pos: Array
    root_quat: Array
    joint_pos: Array

    def moved(self, offset: Array) -> Pose:
        """Return the same pose with its root moved by offset (3,) [m]."""
        return Pose(self.root_pos + offset, self.root_quat, self.joint_pos)


@dataclass(frozen=True)
class Poses:
    """T states: root_pos (T, 3) world [m], root_quat (T, 4) xyzw, joint_pos (T, J) [rad].

    Takes NumPy arrays or torch tensors on any device and keeps float64 copies. A state that is
    not finite (a world that blew up) shows the last finite one instead.

    Raises:
        InputError: if the shapes do not fit together, or no state is finite.
    """

    root_pos: Array
    root_quat: Array
    joint_pos: Array

    def __post_init__(self) -> None:
        columns = {"root_pos": 3, "root_quat": 4, "joint_pos": None}
        arrays = {name: _to_numpy(getattr(self, name)) for name in columns}
        length = arrays["root_pos"].shape[0] if arrays["root_pos"].ndim else 0
        for name, width in columns.items():
            shape = arrays[name].shape
            if len(shape) != 2 or shape[0] != length or (width and shape[1] != width):
                valid = f"({length}, {width or 'J'})"
                raise InputError(f"poses: {name} has shape {shape}, must be {valid}")
        rows = _last_finite_rows(np.concatenate(list(arrays.values()), axis=1))
        for name, array in arrays.items():
            object.__setattr__(self, name, array[rows])

    @classmethod
    def of(cls, root_pos: Any, root_quat: Any, joint_pos: Any) -> Poses:
        """The same of anything that holds numbers, such as tensors."""
        return cls(root_pos, root_quat, joint_pos)

    def __len__(self) -> int:
        return len(self.root_pos)

    def __getitem__(self, index: int) -> Pose:
        return Pose(self.root_pos[index], self.root_quat[index], self.joint_pos[index])


def _to_numpy(values: Any) -> Array:
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    return np.array(values, dtype=np.float64)


def _last_finite_rows(values: Array) -> NDArray[np.int64]:
    """For each row (T,) the index of the last finite row up to it (the first finite, before)."""
    finite = np.isfinite(values).all(axis=1)
    if not finite.any():
        raise InputError("poses: there is no state with finite numbers")
    rows = np.maximum.accumulate(np.where(finite, np.arange(len(values)), -1))
    return np.where(rows < 0, int(np.argmax(finite)), rows)
