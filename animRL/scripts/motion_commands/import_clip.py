"""Bring a motion of another format into a clip, on the file's own skeleton.

Reads DeepMimic JSON, BVH, AMASS/SMPL npz, CSV of joint angles (as retargeted LAFAN1), and npz of
joint angles or rotations. Time, axes, unit and names are detected and printed; options override.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from animRL.scripts.motion_commands.common import (
    add_shared_arguments,
    load_character,
    output_path,
)
from animRL.utils.errors import InputError

if TYPE_CHECKING:
    from animRL.motion.importers.options import ImportedMotion

NAME = "import"
EXAMPLE = "python scripts/motion.py import dance.bvh --out dance.txt"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("file", type=Path, metavar="FILE", help="motion to import")
    parser.add_argument("--out", type=Path, metavar="CLIP", help="clip to write; none: only tell")
    parser.add_argument(
        "--format", metavar="NAME", help="deepmimic, bvh, smpl, npz or csv (default: detected)"
    )
    parser.add_argument(
        "--skeleton", type=Path, metavar="FILE",
        help="DeepMimic: the character's file; csv and npz: the robot's MJCF or URDF",
    )  # fmt: skip
    parser.add_argument(
        "--map", type=Path, metavar="FILE",
        help='JSON file that corrects the roles of joints: {"left_hip": "LeftUpLeg"}',
    )  # fmt: skip
    parser.add_argument("--up", metavar="AXIS", help="axis of the file that points up: y or z")
    parser.add_argument(
        "--forward", metavar="AXIS",
        help="axis along which the character looks at rest: x, y, z, -x (as --forward=-x) ...",
    )  # fmt: skip
    parser.add_argument("--scale", type=float, metavar="M", help="metres of one unit of length")
    parser.add_argument("--fps", type=float, metavar="RATE", help="frames a second")
    add_shared_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Import, print what was found, and write the clip."""
    from animRL.dataloader.clip import save_clip
    from animRL.motion.importers.entry import import_motion
    from animRL.motion.importers.options import ImportOptions

    out = None if args.out is None else output_path(args.out)
    if out is not None and out.exists() and args.file.exists() and out.samefile(args.file):
        raise InputError(f"--out: {out} is the file to import; valid: another name")
    imported = import_motion(
        args.file,
        options=ImportOptions(
            format=args.format,
            skeleton=args.skeleton,
            role_map=args.map,
            up=args.up,
            forward=args.forward,
            scale=args.scale,
            fps=args.fps,
            character=load_character(args.character),
        ),
    )
    print(report_text(imported))
    if out is not None:
        save_clip(imported.clip, out)
        print(f"wrote {out}")
    return 0


def report_text(imported: ImportedMotion) -> str:
    """The report as a table, warnings below."""
    width = max(len(what) for what, _ in imported.report)
    lines = [f"{what:<{width}}  {value}" for what, value in imported.report]
    return "\n".join([*lines, *(f"warning: {text}" for text in imported.warnings)])
