"""Rotation matrices in NumPy: many joints and frames at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def from_quat(quat: Array) -> Array:
    """Matrices (..., 3, 3) of unit quaternions xyzw (..., 4)."""
    x, y, z, w = np.moveaxis(quat, -1, 0)
    rows = [
        [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - z * w), 2.0 * (x * z + y * w)],
        [2.0 * (x * y + z * w), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - x * w)],
        [2.0 * (x * z - y * w), 2.0 * (y * z + x * w), 1.0 - 2.0 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def to_quat(matrix: Array) -> Array:
    """Unit quaternions xyzw (..., 4) of rotation matrices (..., 3, 3).

    Of the four equal expressions the one with the largest divisor is taken (Shepperd 1978).
    """
    m = matrix
    trace = m[..., 0, 0] + m[..., 1, 1] + m[..., 2, 2]
    squares = [1.0 + 2.0 * m[..., i, i] - trace for i in range(3)] + [1.0 + trace]
    skew = [m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]]
    twice = [[m[..., i, j] + m[..., j, i] for j in range(3)] for i in range(3)]
    rows = [
        [squares[0], twice[0][1], twice[0][2], skew[0]],
        [twice[0][1], squares[1], twice[1][2], skew[1]],
        [twice[0][2], twice[1][2], squares[2], skew[2]],
        [skew[0], skew[1], skew[2], squares[3]],
    ]
    candidates = np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
    best = np.argmax(np.stack(squares, axis=-1), axis=-1)
    quat = np.take_along_axis(candidates, best[..., None, None], axis=-2)[..., 0, :]
    return quat / np.linalg.norm(quat, axis=-1, keepdims=True)


def about_axis(axis: Array, angle: Array) -> Array:
    """Matrices (..., 3, 3) of turns by angle (...,) [rad] about a unit axis (..., 3)."""
    half = 0.5 * np.asarray(angle)[..., None]
    return from_quat(np.concatenate([np.sin(half) * axis, np.cos(half)], axis=-1))


def about_coordinate(index: int, angle: Array) -> Array:
    """Matrices (..., 3, 3) of turns by angle (...,) [rad] about x, y or z (index 0, 1, 2)."""
    return about_axis(np.eye(3)[index], angle)


def from_rotvec(vector: Array) -> Array:
    """Matrices (..., 3, 3) of rotation vectors (..., 3) [rad]."""
    angle = np.linalg.norm(vector, axis=-1, keepdims=True)
    # numpy.sinc(x) = sin(pi x) / (pi x), so this is sin(angle / 2) / angle, finite at 0.
    scaled = 0.5 * np.sinc(0.5 * angle / np.pi) * vector
    return from_quat(np.concatenate([scaled, np.cos(0.5 * angle)], axis=-1))


def transpose(matrix: Array) -> Array:
    """The inverse of rotation matrices (..., 3, 3)."""
    return np.swapaxes(matrix, -1, -2)
