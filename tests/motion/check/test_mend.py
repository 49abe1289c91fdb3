"""Mending: what can be mended passes afterwards, what was changed is said, the rest stays told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from animRL.dataloader.clip import load_clip, save_clip
from animRL.motion.check.checker import check_clip, check_file
from animRL.motion.check.mend import mend, smoothed
from animRL.utils.errors import InputError

UP = np.array([0.0, 0.0, 1.0])


def left(mended) -> dict[str, str]:
    return {f.check: str(f.verdict) for f in mended.left}


def test_a_good_clip_is_left_alone(bench) -> None:
    assert mend(bench.file(lambda data: None)).changes == ()


FRAME_FAULTS = {
    "degrees": lambda t, c: set_columns(t, c.joint_pos, np.degrees(t[:, c.joint_pos])),
    "one nan": lambda t, c: set_columns(t, slice(12, 13), np.where(at(t, 20), np.nan, t[:, 12:13])),
    "zero quaternion": lambda t, c: set_columns(t, c.root_rot, np.where(at(t, 20), 0.0, t[:, 3:7])),
    "flipped": lambda t, c: set_columns(t, c.root_rot, np.where(at(t, 20), -1, 1) * t[:, 3:7]),
    "long quaternions": lambda t, c: set_columns(t, c.root_rot, 1.1 * t[:, c.root_rot]),
    "wxyz": lambda t, c: set_columns(t, c.root_rot, t[:, [6, 3, 4, 5]]),
    "no joint velocities": lambda t, c: set_columns(t, c.joint_vel, 0.0),
    "no root velocity": lambda t, c: set_columns(t, c.root_lin_vel, 0.0),
    "no turn rate": lambda t, c: set_columns(t, c.root_ang_vel, 0.0),
    "end effectors": lambda t, c: set_columns(t, c.ee_pos, t[:, c.ee_pos] + 0.02),
    "end-effector velocities": lambda t, c: set_columns(t, c.ee_vel, 0.0),
    "sunk": lambda t, c: set_columns(t, slice(2, 3), t[:, 2:3] - 0.04),
    "floating": lambda t, c: set_columns(t, slice(2, 3), t[:, 2:3] + 0.04),
    "missing column": lambda t, c: t[:, :-1],
    "extra column": lambda t, c: np.column_stack([t, t[:, 0]]),
}


def at(table: np.ndarray, row: int) -> np.ndarray:
    return (np.arange(len(table)) == row)[:, None]


def set_columns(table: np.ndarray, columns: slice, values) -> np.ndarray:
    table[:, columns] = values
    return table


@pytest.mark.parametrize("name", FRAME_FAULTS)
def test_a_fault_that_can_be_mended_is(bench, name) -> None:
    inspection = bench.frames(lambda table: FRAME_FAULTS[name](table, bench.layout))
    assert not inspection.report.passed
    mended = mend(inspection)
    assert mended.changes and left(mended) == {}
    np.testing.assert_allclose(
        mended.clip.frames[:, bench.layout.joint_pos], bench.poses.joint_pos, atol=0.03
    )
    np.testing.assert_allclose(mended.clip.frames[:, :3], bench.poses.root_pos, atol=1e-3)


def test_shuffled_names_are_mended_by_the_end_effectors(bench) -> None:
    def shuffle(data: dict) -> None:
        np.random.default_rng(0).shuffle(data["JointNames"])

    mended = mend(bench.file(shuffle))
    assert left(mended) == {}
    assert mended.clip.joint_names == bench.bob.joint_names
    np.testing.assert_allclose(mended.clip.frames[:, bench.layout.joint_pos], bench.poses.joint_pos)


@pytest.mark.parametrize("factor", [2.0, 0.5])
def test_the_frame_time_is_mended_by_the_velocities(bench, factor) -> None:
    def change(data: dict) -> None:
        data["FrameDuration"] *= factor

    mended = mend(bench.file(change))
    assert left(mended) == {} and mended.clip.frame_duration == pytest.approx(0.02)


def test_centimetres_are_mended(bench) -> None:
    mended = mend(bench.motion(root_pos=100.0 * bench.poses.root_pos))
    assert left(mended) == {}
    np.testing.assert_allclose(mended.clip.frames[:, :3], bench.poses.root_pos, atol=1e-6)


def test_an_angle_just_past_its_limit_is_clamped_and_the_amount_said(bench) -> None:
    mended = mend(bench.joints(lowerneck_y=1.02))
    assert left(mended) == {}
    assert any("clamped" in c and "0.020 rad" in c for c in mended.changes)
    assert mended.clip.frames[:, bench.layout.joint_pos].max() <= 1.5


def test_an_open_seam_is_closed(bench) -> None:
    joints = bench.poses.joint_pos.copy()
    joints[:, bench.joint("lShoulder_1")] += 0.3 * np.linspace(-0.5, 0.5, len(joints))
    mended = mend(bench.motion(joint_pos=joints))
    assert left(mended) == {} and mended.clip.loop
    np.testing.assert_allclose(
        mended.clip.frames[0, bench.layout.joint_pos],
        mended.clip.frames[-1, bench.layout.joint_pos],
    )


@pytest.mark.parametrize(
    ("name", "check"),
    [("skating", "foot skating"), ("limit", "joint limits"), ("teleport", "root jumps"),
     ("mirrored", "axes"), ("shaken", "ground force")],
)  # fmt: skip
def test_what_cannot_be_mended_stays_told(bench, name, check) -> None:
    poses = bench.poses
    leap = np.where(np.arange(len(poses)) >= 30, 0.5, 0.0)
    sway = 0.06 * np.sin(8.0 * np.pi * np.linspace(0.0, 1.0, len(poses)))
    root = {
        "skating": poses.root_pos * [1.2, 1.0, 1.0],
        "teleport": poses.root_pos + np.outer(leap, [0.0, 1.0, 0.0]),
        "mirrored": poses.root_pos * [-1.0, 1.0, 1.0],
        "shaken": poses.root_pos + np.outer(sway, [0.0, 1.0, 0.0]),
    }
    inspection = bench.joints(lowerneck_y=1.5) if name == "limit" else bench.motion(
        loop=None, root_pos=root[name]
    )  # fmt: skip
    assert check in left(mend(inspection))


def test_what_holds_no_poses_cannot_be_mended(bench) -> None:
    with pytest.raises(InputError, match="no poses"):
        mend(bench.frames(lambda table: table[:, :5]))


def test_an_unexplained_miss_of_the_end_effectors_raises_a_doubt(bench) -> None:
    order = np.random.default_rng(1).permutation(32)

    def shuffle(table: np.ndarray) -> None:
        for columns in (bench.layout.joint_pos, bench.layout.joint_vel):
            table[:, columns] = table[:, columns][:, order]

    mended = mend(bench.frames(shuffle))
    assert any("right order?" in change for change in mended.changes)
    assert not mended.inspection.report.passed


def test_an_explained_miss_of_the_end_effectors_raises_no_doubt(bench) -> None:
    def world(table: np.ndarray) -> None:
        ends = table[:, bench.layout.ee_pos]
        ends += np.tile(table[:, bench.layout.root_pos], ends.shape[1] // 3)

    mended = mend(bench.frames(world))
    assert mended.changes and not any("right order?" in change for change in mended.changes)


def test_smoothing_keeps_a_constant_and_closes_a_loop() -> None:
    np.testing.assert_allclose(smoothed(np.full(20, 0.3), 4, loop=False), 0.3)
    wave = np.sin(2.0 * np.pi * np.arange(21) / 20)
    round_trip = smoothed(wave, 4, loop=True)
    assert round_trip[0] == round_trip[-1] and len(round_trip) == 21
    np.testing.assert_allclose(round_trip[1:20], np.roll(round_trip[:-1], 0)[1:], atol=1e-12)


def test_the_course_walk_is_mended_but_for_its_slip(bob, external_data: Path, tmp_path) -> None:
    mended = mend(check_file(external_data / "course/Walk.txt", bob, loop=True))
    assert mended.inspection.report.passed
    assert set(left(mended)) <= {"foot skating", "tipping"}
    save_clip(mended.clip, tmp_path / "walk.txt")
    report = check_file(tmp_path / "walk.txt", bob).report
    assert report.passed and load_clip(tmp_path / "walk.txt").loop
    for check in ("floating", "penetration", "seam", "end effectors", "joint velocities"):
        assert report.find(check).verdict == "ok"


def test_mending_twice_changes_nothing_more(bench) -> None:
    sunk = replace(bench.walk, frames=bench.walk.frames - 0.04 * np.pad(UP, (0, 86)))
    once = mend(check_clip(sunk, bench.bob))
    assert once.changes and mend(once.inspection).changes == ()
