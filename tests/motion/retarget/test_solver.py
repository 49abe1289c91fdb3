"""Smoothing without delay, and loops closed in the joints."""

from __future__ import annotations

import numpy as np
import pytest

from animRL.motion.retarget.solver import CUTOFF_HZ, Poses, closed, smoothed
from animRL.motion.rotations import about_z
from animRL.sim.character import Character

DT = 0.01


def poses(joints: np.ndarray) -> Poses:
    count = len(joints)
    return Poses(np.zeros((count, 3)), about_z(np.zeros(count)), joints)


def test_slow_motion_passes_without_delay_and_fast_motion_does_not() -> None:
    time = np.arange(300) * DT
    slow, fast = np.sin(2 * np.pi * time), np.sin(2 * np.pi * 4.0 * CUTOFF_HZ * time)
    result = smoothed(poses(np.stack([slow, slow + fast], axis=1)), DT).joint_pos
    np.testing.assert_allclose(result[20:-20, 0], slow[20:-20], atol=5e-3)
    np.testing.assert_allclose(result[20:-20, 1], slow[20:-20], atol=2e-2)


def test_what_is_too_short_or_too_coarse_stays() -> None:
    few = poses(np.random.default_rng(0).normal(size=(5, 3)))
    assert smoothed(few, DT) is few
    many = poses(np.random.default_rng(0).normal(size=(50, 3)))
    assert smoothed(many, 0.5 / CUTOFF_HZ) is many


def test_the_roots_rotation_stays_one() -> None:
    count = 100
    turning = Poses(
        np.zeros((count, 3)), about_z(np.linspace(0.0, 3.0, count)), np.zeros((count, 2))
    )
    quat = smoothed(turning, DT).root_quat
    np.testing.assert_allclose(np.linalg.norm(quat, axis=1), 1.0)
    assert np.abs((quat * turning.root_quat).sum(axis=1)).min() > 1.0 - 1e-4


def test_a_loop_is_closed_within_the_limits(bob: Character) -> None:
    count, upper = 41, bob.joint_upper.double().numpy()
    joints = np.linspace(0.9, 1.0, count)[:, None] * upper
    pos = np.stack([np.linspace(0.0, 1.0, count), np.zeros(count), np.full(count, 0.9)], axis=1)
    pos[-1, 2] += 0.01
    result = closed(Poses(pos, about_z(np.linspace(0.0, 0.2, count)), joints), bob)
    np.testing.assert_allclose(result.joint_pos[-1], result.joint_pos[0], atol=1e-12)
    assert (result.joint_pos <= upper).all()
    assert result.root_pos[-1] == pytest.approx([1.0, 0.0, 0.9], abs=1e-9)
