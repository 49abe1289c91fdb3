"""Limbs placed by inverse kinematics: whose joints they are, where they end, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from animRL.cfg.characters.bob_config import BobConfig
from animRL.motion.author.placing import LimbPlacer, limb_bodies
from animRL.motion.author.sketch import root_rotation
from animRL.motion.ground import contact_spheres, sphere_centres, sphere_heights
from animRL.motion.rotations import rotate
from animRL.motion.trajectory import Trajectory, body_poses
from animRL.sim.character import Character
from animRL.utils.errors import InputError

ROOT = np.array([-0.1, 0.0, 0.55])
BENT = root_rotation(np.radians([[0.0, 40.0, 0.0]]))[0]
PLACES = {
    "left_foot": (0.1, 0.12, 0.0, 0.0, 0.0),
    "right_foot": (-0.05, -0.15, 0.03, -20.0, 10.0),
    "left_hand": (0.5, 0.25, 0.3, 0.0, 0.0),
}


@pytest.fixture(scope="module")
def bob() -> Character:
    return Character.from_config(BobConfig())


@pytest.fixture(scope="module")
def placer(bob: Character) -> LimbPlacer:
    return LimbPlacer(bob, limb_bodies(bob), contact_spheres(bob))


@pytest.fixture(scope="module")
def angles(bob: Character, placer: LimbPlacer) -> dict[int, float]:
    """Both feet and the left hand of a crouching body, placed at once."""
    return placer.place(ROOT, BENT, bob.default_joint_pos.double().numpy(), PLACES, "here")


def test_limbs_are_told_by_their_sides(bob: Character) -> None:
    assert limb_bodies(bob) == {
        "left_foot": "lFoot", "right_foot": "rFoot", "left_hand": "lHand", "right_hand": "rHand",
    }  # fmt: skip


def test_only_the_limbs_own_joints_are_found(bob: Character, angles: dict[int, float]) -> None:
    leg = ("Hip_1", "Hip_2", "Hip_torsion", "Knee", "Ankle_1")
    arm = ("Scapula_y", "Shoulder_1", "Shoulder_2", "Shoulder_torsion", "Elbow_flexion_extension",
           "Elbow_torsion", "Wrist_x", "Wrist_z")  # fmt: skip
    names = {f"joint_{side}{name}" for side in "lr" for name in leg}
    names |= {f"joint_l{name}" for name in arm}
    assert {bob.joint_names[joint] for joint in angles} == names
    for joint, angle in angles.items():
        assert bob.joint_lower[joint] - 1e-6 <= angle <= bob.joint_upper[joint] + 1e-6


def test_limbs_end_where_they_are_wanted(bob: Character, angles: dict[int, float]) -> None:
    joints = bob.default_joint_pos.double().numpy()
    joints[list(angles)] = list(angles.values())
    spheres = contact_spheres(bob)
    position, rotation = body_poses(bob, Trajectory(ROOT[None], BENT[None], joints[None], 1.0))
    centres = sphere_centres(spheres, position, rotation)
    heights = sphere_heights(spheres, centres)[0]
    foot = bob.body_index("lFoot")
    np.testing.assert_allclose(heights[spheres.of(foot)], 0.0, atol=0.01)
    np.testing.assert_allclose(position[0, foot, :2], [0.1, 0.12], atol=0.01)
    ahead = rotate(rotation[:, bob.body_index("rFoot")], np.array([[1.0, 0.0, 0.0]]))[0]
    assert np.degrees(np.arctan2(ahead[1], ahead[0])) == pytest.approx(-20.0, abs=3.0)
    assert np.degrees(np.arcsin(-ahead[2])) == pytest.approx(10.0, abs=3.0)
    hand = spheres.of(bob.body_index("lHand"))
    tip = hand[spheres.centre[hand, 2].argmin()]
    radius = spheres.radius[tip]
    np.testing.assert_allclose(centres[0, tip], [0.5, 0.25, 0.3 + radius], atol=0.01)


def test_out_of_reach_is_one_line_with_the_limb_and_how_far(
    bob: Character, placer: LimbPlacer
) -> None:
    """The hand cannot come down to the ground; the foot beside it can."""
    places = {"left_foot": PLACES["left_foot"], "left_hand": (0.5, 0.25, -0.3, 0.0, 0.0)}
    with pytest.raises(InputError, match=r"^keyframe 7: left_hand: 0\.\d{3} m out of") as error:
        placer.place(ROOT, BENT, bob.default_joint_pos.double().numpy(), places, "keyframe 7")
    assert "\n" not in str(error.value)
