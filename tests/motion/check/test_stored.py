"""Stored velocities, end effectors and the frame time against the poses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from animRL.motion.check.checker import check_clip
from animRL.motion.check.stored import fitting_frame_time
from animRL.motion.trajectory import Trajectory, to_clip
from animRL.utils.rotations import quat_about_z, quat_mul, quat_rotate


@pytest.mark.parametrize(("factor", "rate"), [(2.0, 25), (0.5, 100), (5.0 / 6.0, 60)])
def test_a_wrong_frame_time_is_found_and_the_true_one_named(bench, factor, rate) -> None:
    def change(data: dict) -> None:
        data["FrameDuration"] *= factor

    assert 1.0 / (0.02 * factor) == pytest.approx(rate)
    finding = bench.file(change).report.find("frame time")
    assert finding.verdict == "FAIL" and "FrameDuration 0.02 would fit" in finding.advice


def test_the_fitting_frame_time_snaps_to_common_rates() -> None:
    assert fitting_frame_time(0.04, 2.01) == pytest.approx(0.02)
    assert fitting_frame_time(0.04, 1.5) == pytest.approx(0.04 / 1.5)


@pytest.mark.parametrize(
    ("field", "check"),
    [
        ("root_lin_vel", "root velocity"), ("root_ang_vel", "root turn rate"),
        ("joint_vel", "joint velocities"), ("ee_vel", "end-effector velocities"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("change", [0.0, 0.5, -1.0], ids=["missing", "halved", "turned round"])
def test_wrong_velocities_fail_alone(bench, bad, field, check, change) -> None:
    def harm(table: np.ndarray) -> None:
        table[:, getattr(bench.layout, field)] *= change

    found = bad(bench.frames(harm))
    assert found.pop(check) == "FAIL"
    assert set(found) <= {"axes"}  # a root velocity turned round is a mirrored axis, too


def test_one_wrong_entry_is_found_in_its_frame(bench, bad) -> None:
    def spike(table: np.ndarray) -> None:
        table[20, bench.layout.joint_vel.start + bench.joint("lKnee")] += 8.0

    inspection = bench.frames(spike)
    finding = inspection.report.find("joint velocities")
    assert bad(inspection) == {"joint velocities": "FAIL"}
    assert (finding.frame, finding.where) == (20, "joint_lKnee")


@pytest.mark.parametrize("factor", [-1.0, 0.0, 2.0])
def test_one_wrong_joint_is_found_however_little_it_moves(bench, bad, factor) -> None:
    rates = bench.walk.frames[:, bench.layout.joint_vel]
    joint = bench.joint("lowerneck_y")
    assert np.abs(rates[:, joint]).max() < 0.1 * np.abs(rates).max()

    def harm(table: np.ndarray) -> None:
        table[:, bench.layout.joint_vel.start + joint] *= factor

    inspection = bench.frames(harm)
    finding = inspection.report.find("joint velocities")
    assert bad(inspection) == {"joint velocities": "FAIL"}
    assert finding.where == "joint_lowerneck_y" and finding.value > finding.limit


def turned(poses: Trajectory, angle: float) -> Trajectory:
    """The walk in another direction."""
    turn = quat_about_z(torch.tensor(angle, dtype=torch.float64))
    quat = quat_mul(turn.expand(len(poses), 4), torch.from_numpy(poses.root_quat)).numpy()
    place = quat_rotate(turn.expand(len(poses), 4), torch.from_numpy(poses.root_pos)).numpy()
    return replace(poses, root_pos=place, root_quat=quat)


@pytest.mark.parametrize("heading", [0.0, 1.5, np.pi])
def test_velocities_in_the_worlds_axes_are_named_so(bench, bad, heading) -> None:
    clip = to_clip(bench.bob, turned(bench.poses, heading))
    assert bad(check_clip(clip, bench.bob)) == {}
    quat = torch.from_numpy(clip.frames[:, 3:7])
    frames = clip.frames.copy()
    for columns in (bench.layout.root_lin_vel, bench.layout.root_ang_vel):
        frames[:, columns] = quat_rotate(quat, torch.from_numpy(frames[:, columns])).numpy()
    inspection = check_clip(replace(clip, frames=frames), bench.bob)
    finding = inspection.report.find("root velocity")
    assert finding.verdict == "FAIL" and "world's axes" in finding.advice
    assert "axes" not in bad(inspection)


def test_degrees_per_second_are_named_so(bench) -> None:
    def harm(table: np.ndarray) -> None:
        table[:, bench.layout.joint_vel] *= 180.0 / np.pi

    finding = bench.frames(harm).report.find("joint velocities")
    assert finding.verdict == "FAIL" and "degrees per second" in finding.advice


def test_wrong_end_effectors_fail_alone(bench, bad) -> None:
    def harm(table: np.ndarray) -> None:
        table[:, bench.layout.ee_pos] += 0.02

    inspection = bench.frames(harm)
    assert bad(inspection) == {"end effectors": "FAIL"}
    assert inspection.report.find("end effectors").value == pytest.approx(0.02 * 3**0.5, rel=1e-3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda ends, table: 100.0 * ends, "centimetres"),
        (lambda ends, table: ends * [1.0, -1.0, 1.0], "y mirrored"),
        (lambda ends, table: ends[:, ::-1], "another order"),
        (lambda ends, table: world(ends, table), "world's axes"),
        (lambda ends, table: world(ends, table) + table[:, None, :3], "world frame"),
    ],
)
def test_end_effectors_in_another_frame_or_unit_are_named_so(bench, change, words) -> None:
    walk = to_clip(bench.bob, turned(bench.poses, 1.0))
    ends = walk.frames[:, bench.layout.ee_pos].reshape(-1, 2, 3)
    frames = walk.frames.copy()
    frames[:, bench.layout.ee_pos] = change(ends, frames).reshape(len(frames), -1)
    finding = check_clip(replace(walk, frames=frames), bench.bob).report.find("end effectors")
    assert finding.verdict == "FAIL" and words in finding.advice


def world(ends: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Base-frame vectors (T, E, 3) in the world's axes."""
    quat = torch.from_numpy(table[:, None, 3:7]).expand(-1, ends.shape[1], 4)
    return quat_rotate(quat, torch.from_numpy(ends.copy())).numpy()


def test_a_motion_that_stands_still_cannot_tell_its_frame_time(bench, bad) -> None:
    still = bench.poses.frames(np.zeros(50, dtype=int))
    inspection = check_clip(to_clip(bench.bob, still), bench.bob)
    assert bad(inspection) == {}
    assert inspection.report.find("frame time").verdict == "skipped"
