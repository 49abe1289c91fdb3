"""The poses to be retargeted: bodies over time, at any rate, closed into a loop."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from animRL.motion.extras import require
from animRL.motion.rotations import (
    Array,
    about_z,
    continuous,
    from_rotvec,
    heading,
    invert,
    multiply,
    rotate,
    to_rotvec,
)


@dataclass(frozen=True)
class Planar:
    """A turn about the vertical by ``turn`` [rad], then a move by ``offset`` (3,), flat [m]."""

    turn: float
    offset: Array

    def position(self, pos: Array, times: int = 1) -> Array:
        """Positions (..., 3) after so many of these transforms; negative: their inverse."""
        for _ in range(abs(times)):
            if times > 0:
                pos = rotate(about_z(np.array(self.turn)), pos) + self.offset
            else:
                pos = rotate(about_z(np.array(-self.turn)), pos - self.offset)
        return pos

    def rotation(self, quat: Array, times: int = 1) -> Array:
        """Rotations (..., 4) after so many of these transforms; negative: their inverse."""
        return multiply(about_z(np.array(self.turn * times)), quat)


@dataclass(frozen=True)
class BodyMotion:
    """World positions (T, B, 3) [m] and rotations (T, B, 4) of bodies, dt [s] apart.

    The first body is the root. With ``loop`` the last frame repeats the first pose after a planar
    transform.
    """

    pos: Array
    quat: Array
    dt: float
    loop: bool

    def __len__(self) -> int:
        return len(self.pos)

    @property
    def seam(self) -> Planar:
        """What takes the first frame's root to the last's, heading and place."""
        turn = float(heading(multiply(self.quat[-1, 0], invert(self.quat[0, 0]))))
        moved = rotate(about_z(np.array(turn)), self.pos[0, 0])
        return Planar(turn, (self.pos[-1, 0] - moved) * [1.0, 1.0, 0.0])

    def seam_gap(self) -> tuple[float, float]:
        """Largest distance of the bodies [m] and of their rotations [rad] over the seam."""
        seam = self.seam
        move = np.linalg.norm(self.pos[-1] - seam.position(self.pos[0]), axis=-1)
        turn = to_rotvec(multiply(self.quat[-1], invert(seam.rotation(self.quat[0]))))
        return float(move.max()), float(np.linalg.norm(turn, axis=-1).max())

    def closed(self) -> BodyMotion:
        """The same motion with the gap at its seam spread evenly over all frames."""
        seam = self.seam
        share = np.linspace(0.0, 1.0, len(self))[:, None, None]
        move = seam.position(self.pos[0]) - self.pos[-1]
        turn = to_rotvec(multiply(seam.rotation(self.quat[0]), invert(self.quat[-1])))
        return replace(
            self,
            pos=self.pos + share * move,
            quat=continuous(multiply(from_rotvec(share * turn), self.quat)),
            loop=True,
        )


def resampled(motion: BodyMotion, parents: tuple[int, ...], fps: float) -> BodyMotion:
    """The motion at about fps frames a second, first and last frame kept.

    The root's path and every joint's rotation go through the given frames as cubic splines
    (rotations: interpolation with continuous angular acceleration, Park & Ravani 1997, scipy's
    RotationSpline), over the seam of a loop, too; distances of bodies within the tree stay.

    Args:
        motion: at least two frames.
        parents: number of each body's parent, before its own; -1 for the root.
        fps: frames a second.
    """
    spline = require("scipy.interpolate")
    rotation = require("scipy.spatial.transform")
    given = tiled(motion) if motion.loop else motion
    duration, laps = (len(motion) - 1) * motion.dt, 3 if motion.loop else 1
    count = max(round(duration * fps), 1) + 1
    start = duration if motion.loop else 0.0
    old = np.linspace(0.0, laps * duration, len(given))
    new = np.linspace(start, start + duration, count)
    pos, quat = np.empty((count, *motion.pos.shape[1:])), np.empty((count, *motion.quat.shape[1:]))
    for body, parent in enumerate(parents):
        if parent < 0:
            pos[:, body] = spline.CubicSpline(old, given.pos[:, body])(new)
            local = given.quat[:, body]
        else:
            up = invert(given.quat[:, parent])
            local = multiply(up, given.quat[:, body])
            offset = rotate(up, given.pos[:, body] - given.pos[:, parent]).mean(axis=0)
        curve = rotation.RotationSpline(old, rotation.Rotation.from_quat(continuous(local)))
        quat[:, body] = curve(new).as_quat()
        if parent >= 0:
            pos[:, body] = pos[:, parent] + rotate(quat[:, parent], offset)
            quat[:, body] = multiply(quat[:, parent], quat[:, body])
    return BodyMotion(pos, continuous(quat), duration / (count - 1), motion.loop)


def tiled(motion: BodyMotion) -> BodyMotion:
    """Three cycles of a closed loop, the middle one in its own place: 3 (T - 1) + 1 frames."""
    seam = motion.seam
    laps = [(-1, motion.pos[:-1], motion.quat[:-1]), (0, motion.pos[:-1], motion.quat[:-1])]
    laps.append((1, motion.pos, motion.quat))
    return BodyMotion(
        np.concatenate([seam.position(pos, lap) for lap, pos, _ in laps]),
        continuous(np.concatenate([seam.rotation(quat, lap) for lap, _, quat in laps])),
        motion.dt,
        loop=False,
    )
