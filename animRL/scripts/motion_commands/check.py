"""Check clips against a character before an hour of training is spent on them.

One row for each check: what was measured, how much is ok, where it is worst, and the verdict. The
exit code is 1 if anything failed; warnings are allowed. With --fix what can be mended is mended,
the changes are printed, and the result is checked again.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from animRL.scripts.motion_commands.common import add_shared_arguments, character_of, output_path
from animRL.utils.errors import InputError

if TYPE_CHECKING:
    from animRL.motion.check.checker import Inspection
    from animRL.sim.character import Character

NAME = "check"
EXAMPLE = "python scripts/motion.py check my_walk.txt --fix --plot my_walk.png"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("clips", nargs="+", type=Path, metavar="CLIP", help="motion file to check")
    add_shared_arguments(parser)
    parser.add_argument(
        "--loop", action="store_true", default=None,
        help="judge (and mend) the seam of a clip whose file does not say that it loops",
    )  # fmt: skip
    parser.add_argument(
        "--fix", action="store_true",
        help="mend velocities, end effectors, quaternions, height above the floor, seam, units",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, metavar="FILE",
        help="mended clip, with --fix (default: beside the clip, <name>_fixed.txt)",
    )  # fmt: skip
    parser.add_argument(
        "--plot", type=Path, metavar="FILE.png",
        help="heights, slip, forces and margins over time, faults marked; of several clips each "
        "gets its name added",
    )  # fmt: skip
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="the tables for other programs, a list of objects"
    )


def run(args: argparse.Namespace) -> int:
    """Check every clip; 0 if all pass, 1 if one fails."""
    from animRL.motion.check.checker import check_file
    from animRL.motion.check.report import as_object, table

    _refuse(args)
    objects: list[dict[str, Any]] = []
    passed = True
    for clip in args.clips:
        character = _character(clip, args.character)
        inspection = check_file(clip, character, loop=args.loop)
        print(table(inspection.report))
        objects.append(as_object(inspection.report))
        if args.fix:
            inspection = _fix(inspection, clip, args.out, character)
            objects[-1]["fixed"] = as_object(inspection.report)
        if args.plot:
            _plot(inspection, args.plot, clip if len(args.clips) > 1 else None)
        passed &= inspection.report.passed
        print()
    if args.json:
        _write_json(output_path(args.json, "--json"), objects)
    return 0 if passed else 1


def _refuse(args: argparse.Namespace) -> None:
    """Raise InputError for options that do not go together."""
    if args.out and not args.fix:
        raise InputError("--out: nothing to write without --fix; valid: --fix --out FILE")
    if args.out and len(args.clips) > 1:
        raise InputError("--out: one file for several clips; valid: one clip, or no --out")
    if args.plot and args.plot.suffix.lower() != ".png":
        raise InputError(f"--plot: {args.plot}; valid: a file that ends in .png")


def _character(clip: Path, name: str | None) -> Character:
    """The character named, else the one of the clip's own skeleton, else bob."""
    from animRL.dataloader.clip import load_clip
    from animRL.scripts.motion_commands.common import load_character

    try:
        return character_of(load_clip(clip), name)
    except InputError:  # faults of the file are for the check to tell
        return load_character(name)


def _fix(inspection: Inspection, clip: Path, out: Path | None, character: Character) -> Inspection:
    """Mend a clip, write it, say what was changed, and return the check of the result."""
    from animRL.dataloader.clip import save_clip
    from animRL.motion.check.checker import check_file
    from animRL.motion.check.mend import mend
    from animRL.motion.check.report import table

    if inspection.measures is None:
        print("\nno poses could be read: nothing can be mended")
        return inspection
    mended = mend(inspection)
    path = output_path(out or clip.with_name(f"{clip.stem}_fixed{clip.suffix}"))
    if not mended.changes:
        print("\nnothing to mend; no file written")
        return inspection
    replaced = " (replaces the file that was there)" if path.exists() else ""
    save_clip(mended.clip, path)
    print("\nchanged:")
    print("\n".join(f"  {change}" for change in mended.changes))
    print(f"written: {path}{replaced}\n")
    again = check_file(path, character)
    print(table(again.report))
    return again


def _plot(inspection: Inspection, path: Path, clip: Path | None) -> None:
    from animRL.motion.check.plot import plot_inspection

    if clip is not None:
        path = path.with_name(f"{path.stem}_{clip.stem}{path.suffix}")
    if inspection.measures is None:
        print("plot: none, as no poses could be read")
        return
    path = output_path(path, "--plot")
    try:
        plot_inspection(path, inspection)
    except OSError as error:
        raise InputError(f"--plot: cannot write {path} ({error.strerror})") from None
    print(f"plot: {path}")


def _write_json(path: Path, objects: list[dict[str, Any]]) -> None:
    import os

    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(json.dumps(objects, indent=1) + "\n", encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise InputError(f"--json: cannot write {path} ({error.strerror})") from None
