"""Soles on the ground: where they stand, and the print that a foot leaves."""

from __future__ import annotations

import numpy as np
import pytest

from animRL.motion.retarget.soles import FLAT_TILT, PLAY, Planted, Sole, print_of, standing
from animRL.motion.rotations import (
    IDENTITY,
    about_z,
    from_rotvec,
    invert,
    multiply,
    rotate,
    to_rotvec,
)

POINTS = np.array([[x, y, -0.02] for x in (-0.07, 0.12) for y in (0.03, -0.03)])
REST = from_rotvec(np.array([0.0, 0.3, 0.0]))
TILTED = Sole(rotate(invert(REST), POINTS), np.full(4, 0.01), REST)
FLAT = Sole(POINTS, np.full(4, 0.01), IDENTITY)


def test_the_midline_lies_between_the_sides() -> None:
    for sole in (FLAT, TILTED):
        flat = rotate(sole.rest_quat, sole.midline)
        np.testing.assert_allclose(flat, POINTS * [1.0, 0.0, 1.0], atol=1e-12)


@pytest.mark.parametrize("sole", [FLAT, TILTED])
@pytest.mark.parametrize("tilt", [0.0, 0.02, 0.5])
def test_a_standing_sole_touches_the_ground_and_small_tilts_go(sole: Sole, tilt: float) -> None:
    turns = np.array([0.0, 0.8, -2.0])
    pitch = from_rotvec(np.array([0.0, tilt, 0.0]))
    quat = multiply(about_z(turns), pitch, sole.rest_quat)
    places = rotate(multiply(about_z(turns))[:, None], POINTS)[..., :2] + [1.0, 2.0]
    pos, stood = standing(quat, places, turns, sole)
    points = pos[:, None] + rotate(stood[:, None], sole.points)
    np.testing.assert_allclose((points[..., 2] - sole.radius).min(axis=1), 0.0, atol=1e-9)
    flat = multiply(about_z(turns), sole.rest_quat)
    left = np.linalg.norm(to_rotvec(multiply(stood, invert(flat))), axis=1)
    np.testing.assert_allclose(left, tilt * tilt**2 / (tilt**2 + FLAT_TILT**2), atol=1e-9)
    if tilt == 0.0:
        np.testing.assert_allclose(points[..., :2], places, atol=1e-9)


@pytest.mark.parametrize("turn", [0.5 * PLAY, 3.0 * PLAY])
def test_a_print_keeps_its_heading_within_the_play(turn: float) -> None:
    turns = np.linspace(-turn, turn, 21)
    quat = about_z(turns)
    centres = rotate(quat[:, None], POINTS)
    places, heading = print_of(centres, quat, np.ones((21, 4)), FLAT)
    assert np.ptp(heading) == pytest.approx(max(0.0, 2.0 * (turn - PLAY)))
    sides = np.linalg.norm(places[:, 0] - places[:, 3], axis=-1)
    np.testing.assert_allclose(sides, np.linalg.norm(POINTS[0] - POINTS[3]), atol=1e-9)


def test_a_foot_that_stands_leaves_its_own_print() -> None:
    centres = np.tile(rotate(about_z(1.0), POINTS) + [0.4, -0.3, 0.03], (6, 1, 1))
    places, heading = print_of(centres, np.tile(about_z(1.0), (6, 1)), np.ones((6, 4)), FLAT)
    np.testing.assert_allclose(places, centres[..., :2], atol=1e-9)
    np.testing.assert_allclose(heading, 1.0)


def test_held_points_are_where_the_pose_has_them() -> None:
    pos, quat = np.random.default_rng(0).normal(size=(5, 3)), about_z(np.linspace(0.0, 1.0, 5))
    planted = Planted(pos, quat, np.linspace(0.0, 1.0, 5), np.ones((5, 4), dtype=bool))
    hold = planted.hold("left_ankle", POINTS)
    np.testing.assert_allclose(hold.places[3], pos[3] + rotate(quat[3], POINTS))
    part = planted.frames(slice(1, 4)).hold("left_ankle", POINTS)
    np.testing.assert_array_equal(part.places, hold.frames(slice(1, 4)).places)
    np.testing.assert_array_equal(part.weight, planted.held[1:4])
