"""Rotations as unit quaternions xyzw; every function broadcasts over leading dimensions."""

from __future__ import annotations

import torch
from torch import Tensor


def quat_normalize(q: Tensor) -> Tensor:
    """Scale quaternions (..., 4) to unit length."""
    return q / q.norm(dim=-1, keepdim=True)


def quat_positive_w(q: Tensor) -> Tensor:
    """Return the same rotations (..., 4) with the sign that makes w >= 0."""
    return torch.where(q[..., 3:] < 0.0, -q, q)


def quat_conjugate(q: Tensor) -> Tensor:
    """Invert unit quaternions (..., 4)."""
    return torch.cat([-q[..., :3], q[..., 3:]], dim=-1)


def quat_mul(a: Tensor, b: Tensor) -> Tensor:
    """Hamilton product a b (..., 4): the rotation b followed by a."""
    av, aw = a[..., :3], a[..., 3:]
    bv, bw = b[..., :3], b[..., 3:]
    vector = aw * bv + bw * av + torch.linalg.cross(*torch.broadcast_tensors(av, bv), dim=-1)
    scalar = aw * bw - (av * bv).sum(dim=-1, keepdim=True)
    return torch.cat([vector, scalar], dim=-1)


def quat_rotate(q: Tensor, v: Tensor) -> Tensor:
    """Rotate vectors v (..., 3) by unit quaternions q (..., 4): body frame to world frame."""
    qv, v = torch.broadcast_tensors(q[..., :3], v)
    t = 2.0 * torch.linalg.cross(qv, v, dim=-1)
    return v + q[..., 3:] * t + torch.linalg.cross(qv, t, dim=-1)


def quat_rotate_inverse(q: Tensor, v: Tensor) -> Tensor:
    """Rotate vectors v (..., 3) by the inverse of q (..., 4): world frame to body frame."""
    return quat_rotate(quat_conjugate(q), v)


def quat_angle(q: Tensor) -> Tensor:
    """Rotation angle (...,) of unit quaternions in [0, pi] rad; exact near 0 and pi, sign-free."""
    return 2.0 * torch.atan2(q[..., :3].norm(dim=-1), q[..., 3].abs())


def angle_between(a: Tensor, b: Tensor) -> Tensor:
    """Angle (N,) in [0, pi] rad of the rotation that takes b to a, both unit (N, 4).

    Sign-free: a and -a are the same rotation. As quaternions the two are half the angle apart, so
    the angle is four times atan(|a - b| / |a + b|) (Kahan, "How Futile are Mindless Assessments of
    Roundoff", 2006). Exact to rounding near 0 and near pi; an arc cosine is not near 0.
    """
    difference = torch.linalg.vector_norm(a - b, dim=-1)
    total = torch.linalg.vector_norm(a + b, dim=-1)
    return 4.0 * torch.atan2(torch.minimum(difference, total), torch.maximum(difference, total))


def quat_from_rotvec(v: Tensor) -> Tensor:
    """Quaternions (..., 4) of rotation vectors (..., 3) [rad] (exponential map)."""
    angle = v.norm(dim=-1, keepdim=True)
    half = 0.5 * angle
    # torch.sinc(x) = sin(pi x) / (pi x), so this is sin(angle / 2) / angle, finite at 0.
    return torch.cat([0.5 * torch.sinc(half / torch.pi) * v, half.cos()], dim=-1)


def quat_to_rotvec(q: Tensor) -> Tensor:
    """Rotation vectors (..., 3) [rad], of length at most pi, of unit quaternions (logarithm)."""
    q = quat_positive_w(q)
    sine = q[..., :3].norm(dim=-1, keepdim=True)
    angle = 2.0 * torch.atan2(sine, q[..., 3:])
    scale = torch.where(sine > 1e-7, angle / sine.clamp(min=1e-7), torch.full_like(sine, 2.0))
    return scale * q[..., :3]


def quat_slerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Interpolate from a to b (..., 4) along the shorter arc; t (...,) or (..., 1) in [0, 1].

    Spherical linear interpolation (Shoemake 1985); falls back to the normalised chord for arcs
    under about 0.1 degrees, where the two agree to float precision.
    """
    t = t if t.dim() == a.dim() else t.unsqueeze(-1)
    cosine = (a * b).sum(dim=-1, keepdim=True)
    b = torch.where(cosine < 0.0, -b, b)
    angle = torch.atan2((b - a).norm(dim=-1, keepdim=True), (b + a).norm(dim=-1, keepdim=True)) * 2
    sine = torch.sin(angle)
    tiny = sine < 1e-3
    safe = torch.where(tiny, torch.ones_like(sine), sine)
    wa = torch.where(tiny, 1.0 - t, torch.sin((1.0 - t) * angle) / safe)
    wb = torch.where(tiny, t, torch.sin(t * angle) / safe)
    return quat_normalize(wa * a + wb * b)


def quat_about_z(angle: Tensor) -> Tensor:
    """Quaternions (..., 4) of turns about the world's z axis by angle (...,) [rad]."""
    zero = torch.zeros_like(angle)
    return torch.stack([zero, zero, torch.sin(0.5 * angle), torch.cos(0.5 * angle)], dim=-1)


def twist_about_z(q: Tensor) -> Tensor:
    """Angle (...,) in (-pi, pi] of the turn about z nearest to q (swing-twist decomposition).

    Unlike a yaw angle it is well defined upside down; it is undefined only for a half turn
    about a horizontal axis, where 0 is returned.
    """
    q = quat_positive_w(q)
    return 2.0 * torch.atan2(q[..., 2], q[..., 3])


def rotate_about_z(angle: Tensor, v: Tensor) -> Tensor:
    """Turn planar vectors v (..., 2) about z by angle (...,) [rad]."""
    c, s = torch.cos(angle), torch.sin(angle)
    return torch.stack([c * v[..., 0] - s * v[..., 1], s * v[..., 0] + c * v[..., 1]], dim=-1)
