"""The seam of a loop, and clips that only look like loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from animRL.motion.check.checker import check_clip
from animRL.motion.check.seam import velocity_steps


def opened(bench, by: float) -> np.ndarray:
    """Joint angles whose left knee ends off its start."""
    joints = bench.poses.joint_pos.copy()
    joints[:, bench.joint("lKnee")] += by * np.linspace(-0.5, 0.5, len(joints))
    return joints


@pytest.mark.parametrize(("by", "verdict"), [(0.015, "ok"), (0.06, "warning"), (0.3, "FAIL")])
def test_an_open_seam_is_measured_in_the_joints_range(bench, by, verdict) -> None:
    finding = bench.motion(joint_pos=opened(bench, by)).report.find("seam")
    assert finding.verdict == verdict
    if verdict != "ok":
        assert finding.where == "joint_lKnee" and finding.value == pytest.approx(by / 3.0, rel=0.05)


def test_an_open_seam_spoils_no_other_check(bench, bad) -> None:
    clip = bench.motion(loop=False, joint_pos=opened(bench, 0.3)).measures.clip
    found = bad(check_clip(replace(clip, loop=True), bench.bob))
    assert found["seam"] == "FAIL"
    assert not set(found) & {"joint velocities", "end-effector velocities", "joint jumps"}


def test_a_height_and_a_tilt_that_do_not_come_back_are_found(bench) -> None:
    root = bench.poses.root_pos + np.outer(np.linspace(0.0, 0.04, len(bench.poses)), [0, 0, 1])
    finding = bench.motion(root_pos=root).report.find("seam")
    assert finding.verdict == "FAIL" and finding.where == "root height"


def test_a_kink_at_the_seam_is_found(bench) -> None:
    """The pose comes back, its velocity does not."""
    joints = bench.poses.joint_pos.copy()
    share = np.linspace(0.0, 1.0, len(joints))
    joints[:, bench.joint("lowerneck_y")] = 2.0 * share * (1.0 - share)
    finding = bench.motion(joint_pos=joints).report.find("seam velocity")
    assert finding.verdict == "FAIL" and finding.where == "joint_lowerneck_y"


def test_a_clip_that_looks_like_a_loop_is_only_warned(bench) -> None:
    report = bench.motion(loop=None, joint_pos=opened(bench, 0.3)).report
    assert report.find("seam").verdict == "warning"
    assert "--loop" in report.find("seam").advice


def test_a_clip_that_does_not_loop_has_no_seam(bench) -> None:
    report = bench.motion(loop=False, joint_pos=opened(bench, 0.3)).report
    assert report.find("seam").verdict == "skipped"


def test_the_step_of_a_parabola_is_0_and_that_of_a_kink_its_size(bench) -> None:
    time = np.arange(11) * 0.02
    still = bench.poses.frames(np.zeros(11, dtype=int))
    joints = still.joint_pos + np.outer(3.0 * time**2, np.ones(32))
    steps, _ = velocity_steps(replace(still, joint_pos=joints))
    np.testing.assert_allclose(steps[:, 6:], 0.0, atol=1e-9)
    kinked = still.joint_pos + np.outer(2.0 * np.abs(time - time[5]), np.ones(32))
    steps, _ = velocity_steps(replace(still, joint_pos=kinked))
    np.testing.assert_allclose(steps[3, 6:], 4.0)  # at frame 5, from -2 to 2 rad/s
