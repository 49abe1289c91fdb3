"""Make a clip from a description: keyframes, or a gait from published figures.

A description is a short TOML file; those of the clips that ship lie in
animRL/resources/descriptions and are known by their names. The motion is made physical (contacts
hold, the ground can carry it), then checked like any clip.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from animRL.scripts.motion_commands.common import (
    add_shared_arguments,
    load_character,
    output_path,
)
from animRL.utils.errors import InputError
from animRL.utils.paths import RESOURCES, expand_user, is_file

NAME = "author"
EXAMPLE = "python scripts/motion.py author cartwheel --out my_cartwheel.txt"
DESCRIPTIONS = RESOURCES / "descriptions"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "description", metavar="DESCRIPTION",
        help=f"a TOML file, or one of {', '.join(described())}",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, metavar="FILE",
        help="clip to write (default: the description's name with .txt, in this folder)",
    )  # fmt: skip
    parser.add_argument("--speed", type=float, metavar="V", help="of a gait [m/s]")
    parser.add_argument("--step_length", type=float, metavar="L", help="of a gait's step [m]")
    add_shared_arguments(parser)


def described() -> list[str]:
    """Names of the descriptions that ship."""
    return sorted(path.stem for path in DESCRIPTIONS.glob("*.toml"))


def run(args: argparse.Namespace) -> int:
    """Write the clip, show how it stands up to the checks; 1 if it fails one."""
    from animRL.dataloader.clip import save_clip
    from animRL.motion.author.authoring import Pace, author_motion
    from animRL.motion.check.checker import check_file
    from animRL.motion.check.report import table
    from animRL.motion.progress import track

    path = _find(args.description)
    out = output_path(args.out or Path(f"{path.stem.capitalize()}.txt"))
    for option in ("speed", "step_length"):
        value = getattr(args, option)
        if value is not None and not 0.0 < value < math.inf:
            raise InputError(f"--{option} is {value:g}; valid: a number above 0")
    character = load_character(args.character)
    clip = author_motion(
        character,
        path,
        Pace(args.speed, args.step_length),
        track=lambda steps: track(steps, f"making {path.stem} physical, at most"),
    )
    save_clip(clip, out)
    print(f"{out}: {len(clip.frames)} frames, {clip.duration:.2f} s\n")
    report = check_file(out, character).report
    print(table(report))
    return 0 if report.passed else 1


def _find(name: str) -> Path:
    path = expand_user(name)
    if path.suffix == ".toml" or is_file(path):
        return path
    if name not in described():
        raise InputError(
            f"no description '{name}'; valid: a TOML file, or one of {', '.join(described())}"
        )
    return DESCRIPTIONS / f"{name}.toml"
