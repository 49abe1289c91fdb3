"""The clips that a configuration names: found, read and checked against a character, no torch."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from animRL.dataloader.clip import Clip, load_clip, permuted_to
from animRL.dataloader.frame_layout import FrameLayout
from animRL.utils.errors import InputError
from animRL.utils.paths import REPO_ROOT, RESOURCES, is_file, resolve_resource

FOREIGN_SUFFIXES = (".bvh", ".csv", ".npz", ".npy", ".amc", ".fbx", ".pkl")
"""Motion files of other programs."""
MAX_FILES = 1000
MAX_BYTES = 512 * 2**20
"""Of all clips together: some hours of motion."""
MAX_PATTERN_PARTS = 2
"""Parts of a path that may be patterns: with more, a search can take minutes."""
_FIELD = "motion_loader.motion_files (--motion)"


def read_clips(
    cfg: Any,
    sim_frame_dt: float,
    layout: FrameLayout,
    joint_names: Sequence[str] | None = None,
    ee_names: Sequence[str] | None = None,
) -> list[Clip]:
    """Read the clips named by ``cfg.motion_files`` (a path, a pattern, or a list of them).

    Args:
        cfg: the configuration's group ``motion_loader``.
        sim_frame_dt: a control step [s]; no clip may be shorter.
        layout: columns of a frame.
        joint_names: of the character; files with other names are refused and another order is
            permuted. None: they are not looked at.
        ee_names: likewise.

    Raises:
        InputError: for a file that cannot be used, in one line.
    """
    files = find_clips(cfg.motion_files)
    clips = [load_any(path) for path in files]
    if joint_names is not None:
        clips = [_fitted(clip, joint_names, ee_names) for clip in clips]
    for clip in clips:
        _check(clip, layout, sim_frame_dt)
    return clips


def find_clips(motion_files: str | Sequence[str]) -> list[str]:
    """Expand a path, a pattern or a list of them to existing files, in a stable order.

    Raises:
        InputError: if there are none, or more or larger ones than fit into a memory.
    """
    names = [motion_files] if isinstance(motion_files, str) else list(motion_files)
    if not names:
        raise InputError("motion_loader.motion_files is empty; valid: at least one motion file")
    files: list[str] = []
    size = 0
    for name in names:
        found: list[str] = []
        for place in (Path.cwd(), RESOURCES, REPO_ROOT):
            found = found or expanded(name, place)
        found = found or [str(resolve_resource(name, f"{_FIELD}: file"))]
        files += found
        size += sum(Path(file).stat().st_size for file in found)
        if len(files) > MAX_FILES or size > MAX_BYTES:
            raise InputError(
                f"{_FIELD}: {len(files)} files of {size >> 20} MiB with '{name}'; valid: at most "
                f"{MAX_FILES} of {MAX_BYTES >> 20} MiB"
            )
    return files


def expanded(pattern: str, place: Path) -> list[str]:
    """Files in a place that a pattern means, sorted; none where it is a plain name.

    Raises:
        InputError: if the pattern would search through too many folders, or finds too many files.
    """
    if "\0" in pattern or not glob.has_magic(pattern) or is_file(place / pattern):
        return []
    if sum(glob.has_magic(part) for part in Path(pattern).parts) > MAX_PATTERN_PARTS:
        raise InputError(
            f"{_FIELD}: '{pattern}'; valid: patterns in at most {MAX_PATTERN_PARTS} parts of a path"
        )
    matches = glob.iglob(os.path.join(glob.escape(str(place)), pattern))
    found = list(islice(filter(os.path.isfile, matches), MAX_FILES + 1))
    if len(found) > MAX_FILES:
        raise InputError(f"{_FIELD}: '{pattern}' means more than {MAX_FILES} files")
    return sorted(found)


def load_any(path: str) -> Clip:
    """Read a clip; whoever names a file of another format learns what reads it.

    Raises:
        InputError: for a file that cannot be used, in one line.
    """
    try:
        return load_clip(path)
    except InputError as error:
        nameless = "JointNames is missing" in str(error)
        if not nameless and Path(path).suffix.lower() not in FOREIGN_SUFFIXES:
            raise
        raise other_format(path) from error


def other_format(path: str) -> InputError:
    """The error on a motion file that is no clip: what brings it onto the character."""
    return InputError(
        f"{path} is no clip of animRL; bring a motion of another format onto the character "
        f"first: {_retarget(path)}"
    )


def _fitted(clip: Clip, joint_names: Sequence[str], ee_names: Sequence[str] | None) -> Clip:
    """Put a clip's columns into the character's order; one of another skeleton is refused."""
    if clip.skeleton is not None and set(clip.joint_names) != set(joint_names):
        raise InputError(
            f"{clip.source}: JointNames are those of another skeleton, '{clip.skeleton.name}'; "
            f"bring the motion onto the character first: {_retarget(clip.source)}"
        )
    return permuted_to(clip, joint_names, ee_names)


def _retarget(path: str) -> str:
    return f"python scripts/motion.py retarget {path} --out CLIP"


def _check(clip: Clip, layout: FrameLayout, sim_frame_dt: float) -> None:
    """Refuse a clip of another character, or one shorter than a control step."""
    if clip.layout != layout:
        raise InputError(
            f"{clip.source}: {len(clip.joint_names)} joints and {len(clip.end_effector_names)} "
            f"end effectors; valid: {layout.num_joints} and {layout.num_end_effectors}"
        )
    if clip.duration < sim_frame_dt:
        raise InputError(
            f"{clip.source}: lasts {clip.duration:g} s; valid: at least a control step, "
            f"{sim_frame_dt:g} s"
        )
