"""Show a clip, or two side by side: a film strip (PNG) and a film (MP4 or GIF).

Clips of animRL, and any file that `motion.py import` reads, are shown on the skeleton they bring;
a clip without one on --character.
"""

from __future__ import annotations

import argparse
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from animRL.scripts.motion_commands.common import (
    add_shared_arguments,
    character_of,
    load_motion,
    ordered_for,
    output_path,
)
from animRL.utils.errors import InputError
from animRL.utils.paths import is_dir

if TYPE_CHECKING:
    from animRL.viewer.comparison import Take

NAME = "view"
EXAMPLE = "python scripts/motion.py view my_clip.txt --beside its_source.bvh --out my_clip.mp4"
SUFFIXES = (".png", ".mp4", ".gif")
FILM_SECONDS = 4.0
"""A loop is shown again until the film lasts that long."""
GIF_FPS = 20.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what to show and how."""
    parser.add_argument("clip", type=Path, metavar="CLIP", help="motion to show")
    parser.add_argument("--beside", type=Path, metavar="CLIP2",
                        help="another one, maybe of another skeleton, beside it")  # fmt: skip
    parser.add_argument("--out", type=Path, default=None, metavar="FILE",
                        help="file to write, .png, .mp4 or .gif, or a folder (default: "
                        "<clip>.png and <clip>.mp4, here)")  # fmt: skip
    parser.add_argument("--frames", type=int, default=9, metavar="N",
                        help="pictures of the film strip (default: 9)")  # fmt: skip
    parser.add_argument("--size", default=None, metavar="WxH",
                        help="pixels of the film, or of a picture of the strip (default: "
                        "960x540, 280x360)")  # fmt: skip
    parser.add_argument("--from", type=float, default=0.0, dest="start", metavar="S",
                        help="where to begin [s] (default: 0)")  # fmt: skip
    parser.add_argument("--to", type=float, default=None, dest="end", metavar="S",
                        help="where to end [s] (default: the end)")  # fmt: skip
    parser.add_argument("--speed", type=float, default=1.0, metavar="X",
                        help="how fast the film runs; 0.5: slow motion (default: 1)")  # fmt: skip
    parser.add_argument("--loops", type=int, default=None, metavar="N",
                        help="how often the motion is shown (default: once; in a film a loop "
                        f"until it lasts {FILM_SECONDS:g} s)")  # fmt: skip
    add_shared_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Draw the film strip and the film and say where they lie."""
    from animRL.viewer.files import VideoError

    _check(args)
    files = [args.clip] if args.beside is None else [args.clip, args.beside]
    sources = [(str(path), load_motion(path)) for path in files]
    done = True
    for path in _outputs(args):
        try:
            _draw(path, args, sources)
        except VideoError as error:
            print(f"no film: {error}")
            done = False
        else:
            print(path)
    return 0 if done else 1


def _check(args: argparse.Namespace) -> None:
    if args.frames < 1:
        raise InputError(f"--frames {args.frames}; valid: at least 1")
    if args.loops is not None and args.loops < 1:
        raise InputError(f"--loops {args.loops}; valid: at least 1")
    if not 0.0 < args.speed < math.inf:
        raise InputError(f"--speed {args.speed:g}; valid: a number above 0")


def _outputs(args: argparse.Namespace) -> list[Path]:
    """Files to write: the one named, or strip and film named after the clip."""
    if args.out is not None and args.out.suffix.lower() in SUFFIXES:
        return [output_path(args.out)]
    if args.out is not None and args.out.suffix and not is_dir(args.out):
        raise InputError(f"--out: {args.out}; valid: a folder, or a file in {', '.join(SUFFIXES)}")
    folder = Path() if args.out is None else args.out
    name = args.clip.stem if args.beside is None else f"{args.clip.stem}_{args.beside.stem}"
    return [output_path(folder / f"{name}{suffix}") for suffix in (".png", ".mp4")]


def _draw(path: Path, args: argparse.Namespace, sources: list[tuple[str, Any]]) -> None:
    from animRL.motion.progress import track
    from animRL.viewer import comparison
    from animRL.viewer.files import write_gif, write_mp4, write_png
    from animRL.viewer.rendering import even_rate

    film = path.suffix.lower() != ".png"
    takes = [make_take(name, clip, args, film) for name, clip in sources]
    if not film:
        size = _size(args.size, (280, 360), 1)
        pictures = np.empty((len(takes), args.frames, size[1], size[0], 3), dtype=np.uint8)
        cells = comparison.film_strip(takes, args.frames, size)
        for row, column, picture in track(cells, "drawing the strip", len(takes) * args.frames):
            pictures[row, column] = picture
        write_png(path, comparison.compose_strip(takes, pictures))
        return
    size = _size(args.size, (960, 540), len(takes))
    gif = path.suffix.lower() == ".gif"
    fps = GIF_FPS if gif else even_rate(min(take.dt for take in takes) / args.speed)
    count = comparison.film_length(takes, fps, args.speed)
    pictures_of_film = comparison.film(takes, size, fps, args.speed)
    shown = track(pictures_of_film, f"drawing {count / fps:.0f} s of film", count)
    if gif:
        write_gif(path, list(shown), fps)
    else:
        write_mp4(path, shown, size, fps)


def make_take(name: str, clip: Any, args: argparse.Namespace, film: bool) -> Take:
    """The stretch of a clip that is asked for, on its character."""
    from animRL.motion.edit.timing import repeated, trim
    from animRL.motion.trajectory import Trajectory
    from animRL.viewer.comparison import Take
    from animRL.viewer.poses import Poses

    character = character_of(clip, args.character)
    motion = Trajectory.from_clip(ordered_for(character, clip))
    if args.start > 0.0 or args.end is not None:
        end = motion.duration if args.end is None else min(args.end, motion.duration)
        motion = trim(motion, args.start, end)
    until = math.ceil(FILM_SECONDS / motion.duration) if film and motion.loop else 1
    motion = repeated(motion, args.loops or until)
    poses = Poses(motion.root_pos, motion.root_quat, motion.joint_pos)
    return Take(Path(name).name, character, poses, motion.dt)


def _size(text: str | None, default: tuple[int, int], panels: int) -> tuple[int, int]:
    """Width and height in pixels, of which so many panels side by side can be drawn."""
    if text is None:
        return default
    match = re.fullmatch(r"(\d{2,4})x(\d{2,4})", text)
    if match is None or int(match[1]) % (2 * panels) or int(match[2]) % 2:
        raise InputError(
            f"--size {text}; valid: WIDTHxHEIGHT such as {default[0]}x{default[1]}, the width a "
            f"multiple of {2 * panels}, the height even"
        )
    return int(match[1]), int(match[2])
