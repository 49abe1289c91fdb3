"""Bring a motion of another format into a clip, on the file's own skeleton.

Reads DeepMimic JSON, BVH, AMASS/SMPL npz, CSV of joint angles (as retargeted LAFAN1), and npz of
joint angles or rotations. Time, axes, unit and names are detected and printed; options override.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from animRL.scripts.motion_commands.common import (
    add_import_arguments,
    add_shared_arguments,
    import_options,
    keep_source,
    output_path,
)

if TYPE_CHECKING:
    from animRL.motion.importers.options import ImportedMotion

NAME = "import"
EXAMPLE = "python scripts/motion.py import dance.bvh --out dance.txt"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("file", type=Path, metavar="FILE", help="motion to import")
    parser.add_argument("--out", type=Path, metavar="CLIP", help="clip to write; none: only tell")
    add_import_arguments(parser, fps="frames a second of the file")
    add_shared_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Import, print what was found, and write the clip."""
    from animRL.dataloader.clip import save_clip
    from animRL.motion.importers.entry import import_motion

    out = None if args.out is None else output_path(args.out)
    if out is not None:
        keep_source(out, args.file, "import")
    imported = import_motion(args.file, options=import_options(args, args.fps))
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
