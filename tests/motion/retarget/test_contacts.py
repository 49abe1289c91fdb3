"""Contacts by height and speed: hysteresis, and nothing shorter than a contact can be."""

from __future__ import annotations

import numpy as np

from animRL.motion.retarget.contacts import ContactLimits, contacts, speeds

LIMITS = ContactLimits(height=(0.02, 0.04), speed=(0.3, 0.6), shortest=0.05)
DT = 0.01


def touching(height: list[float], speed: list[float]) -> list[bool]:
    repeated = [np.repeat(values, 10)[:, None] for values in (height, speed)]
    return contacts(repeated[0], repeated[1], DT, LIMITS)[::10, 0].tolist()


def test_low_and_slow_is_a_contact() -> None:
    assert touching([0.01, 0.5, 0.01], [0.1, 0.1, 2.0]) == [True, False, False]


def test_between_the_thresholds_the_contact_beside_it_goes_on() -> None:
    height = [0.03, 0.01, 0.03, 0.05, 0.03]
    assert touching(height, [0.1] * 5) == [True, True, True, False, False]
    assert touching([0.01] * 5, [0.5, 0.1, 0.5, 0.7, 0.5]) == [True, True, True, False, False]


def test_what_is_too_short_is_none() -> None:
    heights = np.full((60, 1), 0.5)
    heights[20:24] = 0.0  # 40 ms
    slow = np.zeros_like(heights)
    assert not contacts(heights, slow, DT, LIMITS).any()
    heights[20:26] = 0.0
    assert contacts(heights, slow, DT, LIMITS).sum() == 6
    assert contacts(0.5 - heights, slow, DT, LIMITS).sum() == 54


def test_speeds_are_central_differences() -> None:
    time = np.arange(20) * DT
    points = np.stack([3.0 * time, 4.0 * time, 0.0 * time], axis=1)[:, None]
    np.testing.assert_allclose(speeds(points, DT), 5.0)
    assert speeds(points[:1], DT).tolist() == [[0.0]]
