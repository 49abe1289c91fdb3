"""Tensors of the simulation as tensors of torch, and back."""

from __future__ import annotations

import torch

from isaacgym import gymapi
from isaacgym._misuse import Misuse


def wrap_tensor(gym_tensor, offsets=None, counts=None):
    """A torch tensor that shares the simulation's memory."""
    if not isinstance(gym_tensor, gymapi.Tensor) or gym_tensor._array is None:
        raise Misuse("wrap_tensor takes what acquire_..._tensor has returned")
    return torch.from_numpy(gym_tensor._array)


def unwrap_tensor(torch_tensor):
    """A description of a torch tensor, which does not keep it alive."""
    if not isinstance(torch_tensor, torch.Tensor):
        raise Misuse("unwrap_tensor takes a torch tensor")
    if not torch_tensor.is_contiguous():
        raise Misuse("the tensor is not contiguous")
    return gymapi.Tensor._of(torch_tensor)
