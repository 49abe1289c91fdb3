"""Which parts of a body may not pass through each other, and how deep they do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from animRL.cfg.characters.bob_config import BobConfig
from animRL.motion.body_shapes import BodyShapes
from animRL.motion.trajectory import Trajectory
from animRL.sim.character import Character


@pytest.fixture(scope="module")
def bob() -> Character:
    return Character.from_config(BobConfig())


@pytest.fixture(scope="module")
def shapes(bob: Character) -> BodyShapes:
    return BodyShapes(bob)


def pose(bob: Character, **angles: float) -> Trajectory:
    joints = bob.default_joint_pos.double().numpy().copy()
    for name, angle in angles.items():
        joints[bob.joint_names.index(f"joint_{name}")] = angle
    return Trajectory(np.zeros((1, 3)), np.eye(4)[3:], joints[None], 1.0)


def overlapping(shapes: BodyShapes, motion: Trajectory) -> set[frozenset[str]]:
    model = shapes.tool.model
    return {
        frozenset(model.body(shapes.bodies[i]).name for i in pair)
        for pair, depth in shapes.depths(shapes.tool.to_qpos(motion)[0])
        if depth > 0.02
    }


def test_neighbours_are_no_pair(shapes: BodyShapes) -> None:
    model = shapes.tool.model
    pairs = {frozenset(model.body(shapes.bodies[i]).name for i in pair) for pair in shapes.pairs}
    assert frozenset(("lUpperLeg", "lLowerLeg")) not in pairs
    assert frozenset(("lHand", "rUpperLeg")) in pairs


def test_nothing_overlaps_in_the_default_pose(bob: Character, shapes: BodyShapes) -> None:
    assert overlapping(shapes, pose(bob)) == set()


def test_legs_that_cross_are_found(bob: Character, shapes: BodyShapes) -> None:
    crossed = pose(bob, lHip_2=-0.2, rHip_2=0.2)
    assert frozenset(("lLowerLeg", "rLowerLeg")) in overlapping(shapes, crossed)


def test_it_is_the_same_wherever_the_body_is(bob: Character, shapes: BodyShapes) -> None:
    crossed = pose(bob, lHip_2=-0.2, rHip_2=0.2)
    tilted = np.array([[0.0, 0.6, 0.0, 0.8]])
    moved = replace(crossed, root_pos=np.array([[3.0, -2.0, 1.0]]), root_quat=tilted)
    depths = [
        sorted(depth for _, depth in shapes.depths(shapes.tool.to_qpos(motion)[0]))
        for motion in (crossed, moved)
    ]
    np.testing.assert_allclose(depths[0], depths[1], atol=1e-3)  # the distance is iterative
