"""Let a character do what another skeleton does: from any motion file to a clip to train on.

FILE is an imported clip, or any file that `import` reads. Limbs follow the source's directions at
the character's lengths; feet and hands that touch the ground are held there; joint limits are
kept. Printed is how far hands, feet and head are from where they belong, and what kept them.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from animRL.scripts.cli import add_common_arguments
from animRL.scripts.motion_commands.common import (
    CHARACTERS,
    add_import_arguments,
    character_of,
    import_options,
    keep_source,
    load_character,
    output_path,
)
from animRL.utils.errors import InputError

if TYPE_CHECKING:
    from animRL.dataloader.clip import Clip
    from animRL.motion.retarget.entry import RetargetOptions
    from animRL.sim.character import Character

NAME = "retarget"
EXAMPLE = "python scripts/motion.py retarget dance.bvh --character bob --out dance.txt"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("file", type=Path, metavar="FILE", help="clip or motion to retarget")
    parser.add_argument(
        "--character", metavar="NAME", default="bob",
        help=f"who is to move: {', '.join(CHARACTERS)} (default: bob)",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="CLIP", required=True, help="clip to write")
    parser.add_argument(
        "--loop", action=argparse.BooleanOptionalAction, default=None,
        help="the motion repeats; a gap at its seam is spread (default: the source's word)",
    )  # fmt: skip
    parser.add_argument(
        "--physical", action="store_true",
        help="then change it as little as needed for the ground to be able to carry it",
    )  # fmt: skip
    add_import_arguments(
        parser,
        fps="frames a second of the clip (default: the source's; 50 if that has under 40)",
        group="as for import, if FILE is no clip",
    )
    add_common_arguments(parser, ("debug",))


def run(args: argparse.Namespace) -> int:
    """Retarget, print the report, and write the clip."""
    from animRL.dataloader.clip import save_clip
    from animRL.motion.retarget.entry import retarget
    from animRL.motion.retarget.report import table, warnings

    if args.fps is not None and not 1.0 <= args.fps <= 1000.0:
        raise InputError(f"--fps: {args.fps:g}; valid: 1 to 1000 frames a second")
    target = load_character(args.character)
    clip = _source(args)
    out = output_path(args.out)
    keep_source(out, args.file, "retarget")
    result = retarget(clip, character_of(clip, None), target, _options(args, clip))
    made, change = _physical(result.clip, target) if args.physical else (result.clip, "")
    save_clip(made, out)
    print(f"{args.file} -> {target.name}")
    for note in result.notes:
        print(f"note: {note}")
    print(table(result.report))
    for warning in warnings(result.report):
        print(f"warning: {warning}")
    if change:
        print(change)
    rate = 1.0 / made.frame_duration
    print(f"wrote {out}: {len(made.frames)} frames at {rate:.4g} Hz, {made.duration:.2f} s"
          f"{', a loop' if made.loop else ''}")  # fmt: skip
    print("next:")
    print(f"  python scripts/motion.py check {out}")
    if not args.physical:
        print("  if check says that the ground cannot carry it: the same with --physical")
    print(f"  python scripts/train.py --motion {out}")
    return 0


def _physical(clip: Clip, character: Character) -> tuple[Clip, str]:
    """The clip made physical, and one line on what changed."""
    from animRL.motion.trajectory import Trajectory, to_clip
    from animRL.scripts.motion_commands.edit import made_physical

    motion, change = made_physical(character, Trajectory.from_clip(clip))
    return to_clip(character, motion, motion_weight=clip.motion_weight, source=clip.source), change


def _source(args: argparse.Namespace) -> Clip:
    """Load or import the motion; print what importing has to warn of."""
    from animRL.motion.importers.entry import import_motion

    imported = import_motion(args.file, options=import_options(args))
    for warning in imported.warnings:
        if args.loop and "not a loop" in warning:
            continue  # it is about to be made one
        print(f"warning: {warning}")
    return imported.clip


def _options(args: argparse.Namespace, clip: Clip) -> RetargetOptions:
    from animRL.motion.anatomy import read_role_map, roles_of_skeleton, with_role_map
    from animRL.motion.retarget.entry import RetargetOptions

    roles = None
    if args.map is not None and clip.skeleton is not None:
        given = read_role_map(args.map, clip.skeleton.joint_names)
        roles = with_role_map(roles_of_skeleton(clip.skeleton), given)
    return RetargetOptions(fps=args.fps, loop=args.loop, source_roles=roles)
