"""A motion as its file has it, in the file's own axes, units and names."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from animRL.dataloader.skeleton import Hinge
from animRL.motion.rotations import Array, from_matrix, matrix_about, slerp, to_matrix
from animRL.utils.errors import InputError


@dataclass(frozen=True, eq=False)
class SourceJoint:
    """One joint: offset (3,) in the parent's frame, in the file's unit, at zero pose."""

    name: str
    parent: int
    offset: Array
    hinges: tuple[Hinge, ...] | None = None
    """Given hinges; empty: fixed; None: a ball joint, to be written as three hinges."""
    rest: Array = field(default_factory=lambda: np.eye(3))
    """Rotation (3, 3) of the frame in the parent's at zero pose."""


@dataclass(frozen=True, eq=False)
class SourceMotion:
    """What a reader gets from a file; what it cannot know stays None and is detected.

    ``turns`` (T, B, 3, 3) are the joints' rotations from their rest, of the root from the world;
    identity for joints with given hinges, whose ``angles`` (T, H) [rad] follow the joints' order.
    """

    format: str
    name: str
    joints: tuple[SourceJoint, ...]
    turns: Array
    angles: Array
    root_pos: Array
    dt: float
    up: str | None = None
    """Axis of the world that points up: x, y or z, with a minus sign or without."""
    usual_up: str = "y"
    """The same, of files of this format that leave it open and whose motion does not tell."""
    rest_up: str | None = None
    """Axis of the root's frame at rest that points up; None: detected."""
    rest_forward: str | None = None
    """Axis of the root's frame at rest along which the character looks."""
    scale: float | None = None
    """Metres of one unit of length."""
    loop: bool | None = None
    """The file's word on whether the motion repeats."""
    sole: float | None = None
    """Height of the lowest joint of a standing foot over the floor, in the file's unit, where the
    heights in the file are relative and the feet have to be set on the floor; None: they are not.
    """
    roles: dict[str, str] | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the joints, the root first."""
        return tuple(joint.name for joint in self.joints)

    @property
    def parents(self) -> tuple[int, ...]:
        """Number of each joint's parent, -1 for the root."""
        return tuple(joint.parent for joint in self.joints)

    def local(self, frames: slice | Array = slice(None)) -> Array:
        """Rotations (T, B, 3, 3) of the joints in their parents, hinges and rest included."""
        turns = self.turns[frames].copy()
        angles, column = self.angles[frames], 0
        for index, joint in enumerate(self.joints):
            for hinge in joint.hinges or ():
                turns[:, index] = turns[:, index] @ matrix_about(
                    np.array(hinge.axis), angles[:, column]
                )
                column += 1
            turns[:, index] = joint.rest @ turns[:, index]
        return turns

    def poses(self, frames: slice | Array = slice(None)) -> tuple[Array, Array]:
        """World positions (T, B, 3) and rotations (T, B, 3, 3), in the file's axes and unit."""
        return self._forward(self.root_pos[frames], self.local(frames))

    def rest_poses(self) -> Array:
        """Positions (B, 3) at zero pose, the root at the origin."""
        still = np.stack([joint.rest for joint in self.joints])[None]
        return self._forward(np.zeros((1, 3)), still)[0][0]

    def _forward(self, root_pos: Array, local: Array) -> tuple[Array, Array]:
        position = np.empty((len(local), len(self.joints), 3))
        rotation = np.empty_like(local)
        position[:, 0], rotation[:, 0] = root_pos, local[:, 0]
        for index, joint in enumerate(self.joints[1:], start=1):
            above = rotation[:, joint.parent]
            rotation[:, index] = above @ local[:, index]
            position[:, index] = position[:, joint.parent] + above @ joint.offset
        return position, rotation

    def every(self, count: int = 200) -> Array:
        """Numbers of at most so many frames, evenly spread."""
        frames = len(self.root_pos)
        return np.unique(np.linspace(0, frames - 1, min(count, frames)).round().astype(int))


def resampled(motion: SourceMotion, times: Array) -> SourceMotion:
    """Bring frames at uneven times (T,) [s] to steady ones ``motion.dt`` apart."""
    count = int(np.floor((times[-1] - times[0]) / motion.dt + 1e-6)) + 1
    if count < 2:
        raise InputError(f"{motion.name}: {times[-1]:.4g} s is less than two frames of motion")
    wanted = times[0] + motion.dt * np.arange(count)
    after = np.clip(np.searchsorted(times, wanted, side="right"), 1, len(times) - 1)
    weight = np.clip((wanted - times[after - 1]) / (times[after] - times[after - 1]), 0.0, 1.0)
    quat = from_matrix(motion.turns)

    def linear(values: Array) -> Array:
        return values[after - 1] + weight[:, None] * (values[after] - values[after - 1])

    return replace(
        motion,
        turns=to_matrix(slerp(quat[after - 1], quat[after], weight[:, None])),
        angles=linear(motion.angles),
        root_pos=linear(motion.root_pos),
    )
