from __future__ import annotations

import numpy as np
import pytest

from animRL.motion.importers.euler import DEFAULT, ORDERS, angles_of, best_order, hinge_names
from animRL.motion.rotations import from_rotvec, to_matrix
from tests.motion.importers.writers import turn


def composed(angles: np.ndarray, order: tuple[int, int, int]) -> np.ndarray:
    first, second, third = (turn("xyz"[axis], angles[:, i]) for i, axis in enumerate(order))
    return first @ second @ third


@pytest.mark.parametrize("order", ORDERS)
def test_any_rotation_is_exact_in_any_order(order: tuple[int, int, int]) -> None:
    vectors = np.random.default_rng(0).normal(scale=2.0, size=(500, 3))
    rotations = to_matrix(from_rotvec(vectors))
    angles = angles_of(rotations[:, None], [order])[:, 0]
    np.testing.assert_allclose(composed(angles, order), rotations, atol=1e-12)


@pytest.mark.parametrize("order", ORDERS)
def test_gimbal_lock_is_exact_and_goes_through_smoothly(order: tuple[int, int, int]) -> None:
    """The middle angle swings through 90 degrees, and stays there for a while."""
    middle = np.concatenate([np.linspace(0.0, np.pi / 2, 50), np.full(20, np.pi / 2),
                             np.linspace(np.pi / 2, 2.5, 50)])  # fmt: skip
    given = np.stack([0.3 + 0.0 * middle, middle, -0.4 + 0.0 * middle], axis=1)
    rotations = composed(given, order)
    angles = angles_of(rotations[:, None], [order])[:, 0]
    np.testing.assert_allclose(composed(angles, order), rotations, atol=1e-9)
    assert np.abs(np.diff(angles, axis=0)).max() < 0.1


def test_angles_never_jump_over_several_turns() -> None:
    spin = np.linspace(0.0, 4.0 * np.pi, 200)
    given = np.stack([spin, 0.2 * np.sin(spin), 0.1 * np.cos(spin)], axis=1)
    angles = angles_of(composed(given, DEFAULT)[:, None], [DEFAULT])[:, 0]
    assert np.abs(np.diff(angles, axis=0)).max() < 0.1
    assert np.ptp(angles[:, 0]) == pytest.approx(4.0 * np.pi, abs=1e-6)
    assert abs(angles[:, 0].max() + angles[:, 0].min()) <= 2.0 * np.pi


def test_the_order_keeps_away_from_gimbal_lock() -> None:
    swing = np.linspace(-1.5, 1.5, 50)
    still = np.zeros(50)
    about_z = composed(np.stack([still, swing, still], axis=1), DEFAULT)  # z is DEFAULT's middle
    order = best_order(about_z)
    assert order != DEFAULT and np.abs(about_z[:, order[0], order[2]]).max() < 0.1
    about_y = composed(np.stack([still, still, swing], axis=1), DEFAULT)
    assert best_order(about_y) == DEFAULT


def test_names_of_different_orders_differ() -> None:
    names = [set(hinge_names("hip", order)) for order in ORDERS]
    assert all(not a & b for i, a in enumerate(names) for b in names[:i])
    assert hinge_names("hip", DEFAULT) == ("hip_x", "hip_z", "hip_y")
