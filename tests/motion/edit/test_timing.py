"""Trimming, retiming and repeating: what is kept exactly, and what the splines may do."""

from __future__ import annotations

import numpy as np
import pytest

from animRL.dataloader.clip import load_clip
from animRL.motion.edit.timing import at_rate, lasting, repeated, trim
from animRL.motion.trajectory import Trajectory, seam_transform, velocities
from animRL.utils.errors import InputError
from animRL.utils.paths import RESOURCES


@pytest.fixture(scope="module")
def walk() -> Trajectory:
    return Trajectory.from_clip(load_clip(RESOURCES / "datasets/bob3/Walk.txt"))


def swing(dt: float, loop: bool = True) -> Trajectory:
    """One second in which a joint swings and the root circles by 1.5 rad, sampled every dt."""
    time = np.linspace(0.0, 1.0, round(1.0 / dt) + 1)
    angle = 1.5 * time
    quat = np.stack([0 * time, 0 * time, np.sin(angle / 2), np.cos(angle / 2)], axis=1)
    place = np.stack([np.sin(angle), 1.0 - np.cos(angle), 0.9 + 0 * time], axis=1)
    joints = np.stack([np.sin(2 * np.pi * time), np.cos(4 * np.pi * time)], axis=1)
    return Trajectory(place, quat, joints, dt, loop)


def test_trim_keeps_whole_frames_as_they_are(walk: Trajectory) -> None:
    part = trim(walk, 0.2, 0.61)
    np.testing.assert_array_equal(part.joint_pos, walk.joint_pos[10:31])
    np.testing.assert_array_equal(part.root_pos, walk.root_pos[10:31])
    assert (part.dt, part.loop) == (walk.dt, False)
    assert len(trim(walk, 0.0, walk.duration)) == len(walk)


@pytest.mark.parametrize("times", [(-0.1, 0.5), (0.5, 0.5), (0.2, 3.0), (0.5, 0.503),
                                   (float("nan"), 0.5)])  # fmt: skip
def test_times_that_are_not_in_the_motion_are_refused(
    walk: Trajectory, times: tuple[float, float]
) -> None:
    with pytest.raises(InputError, match="trim from .*; valid: "):
        trim(walk, *times)


@pytest.mark.parametrize("loop", [True, False])
def test_a_finer_sampling_is_the_smooth_motion(loop: bool) -> None:
    coarse, fine = swing(1 / 30, loop), swing(1 / 120)
    sampled = at_rate(coarse, 120.0)
    assert (len(sampled), sampled.dt, sampled.loop) == (121, 1 / 120, loop)
    np.testing.assert_allclose(sampled.joint_pos, fine.joint_pos, atol=2e-3)
    np.testing.assert_allclose(sampled.root_pos, fine.root_pos, atol=1e-5)
    np.testing.assert_allclose(sampled.root_quat, fine.root_quat, atol=1e-6)
    # No steps in velocity, as linear interpolation would leave: 30 Hz to 120 Hz.
    np.testing.assert_allclose(velocities(sampled).root_ang[:, 2], 1.5, atol=1e-2)


def test_a_loop_is_as_smooth_over_its_seam_as_elsewhere() -> None:
    coarse = swing(1 / 20)
    sampled = at_rate(coarse, 100.0)
    error = np.abs(sampled.joint_pos - swing(1 / 100).joint_pos).max(axis=1)
    assert max(error[:10].max(), error[-10:].max()) < 1.5 * error[20:-20].max()


def test_knots_are_kept_when_the_rate_is_doubled(walk: Trajectory) -> None:
    sampled = at_rate(walk, 100.0)
    np.testing.assert_allclose(sampled.joint_pos[::2], walk.joint_pos, atol=1e-9)
    np.testing.assert_allclose(sampled.root_quat[::2], walk.root_quat, atol=1e-9)


def test_retiming_scales_speeds_and_meets_the_duration(walk: Trajectory) -> None:
    slow = lasting(walk, 1.7 * walk.duration)
    assert slow.duration == pytest.approx(1.7 * walk.duration, rel=1e-12)
    assert slow.dt == pytest.approx(walk.dt, rel=0.01) and slow.loop
    np.testing.assert_allclose(slow.root_pos[[0, -1]], walk.root_pos[[0, -1]], atol=1e-9)
    ratio = velocities(slow).joint.std() / velocities(walk).joint.std()
    assert ratio == pytest.approx(1 / 1.7, rel=0.03)


def test_repeating_a_loop_carries_it_on(walk: Trajectory) -> None:
    thrice = repeated(swing(0.05), 3)
    assert len(thrice) == 61
    angle = np.linspace(0.0, 4.5, 61)
    np.testing.assert_allclose(thrice.root_pos[:, 0], np.sin(angle), atol=1e-9)
    np.testing.assert_allclose(np.abs(thrice.root_quat[:, 2]), np.abs(np.sin(angle / 2)), atol=1e-9)
    twice = repeated(walk, 2)
    np.testing.assert_allclose(
        seam_transform(twice).offset, 2 * seam_transform(walk).offset, atol=1e-6
    )
    once_more = repeated(swing(0.05, loop=False), 2)
    np.testing.assert_array_equal(once_more.root_pos[21:], once_more.root_pos[:21])


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda m: lasting(m, 0.001), "valid: at least a frame, 0.02 s"),
        (lambda m: lasting(m, float("nan")), "valid: at least a frame"),
        (lambda m: at_rate(m, 0.1), "valid: at least 0.893"),
        (lambda m: repeated(m, 0), "valid: at least once"),
    ],
)
def test_numbers_that_mean_nothing_are_refused(walk: Trajectory, edit, message: str) -> None:
    with pytest.raises(InputError, match=message):
        edit(walk)
