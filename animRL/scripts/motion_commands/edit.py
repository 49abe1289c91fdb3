"""Change a clip: trim, mirror, retime, blend, loop, floor, and make it physical.

Whatever is asked for is done in this order: trim, mirror, retime, blend, loop, floor, physical,
weight. Velocities and end effectors are then derived anew.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from animRL.scripts.motion_commands.common import (
    add_shared_arguments,
    character_of,
    keep_source,
    load_motion,
    ordered_for,
    output_path,
)
from animRL.utils.errors import InputError

if TYPE_CHECKING:
    from animRL.dataloader.skeleton import Skeleton
    from animRL.motion.trajectory import Trajectory
    from animRL.sim.character import Character

NAME = "edit"
FAR = 0.3
"""A motion whose root was moved farther [m] to become physical is another one."""
EXAMPLE = "python scripts/motion.py edit my_walk.txt --trim 0.4 1.6 --loop --floor --out cycle.txt"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the edits."""
    parser.add_argument("clip", type=Path, metavar="CLIP", help="clip to read")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="clip to write")
    parser.add_argument("--trim", type=float, nargs=2, metavar=("START", "END"),
                        help="keep what lies between two times [s]")  # fmt: skip
    parser.add_argument("--mirror", action="store_true", help="swap left and right")
    tempo = parser.add_mutually_exclusive_group()
    tempo.add_argument("--retime", type=float, metavar="FACTOR",
                       help="make it last so many times as long (2: half as fast)")  # fmt: skip
    tempo.add_argument("--duration", type=float, metavar="S", help="make it last so long [s]")
    parser.add_argument("--fps", type=float, metavar="F", help="sample it so often a second")
    parser.add_argument("--blend", type=Path, metavar="CLIP2",
                        help="go on with another clip, turned and moved to fit")  # fmt: skip
    parser.add_argument("--seconds", type=float, default=None, metavar="S",
                        help="length of the cross-fade of --blend (default: 0.4)")  # fmt: skip
    parser.add_argument("--loop", nargs="?", const="whole", choices=("whole", "best"),
                        help="close the loop; best: first cut it where the ends fit best, "
                        "at least a third of it")  # fmt: skip
    parser.add_argument("--floor", action="store_true", help="shift it so that the feet that "
                        "stand touch the ground")  # fmt: skip
    parser.add_argument("--physical", action="store_true", help="change it as little as needed for "
                        "the ground to be able to carry it")  # fmt: skip
    parser.add_argument("--weight", type=float, metavar="W",
                        help="MotionWeight: how often it is drawn among others")  # fmt: skip
    add_shared_arguments(parser)


@dataclass(frozen=True)
class Work:
    """What is being edited: a motion, who moves, and the skeleton if the clip brings its own."""

    character: Character
    motion: Trajectory
    skeleton: Skeleton | None = None


def run(args: argparse.Namespace) -> int:
    """Edit the clip, write it and say what changed."""
    from animRL.dataloader.clip import save_clip
    from animRL.motion.trajectory import Trajectory, to_clip

    _check(args)
    clip = load_motion(args.clip)
    character = character_of(clip, args.character)
    before = Trajectory.from_clip(ordered_for(character, clip))
    skeleton = clip.skeleton if args.character is None else None
    other = None if args.blend is None else _second(args.blend, character, skeleton)
    out = output_path(args.out)
    keep_source(out, args.clip, "edit")
    if args.blend is not None:
        keep_source(out, args.blend, "blend")
    work, changes = apply_edits(Work(character, before, skeleton), args, other)
    weight = clip.motion_weight
    if args.weight is not None:
        changes.append(f"weight   {weight:g} -> {args.weight:g}")
        weight = args.weight
    edited = to_clip(
        work.character, work.motion, motion_weight=weight, skeleton=work.skeleton, source=str(out)
    )
    save_clip(edited, out)
    print(f"{args.clip}: {_summary(before)}")
    for change in changes:
        print(f"  {change}")
    print(f"{out}: {_summary(work.motion)}")
    return 0


