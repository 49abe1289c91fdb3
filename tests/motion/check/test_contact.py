"""Feet on the ground: slip, depth and height are measured as they were made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from animRL.motion.check.checker import check_clip
from animRL.motion.check.contact import slides, stances
from animRL.motion.trajectory import Trajectory, to_clip

UP = np.array([0.0, 0.0, 1.0])


def test_rolling_feet_do_not_slip(bench) -> None:
    """The walk's feet roll over heel and toe by a radian, 1 cm of way for the spheres' centres."""
    inspection = bench.motion()
    assert inspection.report.find("foot skating").value < 0.002
    assert {s.sphere for s in stances(inspection.measures)}
    assert not list(slides(inspection.measures))


@pytest.mark.parametrize("slip", [0.02, 0.08])
def test_skating_is_measured(bench, bad, slip) -> None:
    """All the body drifts sideways: each stance of about 0.6 s takes its share of the drift."""
    drift = np.linspace(0.0, slip * 1.12 / 0.6, len(bench.poses))
    inspection = bench.motion(root_pos=bench.poses.root_pos + np.outer(drift, [0.0, 1.0, 0.0]))
    finding = inspection.report.find("foot skating")
    assert finding.value == pytest.approx(slip, rel=0.25)
    assert bad(inspection)["foot skating"] == ("FAIL" if slip > 0.03 else "warning")
    assert finding.where in ("lFoot", "rFoot")


def test_feet_that_all_slide_fast_are_found(bench) -> None:
    path = bench.poses.root_pos * [2.0, 1.0, 1.0]  # the feet slide at the speed of the walk
    inspection = bench.motion(root_pos=path)
    assert list(slides(inspection.measures))
    assert inspection.report.find("foot skating").value > 0.2


def test_a_sunken_clip_is_found_and_nothing_else(bench, bad) -> None:
    inspection = bench.motion(root_pos=bench.poses.root_pos - 0.03 * UP)
    assert bad(inspection) == {"penetration": "FAIL"}
    assert inspection.report.find("penetration").value == pytest.approx(0.03, abs=1e-4)


def test_a_floating_clip_is_found_and_nothing_else(bench, bad) -> None:
    inspection = bench.motion(root_pos=bench.poses.root_pos + 0.03 * UP)
    assert bad(inspection) == {"floating": "FAIL"}
    assert inspection.report.find("floating").value == pytest.approx(0.03, abs=1e-4)


def test_one_deep_frame_is_enough_to_penetrate_but_not_to_float(bench) -> None:
    for sign, check in ((-1.0, "penetration"), (1.0, "floating")):
        root = bench.poses.root_pos.copy()
        root[30] += sign * 0.015 * UP
        assert (bench.motion(root_pos=root).report.find(check).verdict != "ok") == (sign < 0)


def thrown(bench, seconds: float = 0.6, gravity: float = 9.81):
    """The walk's first pose on the ground, thrown up, and caught after a time."""
    dt = 0.02
    time = np.arange(round(seconds / dt) + 1) * dt
    rise = 0.5 * gravity * time * (seconds - time)
    rise = np.concatenate([np.zeros(25), rise, np.zeros(25)])
    pose = bench.poses.frames(np.zeros(len(rise), dtype=int))
    return pose.root_pos + rise[:, None] * UP, pose.root_quat, pose.joint_pos


def flight(bench, **options):
    clip = to_clip(bench.bob, Trajectory(*thrown(bench, **options), 0.02))
    return check_clip(replace(clip, loop=False), bench.bob)


def test_free_flight_does_not_float(bench) -> None:
    inspection = flight(bench)
    assert inspection.measures.lowest.max() > 0.4
    assert inspection.report.find("floating").verdict == "ok"


def test_slow_motion_in_the_air_floats(bench) -> None:
    inspection = flight(bench, seconds=1.2, gravity=2.0)
    assert inspection.report.find("floating").verdict == "FAIL"
    assert inspection.report.find("ground force").verdict == "FAIL"
    assert "in the air" in inspection.report.find("ground force").where
