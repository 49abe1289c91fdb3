"""Where environments stand, and the random numbers of a start."""

from __future__ import annotations

import torch
from torch import Tensor


def grid(count: int, spacing: float) -> Tensor:
    """Origins (count, 3) [m] of environments on a square grid on the ground."""
    side = int(count**0.5 + 0.999999)
    index = torch.arange(count)
    rows, columns = index // side, index % side
    return torch.stack([spacing * rows, spacing * columns, 0 * index], dim=-1).float()


def uniform(shape: tuple[int, ...], low: float, high: float, device: torch.device) -> Tensor:
    """Uniform numbers between ``low`` and ``high``."""
    return low + (high - low) * torch.rand(shape, device=device)


def noise(shape: torch.Size, amplitude: float, device: torch.device) -> Tensor:
    """Uniform numbers in +-amplitude; no random number is drawn for amplitude 0."""
    if amplitude == 0.0:
        return torch.zeros(shape, device=device)
    return uniform(tuple(shape), -amplitude, amplitude, device)
