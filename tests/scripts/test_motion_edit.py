"""motion.py edit: what it writes is a sound clip, what it says is what it did."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from animRL.cfg.characters.bob_config import BobConfig
from animRL.dataloader.clip import Clip, load_clip, save_clip
from animRL.dataloader.skeleton import Hinge, Skeleton, SkeletonJoint
from animRL.motion.edit.seam import mismatch
from animRL.motion.skeleton_character import skeleton_character
from animRL.motion.trajectory import Trajectory, body_poses, to_clip, velocities
from animRL.scripts import motion
from animRL.sim.character import Character
from animRL.utils.errors import InputError
from animRL.utils.paths import RESOURCES

WALK = RESOURCES / "datasets" / "bob3" / "Walk.txt"
AXES = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "z": (0.0, 0.0, 1.0)}


@pytest.fixture(scope="module")
def walk() -> Clip:
    return load_clip(WALK)


def edited(tmp_path: Path, *options: str, clip: Path = WALK) -> Clip:
    out = tmp_path / "out.txt"
    assert motion.main(["edit", str(clip), "--out", str(out), *options]) == 0
    return load_clip(out)


def check_derived(clip: Clip, character: Character) -> None:
    """Velocities and end effectors of a clip are those of its poses."""
    frames, layout = clip.frames, clip.layout
    motion_ = Trajectory.from_clip(clip)
    np.testing.assert_allclose(frames[:, layout.joint_vel], velocities(motion_).joint, atol=2e-3)
    poses = [torch.from_numpy(a) for a in (motion_.root_pos, motion_.root_quat, motion_.joint_pos)]
    ends = character.end_effector_pos(0 * poses[0], torch.tensor([[0.0, 0.0, 0.0, 1.0]])
                                      .double().expand(len(frames), 4), poses[2])  # fmt: skip
    np.testing.assert_allclose(frames[:, layout.ee_pos], ends.flatten(1).numpy(), atol=1e-5)


def test_trim_and_loop(tmp_path: Path, walk: Clip, capsys: pytest.CaptureFixture[str]) -> None:
    clip = edited(tmp_path, "--trim", "0.1", "0.9", "--loop")
    assert (len(clip.frames), clip.loop) == (41, True)
    assert np.abs(mismatch(Trajectory.from_clip(clip)).joint).max() < 1e-5
    check_derived(clip, Character.from_config(BobConfig()))
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 4
    assert "57 frames, 1.120 s at 50 Hz, loops" in out[0]
    assert "trim     57 -> 41 frames; it no longer loops" in out[1]
    assert "mismatch spread: joint_" in out[2]
    assert out[3].endswith("out.txt: 41 frames, 0.800 s at 50 Hz, loops")


def test_mirror_swaps_the_legs(tmp_path: Path, walk: Clip) -> None:
    clip = edited(tmp_path, "--mirror")
    left, right = (walk.joint_names.index(f"joint_{side}Knee") for side in "lr")
    columns = walk.layout.joint_pos
    np.testing.assert_allclose(
        clip.frames[:, columns][:, left], walk.frames[:, columns][:, right], atol=1e-6
    )
    np.testing.assert_allclose(clip.frames[:, 1], -walk.frames[:, 1], atol=1e-6)
    check_derived(clip, Character.from_config(BobConfig()))


@pytest.mark.parametrize(
    ("options", "frames", "duration"),
    [
        (["--retime", "2"], 113, 2.24),
        (["--duration", "1.0"], 51, 1.0),
        (["--fps", "100"], 113, 1.12),
        (["--retime", "0.5", "--fps", "25"], 15, 0.56),
    ],
)
def test_tempo(tmp_path: Path, options: list[str], frames: int, duration: float) -> None:
    clip = edited(tmp_path, *options)
    assert len(clip.frames) == frames
    assert clip.duration == pytest.approx(duration)
    assert clip.loop is True


def test_floor_and_weight(tmp_path: Path, walk: Clip, capsys: pytest.CaptureFixture[str]) -> None:
    frames = walk.frames.copy()
    frames[:, 2] += 0.05
    save_clip(Clip(frames, 0.02, walk.joint_names, walk.end_effector_names), tmp_path / "high.txt")
    clip = edited(tmp_path, "--floor", "--weight", "2.5", clip=tmp_path / "high.txt")
    np.testing.assert_allclose(clip.frames[:, 2], walk.frames[:, 2], atol=2e-3)
    assert clip.motion_weight == 2.5
    out = capsys.readouterr().out
    assert "lowered by 50.0 mm" in out or "lowered by 49.9 mm" in out
    assert "weight   1 -> 2.5" in out


def test_blend_appends(tmp_path: Path, walk: Clip) -> None:
    clip = edited(tmp_path, "--blend", str(WALK), "--seconds", "0.2", "--mirror")
    assert len(clip.frames) == 2 * 57 - 11
    # The order is fixed: mirrored first, then blended into the one that is not.
    right = walk.joint_names.index("joint_rKnee")
    knee = clip.frames[:, clip.layout.joint_pos][:, right]
    original = walk.frames[:, walk.layout.joint_pos]
    np.testing.assert_allclose(knee[:40], original[:40, walk.joint_names.index("joint_lKnee")],
                               atol=1e-6)  # fmt: skip
    np.testing.assert_allclose(knee[-40:], original[-40:, right], atol=1e-6)


def test_the_best_loop_is_cut_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    two = edited(tmp_path, "--blend", str(WALK), "--seconds", "0.3")
    save_clip(two, tmp_path / "two.txt")
    clip = edited(tmp_path, "--loop", "best", clip=tmp_path / "two.txt")
    assert clip.loop is True and len(clip.frames) < len(two.frames)
    assert "loop     from " in capsys.readouterr().out


def limb(side: str, sign: float, order: str) -> SkeletonJoint:
    """A leg whose three hinges come in an order of its own."""
    hinges = tuple(Hinge(f"{side}_hip_{axis}", AXES[axis]) for axis in order)
    return SkeletonJoint(
        f"{side}_hip", 0, (0.02, sign * 0.1, -0.05), hinges=hinges, role=f"{side}_hip"
    )


def make_imported(folder: Path, one_knee: bool = True) -> tuple[Path, Skeleton]:
    """An imported clip whose two legs do not have their hinges in the same order."""
    knee = SkeletonJoint("left_knee", 1, (0.0, 0.0, -0.4), hinges=(Hinge("bend", AXES["y"]),),
                         role="left_knee")  # fmt: skip
    joints = [SkeletonJoint("hips", -1, (0.0, 0.0, 0.0), role="pelvis"), limb("left", 1.0, "yxz")]
    joints += [limb("right", -1.0, "zyx"), *([knee] if one_knee else [])]
    skeleton = Skeleton("odd", tuple(joints))
    rng = np.random.default_rng(0)
    angles = np.cumsum(rng.normal(0.0, 0.03, (30, len(skeleton.hinge_names))), axis=0)
    root_pos = np.cumsum(rng.normal(0.0, 0.01, (30, 3)), axis=0) + [0.0, 0.0, 0.9]
    quat = np.tile([0.1, -0.2, 0.3, 0.9], (30, 1)) / np.linalg.norm([0.1, -0.2, 0.3, 0.9])
    trajectory = Trajectory(root_pos, quat, angles, 0.02)
    clip = to_clip(skeleton_character(skeleton), trajectory, skeleton=skeleton)
    save_clip(clip, folder / "imported.txt")
    return folder / "imported.txt", skeleton


def test_a_clip_with_its_own_skeleton_is_mirrored_with_it(tmp_path: Path) -> None:
    path, skeleton = make_imported(tmp_path)
    clip = edited(tmp_path, "--mirror", clip=path)
    assert clip.skeleton is not None and clip.skeleton != skeleton
    assert set(clip.skeleton.roles) == {"pelvis", "left_hip", "right_hip", "right_knee"}
    before, _ = body_poses(skeleton_character(skeleton), Trajectory.from_clip(load_clip(path)))
    mirrored = skeleton_character(clip.skeleton)
    after, _ = body_poses(mirrored, Trajectory.from_clip(clip))
    names = skeleton_character(skeleton).body_names
    for name in names:
        other = {"l": name.replace("left", "right"), "r": name.replace("right", "left")}.get(
            name[0], name
        )
        np.testing.assert_allclose(
            after[:, mirrored.body_index(other)],
            before[:, names.index(name)] * [1.0, -1.0, 1.0],
            atol=1e-5,
        )
    check_derived(clip, mirrored)
    (tmp_path / "again").mkdir()
    save_clip(clip, tmp_path / "mirrored.txt")
    assert edited(tmp_path / "again", "--mirror", clip=tmp_path / "mirrored.txt").skeleton == (
        load_clip(path).skeleton
    )


def test_two_clips_of_different_skeletons_are_not_blended(tmp_path: Path) -> None:
    """Their hinges have the same names, but come in different orders."""
    path, _ = make_imported(tmp_path, one_knee=False)
    mirrored = edited(tmp_path, "--mirror", clip=path)
    assert set(mirrored.joint_names) == set(load_clip(path).joint_names)
    save_clip(mirrored, tmp_path / "mirrored.txt")
    with pytest.raises(InputError, match="the skeleton of .*mirrored.txt is another one"):
        edited(tmp_path, "--blend", str(tmp_path / "mirrored.txt"), clip=path)
    assert len(edited(tmp_path, "--blend", str(path), clip=path).frames) == 2 * 30 - 21


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "nothing to do; valid: at least one of --trim"),
        (["--retime", "0"], "--retime 0; valid: a number above 0"),
        (["--weight", "-1"], "--weight -1; valid"),
        (["--fps", "nan"], "--fps nan; valid"),
        (["--seconds", "0.2", "--floor"], "only with --blend"),
        (["--trim", "0.5", "9"], "valid: from 0 to 1.12 s"),
        (["--blend", "nothing.txt"], "nothing.txt: cannot be read"),
        (["--blend", str(WALK), "--seconds", "3"], "valid: from 0.02 s, a frame, to 1.12 s"),
        (["--floor", "--character", "alice"], "no 'alice'"),
    ],
)
def test_bad_input_leaves_no_file(tmp_path: Path, options: list[str], message: str) -> None:
    out = tmp_path / "out.txt"
    with pytest.raises(InputError, match=message) as error:
        motion.main(["edit", str(WALK), "--out", str(out), *options])
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("source", "verb"), [("a.txt", "edit"), ("b.txt", "blend")])
def test_the_clips_themselves_are_never_written_over(
    tmp_path: Path, walk: Clip, source: str, verb: str
) -> None:
    for name in ("a.txt", "b.txt"):
        save_clip(walk, tmp_path / name)
    before = (tmp_path / source).read_bytes()
    out = tmp_path / "sub" / ".." / source
    words = ["edit", str(tmp_path / "a.txt"), "--blend", str(tmp_path / "b.txt"), "--out", str(out)]
    with pytest.raises(InputError, match=f"is the file to {verb}; valid: another name"):
        motion.main(words)
    assert (tmp_path / source).read_bytes() == before


def test_a_clip_of_other_joints_is_refused(tmp_path: Path) -> None:
    path, _ = make_imported(tmp_path)
    with pytest.raises(InputError, match="JointNames: missing joint_"):
        edited(tmp_path, "--floor", "--character", "bob", clip=path)


def test_what_did_not_become_physical_is_told(tmp_path, walk, monkeypatch, capsys) -> None:
    layout, frames = walk.layout, walk.frames.copy()
    frames[:, layout.root_pos.start] *= 1.5  # feet that slide
    save_clip(replace(walk, frames=frames), tmp_path / "slides.txt")
    monkeypatch.setattr("animRL.motion.author.polish.make_physical", lambda body, way, track: way)
    edited(tmp_path, "--physical", clip=tmp_path / "slides.txt")
    assert "not physical yet, check fails on foot skating" in capsys.readouterr().err
    edited(tmp_path, "--physical")
    assert "not physical" not in capsys.readouterr().err
