"""Faults of the file itself are told, and the rest is still checked."""

from __future__ import annotations

import json

import numpy as np
import pytest

from animRL.motion.check.checker import check_file
from animRL.motion.check.mend import mend
from animRL.motion.check.reading import FIELDS
from animRL.utils.errors import InputError

NAN = float("nan")


def set_entry(row: int, column: int, value: object):
    def change(data: dict) -> None:
        data["Frames"][row][column] = value

    return change


def test_a_sound_file_has_no_findings_but_ok(bench, bad) -> None:
    inspection = bench.file(lambda data: None)
    assert bad(inspection) == {}
    assert inspection.report.passed and not inspection.changes


@pytest.mark.parametrize("value", [NAN, float("inf"), "0.1", None, True, 1e30, 10**400])
def test_what_is_no_number_is_found_where_it_is(bench, bad, value) -> None:
    column = bench.layout.joint_pos.start + bench.joint("lKnee")
    inspection = bench.file(set_entry(20, column, value))
    finding = inspection.report.find("numbers")
    assert (finding.frame, finding.where, finding.value) == (20, "joint_lKnee", 1)
    assert set(bad(inspection)) <= {"numbers", "end effectors"}  # interpolation is not exact
    assert inspection.report.failed() == ("numbers",)


def test_a_zero_quaternion_is_found(bench, bad) -> None:
    def zero(table: np.ndarray) -> None:
        table[20, 3:7] = 0.0

    inspection = bench.frames(zero)
    assert bad(inspection) == {"quaternion norm": "FAIL"}
    assert inspection.report.find("quaternion norm").frame == 20


@pytest.mark.parametrize(("factor", "verdict"), [(1.1, "FAIL"), (1.005, "warning")])
def test_a_quaternion_of_another_length_is_found(bench, bad, factor, verdict) -> None:
    def stretch(table: np.ndarray) -> None:
        table[:, 3:7] *= factor

    assert bad(bench.frames(stretch)) == {"quaternion norm": verdict}


@pytest.mark.parametrize("velocities", [False, True])
def test_degrees_are_found_and_read(bench, bad, velocities) -> None:
    def to_degrees(table: np.ndarray) -> None:
        table[:, bench.layout.joint_pos] *= 180.0 / np.pi
        if velocities:
            table[:, bench.layout.joint_vel] *= 180.0 / np.pi

    inspection = bench.frames(to_degrees)
    assert bad(inspection) == {"angle unit": "FAIL"}
    np.testing.assert_allclose(
        inspection.measures.trajectory.joint_pos, bench.poses.joint_pos, atol=1e-9
    )


def test_an_angle_of_many_turns_is_no_degree(bench) -> None:
    column = bench.layout.joint_pos.start + bench.joint("lKnee")
    inspection = bench.file(set_entry(20, column, 70.0))
    finding = inspection.report.find("angle unit")
    assert finding.verdict == "FAIL" and finding.where == "joint_lKnee" and finding.frame == 20


@pytest.mark.parametrize("width", [-1, 1])
def test_a_missing_or_extra_column_is_found_and_the_pose_still_checked(bench, bad, width) -> None:
    def resize(table: np.ndarray) -> np.ndarray:
        return table[:, :width] if width < 0 else np.column_stack([table, table[:, :width]])

    inspection = bench.frames(resize)
    assert bad(inspection) == {"columns": "FAIL"}
    assert inspection.report.find("columns").value == 89 + width
    assert inspection.report.find("joint velocities").verdict == "skipped"
    assert inspection.report.find("foot skating").verdict == "ok"


def test_a_column_of_times_in_front_is_seen_by_the_quaternions(bench, bad) -> None:
    inspection = bench.frames(lambda t: np.column_stack([np.full(len(t), 0.02), t]))
    assert bad(inspection) == {"columns": "FAIL"}
    assert "1 too many before" in inspection.report.find("columns").advice
    np.testing.assert_allclose(inspection.measures.trajectory.root_pos, bench.poses.root_pos)


