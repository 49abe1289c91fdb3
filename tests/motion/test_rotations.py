"""Rotations as NumPy arrays: properties."""

from __future__ import annotations

import numpy as np
import pytest

from animRL.motion.rotations import (
    IDENTITY,
    about_z,
    between,
    continuous,
    from_matrix,
    from_rotvec,
    heading,
    invert,
    matrix_about,
    matrix_about_coordinate,
    multiply,
    rotate,
    rotate_planar,
    slerp,
    to_matrix,
    to_rotvec,
    transpose,
    turn_steps,
    unit,
)


@pytest.fixture
def some() -> np.ndarray:
    return unit(np.random.default_rng(0).normal(size=(20, 4)))


@pytest.fixture
def vectors() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(10, 3))


def test_products_and_inverses(some: np.ndarray, vectors: np.ndarray) -> None:
    a, b = some[:10], some[10:]
    np.testing.assert_allclose(rotate(multiply(a, b), vectors), rotate(a, rotate(b, vectors)))
    identity = multiply(a, b, invert(multiply(a, b)))
    np.testing.assert_allclose(identity, [IDENTITY] * 10, atol=1e-12)


def test_leading_dimensions_broadcast(some: np.ndarray, vectors: np.ndarray) -> None:
    every = rotate(some[:, None], vectors)
    assert every.shape == (20, 10, 3)
    np.testing.assert_allclose(every[3, 4], rotate(some[3], vectors[4]))
    assert multiply(some[:, None], some[:5]).shape == (20, 5, 4)


def test_matrices_do_what_quaternions_do(some: np.ndarray, vectors: np.ndarray) -> None:
    matrices = to_matrix(some)
    turned = np.einsum("nij,mj->nmi", matrices, vectors)
    np.testing.assert_allclose(turned, rotate(some[:, None], vectors), atol=1e-12)
    np.testing.assert_allclose(matrices @ transpose(matrices), [np.eye(3)] * 20, atol=1e-12)
    np.testing.assert_allclose(np.abs((from_matrix(matrices) * some).sum(axis=1)), 1.0)


def test_quaternions_of_matrices_are_exact_near_half_turns() -> None:
    axis = np.random.default_rng(1).normal(size=(300, 3))
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    angle = np.concatenate([np.full(100, np.pi), np.full(100, np.pi - 1e-8), np.zeros(100)])
    quat = from_matrix(to_matrix(from_rotvec(axis * angle[:, None])))
    expected = np.concatenate(
        [axis * np.sin(angle / 2)[:, None], np.cos(angle / 2)[:, None]], axis=1
    )
    same = np.abs((quat * expected).sum(axis=1))
    np.testing.assert_allclose(same, 1.0, atol=1e-12)


def test_turns_about_an_axis_leave_it_and_add_up() -> None:
    axis = unit(np.array([0.3, -1.0, 0.7]))
    turn = matrix_about(axis, np.array([0.4, 1.1]))
    np.testing.assert_allclose(turn @ axis, [axis, axis], atol=1e-12)
    np.testing.assert_allclose(turn[0] @ turn[1], matrix_about(axis, np.array(1.5)), atol=1e-12)
    quarter = matrix_about_coordinate(2, np.array(0.5 * np.pi))
    np.testing.assert_allclose(quarter @ [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], atol=1e-12)


def test_rotation_vectors_come_back(vectors: np.ndarray) -> None:
    short = 3.0 * np.random.default_rng(3).uniform(size=(10, 1)) * unit(vectors)
    np.testing.assert_allclose(to_rotvec(from_rotvec(short)), short, atol=1e-9)
    np.testing.assert_allclose(from_rotvec(np.zeros(3)), IDENTITY)


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


def test_planar_turns_are_turns_about_the_vertical(vectors: np.ndarray) -> None:
    angles = np.linspace(-3.0, 3.0, 10)
    turned = rotate(about_z(angles), vectors)
    np.testing.assert_allclose(rotate_planar(angles, vectors[:, :2]), turned[:, :2], atol=1e-12)
    np.testing.assert_allclose(turned[:, 2], vectors[:, 2])


def test_steps_lead_from_each_rotation_to_the_next(some: np.ndarray) -> None:
    np.testing.assert_allclose(
        to_matrix(multiply(from_rotvec(turn_steps(some)), some[:-1])), to_matrix(some[1:]),
        atol=1e-12,
    )  # fmt: skip
    assert turn_steps(some[:1]).shape == (0, 3)


def test_interpolation_runs_evenly_along_the_shorter_arc(some: np.ndarray) -> None:
    start, end = some[0], some[1]
    whole = to_rotvec(multiply(end, invert(start)))
    share = np.array([0.0, 0.25, 1.0])
    expected = multiply(from_rotvec(share[:, None] * whole), start)
    for target in (end, -end):
        dots = (slerp(start, target, share) * expected).sum(axis=1)
        np.testing.assert_allclose(np.abs(dots), 1.0, atol=1e-12)


def test_signs_become_continuous() -> None:
    turns = about_z(np.linspace(0.0, 7.0, 30))
    flipped = turns * np.where(np.arange(30) % 3, 1.0, -1.0)[:, None]
    result = continuous(flipped)
    assert ((result[1:] * result[:-1]).sum(axis=1) > 0.0).all()
    np.testing.assert_allclose(np.abs((result * turns).sum(axis=1)), 1.0)
    np.testing.assert_array_equal(continuous(turns[:1]), turns[:1])
