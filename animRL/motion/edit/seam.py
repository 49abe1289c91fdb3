"""Close a loop: the last pose becomes the first one, met at the same speed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from animRL.motion.rotations import (
    Array,
    about_z,
    from_rotvec,
    invert,
    multiply,
    rotate,
    rotate_planar,
    to_rotvec,
    turn_steps,
)
from animRL.motion.trajectory import (
    PlanarTransform,
    Trajectory,
    body_poses,
    extended,
    seam_transform,
)
from animRL.utils.errors import InputError

if TYPE_CHECKING:
    from animRL.sim.character import Character

EASE_SECONDS = 0.2
"""Reach [s] on either side of the seam within which velocities are brought together."""
VELOCITY_WEIGHT = 0.1
"""Seconds: what a difference in speed counts beside one in position when a cut is chosen."""
SHORTEST_LOOP = 0.4
"""[s]; half a stride of a fast run, below which two frames are alike by being neighbours."""
ALIKE = 1e-3
"""[m]; a difference between two cuts that nobody sees."""
_STENCIL = np.array([-11.0, 18.0, -9.0, 2.0]) / 6.0
"""Third-order one-sided first derivative at the first of four samples, for a spacing of 1."""


@dataclass(frozen=True)
class Mismatch:
    """By how much a loop is open: what its last frame has more than its first, moved onto it."""

    joint: Array
    """(J,) [rad]."""
    height: float
    """Of the root [m]."""
    tilt: Array
    """Rotation vector (3,) of the root, horizontal, world [rad]."""


def mismatch(trajectory: Trajectory) -> Mismatch:
    """How open the seam is, after the planar transform that takes the first frame to the last."""
    first, last = trajectory.root_quat[[0, -1]]
    expected = multiply(about_z(seam_transform(trajectory).turn), first)
    return Mismatch(
        joint=trajectory.joint_pos[-1] - trajectory.joint_pos[0],
        height=float(trajectory.root_pos[-1, 2] - trajectory.root_pos[0, 2]),
        tilt=to_rotvec(multiply(last, invert(expected))),
    )


def close_loop(character: Character, trajectory: Trajectory) -> Trajectory:
    """Make a trajectory loop: its mismatch spread evenly over it, its speeds joined at the seam.

    Half of the mismatch goes to either end, so that the correction is a ramp through the middle
    of the motion and goes on over the seam without a kink. Where the acceleration at the seam is
    then larger than anywhere else, the two velocities there are replaced by their mean, by a cubic
    that fades out within `EASE_SECONDS`. Heading and planar position stay free: a loop goes on by
    the planar transform from first to last frame. Angles stay within the joint limits, or where
    the motion had them. A closed loop with a smooth seam comes back as it was.

    Raises:
        InputError: if there are fewer than 9 frames.
    """
    if len(trajectory) < 9:
        raise InputError(f"a loop of {len(trajectory)} frames; valid: at least 9")
    closed = _spread(trajectory, mismatch(trajectory))
    eased = _eased(closed)
    lower = np.minimum(character.joint_lower.cpu().double().numpy(), trajectory.joint_pos.min(0))
    upper = np.maximum(character.joint_upper.cpu().double().numpy(), trajectory.joint_pos.max(0))
    return replace(eased, joint_pos=np.clip(eased.joint_pos, lower, upper), loop=True)


def best_loop(
    character: Character, trajectory: Trajectory, shortest: float | None = None
) -> tuple[int, int]:
    """First and last frame of the stretch whose ends are most alike.

    Compared are the positions and velocities of all bodies, seen from the root's heading: mean
    distance [m] + `VELOCITY_WEIGHT` x mean difference in velocity [m/s]. Of stretches that are
    within `ALIKE` of each other the longest is taken.

    Args:
        character: whose bodies are compared.
        trajectory: where to search.
        shortest: least length of the stretch [s]; by default a third of the motion, and at least
            `SHORTEST_LOOP`.

    Raises:
        InputError: if the motion is shorter than that.
    """
    least = max(SHORTEST_LOOP, trajectory.duration / 3.0) if shortest is None else shortest
    span = max(8, round(least / trajectory.dt))
    if span >= len(trajectory):
        raise InputError(
            f"a loop of at least {span * trajectory.dt:.2f} s in a motion of "
            f"{trajectory.duration:.2f} s; valid: a longer motion"
        )
    place, speed = _features(character, trajectory)
    candidates: list[tuple[float, int, int]] = []
    for first in range(len(trajectory) - span):
        later = slice(first + span, None)
        costs = np.linalg.norm(place[later] - place[first], axis=-1).mean(
            axis=1
        ) + VELOCITY_WEIGHT * np.linalg.norm(speed[later] - speed[first], axis=-1).mean(axis=1)
        longest = int(np.flatnonzero(costs <= costs.min() + ALIKE)[-1])
        candidates.append((float(costs[longest]), first, first + span + longest))
    least_cost = min(candidates)[0]
    good = [(last - first, first, last) for cost, first, last in candidates
            if cost <= least_cost + ALIKE]  # fmt: skip
    _, first, last = max(good)
    return first, last


def _features(character: Character, trajectory: Trajectory) -> tuple[Array, Array]:
    """Positions and velocities of the bodies (T, B, 3), each frame's heading and place removed."""
    free = replace(trajectory, loop=False)
    position, _ = body_poses(character, free)
    rate = np.gradient(position, trajectory.dt, axis=0, edge_order=2)
    upright = np.array([0.0, 0.0, 0.0, 1.0])
    place, speed = np.empty_like(position), np.empty_like(rate)
    for frame in range(len(free)):
        home = PlanarTransform.between(
            free.root_pos[frame], free.root_quat[frame], np.zeros(3), upright
        )
        for result, source in ((place, position), (speed, rate)):
            planar = rotate_planar(home.turn, source[frame, :, :2])
            result[frame, :, :2], result[frame, :, 2] = planar, source[frame, :, 2]
        place[frame, :, :2] += home.offset
    return place, speed


