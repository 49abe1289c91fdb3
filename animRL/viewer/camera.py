"""Where the camera stands: three-quarter view, following the characters smoothly."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from animRL.viewer.poses import Array, Pose, Poses

FIELD_OF_VIEW = 32.0
"""Vertical field of view [degrees]; long enough a lens that limbs are not distorted."""
_ELEVATION = -12.0
_AIM_HEIGHT = 0.92
"""Height [m] looked at: the pelvis of a grown person."""
_VISIBLE_HEIGHT = 2.3
"""Height [m] that fits into the frame: a grown person with the arms up."""
_VIEW_FROM = -48.0
"""Side that the camera stands on [degrees]: 0 in front of the walker, -90 to the right."""
_SMOOTHING = 0.35
"""Standard deviation [s] of the Gaussian that smooths the camera's path."""
_JUMP = 0.5
"""A root that moves further [m] between two frames was reset, not moved."""
_MAX_APART = 4.0
"""Beyond this distance [m] between the two characters the camera stays with the first."""


@dataclass(frozen=True)
class Camera:
    """A free camera: point looked at (3,) [m], distance [m], azimuth and elevation [degrees].

    The angles are MuJoCo's: azimuth 0 looks along +x, 90 along +y; elevation < 0 looks down.
    """

    lookat: tuple[float, float, float]
    distance: float
    azimuth: float
    elevation: float = _ELEVATION

    def aimed_at(self, point: Array) -> Camera:
        """Return the same camera moved to look at point (2,) or (3,); the height stays."""
        return replace(self, lookat=(float(point[0]), float(point[1]), self.lookat[2]))


def heading(poses: Poses, dt: float) -> float:
    """Direction [rad, world] in which a character sets off: its travel, else where it faces."""
    last = min(len(poses) - 1, max(1, round(1.5 / dt)))
    travel = poses.root_pos[last, :2] - poses.root_pos[0, :2]
    if np.linalg.norm(travel) > 0.3:
        return float(np.arctan2(travel[1], travel[0]))
    x, y, z, w = poses.root_quat[0]
    return float(np.arctan2(2.0 * (x * y + w * z), 1.0 - 2.0 * (y * y + z * z)))


def beside(direction: float, distance: float) -> Array:
    """Offset (3,) [m] that puts a reference to the left of a character walking in direction."""
    return np.array([-np.sin(direction), np.cos(direction), 0.0]) * distance


def camera_for(pose: Pose, reference: Pose | None = None, direction: float = 0.0) -> Camera:
    """Three-quarter view of one state, both characters in the frame."""
    centre, apart = _between(pose.root_pos, None if reference is None else reference.root_pos)
    azimuth = np.degrees(direction) + _VIEW_FROM + 180.0
    return Camera((float(centre[0]), float(centre[1]), _AIM_HEIGHT), _distance(apart), azimuth)


def follow(poses: Poses, reference: Poses | None, dt: float) -> list[Camera]:
    """One camera a state (T), looking the same way throughout and moving without jerks.

    The path of the characters' centre is smoothed by a Gaussian, on either side of a reset
    apart. The distance is the one that the widest moment needs.
    """
    centres, widest = np.empty((len(poses), 3)), 0.0
    for index in range(len(poses)):
        other = None if reference is None else reference.root_pos[index]
        centres[index], apart = _between(poses.root_pos[index], other)
        widest = max(widest, apart)
    first = camera_for(poses[0], None, heading(poses, dt))
    first = replace(first, distance=_distance(widest))
    return [first.aimed_at(point) for point in smooth(centres, dt)]


def smooth(points: Array, dt: float) -> Array:
    """Smooth a path (T, D) by a Gaussian in time, without mixing across jumps (resets)."""
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    parts = np.split(points, np.flatnonzero(steps > _JUMP) + 1)
    reach = max(1, round(3.0 * _SMOOTHING / dt))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * dt / _SMOOTHING) ** 2)
    kernel /= kernel.sum()
    return np.concatenate([_convolve(part, kernel, reach) for part in parts])


def _convolve(path: Array, kernel: Array, reach: int) -> Array:
    # Odd reflection at the ends goes on at the same speed, so that the camera does not lag there.
    padded = np.pad(path, ((reach, reach), (0, 0)), mode="reflect", reflect_type="odd")
    columns = [np.convolve(column, kernel, mode="valid") for column in padded.T]
    return np.stack(columns, axis=1)


def _between(position: Array, other: Array | None) -> tuple[Array, float]:
    """Centre (3,) to look at and the planar distance [m] that must fit into the frame."""
    if other is None:
        return position, 0.0
    apart = float(np.linalg.norm((other - position)[:2]))
    return (position, 0.0) if apart > _MAX_APART else (0.5 * (position + other), apart)


def _distance(apart: float) -> float:
    """Distance [m] from which _VISIBLE_HEIGHT and two characters that far apart fit in."""
    height = _VISIBLE_HEIGHT + 0.3 * apart
    return 0.5 * height / float(np.tan(np.radians(0.5 * FIELD_OF_VIEW)))