def _second(path: Path, character: Character, skeleton: Skeleton | None) -> Trajectory:
    """The motion of ``--blend``, of the same character or the very same skeleton."""
    from animRL.motion.trajectory import Trajectory

    clip = ordered_for(character, load_motion(path))
    if skeleton is not None and clip.skeleton != skeleton:
        raise InputError(
            f"--blend: the skeleton of {path} is another one; valid: the same, or retarget both "
            "onto a character first"
        )
    return Trajectory.from_clip(clip)


def apply_edits(
    work: Work, args: argparse.Namespace, other: Trajectory | None = None
) -> tuple[Work, list[str]]:
    """Apply the edits that `args` asks for in their fixed order.

    Returns the result and one line on each edit.

    Args:
        work: what to edit.
        args: the command's arguments, see `add_arguments`.
        other: the motion of ``--blend``.

    Raises:
        InputError: for an edit that the motion does not allow.
    """
    changes: list[str] = []

    def apply(edit: Callable[..., tuple[Trajectory, str]], *arguments: Any) -> None:
        nonlocal work
        motion, change = edit(*arguments)
        work = replace(work, motion=motion)
        changes.append(change)

    if args.trim is not None:
        apply(_trimmed, work.motion, *args.trim)
    if args.mirror:
        work, change = _mirrored(work)
        changes.append(change)
    if args.retime is not None or args.duration is not None or args.fps is not None:
        apply(_retimed, work.motion, args)
    if other is not None:
        apply(_blended, work.motion, other, 0.4 if args.seconds is None else args.seconds)
    if args.loop is not None:
        apply(_looped, work.character, work.motion, args.loop)
    if args.floor:
        apply(_floored, work.character, work.motion)
    if args.physical:
        apply(made_physical, work.character, work.motion)
    return work, changes


def _check(args: argparse.Namespace) -> None:
    """Refuse numbers that mean nothing, and a command that asks for no edit."""
    edits = ("trim", "retime", "duration", "fps", "blend", "loop", "weight")
    flags = ("mirror", "floor", "physical")
    if not any(getattr(args, n) for n in flags) and all(getattr(args, n) is None for n in edits):
        names = ", ".join(f"--{name}" for name in (*edits, *flags))
        raise InputError(f"nothing to do; valid: at least one of {names}")
    for name in ("retime", "duration", "fps", "seconds", "weight"):
        value = getattr(args, name)
        if value is not None and not 0.0 < value < np.inf:
            raise InputError(f"--{name} {value:g}; valid: a number above 0")
    if args.seconds is not None and args.blend is None:
        raise InputError("--seconds: valid only with --blend CLIP2")


def _trimmed(motion: Trajectory, start: float, end: float) -> tuple[Trajectory, str]:
    from animRL.motion.edit.timing import trim

    part = trim(motion, start, end)
    lost = "; it no longer loops" if motion.loop else ""
    return part, f"trim     {len(motion)} -> {len(part)} frames{lost}"


def _mirrored(work: Work) -> tuple[Work, str]:
    from animRL.motion.edit.mirror import joint_mirror, mirror, mirror_skeleton
    from animRL.motion.skeleton_character import skeleton_character

    if work.skeleton is not None:
        skeleton, motion = mirror_skeleton(work.skeleton, work.motion)
        mirrored = Work(skeleton_character(skeleton), motion, skeleton)
        return mirrored, "mirror   the skeleton with its motion"
    pairs = joint_mirror(work.character)
    own = pairs.partner == np.arange(len(pairs.partner))
    motion = mirror(work.character, work.motion)
    beyond = _beyond_limits(work.character, motion) - _beyond_limits(work.character, work.motion)
    note = "".join(f"; {name} is now beyond its limit" for name in sorted(beyond))
    return replace(work, motion=motion), (
        f"mirror   {int((~own).sum()) // 2} pairs of joints swapped, "
        f"{int((own & (pairs.sign < 0)).sum())} in the middle turned over{note}"
    )


def _beyond_limits(character: Character, motion: Trajectory) -> set[str]:
    """Joints that leave their limits by more than a rounding error."""
    lower, upper = (v.cpu().numpy() for v in (character.joint_lower, character.joint_upper))
    angles = motion.joint_pos
    beyond = (angles < lower - 1e-4).any(axis=0) | (angles > upper + 1e-4).any(axis=0)
    return {character.joint_names[joint] for joint in np.flatnonzero(beyond)}


