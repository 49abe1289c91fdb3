"""Contact forces: what a body on the ground can do, and what it cannot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from animRL.dataloader.clip import load_clip
from animRL.motion.check.checker import check_clip
from animRL.motion.check.forces import effort
from animRL.motion.check.measures import Measures, windowed_mean
from animRL.motion.check.thresholds import Thresholds
from animRL.motion.trajectory import Trajectory, to_clip
from animRL.utils.rotations import quat_mul
from tests.motion.check.conftest import WALK
from tests.motion.check.test_contact import flight


def test_the_walk_needs_nothing_that_its_feet_cannot_give(bench) -> None:
    found = bench.motion().effort
    assert found.force.max() < 0.01 and found.moment.max() < 0.01


def test_a_throw_into_the_air_needs_nothing_while_it_lasts(bench) -> None:
    found = flight(bench).effort
    aloft = (found.frames > 30) & (found.frames < 50)
    assert aloft.any() and found.force[aloft].max() < 0.02
    assert (found.touching[aloft] == 0).all()


def test_shaking_sideways_slips_over_the_friction_cone(bench) -> None:
    time = np.linspace(0.0, 1.0, len(bench.poses))
    sway = 0.06 * np.sin(2.0 * np.pi * 4.0 * time)
    report = bench.motion(root_pos=bench.poses.root_pos + np.outer(sway, [0, 1, 0])).report
    assert "ground force" in report.failed()


@pytest.mark.parametrize("hertz", [8.0, 10.0, 12.0])
def test_a_standing_body_that_shakes_is_found_at_any_rate(bench, hertz) -> None:
    """Over 0.1 s a shake of 10 Hz has no mean: the shorter window sees it."""
    count, time = 100, 0.02 * np.arange(100)
    joints = np.tile(bench.bob.default_joint_pos.double().numpy(), (count, 1))
    pose = Trajectory(np.zeros((count, 3)), np.tile([0.0, 0.0, 0.0, 1.0], (count, 1)), joints, 0.02)
    lowest = float(Measures(to_clip(bench.bob, pose), bench.bob, Thresholds()).lowest.min())
    standing = replace(pose, root_pos=pose.root_pos - [0.0, 0.0, lowest])
    calm = check_clip(to_clip(bench.bob, standing), bench.bob).report
    assert calm.find("ground jolts").verdict == "ok"
    shaken = joints.copy()
    shaken[:, bench.joint("lowerback_x")] += 0.12 * np.sin(2.0 * np.pi * hertz * time)
    report = check_clip(to_clip(bench.bob, replace(standing, joint_pos=shaken)), bench.bob).report
    assert report.find("ground jolts").verdict != "ok"


def test_a_twist_in_flight_from_nothing_is_found(bench) -> None:
    jump = Trajectory.from_clip(load_clip(WALK.with_name("Jump.txt")))
    assert check_clip(to_clip(bench.bob, jump), bench.bob).report.find("tipping").verdict == "ok"
    time = jump.dt * np.arange(len(jump))
    share = np.clip((time - 0.92) / 0.36, 0.0, 1.0)
    turn = np.pi * share**3 * (10.0 - 15.0 * share + 6.0 * share**2)
    heading = np.column_stack([0 * turn, 0 * turn, np.sin(turn / 2), np.cos(turn / 2)])
    quat = quat_mul(torch.from_numpy(heading), torch.from_numpy(jump.root_quat)).numpy()
    twisted = replace(jump, root_quat=quat, loop=False)
    report = check_clip(to_clip(bench.bob, twisted), bench.bob).report
    assert report.find("tipping").verdict == "FAIL"
    assert "in flight" in report.find("tipping").advice


@pytest.mark.parametrize("lean", [0.25, 0.55])
def test_leaning_out_of_the_support_tips(bench, lean) -> None:
    """Standing on its toes, tilted stiffly: what is missing is about the weight times its lever."""
    count = 60
    pose = Trajectory(
        np.zeros((count, 3)), np.tile([0.0, np.sin(lean / 2), 0.0, np.cos(lean / 2)], (count, 1)),
        np.tile(bench.bob.default_joint_pos.double().numpy(), (count, 1)), 0.02,
    )  # fmt: skip
    measures = Measures(to_clip(bench.bob, pose), bench.bob, Thresholds())
    standing = replace(pose, root_pos=pose.root_pos - [0.0, 0.0, float(measures.lowest.min())])
    inspection = check_clip(to_clip(bench.bob, standing), bench.bob)
    measures = inspection.measures
    toes = measures.heights[0] < 1e-6
    lever = float(measures.wrench.centre[0, 0] - measures.centres[0, toes, 0].max())
    assert lever > 0.1
    finding = inspection.report.find("tipping")
    assert finding.value == pytest.approx(lever, rel=0.1)
    assert finding.verdict == ("FAIL" if lean > 0.3 else "warning")


def test_torques_of_standing_are_those_of_statics(bench) -> None:
    """Standing still, the torques at the joints are far below those in the air would be."""
    still = replace(bench.poses.frames(np.full(40, 14)), loop=False)
    clip = bench.motion(
        loop=False, root_pos=still.root_pos, root_quat=still.root_quat, joint_pos=still.joint_pos
    ).measures.clip
    found = effort(Measures(clip, bench.bob, Thresholds()))
    assert found.torque.shape == (len(found.frames), 32)
    assert np.abs(found.torque).max() < 200.0  # 68.5 kg, levers of some 0.3 m


def test_a_weak_drive_fails(bench, bob) -> None:
    weak = replace(bob, effort=0.05 * bob.effort)  # 50 N m
    report = check_clip(bench.walk, weak).report
    assert report.find("joint torque").verdict == "FAIL"


@pytest.mark.parametrize("window", [1, 3, 5])
def test_the_windowed_mean_of_a_line_is_the_line_inside(window) -> None:
    line = np.outer(np.arange(9.0), [1.0, -2.0])
    mean = windowed_mean(line, window)
    half = window // 2
    np.testing.assert_allclose(mean[half : 9 - half], line[half : 9 - half])
    np.testing.assert_allclose(mean[0], line[: half + 1].mean(axis=0))


def test_without_the_solver_only_the_forces_are_skipped(bench, bad, monkeypatch) -> None:
    from animRL.motion import dynamics
    from animRL.utils.errors import InputError

    def missing(name: str) -> None:
        raise InputError(f"this needs {name}")

    monkeypatch.setattr(dynamics, "require", missing)
    inspection = bench.motion()
    assert bad(inspection) == {} and inspection.effort is None
    assert inspection.report.find("tipping").verdict == "skipped"
    assert "scipy" in inspection.report.find("tipping").advice
