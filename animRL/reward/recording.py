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
from animRL.reward.recording_file import ANCHORED, KEYS, read_recording
from animRL.reward.task_data import TaskData
from animRL.utils.rotations import (
    quat_about_z,
    quat_conjugate,
    quat_mul,
    rotate_about_z,
    twist_about_z,
)

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
    return recording_of(*read_recording(Path(path)), str(path))


def recording_of(arrays: Mapping[str, np.ndarray], anchored: bool, source: str) -> Recording:
    """The recording that ``read_recording`` read."""
    tensors = {key: torch.from_numpy(values) for key, values in arrays.items()}
    return Recording(tensors, anchored, source)


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


def _to_lists(tensor: Tensor) -> list[Any]:
    def rounded(value: Any) -> Any:
        if isinstance(value, list):
            return [rounded(item) for item in value]
        return float(f"{value:.{SIGNIFICANT_DIGITS}g}")

    return cast(list[Any], rounded(tensor.detach().cpu().tolist()))