def _retimed(motion: Trajectory, args: argparse.Namespace) -> tuple[Trajectory, str]:
    from animRL.motion.edit.timing import at_rate, lasting

    before = motion
    if args.retime is not None:
        motion = lasting(motion, args.retime * motion.duration)
    if args.duration is not None:
        motion = lasting(motion, args.duration)
    if args.fps is not None:
        motion = at_rate(motion, args.fps)
    return motion, (
        f"retime   {before.duration:.3f} s at {1 / before.dt:.4g} Hz -> {motion.duration:.3f} s at "
        f"{1 / motion.dt:.4g} Hz"
    )


def _blended(motion: Trajectory, other: Trajectory, seconds: float) -> tuple[Trajectory, str]:
    from animRL.motion.edit.blend import append

    joined = append(motion, other, seconds)
    return joined, (
        f"blend    {motion.duration:.2f} s + {other.duration:.2f} s, {seconds:g} s of it shared"
    )


def _looped(character: Character, motion: Trajectory, how: str) -> tuple[Trajectory, str]:
    from animRL.motion.edit.seam import best_loop, close_loop, mismatch

    text = "loop     "
    if how == "best":
        first, last = best_loop(character, motion)
        text += f"from {first * motion.dt:.2f} s to {last * motion.dt:.2f} s, "
        motion = replace(motion.frames(slice(first, last + 1)), loop=True)
    gap = mismatch(motion)
    worst = int(np.abs(gap.joint).argmax())
    closed = close_loop(character, motion)
    return closed, text + (
        f"mismatch spread: {character.joint_names[worst]} {abs(gap.joint[worst]):.3f} rad, height "
        f"{1000 * abs(gap.height):.1f} mm, tilt {np.degrees(np.linalg.norm(gap.tilt)):.1f} degrees"
    )


def _floored(character: Character, motion: Trajectory) -> tuple[Trajectory, str]:
    from animRL.motion.edit.floor import put_on_floor

    placed, raised = put_on_floor(character, motion)
    way = "raised" if raised >= 0.0 else "lowered"
    return placed, f"floor    {way} by {1000 * abs(raised):.1f} mm"


def made_physical(character: Character, motion: Trajectory) -> tuple[Trajectory, str]:
    """Make a motion physical, with progress; return it and one line on what changed.

    What `check` still finds wrong is a warning: a motion whose feet were not found standing, or
    that is too far from a possible one, does not become physical.
    """
    from animRL.motion.author.polish import make_physical
    from animRL.motion.check.checker import check_clip
    from animRL.motion.progress import track
    from animRL.motion.trajectory import to_clip

    physical = make_physical(
        character, motion, lambda steps: track(steps, "making it physical, at most")
    )
    turned = np.abs(physical.joint_pos - motion.joint_pos)
    moved = np.linalg.norm(physical.root_pos - motion.root_pos, axis=1)
    frame, joint = np.unravel_index(turned.argmax(), turned.shape)
    if moved.max() > FAR:
        print(
            f"warning: the root moved by {moved.max():.2f} m, another motion now; do the "
            "feet stand on the ground while it is carried (view, check, edit --floor)?",
            file=sys.stderr,
        )
    if failed := check_clip(to_clip(character, physical), character).report.failed():
        print(
            f"warning: not physical yet, check fails on {', '.join(failed)}; feet that carry the "
            "body must be still and on the ground before (retarget, edit --floor)",
            file=sys.stderr,
        )
    return physical, (
        f"physical joints by {np.sqrt((turned**2).mean()):.3f} rad rms, at most "
        f"{character.joint_names[joint]} by {turned.max():.2f} at {frame * motion.dt:.2f} s; root "
        f"by up to {100 * moved.max():.1f} cm"
    )


def _summary(motion: Trajectory) -> str:
    repeats = "loops" if motion.loop else "once"
    return f"{len(motion)} frames, {motion.duration:.3f} s at {1 / motion.dt:.4g} Hz, {repeats}"
