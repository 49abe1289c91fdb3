"""Limits and speeds."""

from __future__ import annotations

import numpy as np
import pytest

from animRL.motion.check.joints import beyond_limits, looks_like_degrees


def test_beyond_is_the_distance_past_the_nearer_limit(bench) -> None:
    angles = bench.bob.default_joint_pos.double().numpy()[None].copy()
    assert beyond_limits(bench.bob, angles).max() <= 0.0
    angles[0, bench.joint("lKnee")] = 2.7  # -0.5 to 2.5
    angles[0, bench.joint("rKnee")] = -0.6
    beyond = beyond_limits(bench.bob, angles)[0]
    assert beyond[bench.joint("lKnee")] == pytest.approx(0.2, abs=1e-6)
    assert beyond[bench.joint("rKnee")] == pytest.approx(0.1, abs=1e-6)


@pytest.mark.parametrize(("angle", "verdict"), [(0.0005, "ok"), (0.03, "warning"), (0.2, "FAIL")])
def test_an_angle_past_its_limit_is_found(bench, bad, angle, verdict) -> None:
    inspection = bench.joints(lowerneck_y=1.0 + angle)
    finding = inspection.report.find("joint limits")
    assert finding.verdict == verdict and finding.where == "joint_lowerneck_y"
    assert finding.value == pytest.approx(angle, abs=1e-6)
    assert set(bad(inspection)) <= {"joint limits"}


def test_a_joint_faster_than_any_athlete_is_found(bench) -> None:
    time = np.arange(len(bench.poses)) * 0.02
    swing = 0.9 * np.sin(2.0 * np.pi * 10.0 * time / time[-1])
    finding = bench.joints(lowerneck_y=swing).report.find("joint speeds")
    assert finding.verdict == "FAIL" and finding.where == "joint_lowerneck_y"


def test_a_root_faster_than_any_athlete_is_found(bench) -> None:
    fast = bench.poses.root_pos * [12.0, 1.0, 1.0]
    assert "root speed" in bench.motion(root_pos=fast).report.failed()


def test_degrees_are_told_from_a_glitch(bench) -> None:
    angles = bench.poses.joint_pos
    assert looks_like_degrees(bench.bob, np.degrees(angles))
    assert not looks_like_degrees(bench.bob, angles)
    glitch = angles.copy()
    glitch[30] += 7.0
    assert not looks_like_degrees(bench.bob, glitch)
