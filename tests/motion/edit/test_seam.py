"""Closing a loop: exact at the seam, gentle everywhere, nothing where it is closed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from animRL.cfg.characters.bob_config import BobConfig
from animRL.dataloader.clip import load_clip
from animRL.motion.edit.seam import best_loop, close_loop, mismatch
from animRL.motion.edit.timing import repeated
from animRL.motion.trajectory import Trajectory, extended, seam_transform
from animRL.sim.character import Character
from animRL.utils.errors import InputError
from animRL.utils.paths import RESOURCES
from animRL.utils.rotations import quat_from_rotvec, quat_mul


@pytest.fixture(scope="module")
def bob() -> Character:
    return Character.from_config(BobConfig())


@pytest.fixture(scope="module")
def walk() -> Trajectory:
    return Trajectory.from_clip(load_clip(RESOURCES / "datasets/bob3/Walk.txt"))


def turned(trajectory: Trajectory, rotvecs: np.ndarray) -> Trajectory:
    """Turn the root of each frame by a rotation vector (T, 3), world."""
    quat = quat_mul(quat_from_rotvec(torch.from_numpy(rotvecs)),
                    torch.from_numpy(trajectory.root_quat))  # fmt: skip
    return replace(trajectory, root_quat=quat.numpy())


def opened(walk: Trajectory) -> Trajectory:
    """The walk with a drift in everything that a seam compares, and a turn, which is free."""
    ramp = np.linspace(0.0, 1.0, len(walk))[:, None]
    joints = walk.joint_pos + 0.1 * ramp * np.sin(np.arange(32))
    height = walk.root_pos + 0.03 * ramp * [0.0, 0.0, 1.0]
    drifted = replace(walk, root_pos=height, joint_pos=joints, loop=False)
    return turned(turned(drifted, ramp * [0.08, -0.05, 0.0]), ramp * [0.0, 0.0, 1.2])


def test_the_mismatch_is_what_was_added(walk: Trajectory) -> None:
    assert np.abs(mismatch(walk).joint).max() < 1e-5
    gap = mismatch(opened(walk))
    np.testing.assert_allclose(gap.joint, 0.1 * np.sin(np.arange(32)), atol=1e-5)
    assert gap.height == pytest.approx(0.03, abs=1e-5)
    # Drift about a horizontal axis, seen after the turn of 1.2 rad; the turn itself is no mismatch.
    assert np.linalg.norm(gap.tilt) == pytest.approx(np.hypot(0.08, 0.05), rel=1e-2)
    assert gap.tilt[2] == pytest.approx(0.0, abs=1e-9)
    assert seam_transform(opened(walk)).turn == pytest.approx(1.2, abs=0.01)


def test_a_closed_loop_ends_in_its_first_pose(bob: Character, walk: Trajectory) -> None:
    closed = close_loop(bob, opened(walk))
    gap = mismatch(closed)
    assert closed.loop
    assert max(np.abs(gap.joint).max(), abs(gap.height), np.abs(gap.tilt).max()) < 1e-9
    assert seam_transform(closed).turn == pytest.approx(seam_transform(opened(walk)).turn, abs=0.01)
    # Half of the mismatch at either end, nothing in the middle.
    np.testing.assert_allclose(
        closed.joint_pos[0] - opened(walk).joint_pos[0], 0.05 * np.sin(np.arange(32)), atol=1e-3
    )
    middle = len(walk) // 2
    np.testing.assert_allclose(closed.joint_pos[middle], opened(walk).joint_pos[middle], atol=1e-3)


def test_a_closed_smooth_loop_stays_as_it_is(bob: Character, walk: Trajectory) -> None:
    closed = close_loop(bob, walk)
    np.testing.assert_allclose(closed.joint_pos, walk.joint_pos, atol=1e-5)
    np.testing.assert_allclose(closed.root_pos, walk.root_pos, atol=1e-5)
    np.testing.assert_allclose(closed.root_quat, walk.root_quat, atol=1e-5)
    again = close_loop(bob, closed)
    np.testing.assert_allclose(again.joint_pos, closed.joint_pos, atol=1e-9)


def test_a_kink_at_the_seam_is_smoothed(bob: Character) -> None:
    """A parabola repeats its first value but meets it at another speed."""
    time = np.linspace(-1.0, 1.0, 51)
    joints = np.zeros((51, 32))
    joints[:, 3] = 0.3 * time**2
    root_pos = np.stack([time, 0.0 * time, 0.9 + 0.1 * time**2], axis=1)
    kinked = Trajectory(root_pos, np.tile([0.0, 0.0, 0.0, 1.0], (51, 1)), joints, 0.04)
    closed = close_loop(bob, kinked)

    def at_seam(values: np.ndarray) -> float:
        return float(abs(values[1] - 2.0 * values[0] + values[-2] - (values[-1] - values[0])))

    for before, after in (
        (kinked.joint_pos[:, 3], closed.joint_pos[:, 3]),
        (kinked.root_pos[:, 2], closed.root_pos[:, 2]),
    ):
        assert at_seam(after) < 0.4 * at_seam(before)
        assert np.abs(after - before).max() < 0.1 * np.ptp(before)
    far = slice(8, -8)  # beyond a fifth of a second nothing moves
    np.testing.assert_allclose(closed.joint_pos[far], kinked.joint_pos[far], atol=1e-12)


def test_velocities_join_in_the_frame_of_the_seam(bob: Character) -> None:
    """A walk on a circle: a quarter turn a loop, the velocity turns along, so nothing is mended."""
    angle = np.linspace(0.0, np.pi / 2, 41)
    root_pos = np.stack([np.sin(angle), 1.0 - np.cos(angle), np.full(41, 0.9)], axis=1)
    quat = np.stack([0 * angle, 0 * angle, np.sin(angle / 2), np.cos(angle / 2)], axis=1)
    circle = Trajectory(root_pos, quat, np.zeros((41, 32)), 0.02)
    closed = close_loop(bob, circle)
    np.testing.assert_allclose(closed.root_pos, root_pos, atol=1e-6)
    on = extended(closed, 3).root_pos[-3:]
    beyond = np.pi / 2 + np.pi / 80 * np.arange(1, 4)
    np.testing.assert_allclose(on[:, 0], np.sin(beyond), atol=1e-6)


def test_angles_stay_within_their_limits(bob: Character, walk: Trajectory) -> None:
    knee = bob.joint_names.index("joint_lKnee")
    limit = float(bob.joint_upper[knee])
    joints = walk.joint_pos.copy()
    # At the limit until shortly before the end, where the ramp adds most.
    joints[:, knee] = limit - 0.4 * np.linspace(0.0, 1.0, len(walk)) ** 8
    closed = close_loop(bob, replace(walk, joint_pos=joints))
    assert closed.joint_pos[:, knee].max() == pytest.approx(limit, abs=1e-9)
    joints[:, knee] += 0.1  # beyond the limit from the start: not the seam's business
    closed = close_loop(bob, replace(walk, joint_pos=joints))
    assert closed.joint_pos[:, knee].max() == pytest.approx(limit + 0.1, abs=1e-9)


def test_the_best_cut_is_one_cycle_of_a_walk(bob: Character, walk: Trajectory) -> None:
    """A stand, two and a half cycles, then a bow: the cut leaves out what does not repeat."""
    cycles = repeated(walk, 3).frames(slice(0, 141))
    bow = cycles.joint_pos.copy()
    bow[-20:, bob.joint_names.index("joint_lowerback_x")] += np.linspace(0.0, 0.8, 20)
    bow[:15] *= np.linspace(0.0, 1.0, 15)[:, None]
    first, last = best_loop(bob, replace(cycles, joint_pos=bow), shortest=0.8)
    assert last - first in (56, 112)
    assert first >= 14 and last <= 121


def test_of_equal_cuts_the_longest_is_taken(bob: Character, walk: Trajectory) -> None:
    """The very ends, whose velocities are known from one side only, may be left out."""
    first, last = best_loop(bob, repeated(walk, 4))
    assert last - first in (3 * 56, 4 * 56)


def test_too_short_a_motion_is_refused(bob: Character, walk: Trajectory) -> None:
    with pytest.raises(InputError, match="8 frames; valid: at least 9"):
        close_loop(bob, walk.frames(slice(0, 8)))
    with pytest.raises(InputError, match="valid: a longer motion"):
        best_loop(bob, walk.frames(slice(0, 15)))
