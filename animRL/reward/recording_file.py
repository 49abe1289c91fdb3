"""Recorded steps of a task as they stand in a file: read and checked, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from animRL.dataloader.frame_layout import FrameLayout
from animRL.utils.errors import InputError
from animRL.utils.input_files import read_json

KEYS = (
    "env_origins",
    "root_states",
    "base_quat",
    "base_lin_vel",
    "base_ang_vel",
    "dof_pos",
    "dof_vel",
    "ee_global",
    "ee_local",
    "phase",
    "reset_phase",
    "target_frames",
    "reset_frames",
    "joint_targets_rate",
)
ANCHORED = "anchored"
UNIT_NORM_TOLERANCE = 0.01  # frames between two poses may be chords; a wrong column is far off
_VALID = "a list with one object for each step"


def read_recording(path: Path) -> tuple[dict[str, np.ndarray], bool]:
    """Read a recording's arrays (T, N, ...), float32, by key, and whether it is anchored.

    Raises:
        InputError: not a recording, with file, step, key and what would be valid.
    """
    steps = _read_steps(path)
    arrays = [_step_arrays(step, f"{path}: step {t}") for t, step in enumerate(steps)]
    shapes = _expected_shapes(arrays[0], f"{path}: step 0")
    for t, step in enumerate(arrays):
        for key in KEYS:
            _check_array(step[key], shapes[key], f"{path}: step {t}: {key}")
        arrays[t] = _with_unit_rotations(step, f"{path}: step {t}")
    flags = {_flag(step, f"{path}: step {t}") for t, step in enumerate(steps)}
    if len(flags) > 1:
        raise InputError(f'{path}: "{ANCHORED}" differs between steps; valid: the same in all')
    return {key: np.stack([step[key] for step in arrays]) for key in KEYS}, flags.pop()


def _flag(step: dict[str, Any], where: str) -> bool:
    flag = step.get(ANCHORED, False)
    if not isinstance(flag, bool):
        raise InputError(f"{where}: {ANCHORED} is {flag!r:.60}; valid: true or false")
    return flag


def _read_steps(path: Path) -> list[dict[str, Any]]:
    steps = read_json(path, f"a recording, {_VALID}")
    if not isinstance(steps, list) or not steps:
        found = "an empty list" if isinstance(steps, list) else type(steps).__name__
        raise InputError(f"{path}: {found}; valid: {_VALID}")
    return steps


def _step_arrays(step: object, where: str) -> dict[str, np.ndarray]:
    if not isinstance(step, dict):
        raise InputError(f"{where}: {type(step).__name__}; valid: an object of arrays")
    missing = [key for key in KEYS if key not in step]
    if missing:
        raise InputError(f"{where}: missing {', '.join(missing)}; valid: {', '.join(KEYS)}")
    return {key: _to_array(step[key], f"{where}: {key}") for key in KEYS}


def _to_array(value: object, where: str) -> np.ndarray:
    try:
        array = np.array(value)
    except ValueError:
        raise InputError(f"{where}: rows of unequal length; valid: a full array") from None
    if array.dtype.kind not in "iuf":
        raise InputError(f"{where}: not all numbers; valid: an array of numbers")
    with np.errstate(over="ignore"):  # beyond float32 becomes infinite, which is refused below
        return array.astype(np.float32)


def _expected_shapes(arrays: Mapping[str, np.ndarray], where: str) -> dict[str, tuple[int, ...]]:
    joints, effectors = arrays["dof_pos"].shape, arrays["ee_global"].shape
    if len(joints) != 2 or 0 in joints:
        raise InputError(f"{where}: dof_pos: shape {joints}; valid: (environments, joints)")
    if len(effectors) != 3 or 0 in effectors:
        raise InputError(
            f"{where}: ee_global: shape {effectors}; valid: (environments, end effectors, 3)"
        )
    (n, num_dof), num_ee = joints, effectors[1]
    width = FrameLayout(num_dof, num_ee).width
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(KEYS, (n,))
    shapes |= dict.fromkeys(("env_origins", "base_lin_vel", "base_ang_vel"), (n, 3))
    shapes |= dict.fromkeys(("dof_pos", "dof_vel"), (n, num_dof))
    shapes |= dict.fromkeys(("ee_global", "ee_local"), (n, num_ee, 3))
    shapes |= dict.fromkeys(("target_frames", "reset_frames"), (n, width))
    return shapes | {"root_states": (n, 13), "base_quat": (n, 4)}


def _check_array(array: np.ndarray, shape: tuple[int, ...], where: str) -> None:
    if array.shape != shape:
        raise InputError(f"{where}: shape {array.shape}; valid: {shape}")
    if not np.isfinite(array).all():
        raise InputError(f"{where}: NaN or infinite; valid: finite numbers")


def _with_unit_rotations(step: dict[str, np.ndarray], where: str) -> dict[str, np.ndarray]:
    """The step with its rotations, which must be nearly of unit length, at unit length."""
    columns = {"base_quat": 0, "root_states": 3, "target_frames": 3, "reset_frames": 3}
    step = dict(step)
    for key, first in columns.items():
        rotation = slice(first, first + 4)
        norm = np.linalg.norm(step[key][:, rotation], axis=-1, keepdims=True)
        if (np.abs(norm - 1.0) > UNIT_NORM_TOLERANCE).any():
            raise InputError(
                f"{where}: {key}: rotation of length {norm.flat[np.abs(norm - 1).argmax()]:.3g}; "
                "valid: unit quaternions (xyzw)"
            )
        step[key] = step[key].copy()
        step[key][:, rotation] /= norm
    return step
