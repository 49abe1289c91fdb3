"""A character as an anatomy: roles, lengths at rest, what carries what."""

from __future__ import annotations

import numpy as np
import pytest

from animRL.dataloader.skeleton import Skeleton
from animRL.motion.anatomy import roles_of_character, roles_of_skeleton
from animRL.motion.retarget.figure import Figure, figure_of
from animRL.motion.skeleton_character import skeleton_character
from animRL.sim.character import Character
from animRL.utils.errors import InputError


@pytest.fixture(scope="module")
def figure(bob: Character) -> Figure:
    return figure_of(bob, roles_of_character(bob), "bob")


def test_lengths_are_those_of_the_model(figure: Figure) -> None:
    """Figures of the model: thigh 0.45 m, shank 0.39375 m, upper arm 0.3375 m."""
    assert figure.leg == pytest.approx(0.45 + 0.39375)
    assert figure.length("left_shoulder", "left_elbow") == pytest.approx(0.3375)
    assert figure.span("pelvis", "right_hip") == pytest.approx([0.0, -0.1125, 0.0])
    assert figure.hip_centre == pytest.approx([0.0, 0.0, 0.0])


def test_limbs_know_what_carries_them(figure: Figure, bob: Character) -> None:
    names = bob.body_names
    assert names[figure.carrier("left_shoulder")] == "torso"
    assert names[figure.carrier("right_hip")] == "pelvis"
    hand = {names[i] for i in figure.descendants(bob.body_index("lLowerArm"))}
    assert hand == {"lLowerArm", "lLowerArm_tmp", "lHand_tmp", "lHand"}
    assert figure.trunk_to("neck") == ["pelvis", "spine", "chest", "neck"]


def test_points_change_frames_at_rest(figure: Figure, bob: Character) -> None:
    torso, neck = bob.body_index("torso"), bob.body_index("neck")
    moved = figure.in_frame(torso, neck, np.zeros((1, 3)))
    assert moved[0] == pytest.approx([0.0, 0.0, 0.28125])


def test_a_missing_role_is_named_with_the_bodies_there_are(bob: Character) -> None:
    roles = roles_of_character(bob)
    del roles["left_ankle"]
    with pytest.raises(InputError, match=r"bob has no body known as left_ankle.*--map.*lFoot"):
        figure_of(bob, roles, "bob")


def test_a_leg_without_length_is_refused(spread_skeleton: Skeleton) -> None:
    roles = roles_of_skeleton(spread_skeleton)
    roles["left_knee"] = roles["left_hip"]
    with pytest.raises(InputError, match="left_hip and left_knee are in one place"):
        figure_of(skeleton_character(spread_skeleton), roles, "the skeleton")
