"""The loader: interpolation by phase, several clips in one tensor, loops, end effectors."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from animRL.dataloader.clip import Clip, save_clip
from animRL.dataloader.motion_loader import MotionLoader
from animRL.dataloader.skeleton import Hinge, Skeleton, SkeletonJoint
from animRL.utils import rotations as rot
from animRL.utils.errors import InputError

WIDTH = 13 + 2 + 6


def make_clip(frames: int, duration: float, turn: float = 0.0, speed: float = 1.0) -> Clip:
    """Root goes along x at ``speed`` and turns about z by ``turn`` in all; the joint is a ramp."""
    rows = np.zeros((frames, WIDTH))
    share = np.linspace(0.0, 1.0, frames)
    rows[:, 0] = speed * share * (frames - 1) * duration
    rows[:, 2] = 0.9
    rows[:, 5], rows[:, 6] = np.sin(share * turn / 2), np.cos(share * turn / 2)
    rows[:, 7] = share
    return Clip(rows, duration, ("knee",), ("foot",))


def make_loader(folder: Path, *clips: Clip, **settings: object) -> MotionLoader:
    files = []
    for index, clip in enumerate(clips):
        files.append(str(folder / f"clip{index}.txt"))
        save_clip(clip, files[-1])
    cfg = {"motion_files": files, "loop": None, "height_offset": 0.0, "refill_end_effectors": True}
    rest = {k: settings.pop(k) for k in list(settings) if k not in cfg}
    cfg.update(settings)
    return MotionLoader("cpu", SimpleNamespace(**cfg), 0.02, 1, 1, **rest)  # type: ignore[arg-type]


def test_phase_one_is_the_last_frame_whatever_the_frame_rate(tmp_path: Path) -> None:
    loader = make_loader(tmp_path, make_clip(11, 0.1), make_clip(51, 0.02))
    for clip in (0, 1):
        ids = torch.full((5,), clip)
        frames = loader.get_frame_at_phase(torch.tensor([0.0, 0.25, 0.5, 0.987, 1.0]), ids)
        expected = torch.tensor([0.0, 0.25, 0.5, 0.987, 1.0])
        torch.testing.assert_close(loader.get_joint_pose(frames)[:, 0], expected)
        torch.testing.assert_close(loader.get_root_pos(frames)[:, 0], expected)
    torch.testing.assert_close(loader.trajectory_lens, torch.tensor([1.0, 1.0]))
    torch.testing.assert_close(loader.phase_step(), torch.tensor([0.02, 0.02]))


def test_environments_read_their_own_clip(tmp_path: Path) -> None:
    loader = make_loader(tmp_path, make_clip(11, 0.1), make_clip(11, 0.1, speed=3.0))
    frames = loader.get_frame_at_phase(torch.tensor([0.5, 0.5]), torch.tensor([0, 1]))
    torch.testing.assert_close(loader.get_root_pos(frames)[:, 0], torch.tensor([0.5, 1.5]))
    assert loader.num_motions == 2


def test_rotations_are_interpolated_along_the_arc_across_a_sign_flip(tmp_path: Path) -> None:
    clip = make_clip(3, 0.1, turn=2.0)
    clip.frames[2, 3:7] *= -1.0
    loader = make_loader(tmp_path, clip)
    quat = loader.get_root_rot(loader.get_frame_at_phase(torch.tensor([0.75])))
    assert float(rot.twist_about_z(quat)) == pytest.approx(1.5, abs=1e-5)
    assert (loader.frames[1:, 3:7] * loader.frames[:-1, 3:7]).sum(-1).min() > 0.0


def test_a_clip_of_another_skeleton_is_told_what_to_do(tmp_path: Path) -> None:
    clip = make_clip(11, 0.1)
    hinge = SkeletonJoint("knee", 0, (0.0, 0.0, 0.0), hinges=(Hinge("knee", (0.0, 1.0, 0.0)),))
    skeleton = Skeleton("dog", (SkeletonJoint("root", -1, (0.0, 0.0, 0.0)), hinge))
    foreign = replace(clip, skeleton=skeleton)
    make_loader(tmp_path, foreign, joint_names=["knee"], ee_names=["foot"])  # the same names fit
    with pytest.raises(InputError) as error:
        make_loader(tmp_path, foreign, joint_names=["elbow"], ee_names=["foot"])
    assert "'dog'" in str(error.value) and "\n" not in str(error.value)
    assert f"motion.py retarget {tmp_path}/clip0.txt --out" in str(error.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [("run.bvh", "HIERARCHY"), ("run.npz", "PK"), ("run.txt", '{"Loop": "wrap", "Frames": []}')],
)
def test_a_file_of_another_format_is_told_what_reads_it(
    tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)
    cfg = SimpleNamespace(motion_files=[str(tmp_path / name)])
    with pytest.raises(InputError, match=f"no clip of animRL.*motion.py retarget .*{name}"):
        MotionLoader("cpu", cfg, 0.02, 1, 1)


def test_a_broken_clip_is_not_taken_for_another_format(tmp_path: Path) -> None:
    (tmp_path / "cut.txt").write_text('{"JointNames": ["knee"], "Frames": [[0.1')
    cfg = SimpleNamespace(motion_files=[str(tmp_path / "cut.txt")])
    with pytest.raises(InputError, match="not JSON, or cut short"):
        MotionLoader("cpu", cfg, 0.02, 1, 1)


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(tmp_path: Path) -> None:
    save_clip(make_clip(11, 0.1), tmp_path / "a[1].txt")
    save_clip(make_clip(3, 0.1), tmp_path / "a1.txt")
    cfg = {"motion_files": [str(tmp_path / "a[1].txt")], "loop": None, "height_offset": 0.0}
    loader = MotionLoader("cpu", SimpleNamespace(**cfg, refill_end_effectors=True), 0.02, 1, 1)
    assert len(loader.clips[0].frames) == 11


def test_labels_are_short_where_that_is_clear(tmp_path: Path) -> None:
    for name in ("run", "walk"):
        (tmp_path / name).mkdir()
        save_clip(make_clip(3, 0.1), tmp_path / name / "a.txt")
    save_clip(make_clip(3, 0.1), tmp_path / "b.txt")
    cfg = {"motion_files": [str(tmp_path / "*" / "a.txt"), str(tmp_path / "b.txt")], "loop": None,
           "height_offset": 0.0, "refill_end_effectors": True}  # fmt: skip
    loader = MotionLoader("cpu", SimpleNamespace(**cfg), 0.02, 1, 1)
    assert loader.labels == (f"{tmp_path}/run/a.txt", f"{tmp_path}/walk/a.txt", "b")


def test_clips_are_drawn_by_weight(tmp_path: Path) -> None:
    heavy = make_clip(3, 0.1)
    heavy = Clip(heavy.frames, 0.1, heavy.joint_names, heavy.end_effector_names, 3.0)
    loader = make_loader(tmp_path, make_clip(3, 0.1), heavy)
    torch.manual_seed(0)
    share = loader.sample_clips(4000).float().mean()
    assert float(share) == pytest.approx(0.75, abs=0.03)


@pytest.mark.parametrize(
    ("word", "setting", "expected"),
    [(None, None, False), (True, None, True), (True, False, False), (False, True, True)],
)
def test_the_setting_overrides_the_files_word_on_looping(
    tmp_path: Path, word: bool | None, setting: bool | None, expected: bool
) -> None:
    plain = make_clip(3, 0.1, turn=0.4)
    clip = Clip(plain.frames, 0.1, plain.joint_names, plain.end_effector_names, 1.0, word)
    loader = make_loader(tmp_path, clip, loop=setting)
    assert bool(loader.loops[0]) is expected
    assert float(loader.loop_turn[0]) == pytest.approx(0.4, abs=1e-5)


def test_end_effectors_are_refilled_unless_told_otherwise(tmp_path: Path) -> None:
    def kinematics(pos: torch.Tensor, quat: torch.Tensor, joints: torch.Tensor) -> torch.Tensor:
        return torch.cat([joints, 0 * joints, -joints], dim=-1).unsqueeze(1) + pos.unsqueeze(1)

    clip = make_clip(11, 0.1)
    for refill in (True, False):
        loader = make_loader(
            tmp_path, clip, refill_end_effectors=refill, forward_kinematics=kinematics
        )
        frames = loader.get_frame_at_phase(torch.tensor([0.5]))
        expected = [0.5, 0.0, -0.5] if refill else [0.0, 0.0, 0.0]
        torch.testing.assert_close(loader.get_ee_pos_local(frames)[0, 0], torch.tensor(expected))
        velocity = 1.0 if refill else 0.0
        assert float(frames[0, loader.layout.ee_vel][0]) == pytest.approx(velocity, abs=1e-4)


def test_global_end_effectors_turn_with_the_root(tmp_path: Path) -> None:
    clip = make_clip(3, 0.1, turn=math.pi)
    clip.frames[:, 8:11] = [1.0, 0.0, 0.0]
    loader = make_loader(tmp_path, clip)
    frames = loader.get_frame_at_phase(torch.tensor([0.5]))
    expected = torch.tensor([0.1, 1.0, 0.9])
    torch.testing.assert_close(loader.get_ee_pos_global(frames)[0, 0], expected, atol=1e-5, rtol=0)


def test_height_offset_moves_the_root_alone(tmp_path: Path) -> None:
    loader = make_loader(tmp_path, make_clip(3, 0.1), height_offset=-0.026)
    torch.testing.assert_close(loader.frames[:, 2], torch.full((3,), 0.874))


def test_wrong_sizes_names_and_missing_files_are_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="clip0.txt: JointNames: missing hip; unknown knee"):
        make_loader(tmp_path, make_clip(3, 0.1), joint_names=["hip"], ee_names=["foot"])
    cfg = SimpleNamespace(
        motion_files=["no/such.txt"], loop=None, height_offset=0.0, refill_end_effectors=True
    )
    with pytest.raises(InputError, match="no/such.txt' does not exist"):
        MotionLoader("cpu", cfg, 0.02, 1, 1)
    cfg.motion_files = [str(tmp_path / "clip0.txt")]
    with pytest.raises(InputError, match="1 joints and 1 end effectors; valid: 2 and 1"):
        MotionLoader("cpu", cfg, 0.02, 2, 1)


def test_patterns_find_files_in_a_stable_order(tmp_path: Path) -> None:
    make_loader(tmp_path, make_clip(3, 0.1), make_clip(5, 0.1))
    cfg = SimpleNamespace(
        motion_files=str(tmp_path / "clip*.txt"), loop=None, height_offset=0.0,
        refill_end_effectors=True,
    )  # fmt: skip
    loader = MotionLoader("cpu", cfg, 0.02, 1, 1)
    assert [Path(name).name for name in loader.names] == ["clip0.txt", "clip1.txt"]


def test_torques_are_interpolated_by_phase_and_go_around_a_loop(tmp_path: Path) -> None:
    clips = make_clip(3, 0.1), replace(make_clip(5, 0.1), loop=True)
    loader = make_loader(tmp_path, *clips)
    seen = []

    def torques_of(clip: Clip, loop: bool) -> np.ndarray:
        seen.append((len(clip.frames), loop))
        ramp = 10.0 * np.arange(len(clip.frames), dtype=float)[:, None]
        return ramp + (100.0 if loop else 0.0)

    with pytest.raises(ValueError, match="add_joint_torques"):
        loader.get_joint_torque_at_phase(torch.zeros(1), torch.zeros(1, dtype=torch.long))
    loader.add_joint_torques(torques_of)
    assert seen == [(3, False), (5, True)]
    phase = torch.tensor([0.0, 0.25, 1.0, -0.1, 0.0, 0.5, 1.0, -0.125])
    ids = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1])
    torque = loader.get_joint_torque_at_phase(phase, ids)[:, 0]
    expected = torch.tensor([0.0, 5.0, 20.0, 0.0, 100.0, 120.0, 140.0, 135.0])
    torch.testing.assert_close(torque, expected)


def test_torques_of_another_shape_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\(3, 2\)"):
        make_loader(tmp_path, make_clip(3, 0.1)).add_joint_torques(lambda c, _: np.zeros((3, 2)))
