"""Rotations as NumPy arrays: properties."""

from __future__ import annotations

import numpy as np
import pytest

from animRL.motion.retarget.quaternions import (
    about_z,
    between,
    continuous,
    from_rotvec,
    heading,
    invert,
    multiply,
    rotate,
    to_rotvec,
    unit,
)


@pytest.fixture
def some() -> np.ndarray:
    return unit(np.random.default_rng(0).normal(size=(20, 4)))


def test_products_and_inverses(some: np.ndarray) -> None:
    a, b = some[:10], some[10:]
    vectors = np.random.default_rng(1).normal(size=(10, 3))
    np.testing.assert_allclose(rotate(multiply(a, b), vectors), rotate(a, rotate(b, vectors)))
    identity = multiply(a, b, invert(multiply(a, b)))
    np.testing.assert_allclose(identity, [[0.0, 0.0, 0.0, 1.0]] * 10, atol=1e-12)


def test_the_smallest_rotation_between_directions() -> None:
    start, end = np.random.default_rng(2).normal(size=(2, 30, 3))
    quat = between(start, end)
    np.testing.assert_allclose(rotate(quat, unit(start)), unit(end), atol=1e-9)
    angle = np.arccos((unit(start) * unit(end)).sum(axis=1))
    np.testing.assert_allclose(np.linalg.norm(to_rotvec(quat), axis=1), angle, atol=1e-7)


@pytest.mark.parametrize("axis", np.eye(3).tolist())
def test_opposite_directions_are_half_a_turn_apart(axis: list[float]) -> None:
    quat = between(np.array(axis), -np.array(axis))
    np.testing.assert_allclose(rotate(quat, np.array(axis)), -np.array(axis), atol=1e-9)


def test_heading_undoes_a_turn_about_the_vertical() -> None:
    angles = np.linspace(-3.0, 3.0, 7)
    tilt = from_rotvec(np.array([0.3, -0.2, 0.0]))
    np.testing.assert_allclose(heading(multiply(about_z(angles), tilt)), angles, atol=1e-9)


def test_signs_become_continuous() -> None:
    turns = about_z(np.linspace(0.0, 7.0, 30))
    flipped = turns * np.where(np.arange(30) % 3, 1.0, -1.0)[:, None]
    result = continuous(flipped)
    assert ((result[1:] * result[:-1]).sum(axis=1) > 0.0).all()
    np.testing.assert_allclose(np.abs((result * turns).sum(axis=1)), 1.0)