def _spread(trajectory: Trajectory, gap: Mismatch) -> Trajectory:
    """Add a ramp from +1/2 to -1/2 of the mismatch, the tilt turning with the motion's heading."""
    count = len(trajectory)
    ramp = 0.5 - np.linspace(0.0, 1.0, count)[:, None]
    turn = seam_transform(trajectory).turn * np.linspace(-1.0, 0.0, count)
    turned = np.column_stack([rotate_planar(turn, gap.tilt[:2]), np.full(count, gap.tilt[2])])
    root_pos = trajectory.root_pos.copy()
    root_pos[:, 2] += ramp[:, 0] * gap.height
    return replace(
        trajectory,
        root_pos=root_pos,
        root_quat=multiply(from_rotvec(ramp * turned), trajectory.root_quat),
        joint_pos=trajectory.joint_pos + ramp * gap.joint,
    )


def _eased(trajectory: Trajectory) -> Trajectory:
    """Give both ends the mean of their velocities, poses at the seam left as they are.

    The correction c(t) = t (1 - t/w)^2 is 0 at the seam, with slope 1, and fades out at w.
    """
    count, dt = len(trajectory), trajectory.dt
    width = min(EASE_SECONDS, 0.5 * trajectory.duration)
    past = np.arange(count) * dt
    shape = np.where(past < width, past * (1.0 - past / width) ** 2, 0.0)
    turn = about_z(seam_transform(trajectory).turn)
    start, end = _end_rates(trajectory, 1), _end_rates(trajectory, -1)
    kinks = _kinks(trajectory)

    def corrections(column: int) -> Array:
        """(T, n): what brings a rate to its mean at both ends; vectors turn with the seam."""
        at_start, at_end = start[column], end[column]
        planar = column < 2
        seen = rotate(invert(turn), at_end) if planar else at_end
        mean = 0.5 * (at_start + seen)
        beyond = rotate(turn, mean) if planar else mean
        # Towards the end time runs backwards, so the slope changes its sign.
        change = shape[:, None] * (mean - at_start) - shape[::-1, None] * (beyond - at_end)
        return np.where(kinks[column], change, 0.0)

    return replace(
        trajectory,
        root_pos=trajectory.root_pos + corrections(0),
        root_quat=multiply(from_rotvec(corrections(1)), trajectory.root_quat),
        joint_pos=trajectory.joint_pos + corrections(2),
    )


def _kinks(trajectory: Trajectory) -> tuple[NDArray[np.bool_], ...]:
    """Whether root position (1,), its rotation (1,), joints (J,) accelerate most at the seam."""
    joined = extended(trajectory, 1)
    found = []
    for halves, vector in (
        (np.diff(joined.root_pos, axis=0), True),
        (turn_steps(joined.root_quat), True),
        (np.diff(joined.joint_pos, axis=0), False),
    ):
        change = np.diff(halves, axis=0)  # at the frames, the first of which is at the seam
        size = np.linalg.norm(change, axis=1, keepdims=True) if vector else np.abs(change)
        found.append(size[0] > size[1:-1].max(axis=0))
    return tuple(found)


def _end_rates(trajectory: Trajectory, side: int) -> tuple[Array, Array, Array]:
    """Root velocity, root angular velocity, joint velocities at the first (1) or last (-1) frame.

    One-sided differences over four frames, exact for a cubic.
    """
    four = [0, 1, 2, 3] if side == 1 else [-1, -2, -3, -4]
    scale = side / trajectory.dt
    quat = trajectory.root_quat[four]
    turned = to_rotvec(multiply(quat, invert(quat[:1])))
    return (
        scale * (_STENCIL @ trajectory.root_pos[four]),
        scale * (_STENCIL @ turned),
        scale * (_STENCIL @ trajectory.joint_pos[four]),
    )
