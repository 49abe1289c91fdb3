"""One way in: a clip of any skeleton becomes a clip of a character."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from animRL.dataloader.clip import Clip
from animRL.motion.anatomy import roles_of_character, roles_of_skeleton
from animRL.motion.progress import track
from animRL.motion.retarget.figure import Figure, figure_of
from animRL.motion.retarget.floor import Footing, footing, hands_laid
from animRL.motion.retarget.report import Report, report_of
from animRL.motion.retarget.solver import Poses, Track, closed, first_pass, second_pass
from animRL.motion.retarget.source import BodyMotion, resampled, tiled
from animRL.motion.retarget.targets import goals_of
from animRL.motion.rotations import Array
from animRL.motion.trajectory import Trajectory, body_poses, to_clip
from animRL.utils.errors import InputError

if TYPE_CHECKING:
    from animRL.sim.character import Character

COARSE_S = 0.025
"""Frames farther apart [s] are too few to hold a foot still between them."""
FINE_FPS = 50.0
"""Rate of the control steps, to which a coarse motion is resampled [Hz]."""
OPEN_SEAM = (0.15, 0.5)
"""A seam that gapes farther [m] or by a larger angle [rad] is closed only when asked."""
SMOOTHING_PASSES = 5
MARGIN_S = 0.5
"""Part of the neighbouring cycles that a loop is solved with, so that its ends know them [s]."""


@dataclass(frozen=True)
class RetargetOptions:
    """What to take as given; None leaves it to the source."""

    fps: float | None = None
    """Frames a second of the result; by default the source's, or 50 for coarser ones."""
    loop: bool | None = None
    """Whether the motion repeats."""
    source_roles: Mapping[str, str] | None = None
    """Role -> body of the source, instead of what its skeleton or names say."""
    target_roles: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Retargeted:
    """A clip of the target character, how well it fits, and what was decided on the way."""

    clip: Clip
    report: Report
    notes: tuple[str, ...]


def retarget(
    clip: Clip,
    source: Character,
    target: Character,
    options: RetargetOptions = RetargetOptions(),
    *,
    progress: Track | None = None,
) -> Retargeted:
    """Let a character do what a clip's skeleton does.

    Limbs are laid in the directions of the source's, with the target's lengths (`goals_of`);
    what touches the ground is held there (`footing`); joint angles follow by inverse kinematics
    within the limits, smoothed without delay (`first_pass`, `second_pass`).

    Args:
        clip: with the joints of `source`, in its order.
        source: the clip's own skeleton as a character (`skeleton_character`), or any.
        target: the character to move.
        options: rate, loop and roles, where they are not to be guessed.
        progress: wraps the frames of each pass; by default a line with the time left.

    Raises:
        InputError: if an anatomical role is missing, or mink or scipy are not installed.
    """
    if clip.joint_names != source.joint_names:
        raise InputError(
            f"{clip.source}: JointNames are not those of {source.name}; valid: "
            f"{', '.join(source.joint_names)}"
        )
    figures = _figures(clip, source, target, options)
    motion, notes = _motion(clip, source, options)
    footings, inner = _footings(motion, *figures)
    poses = _solved(figures[1], footings, progress or track)
    poses = Poses(poses.root_pos[inner], poses.root_quat[inner], poses.joint_pos[inner])
    if motion.loop:
        poses = closed(poses, target)
    trajectory = Trajectory(
        poses.root_pos, poses.root_quat, poses.joint_pos, motion.dt, motion.loop
    )
    result = to_clip(target, trajectory, motion_weight=clip.motion_weight, source=clip.source)
    report = report_of(figures, motion, footings.frames(inner), trajectory)
    return Retargeted(result, report, tuple(notes))


def _figures(
    clip: Clip, source: Character, target: Character, options: RetargetOptions
) -> tuple[Figure, Figure]:
    roles = options.source_roles
    if roles is None:
        own = clip.skeleton
        roles = roles_of_character(source) if own is None else roles_of_skeleton(own)
    wanted = options.target_roles
    if wanted is None:
        wanted = roles_of_character(target)
    return (
        figure_of(source, roles, f"the skeleton of {clip.source}"),
        figure_of(target, wanted, target.name),
    )


def _motion(
    clip: Clip, source: Character, options: RetargetOptions
) -> tuple[BodyMotion, list[str]]:
    """The source's bodies over time, at the rate of the result, closed if it loops."""
    trajectory = Trajectory.from_clip(clip)
    if len(trajectory) < 2:
        raise InputError(f"{clip.source}: one frame; valid: at least 2")
    pos, quat = body_poses(source, trajectory)
    motion = BodyMotion(pos, quat, trajectory.dt, trajectory.loop)
    notes = []
    fps = options.fps
    if fps is None and motion.dt > COARSE_S:
        fps = FINE_FPS
        notes.append(
            f"resampled from {1.0 / motion.dt:.4g} to {fps:g} Hz: between coarser frames planted "
            "feet would slide (--fps sets another rate)"
        )
    motion, said = _looped(motion, options.loop)
    if fps is not None and abs(fps * motion.dt - 1.0) > 1e-3:
        motion = resampled(motion, source.body_parents, fps)
    return motion, [*said, *notes]


def _looped(motion: BodyMotion, wanted: bool | None) -> tuple[BodyMotion, list[str]]:
    """Close a motion that is to loop, and say how; open it otherwise."""
    if not (motion.loop if wanted is None else wanted):
        return replace(motion, loop=False), []
    move, turn = motion.seam_gap()
    if wanted is None and (move > OPEN_SEAM[0] or turn > OPEN_SEAM[1]):
        return replace(motion, loop=False), [
            f"not a loop: its last pose misses the first by {move:.2f} m and {turn:.2f} rad "
            "(--loop closes it all the same)"
        ]
    said = f"seam closed: a gap of up to {move:.3f} m and {turn:.2f} rad spread over all frames"
    return motion.closed(), [said] if move > 1e-3 else []


def _footings(motion: BodyMotion, source: Figure, target: Figure) -> tuple[Footing, slice]:
    """Goals on the ground, of a loop with parts of its neighbours, and which frames are its own.

    Contacts of a loop are judged over three cycles, so that a stance over the seam is one.
    """
    if not motion.loop:
        stood = footing(goals_of(motion, source, target), motion, source, target)
        return stood, slice(0, len(motion))
    three, step = tiled(motion), len(motion) - 1
    stood = footing(goals_of(three, source, target), three, source, target)
    margin = min(step, round(MARGIN_S / motion.dt))
    part = stood.frames(slice(step - margin, 2 * step + margin + 1))
    return part, slice(margin, margin + step + 1)


def _solved(target: Figure, stood: Footing, progress: Track) -> Poses:
    passes = SMOOTHING_PASSES + 1

    def counted(number: int) -> Track:
        def label(frames: Iterable[int], what: str) -> Iterator[int]:
            return iter(progress(frames, f"{what}, pass {number} of {passes}"))

        return label

    poses = first_pass(target, stood.held_goals, stood.holds, counted(1))
    stood = hands_laid(stood, target, _bodies(target, poses))
    for number in range(SMOOTHING_PASSES):
        poses = second_pass(target, stood.held_goals, stood.holds, poses, counted(number + 2))
    return poses


def _bodies(figure: Figure, poses: Poses) -> tuple[Array, Array]:
    trajectory = Trajectory(poses.root_pos, poses.root_quat, poses.joint_pos, 1.0)
    pos, quat = body_poses(figure.character, trajectory)
    return np.asarray(pos), np.asarray(quat)
