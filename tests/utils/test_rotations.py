"""Rotations: properties that hold for all of them, and angles worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from animRL.utils import rotations as rot


def random_quats(count: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return rot.quat_normalize(torch.randn(count, 4, generator=generator, dtype=torch.float64))


def matrix(q: torch.Tensor) -> torch.Tensor:
    """Rotation matrices from the textbook formula, written apart from the code under test."""
    x, y, z, w = q.unbind(-1)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return torch.stack([torch.stack(row, -1) for row in rows], -2)


def test_rotate_and_multiply_agree_with_matrices() -> None:
    a, b, v = random_quats(50), random_quats(50, 1), torch.randn(50, 3, dtype=torch.float64)
    torch.testing.assert_close(rot.quat_rotate(a, v), (matrix(a) @ v.unsqueeze(-1)).squeeze(-1))
    torch.testing.assert_close(matrix(rot.quat_mul(a, b)), matrix(a) @ matrix(b))
    torch.testing.assert_close(rot.quat_rotate_inverse(a, rot.quat_rotate(a, v)), v)


def test_exponential_and_logarithm_are_inverse_up_to_half_a_turn() -> None:
    q = random_quats(200)
    back = rot.quat_from_rotvec(rot.quat_to_rotvec(q))
    torch.testing.assert_close(back, rot.quat_positive_w(q))
    tiny = torch.tensor([[1e-9, 0.0, 0.0], [0.0, 0.0, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(rot.quat_to_rotvec(rot.quat_from_rotvec(tiny)), tiny)


@pytest.mark.parametrize("angle", [0.0, 1e-3, 0.5, 3.0, math.pi - 1e-3, math.pi])
def test_angle_is_exact_in_single_precision_and_sign_free(angle: float) -> None:
    q = rot.quat_from_rotvec(torch.tensor([[0.0, angle, 0.0]]))
    for sign in (1.0, -1.0):
        assert float(rot.quat_angle(sign * q)) == pytest.approx(angle, abs=1e-6)


def test_slerp_turns_at_a_constant_rate_along_the_shorter_arc() -> None:
    a = rot.quat_from_rotvec(torch.tensor([[0.3, 0.0, 0.0]]))
    b = -rot.quat_from_rotvec(torch.tensor([[1.3, 0.0, 0.0]]))
    for t in (0.0, 0.25, 1.0):
        q = rot.quat_slerp(a, b, torch.tensor([t]))
        assert float(rot.quat_to_rotvec(q)[0, 0]) == pytest.approx(0.3 + t, abs=1e-6)


def test_twist_about_z_splits_off_the_swing_even_upside_down() -> None:
    angles = torch.linspace(-3.0, 3.0, 13)
    swing = rot.quat_from_rotvec(torch.tensor([[2.9, 0.4, 0.0]])).expand(13, 4)
    turned = rot.quat_mul(rot.quat_about_z(angles), swing)
    torch.testing.assert_close(rot.twist_about_z(turned), angles, atol=1e-5, rtol=0.0)


def test_planar_turn_agrees_with_the_quaternion() -> None:
    angle, v = torch.tensor([0.7]), torch.tensor([[1.0, 2.0]])
    full = rot.quat_rotate(rot.quat_about_z(angle), torch.tensor([[1.0, 2.0, 0.0]]))
    torch.testing.assert_close(rot.rotate_about_z(angle, v), full[:, :2])