def test_a_joint_that_is_gone_is_no_root_where_it_should_be(bench) -> None:
    column = bench.layout.joint_pos.start + bench.joint("lKnee")
    advice = bench.frames(lambda t: np.delete(t, column, axis=1)).report.find("columns").advice
    assert "1 too few behind the root's: the joints' may be shifted" in advice


def test_frames_of_another_width_among_good_ones_are_found(bench, bad) -> None:
    def cut(data: dict) -> None:
        data["Frames"][7] = data["Frames"][7][:-3]

    inspection = bench.file(cut)
    assert inspection.report.failed() == ("columns",)
    assert inspection.report.find("columns").frame == 7


def test_too_few_columns_for_a_pose_end_the_check(bench) -> None:
    inspection = bench.frames(lambda table: table[:, :5])
    assert inspection.report.failed() == ("columns",)
    assert inspection.measures is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("JointNames", [1, 2]), ("JointNames", None), ("EndEffectorNames", ["lFoot", "lFoot"]),
        ("MotionWeight", -1), ("Loop", "yes"), ("OutputMode", "BVH"), ("FrameDuration", 20),
        ("FrameDuration", NAN), ("FrameDuration", "0.02"), ("Skeleton", [1]),
    ],
)  # fmt: skip
def test_a_bad_header_is_told_by_field(bench, field, value) -> None:
    def change(data: dict) -> None:
        data[field] = value

    report = bench.file(change).report
    assert report.failed() == (FIELDS,)
    assert any(field in f.advice or f.where == field for f in report.findings if f.check == FIELDS)


def test_a_missing_frame_time_is_guessed_by_the_velocities(bench) -> None:
    inspection = bench.file(lambda data: data.pop("FrameDuration"))
    assert inspection.report.failed() == (FIELDS,)
    assert inspection.measures.clip.frame_duration == pytest.approx(0.02, rel=0.05)


@pytest.mark.parametrize(
    "text", ["", "no json", "[1, 2]", "{}", '{"Frames": []}', '{"Frames": ["a", "b"]}']
)
def test_what_is_no_clip_at_all_is_bad_input(bob, tmp_path, text) -> None:
    path = tmp_path / "none.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=r"none\.txt"):
        check_file(path, bob)


def test_nonsense_is_judged_not_stumbled_over(bench) -> None:
    for change in (np.zeros_like, np.negative, lambda t: t * 1e300, lambda t: t * NAN):
        assert not bench.frames(change).report.passed


def test_the_report_is_json_even_of_nonsense(bench) -> None:
    from animRL.motion.check.report import as_object

    report = bench.frames(lambda t: t * NAN).report
    assert json.loads(json.dumps(as_object(report), allow_nan=False))["verdict"] == "FAIL"


@pytest.mark.parametrize("name", ["run.bvh", "run.npz", "run.csv", "deepmimic.txt"])
def test_a_motion_of_another_format_is_told_the_way_in(bob, tmp_path, name) -> None:
    file = tmp_path / name
    file.write_text(json.dumps({"Loop": "wrap", "Frames": [[0.03] * 44] * 3}))
    with pytest.raises(InputError, match=f"no clip of animRL.*motion.py retarget .*{name}"):
        check_file(file, bob)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda data: data.pop("JointNames"), "JointNames is missing"),
        (lambda data: data["JointNames"].__setitem__(3, data["JointNames"][4]), "twice"),
        (lambda data: data.update(MotionWeight=-1.0), "MotionWeight is '-1.0'"),
    ],
)
def test_a_bad_header_can_be_mended(bench, change, told) -> None:
    inspection = bench.file(change)
    assert told in inspection.report.find(FIELDS).advice
    assert mend(inspection).changes and mend(inspection).inspection.report.passed


def test_a_guessed_frame_time_snaps_and_says_what_it_is_from(bench) -> None:
    def without(data: dict) -> None:
        data["FrameDuration"] = 50
        table = np.array(data["Frames"])
        table[:, bench.layout.joint_vel] *= 0.99
        data["Frames"] = table.tolist()

    assert "set to 0.02 s, as the stored velocities say" in bench.file(without).changes[0]

    def still(data: dict) -> None:
        del data["FrameDuration"]
        data["Frames"] = [data["Frames"][0]] * 5

    assert any("a guess" in change for change in bench.file(still).changes)
