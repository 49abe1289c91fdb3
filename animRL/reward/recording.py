"""Recorded steps of a task: read, checked, anchored, written.

A recording is a JSON list with one object a step, each holding the arrays of `TaskData` for all
environments. Frames in it are those of the clip, in the clip's own place and heading, unless every
step says `"anchored": true`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from animRL.dataloader.frame_layout import FrameLayout
from animRL.reward.task_data import TaskData
from animRL.utils.errors import InputError
from animRL.utils.rotations import (
    quat_about_z,
    quat_conjugate,
    quat_mul,
    rotate_about_z,
    twist_about_z,
)

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
SAME_FRAME_TOLERANCE = 1e-6  # two numbers of one float32 value, printed and read again
SIGNIFICANT_DIGITS = 7  # of a float32


@dataclass(frozen=True)
class Recording:
    """Arrays of T steps of N environments, by the keys of `TaskData`, each (T, N, ...)."""

    arrays: Mapping[str, Tensor]
    anchored: bool
    source: str

    @property
    def num_steps(self) -> int:
        """T, the number of recorded control steps."""
        return self.arrays["root_states"].shape[0]

    @property
    def num_envs(self) -> int:
        """N, the number of environments."""
        return self.arrays["root_states"].shape[1]

    @property
    def num_dof(self) -> int:
        """J, the number of joints."""
        return self.arrays["dof_pos"].shape[2]

    @property
    def num_ee(self) -> int:
        """E, the number of end effectors."""
        return self.arrays["ee_global"].shape[2]

    def task_data(self) -> TaskData:
        """All steps as one data dictionary of T x N rows, step by step (row t N + n)."""
        rows: dict[str, Any] = {key: value.flatten(0, 1) for key, value in self.arrays.items()}
        rows |= {"motion_loader": None, "num_ee": self.num_ee, "num_dof": self.num_dof}
        return cast(TaskData, rows)


def load_recording(path: str | Path) -> Recording:
    """Read a recording as it stands in the file, float32, rotations made exactly unit.

    Raises:
        InputError: not a recording, with file, step, key and what would be valid.
    """
    path = Path(path)
    steps = _read_steps(path)
    arrays = [_step_arrays(step, f"{path}: step {t}") for t, step in enumerate(steps)]
    shapes = _expected_shapes(arrays[0], f"{path}: step 0")
    for t, step in enumerate(arrays):
        for key in KEYS:
            _check_array(step[key], shapes[key], f"{path}: step {t}: {key}")
        arrays[t] = _with_unit_rotations(step, f"{path}: step {t}")
    flags = {bool(step.get(ANCHORED, False)) for step in steps}
    if len(flags) > 1:
        raise InputError(f'{path}: "{ANCHORED}" differs between steps; valid: the same in all')
    tensors = {key: torch.from_numpy(np.stack([step[key] for step in arrays])) for key in KEYS}
    return Recording(tensors, anchored=flags.pop(), source=str(path))


def anchor_recording(recording: Recording) -> Recording:
    """Move and turn the frames of each environment to where its character started.

    At an episode's first record, `reset_frames` is put on `env_origins` in x and y, and turned
    about z to the character's heading: by the twist about z of q_character q_reference^-1. Target
    frames follow rigidly. An environment starts anew where its `reset_frames` or `reset_phase`
    change. An anchored recording is returned as it is.
    """
    if recording.anchored:
        return recording
    arrays = recording.arrays
    layout = FrameLayout(recording.num_dof, recording.num_ee)
    start = _episode_starts(arrays["reset_frames"], arrays["reset_phase"])
    character = arrays["base_quat"].gather(0, start[..., None].expand(-1, -1, 4))
    reference = arrays["reset_frames"]
    turn = twist_about_z(quat_mul(character, quat_conjugate(reference[..., layout.root_rot])))
    frames = {
        key: _anchor(arrays[key], reference, arrays["env_origins"], turn, layout)
        for key in ("target_frames", "reset_frames")
    }
    return replace(recording, arrays={**arrays, **frames}, anchored=True)


def record_step(data: TaskData, anchored: bool = True) -> dict[str, Any]:
    """One step of a recording, as plain lists, from a data dictionary."""
    step: dict[str, Any] = {key: _to_lists(data[key]) for key in KEYS}  # type: ignore[literal-required]
    step[ANCHORED] = anchored
    return step


def save_recording(steps: Iterable[Mapping[str, Any]], path: str | Path) -> None:
    """Write steps of `record_step` as JSON, one line a step."""
    lines = ",\n".join(json.dumps(step, separators=(",", ":"), allow_nan=False) for step in steps)
    Path(path).write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def _anchor(
    frames: Tensor, reference: Tensor, origins: Tensor, turn: Tensor, layout: FrameLayout
) -> Tensor:
    offset = rotate_about_z(turn, frames[..., :2] - reference[..., :2])
    rotation = quat_mul(quat_about_z(turn), frames[..., layout.root_rot])
    height = frames[..., 2:3]
    rest = frames[..., layout.root_rot.stop :]
    return torch.cat([origins[..., :2] + offset, height, rotation, rest], dim=-1)


def _episode_starts(reset_frames: Tensor, reset_phase: Tensor) -> Tensor:
    """Index (T, N) of the step in which the episode of each record began."""
    key = torch.cat([reset_frames, reset_phase[..., None]], dim=-1)
    before = torch.cat([key[:1], key[:-1]])
    changed = ((key - before).abs() > SAME_FRAME_TOLERANCE).any(dim=-1)
    steps = torch.arange(len(key))[:, None]
    return torch.where(changed, steps, 0).cummax(dim=0).values


def _read_steps(path: Path) -> list[dict[str, Any]]:
    try:
        steps = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); valid: a recording") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file; valid: a recording (JSON)") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON ({error}); valid: a list of steps") from None
    if not isinstance(steps, list) or not steps:
        found = "an empty list" if isinstance(steps, list) else type(steps).__name__
        raise InputError(f"{path}: {found}; valid: a list with one object for each step")
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


def _to_lists(tensor: Tensor) -> list[Any]:
    def rounded(value: Any) -> Any:
        if isinstance(value, list):
            return [rounded(item) for item in value]
        return float(f"{value:.{SIGNIFICANT_DIGITS}g}")

    return cast(list[Any], rounded(tensor.detach().cpu().tolist()))
