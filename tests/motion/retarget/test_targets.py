"""Goals: the source's directions at the target's lengths, its rotations relative to rest."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from animRL.dataloader.clip import Clip
from animRL.motion.anatomy import roles_of_character, roles_of_skeleton
from animRL.motion.retarget.figure import Figure, figure_of
from animRL.motion.retarget.source import BodyMotion
from animRL.motion.retarget.targets import Goals, goals_of
from animRL.motion.rotations import about_z, invert, multiply, rotate, to_rotvec
from animRL.motion.skeleton_character import skeleton_character
from animRL.motion.trajectory import Trajectory, body_poses
from animRL.sim.character import Character


@dataclass
class Case:
    source: Figure
    target: Figure
    motion: BodyMotion
    goals: Goals


@pytest.fixture(scope="module")
def case(squat: Clip, bob: Character) -> Case:
    assert squat.skeleton is not None
    character = skeleton_character(squat.skeleton)
    source = figure_of(character, roles_of_skeleton(squat.skeleton), "source")
    target = figure_of(bob, roles_of_character(bob), "bob")
    motion = BodyMotion(*body_poses(character, Trajectory.from_clip(squat)), 0.02, False)
    return Case(source, target, motion, goals_of(motion, source, target))


def test_limbs_have_the_targets_lengths_and_the_sources_directions(case: Case) -> None:
    for start, end in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"),
                       ("elbow", "wrist")):  # fmt: skip
        for side in ("left", "right"):
            a, b = f"{side}_{start}", f"{side}_{end}"
            laid = case.goals.pos[b] - case.goals.pos[a]
            own = case.motion.pos[:, case.source.bodies[b]]
            own = own - case.motion.pos[:, case.source.bodies[a]]
            lengths = np.linalg.norm(laid, axis=1)
            np.testing.assert_allclose(lengths, case.target.length(a, b))
            cosine = (laid * own).sum(axis=1) / lengths / np.linalg.norm(own, axis=1)
            np.testing.assert_allclose(cosine, 1.0)


def test_hips_follow_the_path_scaled_by_the_legs(case: Case) -> None:
    ratio = case.target.leg / case.source.leg

    def centre(pos: np.ndarray, other: np.ndarray) -> np.ndarray:
        return 0.5 * (pos + other)

    goal = centre(case.goals.pos["left_hip"], case.goals.pos["right_hip"])
    own = centre(
        *(case.motion.pos[:, case.source.bodies[f"{side}_hip"]] for side in ("left", "right"))
    )
    np.testing.assert_allclose(goal, ratio * own, atol=1e-9)


def test_hanging_and_spread_arms_are_told_apart(case: Case) -> None:
    """The goal of an arm's rotation points Bob's arm, down at rest, along the source's, sideways
    at rest: the body's axis agrees with the segment, whatever the two rest poses are."""
    for side, down in (("left", -1.0), ("right", -1.0)):
        axis = rotate(case.goals.quat[f"{side}_shoulder"], np.array([0.0, 0.0, down]))
        way = case.goals.pos[f"{side}_elbow"] - case.goals.pos[f"{side}_shoulder"]
        cosine = (axis * way).sum(axis=1) / np.linalg.norm(way, axis=1)
        np.testing.assert_allclose(cosine, 1.0, atol=1e-6)


def test_trunk_and_feet_turn_as_the_source_does(case: Case) -> None:
    chest = case.motion.quat[:, case.source.bodies["chest"]]
    difference = to_rotvec(multiply(case.goals.quat["chest"], invert(chest)))
    np.testing.assert_allclose(difference, 0.0, atol=1e-6)
    np.testing.assert_allclose(to_rotvec(case.goals.quat["left_ankle"]), 0.0, atol=1e-6)


def test_the_trunk_stands_upright_at_rest(case: Case) -> None:
    """The skeleton's spine is bent at rest, Bob's is straight: at rest each has its own."""
    rest = case.source.rest_pos[None] + [0.0, 0.0, 1.0]
    still = BodyMotion(rest, case.source.rest_quat[None], 0.02, False)
    goals = goals_of(still, case.source, case.target)
    for role in ("chest", "neck", "left_shoulder", "right_hip"):
        span = goals.pos[role][0] - goals.pos["pelvis"][0]
        np.testing.assert_allclose(span, case.target.span("pelvis", role), atol=1e-9)


def test_goals_turn_and_move_with_the_source(case: Case) -> None:
    turn, offset = about_z(np.array(0.8)), np.array([1.0, -2.0, 0.0])
    moved = replace(
        case.motion,
        pos=rotate(turn, case.motion.pos) + offset,
        quat=multiply(turn, case.motion.quat),
    )
    goals = goals_of(moved, case.source, case.target)
    ratio = case.target.leg / case.source.leg
    for role, pos in case.goals.pos.items():
        want = rotate(turn, pos) + ratio * offset
        np.testing.assert_allclose(goals.pos[role], want, atol=1e-9)
        back = to_rotvec(multiply(goals.quat[role], invert(multiply(turn, case.goals.quat[role]))))
        np.testing.assert_allclose(back, 0.0, atol=1e-6)


def test_goals_can_be_raised_and_cut(case: Case) -> None:
    raised = case.goals.raised(np.arange(len(case.goals)) * 0.01).frames(slice(3, 5))
    assert len(raised) == 2
    lift = raised.pos["neck"] - case.goals.pos["neck"][3:5]
    np.testing.assert_allclose(lift, [[0.0, 0.0, 0.03], [0.0, 0.0, 0.04]], atol=1e-12)
