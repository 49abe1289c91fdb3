"""Inverse dynamics of bodies that can be worked out by hand, and the forces of few contacts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from animRL.cfg.characters.bob_config import BobConfig
from animRL.dataloader.clip import load_clip
from animRL.motion.dynamics import CONE_EDGES, contact_forces, friction_cone, root_wrench
from animRL.motion.ground import contact_spheres, sphere_centres, sphere_heights
from animRL.motion.rotations import rotate
from animRL.motion.trajectory import Trajectory, body_poses
from animRL.sim.character import Character
from animRL.utils.paths import RESOURCES
from tests.motion.small_characters import BALL, BOX, HOPPER, about, make_character, rigid

G = 9.81
JOINTS = ("ankle", "hip", "knee")


@pytest.fixture
def box(tmp_path: Path) -> Character:
    """10 kg, 0.4 x 0.2 x 0.1 m."""
    return make_character(tmp_path, BOX)


@pytest.fixture
def ball(tmp_path: Path) -> Character:
    """2 kg."""
    return make_character(tmp_path, BALL)


@pytest.fixture
def hopper(tmp_path: Path) -> Character:
    """6 kg, of which 4 in the trunk."""
    return make_character(tmp_path, HOPPER, JOINTS)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_at_rest_it_needs_its_weight_under_the_centre_of_mass(
    hopper: Character, count: int
) -> None:
    pose = np.array([[0.3, 0.4, -0.9]])  # ankle, hip, knee
    quat = about((1.0, 2.0, 0.5), np.array([0.7]))
    rest = Trajectory(np.array([[1.0, 2.0, 0.5]]), quat, pose, 0.05).frames([0] * count)
    wrench = root_wrench(hopper, rest)
    np.testing.assert_allclose(wrench.force, np.tile([0.0, 0.0, 6.0 * G], (count, 1)), atol=1e-6)
    np.testing.assert_allclose(wrench.moment, np.zeros((count, 3)), atol=1e-6)
    bodies = (torch.from_numpy(array) for array in body_poses(hopper, rest))
    centre = hopper.center_of_mass(*bodies)
    np.testing.assert_allclose(wrench.centre, centre.numpy(), atol=1e-6)


def test_torques_that_hold_the_joints_in_the_air(hopper: Character) -> None:
    """Hip bent by 0.5 rad, knee by 0.2: levers of shin, foot and thigh about their joints."""
    pose = np.array([[0.0, 0.5, 0.2]])
    rest = rigid(np.zeros((1, 3)), 0.1)
    wrench = root_wrench(hopper, replace(rest, joint_pos=pose))
    thigh, shin = np.sin(0.5), np.sin(0.7)
    ankle = 0.4 * G * 0.04 * shin
    knee = 0.6 * G * 0.2 * shin + 0.4 * G * 0.44 * shin
    hip = 1.0 * G * 0.2 * thigh + G * (0.4 * thigh + 0.2 * shin) * 0.6
    hip += 0.4 * G * (0.4 * thigh + 0.44 * shin)
    np.testing.assert_allclose(wrench.generalised[0, 6:], [ankle, hip, knee], atol=1e-6)


def test_in_free_fall_it_needs_nothing(hopper: Character) -> None:
    time = 0.04 * np.arange(6)
    height = 2.0 + 1.5 * time - 0.5 * G * time**2
    fall = Trajectory(
        np.column_stack([0.7 * time, -0.2 * time, height]), about((1, 1, 0), np.full(6, 0.4)),
        np.tile([0.1, 0.5, 0.8], (6, 1)), 0.04,
    )  # fmt: skip
    wrench = root_wrench(hopper, fall)
    np.testing.assert_allclose(wrench.force, np.zeros((6, 3)), atol=1e-9)
    np.testing.assert_allclose(wrench.moment, np.zeros((6, 3)), atol=1e-9)
    np.testing.assert_allclose(wrench.generalised, np.zeros((6, 9)), atol=1e-9)


def test_a_tumbling_ball_in_the_air_needs_nothing(ball: Character) -> None:
    time = 0.05 * np.arange(8)
    place = np.column_stack([time, np.zeros(8), 3.0 - 0.5 * G * time**2])
    wrench = root_wrench(ball, rigid(place, 0.05, about((1.0, -2.0, 0.5), 7.0 * time)))
    np.testing.assert_allclose(wrench.force, np.zeros((8, 3)), atol=1e-9)
    np.testing.assert_allclose(wrench.moment, np.zeros((8, 3)), atol=1e-9)


@pytest.mark.parametrize("growth", [0.0, 4.0])
def test_a_box_spun_about_a_tilted_axis_needs_its_gyroscopic_moment(
    box: Character, growth: float
) -> None:
    """About the centre of mass it is I dw/dt + w x I w (Euler's equations); the ends repeat it."""
    axis = np.array([1.0, 2.0, 0.0]) / np.sqrt(5.0)
    time = 0.01 * np.arange(5)
    quat = about((1.0, 2.0, 0.0), 3.0 * time + 0.5 * growth * time**2)
    wrench = root_wrench(box, rigid(np.zeros((5, 3)), 0.01, quat))
    x, y, z = 0.2**2, 0.1**2, 0.05**2
    inertia = 10.0 / 3.0 * np.array([y + z, x + z, x + y])
    spin = np.outer(3.0 + growth * time, axis)
    wanted = rotate(quat, inertia * growth * axis + np.cross(spin, inertia * spin))
    np.testing.assert_allclose(wrench.moment[1:-1], wanted[1:-1], atol=1e-4)
    np.testing.assert_allclose(wrench.moment[[0, -1]], wrench.moment[[1, -2]])
    np.testing.assert_allclose(wrench.force, np.tile([0.0, 0.0, 10.0 * G], (5, 1)), atol=1e-8)


def test_accelerated_sideways_it_needs_mass_times_acceleration(hopper: Character) -> None:
    time = 0.02 * np.arange(7)
    place = np.column_stack([time**2, -1.5 * time**2, np.full(7, 0.9)])
    motion = replace(rigid(place, 0.02), joint_pos=np.tile([0.2, -0.6, 1.0], (7, 1)))
    wrench = root_wrench(hopper, motion)
    wanted = 6.0 * np.array([2.0, -3.0, G])
    np.testing.assert_allclose(wrench.force, np.tile(wanted, (7, 1)), atol=1e-8)
    np.testing.assert_allclose(wrench.moment, np.zeros((7, 3)), atol=1e-6)


def test_a_turning_loop_is_drawn_to_its_centre_at_the_seam_too(ball: Character) -> None:
    """A circle of 2 m by 0.3 rad a frame; chords make the acceleration 2 r (1 - cos) / dt^2."""
    angle = 0.3 * np.arange(6)
    outward = np.column_stack([np.cos(angle), np.sin(angle), np.zeros(6)])
    circle = replace(rigid(2.0 * outward, 0.1, about((0, 0, 1), angle)), loop=True)
    wrench = root_wrench(ball, circle)
    pull = 2.0 * 2.0 * 2.0 * (1.0 - np.cos(0.3)) / 0.1**2
    np.testing.assert_allclose(wrench.force, -pull * outward + [0.0, 0.0, 2.0 * G], atol=1e-8)
    np.testing.assert_allclose(wrench.moment, np.zeros((6, 3)), atol=1e-8)


def test_two_points_share_a_load_as_their_levers_say() -> None:
    points = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    forces, missing = contact_forces(
        points, np.array([0.25, 0.0, 0.9]), np.array([0.0, 0.0, 100.0]), np.zeros(3), 0.8, 100.0
    )
    np.testing.assert_allclose(forces, [[0.0, 0.0, 75.0], [0.0, 0.0, 25.0]], atol=1e-2)
    np.testing.assert_allclose(missing, np.zeros(6), atol=1e-2)


def test_a_centre_of_mass_outside_the_support_misses_a_moment() -> None:
    """Without friction, the near point carries f of the weight: least (1 - f)^2 + (0.2 f)^2."""
    points = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    wanted = (np.array([1.2, 0.0, 0.9]), np.array([0.0, 0.0, 100.0]), np.zeros(3))
    forces, missing = contact_forces(points, *wanted, 0.0, 100.0)
    share = 100.0 / 1.04
    np.testing.assert_allclose(forces, [[0.0, 0.0, 0.0], [0.0, 0.0, share]], atol=1e-2)
    np.testing.assert_allclose(missing, [0, 0, 100 - share, 0, -0.2 * share, 0], atol=1e-2)


def test_the_ground_does_not_pull() -> None:
    points = np.array([[0.1, 0.0, 0.0], [-0.1, 0.1, 0.0], [-0.1, -0.1, 0.0]])
    down = np.array([0.0, 0.0, -50.0])
    forces, missing = contact_forces(points, np.zeros(3), down, np.zeros(3), 0.8, 100.0)
    np.testing.assert_array_equal(forces, np.zeros((3, 3)))
    np.testing.assert_allclose(missing, [0.0, 0.0, -50.0, 0.0, 0.0, 0.0])


def test_in_the_air_everything_is_missing() -> None:
    wanted = np.arange(6.0)
    forces, missing = contact_forces(
        np.zeros((0, 3)), np.zeros(3), wanted[:3], wanted[3:], 0.8, 100.0
    )
    assert forces.shape == (0, 3)
    np.testing.assert_array_equal(missing, wanted)


def test_friction_gives_no_more_than_it_can() -> None:
    """The point of the line (0.5 f, f) nearest to (80, 100) is f = 112."""
    point = np.zeros((1, 3))
    wanted = (np.zeros(3), np.array([80.0, 0.0, 100.0]), np.zeros(3))
    forces, missing = contact_forces(point, *wanted, 0.5, 100.0)
    np.testing.assert_allclose(forces, [[56.0, 0.0, 112.0]], atol=1e-2)
    np.testing.assert_allclose(missing, [24.0, 0.0, -12.0, 0.0, 0.0, 0.0], atol=1e-2)
    forces, missing = contact_forces(point, *wanted, 0.81, 100.0)
    np.testing.assert_allclose(forces, [[80.0, 0.0, 100.0]], atol=1e-2)


def test_the_pyramid_is_inscribed_in_the_cone() -> None:
    """Its edges lie on the cone; between two of them it reaches cos(pi / 8) of the friction."""
    edges = friction_cone(np.zeros((1, 3)), np.zeros(3), 0.7)[:3].T
    assert edges.shape == (CONE_EDGES, 3)
    np.testing.assert_allclose(np.linalg.norm(edges[:, :2], axis=1), 0.7)
    between = np.array([np.cos(np.pi / CONE_EDGES), np.sin(np.pi / CONE_EDGES)])
    for share, reached in ((0.92, True), (0.93, False)):
        wanted = np.array([*(share * 0.7 * between), 1.0])
        _, missing = contact_forces(np.zeros((1, 3)), np.zeros(3), wanted, np.zeros(3), 0.7, 1.0)
        assert (np.abs(missing).max() < 1e-4) == reached


def test_moments_of_the_cone_are_about_the_centre() -> None:
    """A point 2 m ahead of the centre and 1 m below it."""
    points, centre = np.array([[3.0, 0.0, 0.0]]), np.array([1.0, 0.0, 1.0])
    cone = friction_cone(points, centre, 0.5)
    np.testing.assert_allclose(cone[:3, 0], [0.5, 0.0, 1.0], atol=1e-12)
    np.testing.assert_allclose(cone[3:, 0], [0.0, -0.5 - 2.0, 0.0], atol=1e-12)


def test_the_shipped_walk_is_carried_by_what_is_near_the_ground() -> None:
    bob = Character.from_config(BobConfig())
    walk = Trajectory.from_clip(load_clip(RESOURCES / "datasets/bob3/Walk.txt"))
    spheres = contact_spheres(bob)
    centres = sphere_centres(spheres, *body_poses(bob, walk))
    touching = sphere_heights(spheres, centres) < 0.004
    wrench = root_wrench(bob, walk)
    weight = G * float(bob.body_mass.sum())
    missing = []
    for t, down in enumerate(touching):
        points = centres[t, down] * [1.0, 1.0, 0.0]
        parts = wrench.centre[t], wrench.force[t], wrench.moment[t]
        forces, rest = contact_forces(points, *parts, bob.friction, weight)
        tangential = np.linalg.norm(forces[:, :2], axis=1)
        assert (tangential <= bob.friction * forces[:, 2] + 1e-9).all()
        missing.append(np.abs(rest).max() / weight)
    assert max(missing) < 0.02
    assert np.mean(missing) < 0.005


def test_over_a_loop_the_forces_carry_the_weight_however_few_frames_there_are() -> None:
    """Momentum: what moves for ever in place is held up by its weight on average, limbs or not."""
    bob = Character.from_config(BobConfig())
    phase = np.linspace(0.0, 2.0 * np.pi, 7)
    joints = 0.8 * np.sin(phase[:, None] + np.arange(len(bob.joint_names)))
    height = 1.5 + 0.3 * np.cos(phase)
    motion = Trajectory(
        np.column_stack([0.1 * np.sin(phase), 0.0 * phase, height]),
        np.tile([0.0, 0.0, 0.0, 1.0], (7, 1)), joints, 0.15, loop=True,
    )  # fmt: skip
    wrench, weight = root_wrench(bob, motion), G * float(bob.body_mass.sum())
    mean = wrench.force[:-1].mean(axis=0) / weight
    np.testing.assert_allclose(mean, [0.0, 0.0, 1.0], atol=1e-6)
    np.testing.assert_allclose(wrench.moment[:-1].mean(axis=0) / weight, np.zeros(3), atol=1e-9)
