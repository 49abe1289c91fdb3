"""The poses to be retargeted: resampling, closing a seam, laying cycles end to end."""

from __future__ import annotations

import numpy as np
import pytest

from animRL.motion.retarget.source import BodyMotion, Planar, resampled, tiled
from animRL.motion.rotations import (
    about_z,
    continuous,
    from_rotvec,
    invert,
    multiply,
    rotate,
    to_rotvec,
)

PARENTS = (-1, 0, 1)
OFFSETS = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.4], [0.3, 0.0, 0.0]])


def swing(count: int, duration: float, miss: float = 0.0, loop: bool = True) -> BodyMotion:
    """Two links on a root that walks forward and turns; the last pose misses the first."""
    time = np.linspace(0.0, 1.0, count)
    phase = 2.0 * np.pi * time
    root = np.stack([1.2 * time, 0.05 * np.sin(phase), 0.9 + 0.02 * np.cos(phase)], axis=1)
    pos, quat = np.empty((count, 3, 3)), np.empty((count, 3, 4))
    pos[:, 0], quat[:, 0] = root, about_z(0.3 * time)
    turns = (np.stack([0.0 * time, 0.5 * np.sin(phase) + miss * time, 0.0 * time], axis=1),) * 2
    for body, turn in zip((1, 2), turns, strict=True):
        above = PARENTS[body]
        pos[:, body] = pos[:, above] + rotate(quat[:, above], OFFSETS[body])
        quat[:, body] = multiply(quat[:, above], from_rotvec(turn))
    return BodyMotion(pos, continuous(quat), duration / (count - 1), loop)


def test_a_planar_transform_and_its_inverse() -> None:
    planar = Planar(0.7, np.array([1.0, -2.0, 0.0]))
    points = np.random.default_rng(0).normal(size=(5, 3))
    np.testing.assert_allclose(planar.position(planar.position(points, 2), -2), points, atol=1e-12)
    np.testing.assert_allclose(planar.position(points)[:, 2], points[:, 2])


def test_the_seam_takes_the_first_root_to_the_last() -> None:
    motion = swing(41, 1.0)
    seam = motion.seam
    assert seam.turn == pytest.approx(0.3)
    np.testing.assert_allclose(seam.position(motion.pos[0, 0]), motion.pos[-1, 0], atol=1e-9)
    assert motion.seam_gap() == pytest.approx((0.0, 0.0), abs=1e-9)


def test_a_gap_is_measured_and_spread() -> None:
    motion = swing(41, 1.0, miss=0.2)
    move, turn = motion.seam_gap()
    assert turn == pytest.approx(0.4, abs=1e-6)  # both links miss by 0.2 rad
    assert move > 0.05
    closed = motion.closed()
    assert closed.seam_gap() == pytest.approx((0.0, 0.0), abs=1e-9)
    np.testing.assert_allclose(closed.pos[0], motion.pos[0])
    change = np.linalg.norm(closed.pos - motion.pos, axis=-1).max(axis=1)
    assert (np.diff(change) >= 0.0).all() and change[20] == pytest.approx(0.5 * change[-1])


@pytest.mark.parametrize("loop", [True, False])
def test_resampling_goes_through_the_frames_and_keeps_lengths(loop: bool) -> None:
    coarse, fine = swing(17, 1.0, loop=loop), swing(129, 1.0, loop=loop)
    result = resampled(coarse, PARENTS, 128.0)
    assert len(result) == 129 and result.dt == pytest.approx(1.0 / 128.0)
    np.testing.assert_allclose(result.pos[::8], coarse.pos, atol=1e-9)
    np.testing.assert_allclose(result.pos, fine.pos, atol=2e-3)
    angle = np.linalg.norm(to_rotvec(multiply(result.quat, invert(fine.quat))), axis=-1)
    assert angle.max() < 5e-3
    for body in (1, 2):
        lengths = np.linalg.norm(result.pos[:, body] - result.pos[:, PARENTS[body]], axis=-1)
        np.testing.assert_allclose(lengths, np.linalg.norm(OFFSETS[body]), atol=1e-9)


def test_a_resampled_loop_has_no_kink_at_its_seam() -> None:
    result = resampled(swing(17, 1.0), PARENTS, 128.0)
    three = tiled(result).quat[:, 2]
    turns = to_rotvec(multiply(invert(three[:-1]), three[1:]))
    kinks = np.linalg.norm(np.diff(turns, axis=0), axis=1)
    assert kinks[120:136].max() < 1.5 * np.median(kinks) + kinks[140:240].max()


def test_three_cycles_continue_each_other() -> None:
    motion = swing(41, 1.0)
    three = tiled(motion)
    assert len(three) == 121
    np.testing.assert_allclose(three.pos[40:81], motion.pos, atol=1e-9)
    np.testing.assert_allclose(three.pos[0], motion.seam.position(motion.pos[0], -1), atol=1e-9)
    steps = np.linalg.norm(np.diff(three.pos[:, 0], axis=0), axis=1)
    np.testing.assert_allclose(steps[:40], steps[40:80], atol=1e-9)
