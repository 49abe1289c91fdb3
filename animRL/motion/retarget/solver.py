"""Inverse kinematics over a whole motion: reached goals, smooth joints, feet that stay."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from animRL.motion.extras import require
from animRL.motion.inverse_kinematics import BodyTarget, InverseKinematics
from animRL.motion.retarget.figure import Figure
from animRL.motion.retarget.soles import Hold
from animRL.motion.retarget.source import BodyMotion
from animRL.motion.retarget.targets import Goals
from animRL.motion.rotations import Array, continuous
from animRL.sim.character import Character

COSTS: dict[str, tuple[float, float]] = {
    "pelvis": (1.0, 0.3),
    "chest": (0.3, 0.15),
    "neck": (1.0, 0.03),
    "head": (1.0, 0.05),
    "shoulder": (0.3, 0.02),
    "elbow": (0.5, 0.02),
    "wrist": (2.0, 0.05),
    "hip": (0.0, 0.05),
    "knee": (0.5, 0.02),
    "ankle": (2.0, 0.1),
}
"""Part -> cost of its position [1/m] and of its rotation [1/rad]."""
POSTURE_COST = 0.01
SMOOTH_POSTURE_COST = 0.3
"""Pull towards the smoothed angles in the second pass [1/rad]."""
ROOT_COSTS = (8.0, 3.0)
"""Pull towards the smoothed place [1/m] and rotation [1/rad] of the root in the second pass."""
CUTOFF_HZ = 7.0
"""Human movement lies below about 6 to 8 Hz (Winter, Biomechanics, 2009, section 3.4.4)."""
FIRST_ITERATIONS, ITERATIONS = 200, 30

Track = Callable[[Iterable[int], str], Iterable[int]]


@dataclass(frozen=True)
class Poses:
    """Root (T, 3), (T, 4) and joint angles (T, J) of a character."""

    root_pos: Array
    root_quat: Array
    joint_pos: Array


def first_pass(figure: Figure, goals: Goals, holds: Sequence[Hold], track: Track) -> Poses:
    """Return the poses that come nearest to goals and holds within the limits.

    Args:
        figure: the character to move.
        goals: where its bodies belong.
        holds: points that must not move for a while.
        track: shows progress.
    """
    solver = InverseKinematics(figure.character, POSTURE_COST, ground=True)
    return _pass(solver, _targets(figure, goals, holds), goals, None, track)


def second_pass(
    figure: Figure, goals: Goals, holds: Sequence[Hold], first: Poses, track: Track
) -> Poses:
    """Solve again, near the poses of the first pass without what is too fast.

    Joint angles and the root's path are low-passed at ``CUTOFF_HZ`` with zero phase. Takes what
    ``first_pass`` does.
    """
    solver = InverseKinematics(figure.character, SMOOTH_POSTURE_COST, ground=True)
    near = smoothed(first, goals.dt)
    targets = _targets(figure, goals, holds)
    root = figure.character.body_names[0]
    move, turn = ROOT_COSTS
    for frame, pos, quat in zip(targets, near.root_pos, near.root_quat, strict=True):
        frame.append(BodyTarget(root, pos, quat, position_cost=move, orientation_cost=turn))
    return _pass(solver, targets, goals, near, track)


def smoothed(poses: Poses, dt: float) -> Poses:
    """The poses low-passed: Butterworth, second order, forwards and backwards."""
    signal = require("scipy.signal")
    frequency, count = CUTOFF_HZ * 2.0 * dt, len(poses.joint_pos)
    if frequency >= 1.0 or count < 8:
        return poses
    sos = signal.butter(2, frequency, output="sos")
    pad = min(count - 1, max(round(0.5 / dt), 1))

    def filtered(values: Array) -> Array:
        return np.asarray(signal.sosfiltfilt(sos, values, axis=0, padtype="odd", padlen=pad))

    quat = filtered(poses.root_quat)  # of continuous sign, and slow against the cut-off
    quat /= np.linalg.norm(quat, axis=1, keepdims=True)
    return Poses(filtered(poses.root_pos), quat, filtered(poses.joint_pos))


def closed(poses: Poses, character: Character) -> Poses:
    """Make the last pose the first one, up to a planar transform; what is missing is spread."""
    count = len(poses.root_pos)
    motion = BodyMotion(poses.root_pos[:, None], poses.root_quat[:, None], 1.0, True).closed()
    share = np.linspace(0.0, 1.0, count)[:, None]
    joints = poses.joint_pos + share * (poses.joint_pos[0] - poses.joint_pos[-1])
    lower = character.joint_lower.double().cpu().numpy()
    upper = character.joint_upper.double().cpu().numpy()
    return Poses(motion.pos[:, 0], motion.quat[:, 0], np.clip(joints, lower, upper))


def _pass(
    solver: InverseKinematics,
    frames: list[list[BodyTarget]],
    goals: Goals,
    near: Poses | None,
    track: Track,
) -> Poses:
    """Solve all frames one after the other, near given poses if there are some."""
    count = len(frames)
    pos, quat = np.empty((count, 3)), np.empty((count, 4))
    joints = np.empty((count, len(solver.character.joint_names)))
    if near is None:
        pose = (goals.pos["pelvis"][0], goals.quat["pelvis"][0], _default(solver.character))
        pose = solver.solve(*pose, frames[0], iterations=FIRST_ITERATIONS)
    for frame in track(range(count), "inverse kinematics"):
        posture = None
        if near is not None:
            posture = near.joint_pos[frame]
            pose = (near.root_pos[frame], near.root_quat[frame], posture)
        pose = solver.solve(*pose, frames[frame], posture=posture, iterations=ITERATIONS)
        pos[frame], quat[frame], joints[frame] = pose
    return Poses(pos, continuous(quat), joints)


def _targets(figure: Figure, goals: Goals, holds: Sequence[Hold]) -> list[list[BodyTarget]]:
    """What each frame asks of the character's bodies."""
    names = figure.character.body_names
    frames: list[list[BodyTarget]] = [[] for _ in range(len(goals))]
    for role, quat in goals.quat.items():
        move, turn = COSTS[role.rpartition("_")[2]]
        body, pos = names[figure.bodies[role]], goals.pos[role]
        for frame, targets in enumerate(frames):
            targets.append(
                BodyTarget(body, pos[frame], quat[frame], position_cost=move, orientation_cost=turn)
            )
    for hold in holds:
        body = names[figure.bodies[hold.role]]
        costs = (hold.weight / np.sqrt(len(hold.points)))[:, None] * np.array(hold.costs)
        for frame in np.flatnonzero(hold.weight > 1e-3).tolist():
            frames[frame] += [
                BodyTarget(body, place, offset=point, position_cost=costs[frame].tolist())
                for point, place in zip(hold.points, hold.places[frame], strict=True)
            ]
    return frames


def _default(character: Character) -> Array:
    return np.asarray(character.default_joint_pos.double().cpu().numpy())
