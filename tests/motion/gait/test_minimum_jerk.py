"""Minimum-jerk curves against what is known of them in closed form."""

from __future__ import annotations

import numpy as np

from animRL.motion.gait.minimum_jerk import Knot, MinimumJerkCurve


def test_from_rest_to_rest_is_flash_and_hogans_quintic() -> None:
    curve = MinimumJerkCurve([Knot(1.0, 2.0, 0.0, 0.0), Knot(3.0, 6.0, 0.0, 0.0)])
    s = np.linspace(0.0, 1.0, 11)
    np.testing.assert_allclose(
        curve(1.0 + 2.0 * s), 2.0 + 4.0 * (10 * s**3 - 15 * s**4 + 6 * s**5), atol=1e-9
    )


def test_free_states_leave_a_parabola_alone() -> None:
    times = (0.0, 0.3, 0.7, 1.0)
    curve = MinimumJerkCurve([Knot(t, 1.0 - 2.0 * t + 3.0 * t**2) for t in times])
    t = np.linspace(0.0, 1.0, 21)
    np.testing.assert_allclose(curve(t), 1.0 - 2.0 * t + 3.0 * t**2, atol=1e-8)


def test_closed_curve_is_smooth_across_its_seam() -> None:
    curve = MinimumJerkCurve([Knot(0.1, 0.0), Knot(0.4, 1.0), Knot(0.8, -0.5)], period=1.0)
    np.testing.assert_allclose(curve([0.1, 0.4, 0.8, 1.1]), [0.0, 1.0, -0.5, 0.0], atol=1e-9)
    h = 1e-4
    for seam in (0.1, 0.4, 0.8):
        samples = curve(seam + h * np.arange(-2, 3))
        before, after = np.diff(samples, 2)[[0, 2]] / h**2
        assert abs(before - after) < 1.0


def test_weighted_knot_is_approached_not_met() -> None:
    ends = [Knot(0.0, 0.0, 0.0, 0.0), Knot(1.0, 0.0, 0.0, 0.0)]
    peaks = []
    for weight in (1e2, 1e4, 1e8):
        curve = MinimumJerkCurve([ends[0], Knot(0.5, 1.0, weight=weight), ends[1]])
        peaks.append(curve([0.5])[0])
    assert 0.0 < peaks[0] < peaks[1] < peaks[2] < 1.0
    assert peaks[2] > 0.999
