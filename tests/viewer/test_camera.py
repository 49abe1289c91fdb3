"""The camera keeps both characters in view and moves without jerks."""

from __future__ import annotations

import numpy as np
import pytest

from animRL.viewer.camera import beside, camera_for, follow, heading, smooth
from animRL.viewer.poses import Poses
from animRL.viewer.stick_figure import project
from tests.viewer.three_links import make_poses

DT = 0.02


def test_heading_is_the_way_walked_else_the_way_faced():
    walk = make_poses(60)
    turned = Poses(walk.root_pos[:, [1, 0, 2]], walk.root_quat, walk.joint_pos)
    assert heading(walk, DT) == pytest.approx(0.0)
    assert heading(turned, DT) == pytest.approx(np.pi / 2)
    quarter = np.sqrt(0.5)
    standing = Poses(np.zeros((2, 3)), np.tile([0, 0, quarter, quarter], (2, 1)), np.zeros((2, 2)))
    assert heading(standing, DT) == pytest.approx(np.pi / 2)


def test_reference_stands_to_the_left():
    np.testing.assert_allclose(beside(0.0, 1.5), [0.0, 1.5, 0.0], atol=1e-12)
    np.testing.assert_allclose(beside(np.pi / 2, 1.5), [-1.5, 0.0, 0.0], atol=1e-12)


def test_smoothing_keeps_a_straight_path_and_does_not_mix_across_a_reset():
    path = np.outer(np.arange(50), [0.01, -0.02])
    np.testing.assert_allclose(smooth(path, DT), path, atol=1e-12)
    reset = np.concatenate([path, path + 5.0])
    np.testing.assert_allclose(smooth(reset, DT), reset, atol=1e-12)


def test_smoothing_quietens_a_shaking_path():
    generator = np.random.default_rng(0)
    path = 0.02 * generator.standard_normal((200, 2))
    assert np.diff(smooth(path, DT), axis=0).std() < 0.1 * np.diff(path, axis=0).std()


@pytest.mark.parametrize("count", [1, 2, 40])
def test_both_characters_stay_in_the_picture(count: int):
    poses = make_poses(count)
    reference = Poses(
        poses.root_pos + beside(heading(poses, DT), 1.2), poses.root_quat, poses.joint_pos
    )
    for index, camera in enumerate(follow(poses, reference, DT)):
        for root in (poses.root_pos[index], reference.root_pos[index]):
            ends = np.array([[*root[:2], 0.0], [*root[:2], 1.9]])
            flat, depth = project(ends, camera)
            assert (depth > 0.0).all()
            assert (np.abs(flat) < 1.0).all()
            assert flat[1, 1] > flat[0, 1]


def test_a_reference_that_is_far_off_is_let_go():
    pose = make_poses(1)[0]
    near = camera_for(pose)
    assert camera_for(pose, pose.moved(np.array([50.0, 0.0, 0.0]))) == near
