"""One motion after another: continuous, where the first one went, each as it is outside."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from animRL.dataloader.clip import load_clip
from animRL.motion.edit.blend import append
from animRL.motion.edit.timing import at_rate
from animRL.motion.trajectory import PlanarTransform, Trajectory, velocities
from animRL.utils.errors import InputError
from animRL.utils.paths import RESOURCES
from animRL.utils.rotations import quat_angle, quat_conjugate, quat_mul


@pytest.fixture(scope="module")
def walk() -> Trajectory:
    return Trajectory.from_clip(load_clip(RESOURCES / "datasets/bob3/Walk.txt"))


def elsewhere(motion: Trajectory) -> Trajectory:
    return PlanarTransform(2.0, np.array([30.0, -7.0])).apply(motion)


def test_a_motion_blended_into_itself_elsewhere_goes_on(walk: Trajectory) -> None:
    """The cross-fade lies over the same half second of both, so nothing is blended at all."""
    first, second = walk.frames(slice(0, 40)), elsewhere(walk.frames(slice(14, None)))
    joined = append(first, second, 0.5)
    assert len(joined) == len(walk) and not joined.loop
    np.testing.assert_allclose(joined.root_pos, walk.root_pos, atol=1e-9)
    np.testing.assert_allclose(joined.joint_pos, walk.joint_pos, atol=1e-9)
    turn = quat_angle(quat_mul(torch.from_numpy(joined.root_quat),
                               quat_conjugate(torch.from_numpy(walk.root_quat))))  # fmt: skip
    assert float(turn.max()) < 1e-6


def test_outside_the_cross_fade_both_are_as_they_were(walk: Trajectory) -> None:
    second = elsewhere(walk.frames(slice(20, None)))
    joined = append(walk, second, 0.4)
    assert len(joined) == len(walk) + len(second) - 21
    np.testing.assert_array_equal(joined.root_pos[:37], walk.root_pos[:37])
    np.testing.assert_array_equal(joined.joint_pos[-16:], second.joint_pos[-16:])
    steps = np.linalg.norm(np.diff(second.root_pos[:, :2], axis=0), axis=1)
    np.testing.assert_allclose(
        np.linalg.norm(np.diff(joined.root_pos[-16:, :2], axis=0), axis=1), steps[-15:]
    )
    assert np.abs(velocities(joined).joint).max() < 1.5 * np.abs(velocities(walk).joint).max()
    assert np.abs(np.diff(joined.root_pos, axis=0)).max() < 0.04  # 2 m/s


def test_another_rate_is_brought_to_the_first_ones(walk: Trajectory) -> None:
    joined = append(walk, at_rate(walk, 120.0), 0.2)
    assert joined.dt == walk.dt
    assert len(joined) == 2 * len(walk) - 11


@pytest.mark.parametrize("seconds", [0.0, -1.0, 1.2, float("nan"), 0.001])
def test_a_cross_fade_that_does_not_fit_is_refused(walk: Trajectory, seconds: float) -> None:
    with pytest.raises(InputError, match="valid: from 0.02 s, a frame, to 1.12 s"):
        append(walk, walk, seconds)


def test_another_number_of_joints_is_refused(walk: Trajectory) -> None:
    other = Trajectory(walk.root_pos, walk.root_quat, walk.joint_pos[:, :3], walk.dt)
    with pytest.raises(InputError, match="32 and 3 joints"):
        append(walk, other, 0.2)


def test_the_longest_cross_fade_covers_the_whole(walk: Trajectory) -> None:
    whole = append(walk, walk, walk.duration)
    assert len(whole) == len(walk)
    np.testing.assert_allclose(whole.joint_pos, walk.joint_pos, atol=1e-12)
