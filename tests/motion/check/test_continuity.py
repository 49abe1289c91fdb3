"""Jumps, frozen frames and quaternion signs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from animRL.utils.rotations import quat_about_z, quat_mul


def test_flipped_signs_are_found_alone(bench, bad) -> None:
    def flip(table: np.ndarray) -> None:
        table[20:30, 3:7] *= -1.0

    inspection = bench.frames(flip)
    finding = inspection.report.find("quaternion signs")
    assert bad(inspection) == {"quaternion signs": "FAIL"}
    assert (finding.value, finding.frame) == (2, 20)


@pytest.mark.parametrize("leap", [0.08, 1.0])
def test_a_teleport_is_found_in_its_frame(bench, leap) -> None:
    root = bench.poses.root_pos.copy()
    root[30:, 1] += leap
    finding = bench.motion(loop=None, root_pos=root).report.find("root jumps")
    assert finding.verdict == "FAIL" and finding.frame in (29, 30)
    assert finding.value == pytest.approx(leap, rel=0.05)


def test_a_leap_of_the_heading_is_found(bench) -> None:
    turn = quat_about_z(torch.tensor(0.6, dtype=torch.float64)).expand(27, 4)
    quat = bench.poses.root_quat.copy()
    quat[30:] = quat_mul(turn, torch.from_numpy(quat[30:])).numpy()
    finding = bench.motion(loop=None, root_quat=quat).report.find("heading jumps")
    assert finding.verdict == "FAIL" and finding.frame in (29, 30)
    assert finding.value == pytest.approx(0.6, rel=0.05)


def test_a_wrapped_angle_is_found(bench) -> None:
    joints = bench.poses.joint_pos.copy()
    joints[30:35, bench.joint("lHip_torsion")] += 2.0 * np.pi
    finding = bench.motion(joint_pos=joints).report.find("joint jumps")
    assert finding.verdict == "FAIL" and finding.where == "joint_lHip_torsion"


def test_frozen_frames_are_found_where_they_begin(bench) -> None:
    index = np.arange(len(bench.poses))
    index[30:35] = 29
    held = bench.poses.frames(index)
    finding = bench.motion(
        root_pos=held.root_pos, root_quat=held.root_quat, joint_pos=held.joint_pos
    ).report.find("frozen frames")
    assert (finding.verdict, finding.value, finding.frame) == ("FAIL", 5, 30)


def test_every_frame_twice_is_found(bench) -> None:
    held = bench.poses.frames(np.repeat(np.arange(len(bench.poses)), 2))
    finding = bench.motion(
        loop=False, root_pos=held.root_pos, root_quat=held.root_quat, joint_pos=held.joint_pos
    ).report.find("frozen frames")
    assert finding.verdict == "FAIL" and finding.value > 50


def test_standing_still_at_the_ends_is_not_frozen(bench, bad) -> None:
    """A pose is held, left by a smooth rise, and held again."""
    count = 100
    share = np.clip((np.arange(count) - 30) / 40, 0.0, 1.0)
    smooth = share**3 * (10.0 - 15.0 * share + 6.0 * share**2)
    still = bench.poses.frames(np.zeros(count, dtype=int))
    joints = still.joint_pos.copy()
    joints[:, bench.joint("lShoulder_1")] -= 0.8 * smooth
    inspection = bench.motion(
        loop=False, root_pos=still.root_pos, root_quat=still.root_quat, joint_pos=joints
    )
    assert inspection.report.find("frozen frames").verdict == "ok"
