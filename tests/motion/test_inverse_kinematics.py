"""Inverse kinematics: targets are reached, limits kept, joints in the character's order."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from animRL.cfg.characters.bob_config import BobConfig
from animRL.motion.ground import contact_spheres, sphere_centres, sphere_heights
from animRL.motion.inverse_kinematics import BodyTarget, InverseKinematics
from animRL.sim.character import Character
from animRL.utils.errors import InputError

BODIES = ("pelvis", "torso", "neck", "lHand", "rHand", "lFoot", "rFoot", "lLowerArm", "rLowerLeg")
UPRIGHT = (0.0, 0.0, 0.0, 1.0)


@pytest.fixture(scope="module")
def bob() -> Character:
    return Character.from_config(BobConfig())


@pytest.fixture(scope="module")
def solver(bob: Character) -> InverseKinematics:
    return InverseKinematics(bob, posture_cost=1e-3)


def bodies(character: Character, pose: tuple) -> tuple[np.ndarray, np.ndarray]:
    tensors = [torch.tensor(np.asarray(x, dtype=np.float64))[None] for x in pose]
    pos, quat = character.forward_kinematics(*tensors)
    return pos[0].numpy(), quat[0].numpy()


def random_pose(solver: InverseKinematics, seed: int) -> tuple:
    """A pose inside the limits, not far from the middle of them, turned about all axes."""
    rng = np.random.default_rng(seed)
    joints = 0.3 * solver.lower + 0.3 * solver.upper
    joints += rng.uniform(-0.3, 0.3, len(joints))
    quat = np.array([*rng.uniform(-0.4, 0.4, 3), 1.0])
    pose = rng.normal(size=3), quat / np.linalg.norm(quat)
    return *pose, np.clip(joints, solver.lower, solver.upper)


@pytest.mark.parametrize("seed", range(5))
def test_reachable_targets_are_reached(
    bob: Character, solver: InverseKinematics, seed: int
) -> None:
    wanted = random_pose(solver, seed)
    pos, quat = bodies(bob, wanted)
    numbers = [bob.body_index(name) for name in BODIES]
    targets = [BodyTarget(name, pos[i], quat[i]) for name, i in zip(BODIES, numbers, strict=True)]
    start = (wanted[0] + 0.2, wanted[1], 0.5 * wanted[2])
    found = solver.solve(*start, targets, iterations=200)
    reached, turned = bodies(bob, found)
    np.testing.assert_allclose(reached[numbers], pos[numbers], atol=2e-3)
    dots = np.abs((turned[numbers] * quat[numbers]).sum(axis=1))
    assert dots.min() > np.cos(0.5 * np.deg2rad(2.0))


def test_a_point_beside_the_body_is_reached(bob: Character, solver: InverseKinematics) -> None:
    offset, goal = np.array([0.07, 0.0, -0.02]), np.array([0.3, 0.2, 0.1])
    hold = BodyTarget("pelvis", (0.0, 0.0, 0.8), UPRIGHT, position_cost=10.0, orientation_cost=10.0)
    pose = solver.solve(
        (0.0, 0.0, 0.8), UPRIGHT, np.zeros(32), [hold, BodyTarget("lFoot", goal, offset=offset)]
    )
    pos, quat = bodies(bob, pose)
    foot = bob.body_index("lFoot")
    x, y, z, w = quat[foot]
    u = np.array([x, y, z])
    turned = offset + 2.0 * np.cross(u, np.cross(u, offset) + w * offset)
    np.testing.assert_allclose(pos[foot] + turned, goal, atol=1e-3)


def test_limits_are_kept_where_the_target_is_out_of_reach(
    bob: Character, solver: InverseKinematics
) -> None:
    hold = BodyTarget("pelvis", (0.0, 0.0, 0.9), UPRIGHT, position_cost=50.0, orientation_cost=50.0)
    away = [BodyTarget("lHand", (-3.0, 0.5, 1.0)), BodyTarget("lFoot", (-3.0, 2.0, 3.0))]
    _, _, joints = solver.solve((0.0, 0.0, 0.9), UPRIGHT, np.full(32, 9.0), [hold, *away])
    assert (joints >= solver.lower).all() and (joints <= solver.upper).all()
    at_limit = np.minimum(joints - solver.lower, solver.upper - joints) < 1e-3
    assert at_limit.any()  # the target asked for more than the joints can give


def test_joints_are_in_the_order_of_the_character(
    bob: Character, solver: InverseKinematics
) -> None:
    wanted = np.zeros(32)
    wanted[bob.joint_names.index("joint_rKnee")] = 1.2
    wanted[bob.joint_names.index("joint_lElbow_flexion_extension")] = -0.9
    pos, quat = bodies(bob, ((0.0, 0.0, 0.9), UPRIGHT, wanted))
    targets = [BodyTarget(n, pos[i], quat[i]) for i, n in enumerate(bob.body_names)]
    _, _, joints = solver.solve((0.0, 0.0, 0.9), UPRIGHT, np.zeros(32), targets)
    np.testing.assert_allclose(joints, wanted, atol=5e-3)


def test_a_cost_an_axis_weighs_world_axes(bob: Character, solver: InverseKinematics) -> None:
    """Only the height is asked for, of a body that is turned: x and y stay."""
    turned = (0.0, 0.0, np.sin(0.6), np.cos(0.6))
    target = BodyTarget("pelvis", (5.0, 5.0, 1.3), position_cost=(0.0, 0.0, 1.0))
    pos, _, _ = solver.solve((0.1, 0.2, 0.9), turned, np.zeros(32), [target])
    np.testing.assert_allclose(pos, (0.1, 0.2, 1.3), atol=1e-3)


def test_the_posture_fills_what_the_targets_leave_open(bob: Character) -> None:
    solver = InverseKinematics(bob, posture_cost=0.1)
    posture = 0.2 * solver.upper
    _, _, joints = solver.solve((0.0, 0.0, 0.9), UPRIGHT, np.zeros(32), [], posture=posture)
    np.testing.assert_allclose(joints, posture, atol=1e-3)


def test_the_ground_is_not_entered(bob: Character) -> None:
    solver = InverseKinematics(bob, ground=True)
    target = [BodyTarget("lFoot", (0.0, 0.1, -0.2)), BodyTarget("rHand", (0.3, -0.3, -0.4))]
    pose = solver.solve((0.0, 0.0, 0.9), UPRIGHT, np.zeros(32), target, iterations=100)
    spheres = contact_spheres(bob)
    pos, quat = bodies(bob, pose)
    heights = sphere_heights(spheres, sphere_centres(spheres, pos[None], quat[None]))
    assert -1e-3 < heights.min() < 1e-2


def test_what_is_no_target_is_told(solver: InverseKinematics) -> None:
    with pytest.raises(InputError, match="'tail'"):
        solver.solve((0, 0, 0), UPRIGHT, np.zeros(32), [BodyTarget("tail", (0, 0, 0))])
    with pytest.raises(InputError, match="lHand: position is .*3 finite numbers"):
        solver.solve((0, 0, 0), UPRIGHT, np.zeros(32), [BodyTarget("lHand", (0, np.nan, 0))])
    with pytest.raises(InputError, match="lHand: rotation .*4 finite numbers"):
        solver.solve((0, 0, 0), UPRIGHT, np.zeros(32), [BodyTarget("lHand", None, (1, 0, 0))])


def test_without_mink_the_way_to_get_it_is_told(
    bob: Character, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mink", None)
    with pytest.raises(InputError, match="mink.*motion"):
        InverseKinematics(bob)
