"""Rotations as float64 NumPy arrays: quaternions xyzw, and matrices for long products.

Every function broadcasts over leading dimensions. Formulas that Torch code needs as well stand in
`animRL.utils.rotations` and are called from there. The rotations of a product apply last first.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from animRL.utils import rotations

Array = NDArray[np.float64]

IDENTITY: Array = np.array([0.0, 0.0, 0.0, 1.0])


def multiply(*factors: Array) -> Array:
    """Product (..., 4) of quaternions: the last rotation first."""
    product = _tensor(factors[0])
    for factor in factors[1:]:
        product = rotations.quat_mul(*torch.broadcast_tensors(product, _tensor(factor)))
    return product.numpy()


def invert(quat: Array) -> Array:
    """Inverse (..., 4) of unit quaternions."""
    return rotations.quat_conjugate(_tensor(quat)).numpy()


def rotate(quat: Array, vector: Array) -> Array:
    """Rotate vectors (..., 3) by unit quaternions (..., 4): body frame to world frame."""
    shape = np.broadcast_shapes(quat.shape[:-1], vector.shape[:-1])
    quat = np.broadcast_to(quat, (*shape, 4))
    return rotations.quat_rotate(_tensor(quat), _tensor(vector)).numpy()


def to_rotvec(quat: Array) -> Array:
    """Rotation vectors (..., 3) [rad], of length at most pi."""
    return rotations.quat_to_rotvec(_tensor(quat)).numpy()


def from_rotvec(vector: Array) -> Array:
    """Quaternions (..., 4) of rotation vectors (..., 3) [rad]."""
    return rotations.quat_from_rotvec(_tensor(vector)).numpy()


def about_z(angle: float | Array) -> Array:
    """Turns (..., 4) about the vertical by angles (...,) [rad]."""
    return rotations.quat_about_z(_tensor(angle)).numpy()


def heading(quat: Array) -> Array:
    """Angle (...,) [rad] of the turn about the vertical that is nearest to each rotation."""
    return rotations.twist_about_z(_tensor(quat)).numpy()


def turn_steps(quat: Array) -> Array:
    """Rotation vectors (T - 1, ..., 3) [rad] from each of (T, ..., 4) to the next, world frame."""
    return to_rotvec(multiply(quat[1:], invert(quat[:-1])))


def slerp(start: Array, end: Array, share: Array) -> Array:
    """Interpolate from start to end (..., 4) along the shorter arc, by shares (...,) in [0, 1]."""
    shape = np.broadcast_shapes(start.shape[:-1], end.shape[:-1], share.shape)
    start, end = (np.broadcast_to(quat, (*shape, 4)) for quat in (start, end))
    share = np.broadcast_to(share, shape)[..., None]
    return rotations.quat_slerp(_tensor(start), _tensor(end), _tensor(share)).numpy()


def rotate_planar(angle: float | Array, vector: Array) -> Array:
    """Turn planar vectors (..., 2) about the vertical by angles (...,) [rad]."""
    return rotations.rotate_about_z(_tensor(angle), _tensor(vector)).numpy()


def between(start: Array, end: Array) -> Array:
    """The smallest rotations (..., 4) that take the directions (..., 3) of start to those of end.

    Opposite directions have no smallest one: then it is a half turn about some normal.
    """
    start, end = np.broadcast_arrays(unit(start), unit(end))
    axis, cosine = np.cross(start, end), (start * end).sum(axis=-1, keepdims=True)
    quat = np.concatenate([axis, 1.0 + cosine], axis=-1)
    opposite = cosine[..., 0] < -1.0 + 1e-9
    if np.any(opposite):
        other = np.where(np.abs(start[..., :1]) < 0.7, [1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
        normal = unit(np.cross(start, other))
        half_turn = np.concatenate([normal, np.zeros_like(cosine)], axis=-1)
        quat = np.where(opposite[..., None], half_turn, quat)
    return quat / np.linalg.norm(quat, axis=-1, keepdims=True)


def unit(vector: Array) -> Array:
    """Vectors (..., n) of length 1; a vector of length 0 stays what it is."""
    length = np.linalg.norm(vector, axis=-1, keepdims=True)
    return vector / np.maximum(length, 1e-12)


def continuous(quat: Array) -> Array:
    """The same rotations (T, ..., 4) with the signs that keep neighbours in time together."""
    dots = (quat[1:] * quat[:-1]).sum(axis=-1)
    flips = np.where(dots < 0.0, -1.0, 1.0)
    signs = np.cumprod(np.concatenate([np.ones_like(quat[:1, ..., 0]), flips]), axis=0)
    return quat * signs[..., None]


def to_matrix(quat: Array) -> Array:
    """Matrices (..., 3, 3) of unit quaternions (..., 4)."""
    x, y, z, w = np.moveaxis(quat, -1, 0)
    rows = [
        [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - z * w), 2.0 * (x * z + y * w)],
        [2.0 * (x * y + z * w), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - x * w)],
        [2.0 * (x * z - y * w), 2.0 * (y * z + x * w), 1.0 - 2.0 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def from_matrix(matrix: Array) -> Array:
    """Unit quaternions (..., 4) of rotation matrices (..., 3, 3).

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


def matrix_about(axis: Array, angle: Array) -> Array:
    """Matrices (..., 3, 3) of turns by angles (...,) [rad] about unit axes (..., 3)."""
    half = 0.5 * np.asarray(angle)[..., None]
    return to_matrix(np.concatenate([np.sin(half) * axis, np.cos(half)], axis=-1))


def matrix_about_coordinate(index: int, angle: Array) -> Array:
    """Matrices (..., 3, 3) of turns by angles (...,) [rad] about x, y or z (index 0, 1, 2)."""
    return matrix_about(np.eye(3)[index], angle)


def transpose(matrix: Array) -> Array:
    """The inverse of rotation matrices (..., 3, 3)."""
    return np.swapaxes(matrix, -1, -2)


def _tensor(array: float | Array) -> Tensor:
    return torch.from_numpy(np.array(array, dtype=np.float64))
