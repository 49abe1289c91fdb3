"""Shapes that come too near are parted, and no others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from animRL.motion.author.overlap import add_overlap
from animRL.motion.author.system import NormalEquations
from animRL.motion.body_shapes import BodyShapes
from animRL.motion.trajectory import Trajectory
from tests.motion.small_characters import CLAPPER, make_character

GAP, PRICE = 0.005, 50.0


@pytest.fixture
def shapes(tmp_path: Path) -> BodyShapes:
    """Two balls of 0.1 m on arms of 0.5 m."""
    return BodyShapes(make_character(tmp_path, CLAPPER, ("a", "b"), default={"a": 1.0, "b": -1.0}))


def system_of(shapes: BodyShapes, apart: float) -> NormalEquations:
    """The overlap of a frame in which the balls' centres lie so far apart [m]."""
    half = np.arcsin(apart)
    upright = np.array([[0.0, 0.0, 0.0, 1.0]])
    pose = Trajectory(np.zeros((1, 3)), upright, np.array([[half, -half]]), 0.1)
    system = NormalEquations(1, 8, None, True)
    add_overlap(system, shapes, shapes.tool.to_qpos(pose), GAP, PRICE)
    return system


@pytest.mark.parametrize("apart", [0.12, 0.19, 0.2025])
def test_what_is_nearer_than_the_gap_costs_its_depth_squared(
    shapes: BodyShapes, apart: float
) -> None:
    system = system_of(shapes, apart)
    assert system.cost == pytest.approx(0.5 * (PRICE * (0.2 + GAP - apart)) ** 2, rel=1e-3)
    step = system.step(1.0)
    arms = step[0, 6:]
    assert arms[0] > 0.0 > arms[1], "the arms are parted"
    np.testing.assert_allclose(arms[0], -arms[1], rtol=1e-6)
    np.testing.assert_allclose(step[0, :6], 0.0, atol=1e-9)


def test_what_is_farther_costs_nothing(shapes: BodyShapes) -> None:
    assert system_of(shapes, 0.21).cost == 0.0
