"""Planted feet: still in a stance, rolling over their edges, blended and lifted in between."""

from __future__ import annotations

import numpy as np
import pytest

from animRL.motion.retarget.contacts import ContactLimits
from animRL.motion.retarget.plants import CLEARANCE, hold_point, lay, plant
from animRL.motion.retarget.soles import Sole
from animRL.motion.rotations import about_z, from_rotvec, rotate
from animRL.motion.runs import runs

DT = 0.02
LIMITS = ContactLimits()
POINTS = np.array([[x, y, -0.02] for x in (-0.07, 0.12) for y in (0.03, -0.03)])
SOLE = Sole(POINTS, np.full(4, 0.01), np.array([0.0, 0.0, 0.0, 1.0]))
FLAT = 0.03


def step(drift: float = 0.0, sink: float = 0.0, turn: float = 0.0) -> tuple:
    """Stand for 0.6 s, step 0.5 m forward in 0.4 s, stand again; badly measured if asked."""
    stand, swing = 30, 20
    share = np.linspace(0.0, 1.0, swing + 2)[1:-1]
    smooth = share**2 * (3.0 - 2.0 * share)
    forward = np.concatenate([np.zeros(stand), 0.5 * smooth, np.full(stand, 0.5)])
    height = np.concatenate([np.zeros(stand), 0.12 * np.sin(np.pi * share), np.zeros(stand)])
    count = len(forward)
    pos = np.zeros((count, 3))
    pos[:, 0] = forward + drift * np.sin(np.arange(count) * 0.2)
    pos[:, 2] = FLAT - sink + height
    return pos, about_z(turn * np.sin(np.arange(count) * 0.1))


def soles(pos: np.ndarray, quat: np.ndarray) -> np.ndarray:
    return pos[:, None] + rotate(quat[:, None], POINTS)


def test_a_sliding_and_turning_foot_stands_still() -> None:
    pos, quat = step(drift=0.02, sink=0.008, turn=0.1)
    planted = plant(pos, quat, SOLE, DT, LIMITS)
    stances = list(runs(planted.touching.any(axis=1)))
    assert len(stances) == 2
    points = soles(planted.pos, planted.quat)
    for stance in stances:
        assert np.ptp(points[stance], axis=0).max() < 1e-6
        np.testing.assert_allclose(points[stance][..., 2], 0.01, atol=1e-9)
        assert np.abs(planted.pos[stance] - pos[stance]).max() < 0.04
        assert (planted.held[stance] == 1.0).all()


def test_a_foot_in_the_air_is_left_alone_but_for_its_stances() -> None:
    pos, quat = step()
    planted = plant(pos, quat, SOLE, DT, LIMITS)
    np.testing.assert_allclose(planted.pos[35:45], pos[35:45], atol=0.02)
    flying = np.tile([0.0, 0.0, 0.5], (40, 1))
    result = plant(flying, about_z(np.zeros(40)), SOLE, DT, LIMITS)
    np.testing.assert_allclose(result.pos, flying)
    assert not result.held.any() and not result.touching.any()


def test_a_foot_that_rises_on_its_toes_stands_on_them() -> None:
    """The heel lifts by 0.6 rad about the toes: they keep their place, the ankle moves."""
    count = 60
    pitch = 0.6 * np.clip((np.arange(count) - 30) / 20.0, 0.0, 1.0)
    quat = from_rotvec(np.stack([0.0 * pitch, pitch, 0.0 * pitch], axis=1))
    toe = np.array([0.12, 0.0, -0.02])
    pos = np.array([0.12, 0.0, 0.01]) - rotate(quat, toe)
    planted = plant(pos, quat, SOLE, DT, LIMITS)
    points = soles(planted.pos, planted.quat)
    toes = points[:, 2:]
    assert np.ptp(toes, axis=0).max() < 0.003
    assert points[-1, 0, 2] > 0.08  # the heel
    assert (points[..., 2] - 0.01).min() > -1e-9


def test_a_turn_within_the_play_is_held_and_a_longer_one_followed() -> None:
    count = 80
    pos = np.tile([0.0, 0.0, FLAT], (count, 1))
    for angle, still in ((0.5, True), (1.6, False)):
        quat = about_z(np.linspace(0.0, angle, count))
        planted = plant(pos, quat, SOLE, DT, ContactLimits(speed=(9.0, 9.0)))
        moved = np.ptp(soles(planted.pos, planted.quat), axis=0).max()
        assert (moved < 1e-6) == still


def test_differences_fade_without_jumps_and_clear_the_ground() -> None:
    pos, quat = step(drift=0.02, sink=0.01)
    planted = plant(pos, quat, SOLE, DT, LIMITS)
    steps = np.linalg.norm(np.diff(planted.pos - pos, axis=0), axis=1)
    assert steps.max() < 0.02
    low = soles(planted.pos, planted.quat)[..., 2].min(axis=1) - 0.01
    assert low.min() > -1e-9
    between = slice(34, 46)
    assert (low[between] >= CLEARANCE - 1e-9).all()


def test_a_short_low_slip_does_not_interrupt_a_stance() -> None:
    pos, quat = step()
    pos, quat = pos[:30].copy(), quat[:30]
    pos[14:18, 0] += [0.01, 0.03, 0.05, 0.06]
    pos[18:, 0] += 0.07
    pos[14:18, 2] += 0.01
    planted = plant(pos, quat, SOLE, DT, LIMITS)
    assert len(list(runs(planted.touching.any(axis=1)))) == 1
    assert np.ptp(planted.pos, axis=0).max() < 1e-6


def test_a_point_is_held_in_place_and_free_to_turn() -> None:
    count = 40
    pos = np.stack([np.linspace(0.0, 0.1, count), np.zeros(count), np.full(count, 0.3)], axis=1)
    touching = np.zeros(count, dtype=bool)
    touching[10:30] = True
    quat = about_z(np.linspace(0.0, 1.0, count))
    held = hold_point(pos, quat, touching, 0.04, DT)
    assert np.ptp(held.pos[10:30], axis=0).max() < 1e-12
    assert held.pos[20] == pytest.approx([pos[10:30, 0].mean(), 0.0, 0.04])
    np.testing.assert_allclose(np.abs((held.quat * quat).sum(axis=1)), 1.0)


def test_a_hand_lies_as_it_was_found_lying() -> None:
    count = 40
    touching = np.zeros(count, dtype=bool)
    touching[10:30] = True
    pos = np.tile([0.0, 0.0, 0.4], (count, 1))
    upright = about_z(np.zeros(count))
    lying = np.tile(from_rotvec(np.array([0.0, np.pi / 2, 0.0])), (count, 1))
    found = np.tile([0.1, 0.2, 0.15], (count, 1))
    planted = lay((pos, upright), (found, lying), touching, SOLE, DT)
    np.testing.assert_allclose(planted.quat[10:30], lying[10:30], atol=1e-9)
    points = soles(planted.pos, planted.quat)[10:30]
    assert points[..., 2].min() == pytest.approx(0.01)
    np.testing.assert_allclose(planted.pos[10:30, :2], [[0.1, 0.2]] * 20)


def test_the_midline_is_the_sole_without_its_width() -> None:
    tilted = Sole(POINTS, SOLE.radius, about_z(np.array(0.7)))
    flat = rotate(tilted.rest_quat, tilted.midline)
    assert np.ptp(flat[:, 1]) < 1e-12
    np.testing.assert_allclose(flat[:, 0], rotate(tilted.rest_quat, POINTS)[:, 0])
