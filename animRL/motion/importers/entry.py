"""One way in: any motion file becomes a clip on its own skeleton."""

from __future__ import annotations

from pathlib import Path

from animRL.dataloader.clip import Clip, load_clip
from animRL.motion.importers.arrays_npz import read_npz
from animRL.motion.importers.assemble import assemble
from animRL.motion.importers.bvh import read_bvh
from animRL.motion.importers.deepmimic import is_deepmimic, read_deepmimic
from animRL.motion.importers.files import check_size, read_arrays, read_json
from animRL.motion.importers.options import AXES, FORMATS, ImportedMotion, ImportOptions
from animRL.motion.importers.robot import AngleMotion, import_angles
from animRL.motion.importers.robot_csv import looks_like_csv, read_csv
from animRL.motion.importers.smpl import is_smpl, read_smpl
from animRL.utils.errors import InputError


def import_motion(path: str | Path, *, options: ImportOptions | None = None) -> ImportedMotion:
    """Read a motion of any known format; the format is told by the file's content.

    The clip is in metres, z up; its root frame at rest has x forward and y left. A file that is
    a clip already is loaded as it is.

    Raises:
        InputError: one line naming the file, the field or line, and what would be valid.
    """
    path, options = Path(path), options or ImportOptions()
    check_size(path)
    _check_options(options)
    kind = options.format or detect_format(path)
    if kind == "clip":
        clip = load_clip(path)
        return ImportedMotion(clip, _clip_report(clip))
    if kind in ("npz", "csv"):
        motion = read_npz(path, options) if kind == "npz" else read_csv(path, options)
        if isinstance(motion, AngleMotion):
            return import_angles(motion, path, options)
        return assemble(motion, path, options)
    reader = {"bvh": read_bvh, "deepmimic": read_deepmimic, "smpl": read_smpl}[kind]
    return assemble(reader(path, options), path, options)


def detect_format(path: Path) -> str:
    """Tell one of `FORMATS` by what a file holds, not by its name."""
    with open(path, "rb") as file:
        head = file.read(65536)
    if head.startswith(b"PK\x03\x04"):
        return "smpl" if is_smpl(read_arrays(path)) else "npz"
    if head[:1] == b"\x80":
        raise InputError(f"{path}: a pickle, which can run code and is not loaded; valid: .npz")
    text = head.decode("utf-8-sig", errors="replace").lstrip()
    if text[:9].upper() == "HIERARCHY":
        return "bvh"
    if text.startswith("{"):
        data = read_json(path)
        return "deepmimic" if is_deepmimic(data) else "clip"
    if looks_like_csv(text):
        return "csv"
    raise InputError(f"{path}: no known motion format; valid: {', '.join(FORMATS)} (--format)")


def _check_options(options: ImportOptions) -> None:
    for option, value, valid in (
        ("--format", options.format, FORMATS),
        ("--up", options.up, ("y", "z")),
        ("--forward", options.forward, AXES),
    ):
        if value is not None and value not in valid:
            raise InputError(f"{option}: '{value}'; valid: {', '.join(valid)}")
    for option, number in (("--scale", options.scale), ("--fps", options.fps)):
        if number is not None and not 1e-6 < number < 1e6:
            raise InputError(f"{option}: {number:g}; valid: a number above 0")


def _clip_report(clip: Clip) -> tuple[tuple[str, str], ...]:
    own = "none: a character's joints" if clip.skeleton is None else clip.skeleton.name
    rate = f"{len(clip.frames)} at {1.0 / clip.frame_duration:.4g} Hz, {clip.duration:.3f} s"
    return (("format", "animRL clip"), ("frames", rate), ("skeleton", own))
