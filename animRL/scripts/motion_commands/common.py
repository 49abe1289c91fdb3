"""What the commands share: the character, and options with the same name everywhere."""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from animRL.scripts.cli import add_common_arguments
from animRL.utils.errors import InputError
from animRL.utils.input_files import MAX_JSON_BYTES, read_bytes
from animRL.utils.paths import PACKAGE_ROOT, expand_user, is_dir, is_file

if TYPE_CHECKING:
    from animRL.dataloader.clip import Clip
    from animRL.motion.importers.options import ImportOptions
    from animRL.sim.character import Character

CHARACTER_FOLDER = PACKAGE_ROOT / "cfg" / "characters"
CHARACTERS = tuple(
    sorted(path.stem.removesuffix("_config") for path in CHARACTER_FOLDER.glob("*_config.py"))
)
"""Names of the characters: one file each in ``cfg/characters``, ``<name>_config.py``."""


def add_shared_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--character`` (None if not typed) and ``--debug``."""
    parser.add_argument(
        "--character", metavar="NAME", default=None,
        help=f"character of the clip: {', '.join(CHARACTERS)} (default: the clip's own skeleton "
        "if it brings one, else bob)",
    )  # fmt: skip
    add_common_arguments(parser, ("debug",))


def add_import_arguments(
    parser: argparse.ArgumentParser, fps: str, group: str | None = None
) -> None:
    """Add what a user can say about a file to import.

    Args:
        parser: of the command.
        fps: help of ``--fps``.
        group: title of a group for what says nothing about a file that is a clip already.
    """
    parser.add_argument("--fps", type=float, metavar="RATE", help=fps)
    parser.add_argument(
        "--map", type=Path, metavar="FILE",
        help='JSON file that corrects the roles of joints: {"left_hip": "LeftUpLeg"}',
    )  # fmt: skip
    reading = parser if group is None else parser.add_argument_group(group)
    reading.add_argument(
        "--format", metavar="NAME", help="deepmimic, bvh, smpl, npz or csv (default: detected)"
    )
    reading.add_argument(
        "--skeleton", type=Path, metavar="FILE",
        help="DeepMimic: the character's file; csv and npz: the robot's MJCF or URDF",
    )  # fmt: skip
    reading.add_argument("--up", metavar="AXIS", help="axis of the file that points up: y or z")
    reading.add_argument(
        "--forward", metavar="AXIS",
        help="axis along which the character looks at rest: x, y, z, -x (as --forward=-x) ...",
    )  # fmt: skip
    reading.add_argument("--scale", type=float, metavar="M", help="metres of one unit of length")


def import_options(args: argparse.Namespace, fps: float | None = None) -> ImportOptions:
    """What `add_import_arguments` asked for, and the rate of the file [Hz] if it is given."""
    from animRL.motion.importers.options import ImportOptions

    return ImportOptions(
        format=args.format,
        skeleton=args.skeleton,
        role_map=args.map,
        up=args.up,
        forward=args.forward,
        scale=args.scale,
        fps=fps,
        character=load_character(args.character),
    )


def load_character(name: str | None) -> Character:
    """Build a character by its name; None means bob.

    Raises:
        InputError: for an unknown name, with those there are.
    """
    from animRL.sim.character import Character

    name = "bob" if name is None else name
    if name not in CHARACTERS:
        close = difflib.get_close_matches(name, CHARACTERS, n=1)
        hint = f" (did you mean '{close[0]}'?)" if close else ""
        raise InputError(f"--character: no '{name}'{hint}; available: {', '.join(CHARACTERS)}")
    module = importlib.import_module(f"animRL.cfg.characters.{name}_config")
    config = getattr(module, f"{name.title().replace('_', '')}Config")
    return Character.from_config(config())


def character_of(clip: Clip, name: str | None) -> Character:
    """The character that a clip moves: the one named, else its own skeleton's, else bob.

    Raises:
        InputError: for an unknown name.
    """
    if name is None and clip.skeleton is not None:
        from animRL.motion.skeleton_character import skeleton_character

        return skeleton_character(clip.skeleton)
    return load_character(name)


def output_path(path: Path, option: str = "--out") -> Path:
    """Make the folder of a file to write and return the file's path.

    Raises:
        InputError: if the folder cannot be made, or the path is a folder.
    """
    path = expand_user(path)
    if is_dir(path):
        raise InputError(f"{option}: {path} is a folder; valid: a file to write")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{option}: cannot write {path} ({error.strerror})") from None
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"{option}: cannot write {path} (permission denied in its folder)")
    return path


def keep_source(out: Path, source: Path, verb: str) -> None:
    """Refuse to write over the file that a command reads, however its name is written.

    Raises:
        InputError: if the two are one file; ``verb`` says what is done to it.
    """
    if is_file(out) and is_file(source) and out.samefile(source):
        raise InputError(f"--out: {out} is the file to {verb}; valid: another name")


def ordered_for(character: Character, clip: Clip) -> Clip:
    """Return the clip with its joints in the character's order, its end effectors as they are.

    Raises:
        InputError: if it has other joints.
    """
    from animRL.dataloader.clip import permuted_to

    return permuted_to(clip, character.joint_names, clip.end_effector_names)


def load_motion(path: Path) -> Clip:
    """Read a clip, or any file that can be imported, as a clip on its own skeleton.

    Raises:
        InputError: if the file is neither.
    """
    from animRL.dataloader.clip import load_clip

    if _is_clip(path):
        return load_clip(path)
    from animRL.motion.importers.entry import import_motion

    imported = import_motion(path)
    for warning in imported.warnings:
        print(f"warning: {path}: {warning}", file=sys.stderr)
    return imported.clip


def _is_clip(path: Path) -> bool:
    """Whether a file says of itself that it is one of animRL's; what is in it is seen later."""
    if path.suffix.lower() not in (".txt", ".json", ""):
        return False
    try:
        return b'"JointNames"' in read_bytes(path, MAX_JSON_BYTES, "a motion file")
    except InputError:
        return True  # its reader says what is wrong
