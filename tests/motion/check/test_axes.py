"""Units and axes that are not the format's: found, named, and told from a real motion."""

from __future__ import annotations

import numpy as np
import pytest

UPSIDE = ("read as wxyz", "with rotations inverted")


@pytest.mark.parametrize(("factor", "unit"), [(100.0, "centimetres"), (1000.0, "millimetres")])
def test_another_unit_of_length_is_found_and_named(bench, factor, unit) -> None:
    finding = bench.motion(root_pos=factor * bench.poses.root_pos).report.find("length unit")
    assert finding.verdict == "FAIL" and unit in finding.advice


def test_a_root_that_never_leaves_the_ground_is_found(bench) -> None:
    flat = bench.poses.root_pos * [1.0, 1.0, 0.01]
    assert "length unit" in bench.motion(root_pos=flat).report.failed()


def test_wxyz_is_found_even_where_the_head_touches_the_ground(bench) -> None:
    def reorder(table: np.ndarray) -> None:
        table[:, 3:7] = table[:, [6, 3, 4, 5]]

    finding = bench.frames(reorder).report.find("quaternion order")
    assert finding.verdict == "FAIL" and "wxyz" in finding.advice


def test_wxyz_is_found_without_stored_velocities_that_tell(bench) -> None:
    quat = bench.poses.root_quat[:, [3, 0, 1, 2]]
    finding = bench.motion(root_quat=quat).report.find("quaternion order")
    assert finding.verdict == "FAIL" and "wxyz" in finding.advice


def test_inverted_rotations_are_found_by_the_stored_velocities(bench) -> None:
    def invert(table: np.ndarray) -> None:
        table[:, 3:6] *= -1.0

    finding = bench.frames(invert).report.find("quaternion order")
    assert finding.verdict == "FAIL" and "inverted" in finding.advice


@pytest.mark.parametrize("axis", [0, 1])
def test_a_mirrored_path_is_found_by_the_feet(bench, axis) -> None:
    mirrored = bench.poses.root_pos * np.where(np.arange(3) == axis, -1.0, 1.0)
    report = bench.motion(root_pos=mirrored).report
    assert {"axes", "foot skating"} <= set(report.failed())
    assert f"root's {'xy'[axis]} turned round" in report.find("axes").advice


def test_a_mirrored_axis_is_found_by_the_stored_velocity(bench) -> None:
    def mirror(table: np.ndarray) -> None:
        table[:, 1] *= -1.0

    finding = bench.frames(mirror).report.find("axes")
    assert finding.verdict == "FAIL" and finding.where == "root y"


def test_y_up_is_found(bench) -> None:
    finding = bench.motion(loop=False, root_pos=bench.poses.root_pos[:, [1, 2, 0]])
    assert "y holds the height" in finding.report.find("axes").advice


def test_mirrored_joints_are_found_by_their_limits(bench) -> None:
    finding = bench.motion(joint_pos=-bench.poses.joint_pos).report.find("joint limits")
    assert finding.verdict == "FAIL" and "mirrored axis" in finding.advice


def test_a_mirrored_motion_is_no_fault(bench, bad) -> None:
    from animRL.motion.edit.mirror import mirror

    other = mirror(bench.bob, bench.poses)
    inspection = bench.motion(
        root_pos=other.root_pos, root_quat=other.root_quat, joint_pos=other.joint_pos
    )
    assert bad(inspection) == {}
