"""Poses of a character over time, their derivatives, and the clip they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from animRL.dataloader.clip import Clip
from animRL.dataloader.frame_layout import FrameLayout
from animRL.dataloader.skeleton import Skeleton
from animRL.motion.rotations import (
    Array,
    about_z,
    continuous,
    heading,
    invert,
    multiply,
    rotate,
    rotate_planar,
    turn_steps,
)
from animRL.utils.errors import InputError

if TYPE_CHECKING:
    from animRL.sim.character import Character


@dataclass(frozen=True)
class Trajectory:
    """T poses at a steady rate.

    Root position (T, 3), world [m]; root rotation (T, 4), xyzw, of continuous sign; joint angles
    (T, J) [rad] in the order of the clip or character; ``dt`` [s] from frame to frame. With
    ``loop`` the last frame repeats the first one after a planar rigid transform.

    Raises:
        InputError: if the shapes do not fit together, or there is no frame (in a loop: one only).
    """

    root_pos: Array
    root_quat: Array
    joint_pos: Array
    dt: float
    loop: bool = False

    def __post_init__(self) -> None:
        count = len(self.root_pos)
        shapes = (self.root_pos.shape, self.root_quat.shape, self.joint_pos.shape[:1])
        if not count or shapes != ((count, 3), (count, 4), (count,)):
            raise InputError(f"trajectory: shapes {shapes}; valid: (T, 3), (T, 4), (T, J)")
        if self.loop and count < 2:
            raise InputError("trajectory: a loop of 1 frame; valid: at least 2")
        object.__setattr__(self, "root_quat", continuous(self.root_quat))

    @classmethod
    def from_clip(cls, clip: Clip) -> Trajectory:
        """The poses of a clip; its stored velocities and end effectors are left behind."""
        layout = clip.layout
        columns = (layout.root_pos, layout.root_rot, layout.joint_pos)
        poses = [clip.frames[:, c].copy() for c in columns]
        return cls(poses[0], poses[1], poses[2], clip.frame_duration, bool(clip.loop))

    def __len__(self) -> int:
        return len(self.root_pos)

    @property
    def duration(self) -> float:
        """Length in seconds: (T - 1) x dt."""
        return (len(self) - 1) * self.dt

    def frames(self, index: Any) -> Trajectory:
        """The poses at an index or slice of frames, as a trajectory that does not loop."""
        return replace(
            self, root_pos=self.root_pos[index], root_quat=self.root_quat[index],
            joint_pos=self.joint_pos[index], loop=False,
        )  # fmt: skip


@dataclass(frozen=True)
class PlanarTransform:
    """A turn about z by ``turn`` [rad], then a move by ``offset`` (2,) [m]."""

    turn: float
    offset: Array

    @classmethod
    def between(cls, pos_a: Array, quat_a: Array, pos_b: Array, quat_b: Array) -> PlanarTransform:
        """The one that takes a root's heading and planar place a to b (positions (3,))."""
        turn = float(heading(multiply(quat_b, invert(quat_a))))
        return cls(turn, pos_b[:2] - rotate_planar(turn, pos_a[:2]))

    def inverse(self) -> PlanarTransform:
        """The transform that undoes this one."""
        return PlanarTransform(-self.turn, -rotate_planar(-self.turn, self.offset))

    def apply(self, trajectory: Trajectory) -> Trajectory:
        """Turn and move a trajectory's root."""
        planar = rotate_planar(self.turn, trajectory.root_pos[:, :2]) + self.offset
        return replace(
            trajectory,
            root_pos=np.column_stack([planar, trajectory.root_pos[:, 2]]),
            root_quat=multiply(about_z(self.turn), trajectory.root_quat),
        )


def seam_transform(trajectory: Trajectory) -> PlanarTransform:
    """The planar transform that takes the first root frame to the last: how a loop goes on."""
    pos, quat = trajectory.root_pos, trajectory.root_quat
    return PlanarTransform.between(pos[0], quat[0], pos[-1], quat[-1])


def extended(trajectory: Trajectory, margin: int) -> Trajectory:
    """A looping trajectory with ``margin`` < T more frames before and after, from its own cycle."""
    if not margin:
        return replace(trajectory, loop=False)
    onward = seam_transform(trajectory)
    after = onward.apply(trajectory.frames(slice(0, margin + 1))).frames(slice(1, None))
    before = onward.inverse().apply(trajectory.frames(slice(-margin - 1, None)))
    return joined([before.frames(slice(0, -1)), trajectory, after])


