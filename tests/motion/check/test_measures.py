"""What follows from a clip's poses, on motions whose numbers are known by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from animRL.motion.check.measures import Measures, windowed_mean, with_poses
from animRL.motion.check.thresholds import Thresholds
from animRL.motion.trajectory import Trajectory, to_clip

DT = 0.02


@pytest.fixture
def stand(bench) -> Trajectory:
    """Forty frames of the default pose, the lowest point on the ground."""
    joints = np.tile(bench.bob.default_joint_pos.double().numpy(), (40, 1))
    upright = np.tile([0.0, 0.0, 0.0, 1.0], (40, 1))
    poses = Trajectory(np.zeros((40, 3)), upright, joints, DT)
    lowest = measured(bench, poses).lowest[0]
    return replace(poses, root_pos=np.tile([0.0, 0.0, -lowest], (40, 1)))


def measured(bench, poses: Trajectory) -> Measures:
    return Measures(to_clip(bench.bob, poses), bench.bob, Thresholds())


def test_heights_move_with_the_root_and_clearance_does_not(bench, stand: Trajectory) -> None:
    on, over = measured(bench, stand), measured(
        bench, replace(stand, root_pos=stand.root_pos + [0.3, -0.2, 0.07])
    )  # fmt: skip
    np.testing.assert_allclose(on.lowest, 0.0, atol=1e-9)
    np.testing.assert_allclose(over.heights, on.heights + 0.07, atol=1e-9)
    assert on.supported.all() and over.floor == pytest.approx(0.07)
    np.testing.assert_allclose(over.clearance, on.clearance, atol=1e-9)


def test_a_fall_needs_no_support(bench, stand: Trajectory) -> None:
    fallen = 0.5 * 9.81 * (np.arange(40) * DT) ** 2
    drop = stand.root_pos + np.column_stack([0 * fallen, 0 * fallen, 5.0 - fallen])
    falling = measured(bench, replace(stand, root_pos=drop))
    assert not falling.supported.any() and falling.floor == 0.0


def test_velocities_in_the_roots_frame_turn_with_it(bench, stand: Trajectory) -> None:
    """Forward along the world's y, looking along it: x in its own frame."""
    half = np.sqrt(0.5)
    path = stand.root_pos + np.outer(np.arange(40) * DT, [0.0, 1.5, 0.0])
    moving = replace(stand, root_pos=path, root_quat=np.tile([0.0, 0.0, half, half], (40, 1)))
    linear, angular = measured(bench, moving).base_rates
    np.testing.assert_allclose(linear, np.tile([1.5, 0.0, 0.0], (40, 1)), atol=1e-6)
    np.testing.assert_allclose(angular, 0.0, atol=1e-6)


def test_a_point_of_a_rolling_sphere_stands_while_its_centre_moves(
    bench, stand: Trajectory
) -> None:
    """A turn by omega about y, with the root going at omega times its height over the ground."""
    omega, turn = 1.0, np.arange(40) * 1e-3
    quat = np.column_stack([0 * turn, np.sin(0.5 * turn), 0 * turn, np.cos(0.5 * turn)])
    still = measured(bench, stand)
    sphere = int(still.heights[0].argmin())
    arm = still.centres[0, sphere] - stand.root_pos[0]
    radius = still.spheres.radius[sphere]
    centre = np.column_stack([
        arm[0] * np.cos(turn) + arm[2] * np.sin(turn),
        np.full(40, arm[1]),
        arm[2] * np.cos(turn) - arm[0] * np.sin(turn),
    ])  # fmt: skip
    path = np.column_stack([omega * radius * turn, 0 * turn, np.full(40, radius)]) - centre
    rolling = measured(bench, replace(stand, root_pos=path, root_quat=quat))
    np.testing.assert_allclose(rolling.point_steps[:, sphere], 0.0, atol=1e-9)
    moved = np.diff(rolling.centres[:, sphere, 0])
    np.testing.assert_allclose(moved, radius * 1e-3, atol=1e-9)


def test_other_poses_keep_the_stored_columns_of_the_same_length(bench) -> None:
    measures = Measures(bench.walk, bench.bob, Thresholds())
    layout = bench.walk.layout
    raised = replace(bench.poses, root_pos=bench.poses.root_pos + [0.0, 0.0, 0.1])
    other = with_poses(measures, raised)
    np.testing.assert_allclose(other.lowest, measures.lowest + 0.1, atol=1e-6)
    np.testing.assert_array_equal(
        other.clip.frames[:, layout.joint_vel], bench.walk.frames[:, layout.joint_vel]
    )
    shorter = with_poses(measures, bench.poses.frames(slice(0, 10)))
    assert not shorter.clip.frames[:, layout.joint_vel].any() and len(shorter.lowest) == 10


def test_means_over_a_window_keep_lines_and_use_fewer_frames_at_the_ends() -> None:
    line = np.column_stack([np.arange(9.0), np.ones(9)])
    mean = windowed_mean(line, 5)
    np.testing.assert_allclose(mean[2:-2], line[2:-2])
    np.testing.assert_allclose(mean[[0, -1], 0], [1.0, 7.0])
    np.testing.assert_allclose(mean[:, 1], 1.0)
    np.testing.assert_allclose(windowed_mean(line, 1), line)
