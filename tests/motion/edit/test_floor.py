"""The floor: found by the feet that stand, whatever swings, hops or dips."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from animRL.cfg.characters.bob_config import BobConfig
from animRL.dataloader.clip import load_clip
from animRL.motion.edit.floor import floor_height, put_on_floor
from animRL.motion.ground import contact_spheres, sphere_centres, sphere_heights
from animRL.motion.trajectory import Trajectory, body_poses
from animRL.sim.character import Character
from animRL.utils.paths import RESOURCES
from tests.viewer.three_links import make_character

STANDING = 0.88
"""Height [m] of the three links' root at which the ends of the legs, 0.08 m round, touch."""


@pytest.fixture(scope="module")
def bob() -> Character:
    return Character.from_config(BobConfig())


@pytest.fixture(scope="module")
def legs(tmp_path_factory: pytest.TempPathFactory) -> Character:
    return make_character(tmp_path_factory.mktemp("asset"))


def standing(count: int, height: float) -> Trajectory:
    root_pos = np.tile([0.0, 0.0, height], (count, 1))
    return Trajectory(
        root_pos, np.tile([0.0, 0.0, 0.0, 1.0], (count, 1)), np.zeros((count, 2)), 0.02
    )


@pytest.mark.parametrize("height", [-0.3, 0.026, 1.5])
def test_a_walk_is_put_back_on_the_floor(bob: Character, height: float) -> None:
    walk = Trajectory.from_clip(load_clip(RESOURCES / "datasets/bob3/Walk.txt"))
    lifted = replace(walk, root_pos=walk.root_pos + [0.0, 0.0, height])
    placed, raised = put_on_floor(bob, lifted)
    assert raised == pytest.approx(-height, abs=2e-3)
    np.testing.assert_allclose(placed.root_pos, walk.root_pos, atol=2e-3)
    assert placed.joint_pos is lifted.joint_pos


def test_feet_that_stand_are_at_height_zero(legs: Character) -> None:
    placed, raised = put_on_floor(legs, standing(10, STANDING + 0.2))
    assert raised == pytest.approx(-0.2, abs=1e-6)
    spheres = contact_spheres(legs)
    heights = sphere_heights(spheres, sphere_centres(spheres, *body_poses(legs, placed)))
    assert heights.min() == pytest.approx(0.0, abs=1e-6)


def test_a_hop_and_a_short_dip_do_not_move_the_floor(legs: Character) -> None:
    motion = standing(100, STANDING + 0.1)
    motion.root_pos[60:80, 2] += 0.3 * np.sin(np.linspace(0.0, np.pi, 20))
    motion.root_pos[85, 2] -= 0.05
    assert floor_height(legs, motion) == pytest.approx(0.1, abs=1e-6)


def test_a_motion_that_goes_on_below_its_stand_is_not_sunk(legs: Character) -> None:
    """Half of the motion is a fast slide 3 cm lower: 5 mm of it may be in the ground."""
    motion = standing(100, STANDING)
    motion.root_pos[50:, 0] = np.arange(50) * 0.1
    motion.root_pos[50:, 2] -= 0.03
    assert floor_height(legs, motion) == pytest.approx(-0.025, abs=1e-6)


def test_without_standing_feet_the_lowest_point_counts(legs: Character) -> None:
    motion = standing(20, STANDING + 0.5)
    motion.root_pos[:, 0] = np.arange(20) * 0.1  # gliding at 5 m/s
    motion.root_pos[7, 2] -= 0.2
    assert floor_height(legs, motion) == pytest.approx(0.3, abs=1e-6)


def test_the_course_walk_floats(bob: Character, external_data) -> None:
    walk = Trajectory.from_clip(load_clip(external_data / "course" / "Walk.txt"))
    """Its stances lie 16 to 22 mm up, its steps come down to 7 mm."""
    assert 0.012 < floor_height(bob, walk) < 0.022
