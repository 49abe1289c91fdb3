"""The poses that are solved for, what follows past their ends, and their differences in time."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np

from animRL.motion.model import CharacterModel
from animRL.motion.rotations import Array
from animRL.motion.trajectory import Trajectory, seam_transform


class Timeline:
    """n positions (n, nq) of a model, and how they go on before the first and after the last.

    A loop's last frame, which repeats the first, is left out; past the ends it goes on by the
    planar transform of its seam. Other motions stand still before their first and after their last
    frame.
    """

    def __init__(self, tool: CharacterModel, trajectory: Trajectory) -> None:
        self.tool, self.dt, self.loop = tool, trajectory.dt, trajectory.loop
        self.count = len(trajectory) - int(self.loop)
        self._seam = seam_transform(trajectory) if self.loop else None

    @property
    def turn(self) -> Array | None:
        """Turn (3, 3) of the world from one cycle to the next; None without a loop."""
        if self._seam is None:
            return None
        c, s = np.cos(self._seam.turn), np.sin(self._seam.turn)
        return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])

    def next_cycle(self, point: Array) -> Array:
        """Where a point (3,) of this cycle is in the next."""
        if self._seam is None or self.turn is None:
            return point
        return self.turn @ point + [*self._seam.offset, 0.0]

    def at(self, qpos: Array, frame: int) -> Array:
        """The position (nq,) at any frame, inside or outside."""
        if self._seam is None:
            return qpos[min(max(frame, 0), self.count - 1)]
        cycles, inside = divmod(frame, self.count)
        if not cycles:
            return qpos[inside]
        pose = self.tool.to_trajectory(qpos[inside : inside + 1], self.dt, False)
        seam = self._seam if cycles > 0 else self._seam.inverse()
        for _ in range(abs(cycles)):
            pose = seam.apply(pose)
        return self.tool.to_qpos(pose)[0]

    def moved(self, qpos: Array, tangents: Array) -> Array:
        """Positions (n, nq) after a step by tangents (n, nv)."""
        result = qpos.copy()
        for row, tangent in zip(result, tangents, strict=True):
            mujoco.mj_integratePos(self.tool.model, row, tangent, 1.0)
        return result

    def trajectory(self, qpos: Array) -> Trajectory:
        """The motion, a loop's first pose repeated at its end."""
        if self.loop:
            qpos = np.concatenate([qpos, self.at(qpos, self.count)[None]])
        return self.tool.to_trajectory(qpos, self.dt, self.loop)


@dataclass(frozen=True)
class Rates:
    """Velocities (n + 3, nv) between frames t and t + 1 for t = -2 to n, and their derivatives.

    A change (x, y) of the tangents of the frames t and t + 1 changes the velocity by
    (after y - before x) / dt, both (n + 3, nv, nv); on the rotation they are the inverse Jacobians
    of the exponential map to first order in the turn from frame to frame.
    """

    half: Array
    before: Array
    after: Array

    @classmethod
    def of(cls, timeline: Timeline, qpos: Array) -> Rates:
        """Difference the positions (n, nq) of a timeline."""
        padded = np.stack([timeline.at(qpos, t) for t in range(-2, timeline.count + 2)])
        half = timeline.tool.difference(padded[:-1], padded[1:]) / timeline.dt
        x, y, z = 0.5 * timeline.dt * half[:, 3:6].T
        cross = np.zeros((len(half), 3, 3))
        cross[:, 2, 1], cross[:, 0, 2], cross[:, 1, 0] = x, y, z
        cross -= cross.transpose(0, 2, 1)
        before = np.tile(np.eye(half.shape[1]), (len(half), 1, 1))
        after = before.copy()
        before[:, 3:6, 3:6] -= cross
        after[:, 3:6, 3:6] += cross
        return cls(half, before, after)

    def around(self, frame: int) -> tuple[tuple[Array, Array, Array], tuple[Array, Array, Array]]:
        """Velocity and derivatives before and after a frame."""
        a, b = frame + 1, frame + 2
        return (
            (self.half[a], self.before[a], self.after[a]),
            (self.half[b], self.before[b], self.after[b]),
        )
