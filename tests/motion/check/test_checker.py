"""The whole check: shipped clips, other frame rates, noise, and what is true of outside data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from animRL.motion.check.checker import check_clip, check_file
from animRL.motion.edit.timing import at_rate
from animRL.motion.trajectory import Trajectory, to_clip
from animRL.utils.paths import RESOURCES

SHIPPED = sorted((RESOURCES / "datasets/bob3").glob("*.txt"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_clip_passes_with_no_warning(bob, bad, path: Path) -> None:
    inspection = check_file(path, bob)
    report = inspection.report
    assert bad(inspection) == {}
    assert report.find("foot skating").value < 0.01
    assert report.find("penetration").value < 0.005
    assert report.find("end effectors").value < 1e-4
    assert (report.find("seam").value or 0.0) < 0.01


@pytest.mark.parametrize("rate", [16, 24, 30, 60, 120])
def test_a_good_motion_passes_at_any_common_frame_rate(bench, bad, rate) -> None:
    clip = to_clip(bench.bob, at_rate(bench.poses, rate))
    assert bad(check_clip(clip, bench.bob)) == {}


def test_a_little_noise_does_not_fail(bench) -> None:
    random = np.random.default_rng(0)
    poses = replace(bench.poses, loop=False)
    noisy = Trajectory(
        poses.root_pos + random.normal(0.0, 0.0005, poses.root_pos.shape), poses.root_quat,
        poses.joint_pos + random.normal(0.0, 0.002, poses.joint_pos.shape), poses.dt,
    )  # fmt: skip
    assert check_clip(replace(to_clip(bench.bob, noisy), loop=False), bench.bob).report.passed


@pytest.mark.parametrize("count", [2, 3, 4])
def test_a_few_frames_are_enough_to_be_checked(bench, count) -> None:
    short = bench.poses.frames(slice(0, count))
    for loop in (False, True):
        report = check_clip(replace(to_clip(bench.bob, short), loop=loop), bench.bob).report
        assert report.find("joint limits").verdict == "ok"


def test_an_imported_clip_is_checked_on_its_own_skeleton_alone(bench) -> None:
    from animRL.dataloader.skeleton import Hinge, Skeleton, SkeletonJoint

    root = SkeletonJoint("root", -1, (0.0, 0.0, 0.0))
    hinges = tuple(Hinge(f"other_{i}", (0.0, 1.0, 0.0)) for i in range(32))
    arm = SkeletonJoint("arm", 0, (0.0, 0.0, 1.0), hinges=hinges)
    clip = replace(
        bench.walk, joint_names=tuple(h.name for h in hinges),
        skeleton=Skeleton("stranger", (root, arm)),
    )  # fmt: skip
    report = check_clip(clip, bench.bob).report
    assert report.failed() == ("joint names",) and "retarget" in report.findings[0].advice


def test_what_is_true_of_the_course_walk_is_found(bob, external_data: Path) -> None:
    report = check_file(external_data / "course/Walk.txt", bob).report
    floating = report.find("floating")
    assert floating.verdict == "FAIL" and 0.020 < floating.value < 0.035  # 26 mm while planted
    ends = report.find("end effectors")
    assert ends.verdict == "FAIL" and ends.value == pytest.approx(0.035, abs=1e-3)
    joints = report.find("joint velocities")
    assert joints.verdict == "FAIL" and joints.value == pytest.approx(0.28, abs=0.01)
    assert report.find("seam").verdict == "warning"  # the file does not say that it loops
    seam = check_file(external_data / "course/Walk.txt", bob, loop=True).report.find("seam")
    assert seam.verdict == "FAIL" and seam.value > 0.05


def test_what_is_true_of_the_course_cartwheel_is_found(bob, external_data: Path) -> None:
    report = check_file(external_data / "course/Cartwheel.txt", bob).report
    ends = report.find("end effectors")
    assert ends.verdict == "FAIL" and ends.value == pytest.approx(0.084, abs=1e-3)
    assert report.find("quaternion signs").verdict == "FAIL"
    assert report.find("penetration").verdict == "FAIL"
    assert report.find("seam").verdict == "skipped"


@pytest.mark.parametrize("name", ["Walk", "Cartwheel"])
def test_the_course_clips_accelerate_as_bodies_do(bob, external_data: Path, name) -> None:
    report = check_file(external_data / f"course/{name}.txt", bob).report
    assert report.find("ground force").verdict == "ok"
