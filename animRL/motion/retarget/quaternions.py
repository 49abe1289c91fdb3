"""Quaternions xyzw as NumPy arrays; every function broadcasts over leading dimensions."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from animRL.utils import rotations

Array = NDArray[np.float64]

IDENTITY: Array = np.array([0.0, 0.0, 0.0, 1.0])


def multiply(*factors: Array) -> Array:
    """Product (..., 4): the last rotation first."""
    product = _tensor(factors[0])
    for factor in factors[1:]:
        product = rotations.quat_mul(*torch.broadcast_tensors(product, _tensor(factor)))
    return product.numpy()


def invert(quat: Array) -> Array:
    """Inverse (..., 4) of unit quaternions."""
    return rotations.quat_conjugate(_tensor(quat)).numpy()


def rotate(quat: Array, vector: Array) -> Array:
    """Rotate vectors (..., 3) by unit quaternions (..., 4)."""
    shape = np.broadcast_shapes(quat.shape[:-1], vector.shape[:-1])
    quat = np.broadcast_to(quat, (*shape, 4))
    return rotations.quat_rotate(_tensor(quat), _tensor(vector)).numpy()


def to_rotvec(quat: Array) -> Array:
    """Rotation vectors (..., 3) [rad], of length at most pi."""
    return rotations.quat_to_rotvec(_tensor(quat)).numpy()


def from_rotvec(vector: Array) -> Array:
    """Quaternions (..., 4) of rotation vectors (..., 3) [rad]."""
    return rotations.quat_from_rotvec(_tensor(vector)).numpy()


def about_z(angle: Array) -> Array:
    """Turns (..., 4) about the vertical by angles (...,) [rad]."""
    return rotations.quat_about_z(_tensor(angle)).numpy()


def heading(quat: Array) -> Array:
    """Angle (...,) [rad] of the turn about the vertical that is nearest to each rotation."""
    return rotations.twist_about_z(_tensor(quat)).numpy()


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
    signs = np.cumprod(np.concatenate([np.ones_like(flips[:1]), flips]), axis=0)
    return quat * signs[..., None]


def _tensor(array: Array) -> Tensor:
    return torch.from_numpy(np.array(array, dtype=np.float64))
