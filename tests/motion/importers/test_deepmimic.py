from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from animRL.dataloader.clip import Clip, load_clip, save_clip
from animRL.motion.importers.entry import import_motion
from animRL.motion.importers.options import ImportOptions
from animRL.motion.skeleton_character import skeleton_character
from animRL.motion.trajectory import Trajectory, body_poses
from animRL.utils.errors import InputError
from tests.motion.importers.writers import turn

CLIPS = (
    "dog3d_spin", "dog3d_trot", "humanoid3d_backflip", "humanoid3d_cartwheel",
    "humanoid3d_getup_faceup", "humanoid3d_jump", "humanoid3d_run", "humanoid3d_spinkick",
    "humanoid3d_walk",
)  # fmt: skip


def positions(clip: Clip) -> dict[str, np.ndarray]:
    assert clip.skeleton is not None
    character = skeleton_character(clip.skeleton)
    places, _ = body_poses(character, Trajectory.from_clip(clip))
    return {name: places[:, i] for i, name in enumerate(character.body_names)}


def rotate(q: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Rotate v (T, 3) by quaternions (T, 4), w first."""
    w, u = q[:, :1], q[:, 1:]
    return v + 2.0 * np.cross(u, np.cross(u, v) + w * v)


def multiply(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Products of quaternions (T, 4), w first."""
    w = a[:, :1] * b[:, :1] - (a[:, 1:] * b[:, 1:]).sum(axis=1, keepdims=True)
    return np.concatenate(
        [w, a[:, :1] * b[:, 1:] + b[:, :1] * a[:, 1:] + np.cross(a[:, 1:], b[:, 1:])], axis=1
    )


def positions_in_file(motion: Path, character: Path) -> dict[str, np.ndarray]:
    """World positions (T, 3) in metres, z up: quaternion arithmetic on the file's numbers."""
    frames = np.array(json.loads(motion.read_text())["Frames"])
    joints = json.loads(character.read_text())["Skeleton"]["Joints"]
    place = {0: frames[:, 1:4]}
    quat = {0: frames[:, 4:8] / np.linalg.norm(frames[:, 4:8], axis=1, keepdims=True)}
    column = 8
    for index, joint in enumerate(joints[1:], start=1):
        above = joint["Parent"]
        offset = np.tile([joint[f"Attach{axis}"] for axis in "XYZ"], (len(frames), 1))
        place[index] = place[above] + rotate(quat[above], offset)
        local = np.tile([1.0, 0.0, 0.0, 0.0], (len(frames), 1))
        if joint["Type"] == "spherical":
            local = frames[:, column : column + 4]
            local = local / np.linalg.norm(local, axis=1, keepdims=True)
            column += 4
        elif joint["Type"] == "revolute":
            local[:, 0] = np.cos(0.5 * frames[:, column])
            local[:, 3] = np.sin(0.5 * frames[:, column])
            column += 1
        quat[index] = multiply(quat[above], local)
    assert column == frames.shape[1]
    return {
        joint["Name"]: np.stack([p[:, 0], -p[:, 2], p[:, 1]], axis=1)
        for joint, p in zip(joints, place.values(), strict=True)
    }


@pytest.mark.parametrize("name", CLIPS)
def test_every_clip_of_the_release_moves_as_its_file_says(
    external_data: Path, tmp_path: Path, name: str
) -> None:
    folder = external_data / "deepmimic"
    motion = folder / "motions" / f"{name}.txt"
    save_clip(import_motion(motion).clip, tmp_path / "clip.txt")
    clip = load_clip(tmp_path / "clip.txt")
    found = positions(clip)
    expected = positions_in_file(motion, folder / "characters" / f"{name.split('_')[0]}.txt")
    assert set(found) == set(expected)
    for joint, places in expected.items():
        np.testing.assert_allclose(found[joint], places, atol=1e-5)
    # No jump of half a turn, even where arms swing at 16 frames a second.
    assert np.abs(np.diff(clip.frames[:, clip.layout.joint_pos], axis=0)).max() < 2.0


def test_only_a_closed_seam_makes_a_loop(external_data: Path) -> None:
    folder = external_data / "deepmimic" / "motions"
    trot, run, getup = (
        import_motion(folder / f"{name}.txt")
        for name in ("dog3d_trot", "humanoid3d_run", "humanoid3d_getup_faceup")
    )
    assert trot.clip.loop is True and not any("loop" in text for text in trot.warnings)
    assert run.clip.loop is False
    assert any("says that it loops, but the seam is open by" in text for text in run.warnings)
    assert getup.clip.loop is False and getup.warnings == ()


def test_a_dog_stands_on_four_paws_and_looks_along_x(external_data: Path) -> None:
    clip = import_motion(external_data / "deepmimic" / "motions" / "dog3d_trot.txt").clip
    assert clip.end_effector_names == ("left_finger", "right_finger", "left_toe", "right_toe")
    found = positions(clip)
    nose = found["head"] - found["tail1"]
    assert (nose[:, 0] > 0.5).all() and clip.frames[-1, 0] > clip.frames[0, 0] + 0.3
    assert (found["left_toe"] - found["right_toe"])[:, 1].mean() > 0.05


JOINTS = [
    # name, type, parent, offset
    ("root", "none", -1, (0.0, 0.0, 0.0)),
    ("chest", "spherical", 0, (0.0, 0.3, 0.0)),
    ("neck", "fixed", 1, (0.0, 0.2, 0.0)),
    ("right_hip", "spherical", 0, (0.0, 0.0, 0.1)),
    ("right_knee", "revolute", 3, (0.0, -0.4, 0.0)),
    ("right_ankle", "fixed", 4, (0.0, -0.4, 0.0)),
    ("left_hip", "spherical", 0, (0.0, 0.0, -0.1)),
    ("left_knee", "revolute", 6, (0.0, -0.4, 0.0)),
    ("left_ankle", "fixed", 7, (0.0, -0.4, 0.0)),
]
WIDTH = 8 + 4 + 4 + 1 + 4 + 1


def files(tmp_path: Path, rows: list[list[float]] | None = None, **fields: object) -> Path:
    """A character and a motion of our own, laid out as in the release; returns the motion."""
    (tmp_path / "characters").mkdir(exist_ok=True)
    (tmp_path / "motions").mkdir(exist_ok=True)
    joints = [
        {"Name": n, "Type": kind, "Parent": p, "AttachX": o[0], "AttachY": o[1], "AttachZ": o[2]}
        for n, kind, p, o in JOINTS
    ]
    skeleton = {"Skeleton": {"Joints": joints}}
    (tmp_path / "characters" / "biped.txt").write_text(json.dumps(skeleton))
    path = tmp_path / "motions" / "biped_walk.txt"
    data = {"Loop": "none", "Frames": standing(4) if rows is None else rows, **fields}
    path.write_text(json.dumps(data))
    return path


def standing(count: int, dt: float = 0.1) -> list[list[float]]:
    one = [1.0, 0.0, 0.0, 0.0]
    row = [dt, 0.0, 0.85, 0.0, *one, *one, *one, 0.0, *one, 0.0]
    return [list(row) for _ in range(count - 1)] + [[0.0, *row[1:]]]


def test_y_up_becomes_z_up_and_the_knee_bends_about_the_side(tmp_path: Path) -> None:
    rows = standing(3)
    for row in rows:
        row[16] = -0.5  # right knee, about z, which points to the right
    clip = import_motion(files(tmp_path, rows)).clip
    found = positions(clip)
    np.testing.assert_allclose(found["left_hip"][0], [0.0, 0.1, 0.85], atol=1e-6)
    np.testing.assert_allclose(found["neck"][0], [0.0, 0.0, 1.35], atol=1e-6)
    shank = turn("y", np.array(0.5)) @ np.array([0.0, 0.0, -0.4])  # backwards, as knees do
    np.testing.assert_allclose(
        found["right_ankle"][0], np.array([0.0, -0.1, 0.45]) + shank, atol=1e-6
    )
    assert shank[0] < 0.0


def test_frames_of_varying_duration_are_resampled(tmp_path: Path) -> None:
    rows = standing(4)
    for row, dt, x in zip(rows, (0.1, 0.1, 0.2, 0.0), (0.0, 1.0, 2.0, 4.0)):
        row[0], row[1] = dt, x
    imported = import_motion(files(tmp_path, rows))
    assert any("resampled" in value for what, value in imported.report if what == "note")
    np.testing.assert_allclose(imported.clip.frames[:, 0], [0.0, 1.0, 2.0, 3.0, 4.0], atol=1e-6)


def test_the_sign_of_a_quaternion_does_not_matter(tmp_path: Path) -> None:
    rows = standing(6)
    angle = 0.5
    for index, row in enumerate(rows):
        sign = (-1.0) ** index
        row[8:12] = [sign * np.cos(angle / 2), 0.0, 0.0, sign * np.sin(angle / 2)]
        row[4:8] = [sign, 0.0, 0.0, 0.0]
    clip = import_motion(files(tmp_path, rows)).clip
    assert np.ptp(clip.frames[:, 3:], axis=0).max() < 1e-9


def with_value(row: int, column: int, value: object):
    def damage(rows: list) -> list:
        rows[row][column] = value
        return rows

    return damage


DAMAGED = [
    (with_value(1, 2, float("nan")), r"Frames\[1\]\[2\] is nan"),
    (with_value(1, 2, "high"), r"Frames\[1\] holds something that is not a number"),
    (with_value(1, 2, True), r"Frames\[1\] holds something that is not a number"),
    (with_value(0, 0, 0.0), r"Frames\[0\]\[0\] is 0 s a frame"),
    (with_value(0, 0, 16.7), r"Frames\[0\]\[0\] is 16.7 s a frame"),
    (with_value(2, 4, 0.0), r"root rotation, frame \[2\] has length 0"),
    (with_value(2, 8, 0.0), r"chest, frame \[2\] has length 0"),
    (lambda rows: [row[:-1] for row in rows], rf"has {WIDTH - 1} numbers; valid: {WIDTH}"),
    (lambda rows: [*rows[:2], [*rows[2], 0.0]], rf"Frames\[2\] has {WIDTH + 1} numbers"),
    (lambda rows: rows[:1], r"1 frame\(s\)"),
    (lambda rows: "none", "no frame"),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGED)
def test_a_damaged_motion_is_one_line(tmp_path: Path, damage, message: str) -> None:
    path = files(tmp_path, damage(standing(4)))
    with pytest.raises(InputError, match=message) as error:
        import_motion(path)
    assert "biped_walk.txt" in str(error.value) and "\n" not in str(error.value)


def test_a_file_cut_short_and_a_missing_character_are_one_line(tmp_path: Path) -> None:
    path = files(tmp_path)
    (tmp_path / "characters" / "biped.txt").rename(tmp_path / "elsewhere.json")
    with pytest.raises(InputError, match="needs its character's file.*--skeleton"):
        import_motion(path)
    import_motion(path, options=ImportOptions(skeleton=tmp_path / "elsewhere.json"))
    with pytest.raises(InputError, match="missing.json: cannot be read"):
        import_motion(path, options=ImportOptions(skeleton=tmp_path / "missing.json"))
    with pytest.raises(InputError, match="no Skeleton.Joints"):
        import_motion(path, options=ImportOptions(skeleton=path))
    path.write_text(path.read_text()[:-30])
    with pytest.raises(InputError, match="not JSON, or cut short"):
        import_motion(path)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("Type", "planar", r"Joints\[4\].Type is 'planar'; valid: spherical"),
        ("Parent", 7, r"Joints\[4\].Parent is 7"),
        ("AttachY", "low", "attachment 'low'"),
    ],
)
def test_a_damaged_character_is_one_line(
    tmp_path: Path, field: str, value: object, message: str
) -> None:
    path = files(tmp_path)
    character = tmp_path / "characters" / "biped.txt"
    data = json.loads(character.read_text())
    data["Skeleton"]["Joints"][4][field] = value
    character.write_text(json.dumps(data))
    with pytest.raises(InputError, match=message):
        import_motion(path)


def test_an_unknown_word_for_loop_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Loop is 'often'; valid: wrap, none"):
        import_motion(files(tmp_path, None, Loop="often"))
