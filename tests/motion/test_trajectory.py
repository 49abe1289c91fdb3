"""Trajectories: rates of known motions, loops over their seam, and the clip they make."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from animRL.dataloader.clip import load_clip, save_clip
from animRL.motion.rotations import rotate
from animRL.motion.trajectory import (
    PlanarTransform,
    Trajectory,
    body_poses,
    extended,
    joined,
    periodic_rate,
    seam_transform,
    to_clip,
    velocities,
)
from animRL.sim.character import Character
from animRL.utils.errors import InputError
from tests.motion.small_characters import HOPPER, about, make_character, rigid, turned

TILTED = (1.0, 2.0, -0.5)
UNIT = np.array(TILTED) / np.linalg.norm(TILTED)


@pytest.fixture
def hopper(tmp_path: Path) -> Character:
    return make_character(tmp_path, HOPPER, ("knee", "hip", "ankle"), ("foot",))


def circling(count: int = 9, turn: float = 0.8, dt: float = 0.1) -> Trajectory:
    """A loop along a circle of 2 m about (1, -2), by ``turn`` [rad] a cycle, a joint swinging."""
    share = np.arange(count) / (count - 1)
    angle = 0.3 + turn * share
    place = np.column_stack([1.0 + 2.0 * np.sin(angle), -2.0 - 2.0 * np.cos(angle)])
    root_pos = np.column_stack([place, 0.9 + 0.1 * np.cos(2.0 * np.pi * share)])
    joints = np.column_stack([np.sin(2.0 * np.pi * share), np.cos(2.0 * np.pi * share)])
    return Trajectory(root_pos, about((0, 0, 1), angle), joints, dt, loop=True)


@pytest.mark.parametrize("count", [2, 3, 150])
def test_constant_rates_are_found_exactly(count: int) -> None:
    """150 frames at 4 rad/s and 20 ms turn almost twice about a tilted axis of the world."""
    time = 0.02 * np.arange(count)
    linear, joints = np.array([1.0, -0.5, 0.2]), np.array([3.0, -2.0])
    quat = turned(about((0, 1, 0), np.array([1.3]))[0], about(TILTED, 4.0 * time))
    motion = Trajectory(time[:, None] * linear, quat, time[:, None] * joints, 0.02)
    rates = velocities(motion)
    np.testing.assert_allclose(rates.root_lin, np.tile(linear, (count, 1)), atol=1e-12)
    np.testing.assert_allclose(rates.root_ang, np.tile(4.0 * UNIT, (count, 1)), atol=1e-10)
    np.testing.assert_allclose(rates.joint, np.tile(joints, (count, 1)), atol=1e-12)


def test_rates_that_grow_steadily_are_exact_at_the_ends_too() -> None:
    time = 0.1 * np.arange(6)
    position = np.column_stack([time**2, -3.0 * time**2, 1.0 + time])
    motion = Trajectory(position, about(TILTED, time**2), (0.5 * time**2)[:, None], 0.1)
    rates = velocities(motion)
    wanted = np.column_stack([2.0 * time, -6.0 * time, np.ones(6)])
    np.testing.assert_allclose(rates.root_lin, wanted, atol=1e-12)
    np.testing.assert_allclose(rates.root_ang, np.outer(2.0 * time, UNIT), atol=1e-10)
    np.testing.assert_allclose(rates.joint[:, 0], time, atol=1e-12)


def test_sign_of_rotations_is_made_continuous() -> None:
    quat = about(TILTED, np.linspace(0.0, 3.0 * np.pi, 40))
    flipped = quat * np.where(np.arange(40) % 3 == 1, -1.0, 1.0)[:, None]
    motion = rigid(np.zeros((40, 3)), 0.1, flipped)
    np.testing.assert_allclose(motion.root_quat, quat, atol=1e-15)


def test_one_frame_stands_still() -> None:
    motion = Trajectory(np.ones((1, 3)), about(TILTED, np.ones(1)), np.ones((1, 2)), 0.1)
    rates = velocities(motion)
    assert motion.duration == 0.0
    assert [rate.shape for rate in vars(rates).values()] == [(1, 3), (1, 3), (1, 2)]
    assert not any(rate.any() for rate in vars(rates).values())


@pytest.mark.parametrize(
    ("pos", "quat", "joints"),
    [((0, 3), (0, 4), (0, 2)), ((3, 2), (3, 4), (3, 2)), ((3, 3), (2, 4), (3, 2)),
     ((3, 3), (3, 4), (4, 2))],
)  # fmt: skip
def test_shapes_that_do_not_fit_are_refused(pos: tuple, quat: tuple, joints: tuple) -> None:
    with pytest.raises(InputError, match=r"trajectory: shapes .*valid: \(T, 3\), \(T, 4\)"):
        Trajectory(np.zeros(pos), np.zeros(quat), np.zeros(joints), 0.1)


def test_a_loop_of_one_frame_is_refused() -> None:
    with pytest.raises(InputError, match="a loop of 1 frame; valid: at least 2"):
        replace(circling().frames(slice(0, 1)), loop=True)


def test_seam_of_a_loop_that_turns() -> None:
    """A circle about (1, -2) by 0.8 rad a cycle: the seam turns about its centre."""
    seam = seam_transform(circling())
    assert seam.turn == pytest.approx(0.8)
    c, s = np.cos(0.8), np.sin(0.8)
    centre = np.array([1.0, -2.0])
    np.testing.assert_allclose(
        seam.offset, centre - np.array([[c, -s], [s, c]]) @ centre, atol=1e-12
    )


def test_a_loop_goes_on_along_its_circle() -> None:
    loop, longer = circling(), extended(circling(), 3)
    share = np.arange(-3, 12) / 8
    np.testing.assert_allclose(
        longer.root_pos[:, :2],
        np.column_stack([1.0 + 2.0 * np.sin(0.3 + 0.8 * share),
                         -2.0 - 2.0 * np.cos(0.3 + 0.8 * share)]),
        atol=1e-12,
    )  # fmt: skip
    np.testing.assert_allclose(longer.root_quat, about((0, 0, 1), 0.3 + 0.8 * share), atol=1e-12)
    np.testing.assert_allclose(longer.joint_pos[:, 0], np.sin(2.0 * np.pi * share), atol=1e-12)
    np.testing.assert_array_equal(longer.root_pos[3:-3], loop.root_pos)
    assert not longer.loop
    assert len(extended(loop, 0)) == len(loop)


def test_rates_go_on_over_a_turning_seam() -> None:
    rates = velocities(circling())
    speed = np.linalg.norm(rates.root_lin[:, :2], axis=1)
    np.testing.assert_allclose(speed, speed[0], atol=1e-12)
    np.testing.assert_allclose(rates.root_ang, np.tile([0.0, 0.0, 1.0], (9, 1)), atol=1e-12)
    np.testing.assert_allclose(rates.joint[0], rates.joint[-1], atol=1e-12)
    ahead = rotate(circling().root_quat, np.tile([1.0, 0.0, 0.0], (9, 1)))
    np.testing.assert_allclose(rates.root_lin[:, :2] / speed[:, None], ahead[:, :2], atol=1e-12)


def test_a_planar_transform_undoes_its_inverse() -> None:
    motion, seam = circling(), PlanarTransform(2.0, np.array([0.3, -1.0]))
    back = seam.inverse().apply(seam.apply(motion))
    np.testing.assert_allclose(back.root_pos, motion.root_pos, atol=1e-12)
    np.testing.assert_allclose(back.root_quat, motion.root_quat, atol=1e-12)
    np.testing.assert_allclose(
        seam.apply(rigid(np.array([[1.0, 0.0, 5.0]]), 0.1)).root_pos,
        [[0.3 + np.cos(2.0), -1.0 + np.sin(2.0), 5.0]],
    )


def test_joined_motions_follow_each_other() -> None:
    both = joined([circling().frames(slice(0, 2)), circling().frames([4])])
    np.testing.assert_array_equal(both.root_pos, circling().root_pos[[0, 1, 4]])
    assert both.duration == pytest.approx(0.2)


def test_a_periodic_rate_goes_round() -> None:
    values = np.array([[0.0], [1.0], [3.0], [0.0]])
    np.testing.assert_allclose(periodic_rate(values, 0.5, True)[:, 0], [-2.0, 3.0, -1.0, -2.0])
    np.testing.assert_allclose(periodic_rate(values, 0.5, False)[:, 0], [1.0, 3.0, -1.0, -11.0])


def test_columns_of_a_clip_are_those_worked_out_by_hand(hopper: Character) -> None:
    """The root slides along x while it is turned by 90 degrees about z and spins about it."""
    time = 0.1 * np.arange(5)
    knee = 0.5 + time
    motion = Trajectory(
        np.column_stack([2.0 * time, np.zeros(5), np.ones(5)]),
        about((0, 0, 1), 0.5 * np.pi + 3.0 * time),
        np.column_stack([knee, np.full(5, -0.2), np.zeros(5)]),
        0.1,
    )
    clip = to_clip(hopper, motion, motion_weight=2.0, source="here")
    layout, frames = clip.layout, clip.frames
    assert (clip.joint_names, clip.end_effector_names) == (("knee", "hip", "ankle"), ("foot",))
    assert (clip.loop, clip.motion_weight, clip.source) == (False, 2.0, "here")
    np.testing.assert_allclose(frames[0, layout.root_lin_vel], [0.0, -2.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(
        frames[:, layout.root_ang_vel], np.tile([0.0, 0.0, 3.0], (5, 1)), atol=1e-9
    )
    np.testing.assert_allclose(frames[:, layout.joint_vel], np.tile([1, 0, 0], (5, 1)), atol=1e-9)
    shin = -0.2 + knee
    foot = np.column_stack(
        [-0.4 * (np.sin(-0.2) + np.sin(shin)), np.zeros(5), -0.4 * (np.cos(-0.2) + np.cos(shin))]
    )
    np.testing.assert_allclose(frames[:, layout.ee_pos], foot, atol=1e-6)
    rate = np.column_stack([-0.4 * np.cos(shin), np.zeros(5), 0.4 * np.sin(shin)])
    np.testing.assert_allclose(frames[1:-1, layout.ee_vel], rate[1:-1], atol=1e-3)


def test_a_clip_and_its_trajectory_are_the_same_poses(hopper: Character, tmp_path: Path) -> None:
    loop = circling()
    motion = replace(loop, joint_pos=0.3 * np.column_stack([loop.joint_pos, loop.joint_pos[:, :1]]))
    save_clip(to_clip(hopper, motion), tmp_path / "clip.txt")
    again = Trajectory.from_clip(load_clip(tmp_path / "clip.txt"))
    assert (again.loop, again.dt, len(again)) == (True, 0.1, 9)
    for field in ("root_pos", "root_quat", "joint_pos"):
        np.testing.assert_allclose(getattr(again, field), getattr(motion, field), atol=2e-6)


def test_body_poses_are_forward_kinematics(hopper: Character) -> None:
    """Hip bent back by 90 degrees, knee straight: the foot is 0.8 m behind the turned trunk."""
    motion = Trajectory(
        np.array([[1.0, 0.0, 2.0]]), about((0, 0, 1), np.array([0.5 * np.pi])),
        np.array([[0.0, 0.5 * np.pi, 0.0]]), 0.1,
    )  # fmt: skip
    position, rotation = body_poses(hopper, motion)
    assert position.dtype == rotation.dtype == np.float64
    np.testing.assert_allclose(position[0, hopper.body_index("foot")], [1.0, -0.8, 2.0], atol=1e-6)
    down = rotate(rotation[:, hopper.body_index("foot")], np.array([[0.0, 0.0, -1.0]]))
    np.testing.assert_allclose(down, [[0.0, -1.0, 0.0]], atol=1e-6)
