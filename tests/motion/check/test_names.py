"""Joints are read by name, by likeness where the names are others, and every way is told."""

from __future__ import annotations

import numpy as np
import pytest

from animRL.motion.check.names import matched_names, named_for


def test_another_order_of_joints_is_a_warning_and_read_by_name(bench, bad) -> None:
    order = np.random.default_rng(0).permutation(32)

    def shuffle(data: dict) -> None:
        data["JointNames"] = [data["JointNames"][i] for i in order]
        table, layout = np.array(data["Frames"]), bench.layout
        for columns in (layout.joint_pos, layout.joint_vel):
            table[:, columns] = table[:, columns][:, order]
        data["Frames"] = table.tolist()

    assert bad(bench.file(shuffle)) == {"joint names": "warning"}


def test_shuffled_names_on_unmoved_columns_fail_and_are_seen_through(bench) -> None:
    def shuffle(data: dict) -> None:
        np.random.default_rng(0).shuffle(data["JointNames"])

    report = bench.file(shuffle).report
    assert report.find("joint names").verdict == "warning"
    assert report.find("end effectors").verdict == "FAIL"
    assert "JointNames are shuffled" in report.find("end effectors").advice


def test_shuffled_columns_fail(bench) -> None:
    order = np.random.default_rng(1).permutation(32)

    def shuffle(table: np.ndarray) -> None:
        for columns in (bench.layout.joint_pos, bench.layout.joint_vel):
            table[:, columns] = table[:, columns][:, order]

    assert {"end effectors", "joint limits"} <= set(bench.frames(shuffle).report.failed())


def test_exchanged_sides_fail_and_are_named(bench) -> None:
    from animRL.motion.edit.mirror import partners

    names = list(bench.bob.joint_names)
    order = [names.index(name) for name in partners(names)]

    def exchange(table: np.ndarray) -> None:
        for columns in (bench.layout.joint_pos, bench.layout.joint_vel):
            table[:, columns] = table[:, columns][:, order]

    finding = bench.frames(exchange).report.find("end effectors")
    assert finding.verdict == "FAIL" and "left and right" in finding.advice


@pytest.mark.parametrize(
    "rename", [str.upper, lambda n: n.removeprefix("joint_"), lambda n: n.replace("_", ".")]
)
def test_names_spelt_otherwise_fail_and_are_read_by_likeness(bench, bad, rename) -> None:
    def change(data: dict) -> None:
        data["JointNames"] = [rename(name) for name in data["JointNames"]]

    assert bad(bench.file(change)) == {"joint names": "FAIL"}


def test_wholly_other_names_fail_and_are_read_by_their_place(bench, bad) -> None:
    def change(data: dict) -> None:
        data["JointNames"] = [f"{i:03d}" for i in range(32)]

    inspection = bench.file(change)
    assert bad(inspection) == {"joint names": "FAIL"}
    assert "by their place" in inspection.report.find("joint names").advice


def test_a_missing_joint_fails_and_stays_at_rest(bench, bad) -> None:
    neck = bench.joint("lowerneck_y")

    def drop(data: dict) -> None:
        data["JointNames"].pop(neck)
        columns = [7 + neck, bench.layout.joint_vel.start + neck]
        data["Frames"] = np.delete(np.array(data["Frames"]), columns, axis=1).tolist()

    inspection = bench.file(drop)
    assert bad(inspection) == {"joint names": "FAIL"}
    assert inspection.report.find("joint names").where == "joint_lowerneck_y"


def test_other_end_effectors_fail_and_are_not_compared(bench, bad) -> None:
    def change(data: dict) -> None:
        data["EndEffectorNames"] = ["heel", "toe"]

    inspection = bench.file(change)
    assert bad(inspection) == {"end-effector names": "FAIL"}
    assert inspection.report.find("end effectors").verdict == "skipped"


def test_end_effectors_in_another_order_are_read_by_name(bench, bad) -> None:
    layout = bench.layout

    def swap(data: dict) -> None:
        data["EndEffectorNames"].reverse()
        table = np.array(data["Frames"])
        for columns in (layout.ee_pos, layout.ee_vel):
            table[:, columns] = np.roll(table[:, columns], 3, axis=1)
        data["Frames"] = table.tolist()

    assert bad(bench.file(swap)) == {"end-effector names": "warning"}


def test_likeness_takes_exact_names_first_and_none_twice() -> None:
    matches = matched_names(["left_knee", "Knee.L", "x"], ["Knee_L", "left_knee"])
    assert matches == {"left_knee": "left_knee", "Knee.L": "Knee_L"}


def test_a_clip_of_the_character_comes_back_as_it_is(bench) -> None:
    named = named_for(bench.walk, bench.bob)
    assert np.array_equal(named.clip.frames, bench.walk.frames) and named.order is None
