"""The leg's inverse kinematics against the character's forward kinematics, and its rolling foot."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from animRL.cfg.characters.bob_config import BobConfig
from animRL.motion.gait.leg import leg_angles, reach_ankle, standing_ankle
from animRL.motion.gait.walk import leg_geometry
from animRL.motion.rotations import from_matrix, matrix_about_coordinate
from animRL.sim.character import Character
from animRL.utils.errors import InputError
from animRL.utils.rotations import quat_rotate


@pytest.fixture(scope="module")
def bob() -> Character:
    return Character.from_config(BobConfig())


def test_geometry_is_that_of_the_asset(bob: Character) -> None:
    leg = leg_geometry(bob)
    np.testing.assert_allclose(leg.hip, [0.0, 0.1125, 0.0], atol=1e-6)
    assert (leg.thigh, leg.shank) == pytest.approx((0.45, 0.39375), abs=1e-6)
    np.testing.assert_allclose(leg.heel, [-0.07, 0.03, -0.02], atol=1e-6)
    np.testing.assert_allclose(leg.toe, [0.125, 0.03, -0.02], atol=1e-6)
    assert leg.radius == pytest.approx(0.01)


def test_angles_put_the_foot_where_it_was_asked(bob: Character) -> None:
    random = np.random.default_rng(0)
    count, leg = 40, leg_geometry(bob)
    turn, lists, pitch = random.uniform(-0.2, 0.2, (3, count))
    pelvis = matrix_about_coordinate(2, turn) @ matrix_about_coordinate(0, lists)
    hip = pelvis @ leg.hip
    ankle = hip + random.uniform([-0.4, -0.1, -0.7], [0.4, 0.1, -0.5], (count, 3))
    pose = reach_ankle(leg, hip, ankle)
    joints = torch.zeros(count, len(bob.joint_names), dtype=torch.float64)
    for name, angle in zip(
        ("Hip_1", "Hip_2", "Hip_torsion", "Knee", "Ankle_1"),
        leg_angles(pelvis, pose, pitch).T,
        strict=True,
    ):
        joints[:, bob.joint_names.index(f"joint_l{name}")] = torch.from_numpy(angle)
    origin = torch.zeros(count, 3, dtype=torch.float64)
    position, quats = bob.forward_kinematics(origin, torch.from_numpy(from_matrix(pelvis)), joints)
    foot = bob.body_index("lFoot")
    np.testing.assert_allclose(position[:, foot].numpy(), ankle, atol=1e-6)
    forward = quat_rotate(quats[:, foot], torch.tensor([1.0, 0.0, 0.0]).double()).numpy()
    np.testing.assert_allclose(np.arctan2(forward[:, 1], forward[:, 0]), 0.0, atol=0.05)
    np.testing.assert_allclose(-np.arcsin(forward[:, 2]), pitch, atol=0.01)


def test_standing_foot_touches_the_ground_at_every_pitch(bob: Character) -> None:
    leg = leg_geometry(bob)
    pitch = np.linspace(-0.4, 0.9, 53)
    roll = np.full_like(pitch, -0.05)
    ankle = standing_ankle(leg, pitch, roll)
    foot = matrix_about_coordinate(0, roll) @ matrix_about_coordinate(1, pitch)
    low = [(ankle + foot @ pivot)[:, 2] - leg.radius for pivot in (leg.heel, leg.toe)]
    np.testing.assert_allclose(np.min(low, axis=0), 0.0, atol=1e-9)


def test_too_short_a_leg_is_refused(bob: Character) -> None:
    with pytest.raises(InputError, match="would have to reach 0.900 m"):
        reach_ankle(leg_geometry(bob), np.array([[0.0, 0.0, 0.9]]), np.zeros((1, 3)))
