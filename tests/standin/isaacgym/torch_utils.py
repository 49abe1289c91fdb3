"""Quaternions (xyzw) as in Isaac Gym's torch_utils."""

from __future__ import annotations

import torch


def to_torch(x, dtype=torch.float, device="cpu", requires_grad=False):
    """Make a tensor."""
    return torch.tensor(x, dtype=dtype, device=device, requires_grad=requires_grad)


def quat_rotate(q, v):
    """Rotate vectors (N, 3) by quaternions (N, 4)."""
    w, u = q[:, 3:4], q[:, :3]
    return v + 2.0 * torch.cross(u, torch.cross(u, v, dim=-1) + w * v, dim=-1)


def quat_rotate_inverse(q, v):
    """Rotate vectors (N, 3) back."""
    return quat_rotate(torch.cat([-q[:, :3], q[:, 3:4]], dim=-1), v)
