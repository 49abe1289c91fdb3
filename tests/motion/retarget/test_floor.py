"""Standing on the ground: each foot's own level, longer arms, hands that touch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from animRL.dataloader.clip import Clip
from animRL.motion.anatomy import roles_of_character, roles_of_skeleton
from animRL.motion.ground import contact_spheres
from animRL.motion.retarget.figure import Figure, figure_of
from animRL.motion.retarget.floor import Footing, footing, hands_laid, sole_of
from animRL.motion.retarget.source import BodyMotion
from animRL.motion.retarget.targets import goals_of
from animRL.motion.rotations import rotate
from animRL.motion.skeleton_character import skeleton_character
from animRL.motion.trajectory import Trajectory, body_poses
from animRL.sim.character import Character


@pytest.fixture(scope="module")
def figures(squat: Clip, bob: Character) -> tuple[Figure, Figure]:
    assert squat.skeleton is not None
    source = skeleton_character(squat.skeleton)
    return (
        figure_of(source, roles_of_skeleton(squat.skeleton), "source"),
        figure_of(bob, roles_of_character(bob), "bob"),
    )


@pytest.fixture(scope="module")
def motion(squat: Clip) -> BodyMotion:
    poses = body_poses(skeleton_character(squat.skeleton), Trajectory.from_clip(squat))
    return BodyMotion(*poses, squat.frame_duration, False)


def stood(motion: BodyMotion, figures: tuple[Figure, Figure]) -> Footing:
    return footing(goals_of(motion, *figures), motion, *figures)


def lowest(part: Footing, role: str, figure: Figure) -> np.ndarray:
    sole = sole_of(figure, contact_spheres(figure.character), role)
    goals = part.held_goals
    points = goals.pos[role][:, None] + rotate(goals.quat[role][:, None], sole.points)
    return (points[..., 2] - sole.radius).min(axis=1)


@pytest.mark.parametrize("height", [-0.2, 0.0, 0.35])
def test_feet_stand_on_the_ground_wherever_the_source_stood(
    motion: BodyMotion, figures: tuple[Figure, Figure], height: float
) -> None:
    shifted = replace(motion, pos=motion.pos + [0.0, 0.0, height])
    part = stood(shifted, figures)
    for side in ("left", "right"):
        np.testing.assert_allclose(lowest(part, f"{side}_ankle", figures[1]), 0.0, atol=1e-6)


def test_each_foot_has_its_own_level(motion: BodyMotion, figures: tuple[Figure, Figure]) -> None:
    """Measured 2 cm apart, both feet stand; the body takes the mean."""
    pos = motion.pos.copy()
    for part in ("knee", "ankle", "toe"):
        pos[:, figures[0].bodies[f"left_{part}"], 2] += 0.02
    part = stood(replace(motion, pos=pos), figures)
    for side in ("left", "right"):
        np.testing.assert_allclose(lowest(part, f"{side}_ankle", figures[1]), 0.0, atol=1e-6)


def test_flight_keeps_its_height(motion: BodyMotion, figures: tuple[Figure, Figure]) -> None:
    """A hop of the whole body by 0.3 m is one by 0.3 m times the ratio of the legs."""
    count = len(motion)
    hop = 0.3 * np.clip(np.sin(np.linspace(-1.0, 5.5, count)), 0.0, None)
    part = stood(replace(motion, pos=motion.pos + hop[:, None, None] * [0.0, 0.0, 1.0]), figures)
    top = int(hop.argmax())
    ratio = figures[1].leg / figures[0].leg
    assert lowest(part, "left_ankle", figures[1])[top] == pytest.approx(0.3 * ratio, abs=0.03)
    assert not part.planted["left_ankle"][0].touching[top].any()


@pytest.fixture(scope="module")
def handstand(squat: Clip) -> BodyMotion:
    """Head down on straight arms, which stand for 0.8 s in the middle and fly before and after."""
    character = skeleton_character(squat.skeleton)
    joints = np.zeros((80, len(squat.joint_names)))
    for name, angle in (("left_shoulder_x", 1.5), ("right_shoulder_x", -1.5)):
        joints[:, squat.joint_names.index(name)] = angle
    flip = np.tile([1.0, 0.0, 0.0, 0.0], (80, 1))  # half a turn about x
    pos, quat = body_poses(character, Trajectory(np.zeros((80, 3)), flip, joints, 0.02))
    wrist = character.body_index("right_wrist")
    away = np.clip(np.abs(np.arange(80) - 40) - 20, 0, None) * 0.03
    lift = 0.03 - pos[:, wrist, 2] + away
    return BodyMotion(pos + lift[:, None, None] * [0.0, 0.0, 1.0], quat, 0.02, False)


def test_the_body_follows_hands_that_carry_it(
    handstand: BodyMotion, figures: tuple[Figure, Figure]
) -> None:
    """On the hands, arms and trunk decide how high the hips are, not the legs."""
    goals = goals_of(handstand, *figures)
    part = footing(goals, handstand, *figures)
    ratio = figures[1].leg / figures[0].leg

    def misses(pos: dict[str, np.ndarray], frame: int) -> list[float]:
        wrists = [f"{side}_wrist" for side in ("left", "right")]
        own = [ratio * handstand.pos[frame, figures[0].bodies[name], 2] for name in wrists]
        return [abs(pos[name][frame, 2] - z) for name, z in zip(wrists, own, strict=True)]

    assert max(misses(goals.pos, 40)) > 0.07  # what limb by limb gives
    assert max(misses(part.goals.pos, 40)) < 0.03
    assert set(part.planted) == {"left_wrist", "right_wrist"}  # the feet never stand
    touching = part.planted["left_wrist"][0].touching[:, 0]
    assert touching[25:55].all() and not touching[:10].any() and not touching[70:].any()


def test_a_hand_found_lying_is_held_there(
    handstand: BodyMotion, figures: tuple[Figure, Figure], bob: Character
) -> None:
    part, role = stood(handstand, figures), "left_wrist"
    body = figures[1].bodies[role]
    pos = np.zeros((80, len(bob.body_names), 3))
    quat = np.tile([0.0, 0.0, 0.0, 1.0], (80, len(bob.body_names), 1))
    pos[:, body] = [0.3, 0.1, 0.2]
    held, hold = hands_laid(part, figures[1], (pos, quat)).planted[role]
    touching = held.touching[:, 0]
    assert touching.any() and not touching.all()
    assert np.ptp(held.pos[touching], axis=0).max() < 1e-9
    np.testing.assert_allclose(held.pos[touching][0, :2], [0.3, 0.1])
    sole = sole_of(figures[1], contact_spheres(bob), role)
    heights = hold.places[touching][:, : len(sole.points), 2] - sole.radius
    assert heights.min() == pytest.approx(0.0, abs=1e-9)