def joined(parts: Sequence[Trajectory]) -> Trajectory:
    """One trajectory after the other, at the first one's rate; it does not loop."""
    pos, quat, joints = (
        np.concatenate([getattr(part, field) for part in parts])
        for field in ("root_pos", "root_quat", "joint_pos")
    )
    return Trajectory(pos, quat, joints, parts[0].dt)


@dataclass(frozen=True)
class Velocities:
    """Rates of T poses: root (T, 3) linear [m/s] and angular [rad/s], world; joints (T, J)."""

    root_lin: Array
    root_ang: Array
    joint: Array


def velocities(trajectory: Trajectory) -> Velocities:
    """Rates by second-order differences; a loop's go on over its seam."""
    if trajectory.loop:
        inner = velocities(extended(trajectory, 1))
        return Velocities(inner.root_lin[1:-1], inner.root_ang[1:-1], inner.joint[1:-1])
    dt = trajectory.dt
    return Velocities(
        _from_halves(np.diff(trajectory.root_pos, axis=0) / dt),
        _from_halves(turn_steps(trajectory.root_quat) / dt),
        _from_halves(np.diff(trajectory.joint_pos, axis=0) / dt),
    )


def body_poses(character: Character, trajectory: Trajectory) -> tuple[Array, Array]:
    """World positions (T, B, 3) and rotations (T, B, 4) of the character's bodies."""
    position, rotation = character.forward_kinematics(
        torch.from_numpy(trajectory.root_pos),
        torch.from_numpy(trajectory.root_quat),
        torch.from_numpy(trajectory.joint_pos),
    )
    return position.numpy(), rotation.numpy()


def to_clip(
    character: Character,
    trajectory: Trajectory,
    *,
    motion_weight: float = 1.0,
    skeleton: Skeleton | None = None,
    source: str = "<memory>",
) -> Clip:
    """Make a clip of poses in the character's joint order: velocities, end effectors derived."""
    layout = FrameLayout(len(character.joint_names), len(character.end_effector_names))
    count = len(trajectory)
    rates = velocities(trajectory)
    reach = character.end_effector_pos(
        torch.zeros(count, 3, dtype=torch.float64),
        torch.tensor([[0.0, 0.0, 0.0, 1.0]], dtype=torch.float64).expand(count, 4),
        torch.from_numpy(trajectory.joint_pos),
    )
    ends = reach.reshape(count, -1).numpy()
    frames = np.empty((count, layout.width))
    frames[:, layout.root_pos] = trajectory.root_pos
    frames[:, layout.root_rot] = trajectory.root_quat
    frames[:, layout.joint_pos] = trajectory.joint_pos
    frames[:, layout.ee_pos] = ends
    for columns, rate in (
        (layout.root_lin_vel, rates.root_lin),
        (layout.root_ang_vel, rates.root_ang),
    ):
        frames[:, columns] = rotate(invert(trajectory.root_quat), rate)
    frames[:, layout.joint_vel] = rates.joint
    frames[:, layout.ee_vel] = periodic_rate(ends, trajectory.dt, trajectory.loop)
    return Clip(
        frames, trajectory.dt, character.joint_names, character.end_effector_names,
        motion_weight, trajectory.loop, source, skeleton,
    )  # fmt: skip


def periodic_rate(values: Array, dt: float, loop: bool) -> Array:
    """Rates (T, n) of values (T, n) by second-order differences; a loop repeats its first row."""
    if loop:
        values = np.concatenate([values[-2:-1], values, values[1:2]])
        return _from_halves(np.diff(values, axis=0) / dt)[1:-1]
    return _from_halves(np.diff(values, axis=0) / dt)


def _from_halves(halves: Array) -> Array:
    """Rates (T, n) at the frames from those between them (T - 1, n), linear past the ends."""
    if len(halves) == 0:
        return np.zeros((1, *halves.shape[1:]))
    if len(halves) == 1:
        return np.repeat(halves, 2, axis=0)
    first, last = 1.5 * halves[0] - 0.5 * halves[1], 1.5 * halves[-1] - 0.5 * halves[-2]
    return np.concatenate([first[None], 0.5 * (halves[1:] + halves[:-1]), last[None]])
