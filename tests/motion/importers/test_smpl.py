from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from animRL.motion.importers.entry import import_motion
from animRL.motion.importers.options import ImportOptions
from animRL.motion.importers.smpl import JOINTS, STATURE, standing_offsets
from animRL.motion.skeleton_character import skeleton_character
from animRL.motion.trajectory import Trajectory, body_poses
from animRL.utils.errors import InputError

FRAMES = 30
NAMES = [name for name, _ in JOINTS]
UPRIGHT = np.array([0.5 * np.pi, 0.0, 0.0])  # y up at rest, z up in the world


def matrices(vectors: np.ndarray) -> np.ndarray:
    """Rodrigues' formula, in NumPy alone."""
    angle = np.linalg.norm(vectors, axis=-1)[..., None, None]
    x, y, z = np.moveaxis(vectors, -1, 0)
    zero = np.zeros_like(x)
    k = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(*x.shape, 3, 3)
    safe = np.where(angle > 1e-9, angle, 1.0)
    return np.eye(3) + np.sin(angle) * k / safe + (1.0 - np.cos(angle)) * (k @ k) / safe**2


def motion(width: int = 156, up: str = "z") -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)
    time = np.linspace(0.0, 3.0, FRAMES)[:, None]
    poses = 0.5 * np.sin(time + rng.uniform(0.0, 6.0, (1, width)))
    poses[:, :3] = UPRIGHT if up == "z" else 0.0
    poses[:, 2] += 0.2 * np.sin(time[:, 0])
    trans = np.concatenate([0.5 * time, 0.1 * time, 0.0 * time + 0.9], axis=1)
    return {
        "poses": poses,
        "trans": trans if up == "z" else trans[:, [0, 2, 1]],
        "mocap_framerate": np.array(60.0),
        "gender": np.array("neutral"),
        "betas": np.zeros(16),
    }


def saved(tmp_path: Path, arrays: dict[str, np.ndarray]) -> Path:
    np.savez(tmp_path / "motion.npz", **arrays)
    return tmp_path / "motion.npz"


def expected_positions(arrays: dict[str, np.ndarray]) -> np.ndarray:
    """Joints (T, 24, 3) in the file's own world, by products of matrices down the tree."""
    turns = matrices(arrays["poses"][:, :66].reshape(FRAMES, 22, 3))
    offsets = standing_offsets()
    place, frame = [arrays["trans"]], [turns[:, 0]]
    for index, (_, parent) in enumerate(JOINTS[1:], start=1):
        above = NAMES.index(str(parent))
        place.append(place[above] + frame[above] @ offsets[index])
        frame.append(frame[above] @ turns[:, index] if index < 22 else frame[above])
    return np.stack(place, axis=1)


def positions(clip) -> np.ndarray:
    character = skeleton_character(clip.skeleton)
    places, _ = body_poses(character, Trajectory.from_clip(clip))
    return places[:, [character.body_names.index(name) for name in NAMES]]


@pytest.mark.parametrize("width", [66, 72, 156, 165])
def test_poses_of_each_model_move_the_body_as_the_vectors_say(tmp_path: Path, width: int) -> None:
    arrays = motion(width)
    imported = import_motion(saved(tmp_path, arrays))
    report = dict(imported.report)
    assert report["format"].startswith("SMPL") and report["up axis"].startswith("z ")
    assert "gender" in report["note"] and "not used" in report["note"]
    found, expected = positions(imported.clip), expected_positions(arrays)
    lift = found[:, 0, 2] - expected[:, 0, 2]  # set on the floor: one height for all frames
    np.testing.assert_allclose(lift, lift[0], atol=1e-6)
    expected[..., 2] += lift[0]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert 0.0 < found[..., 2].min() < 0.06
    assert imported.clip.frame_duration == pytest.approx(1.0 / 60.0)


def test_y_up_worlds_are_seen(tmp_path: Path) -> None:
    y_up, z_up = (import_motion(saved(tmp_path, motion(up=up))) for up in ("y", "z"))
    assert dict(y_up.report)["up axis"].startswith("y ")
    legs = [positions(m.clip)[:, NAMES.index("L_Knee"), 2].mean() for m in (y_up, z_up)]
    assert legs[0] == pytest.approx(legs[1], abs=0.1)


def test_the_other_names_of_the_arrays_are_known(tmp_path: Path) -> None:
    arrays = motion(72)
    poses, rest = arrays.pop("poses"), {"mocap_frame_rate": arrays.pop("mocap_framerate")}
    split = {**arrays, **rest, "root_orient": poses[:, :3], "pose_body": poses[:, 3:66]}
    whole = import_motion(saved(tmp_path, motion(72))).clip
    np.testing.assert_allclose(
        import_motion(saved(tmp_path, split)).clip.frames, whole.frames, atol=1e-9
    )


def test_the_body_has_the_proportions_of_an_adult() -> None:
    """Sums of Winter's segments: legs 0.491 of the height, arms 0.332 from shoulder to wrist."""
    offsets = dict(zip(NAMES, standing_offsets(), strict=True))
    assert -(offsets["L_Knee"] + offsets["L_Ankle"])[1] == pytest.approx(0.491 * STATURE)
    assert (offsets["L_Elbow"] + offsets["L_Wrist"])[0] == pytest.approx(0.332 * STATURE)
    for name in NAMES:
        if name.startswith("L_"):
            mirrored = offsets["R_" + name[2:]] * [-1.0, 1.0, 1.0]
            np.testing.assert_allclose(mirrored, offsets[name])


def changed(**arrays: object):
    def damage(data: dict) -> dict:
        data.update(arrays)
        return {key: value for key, value in data.items() if value is not None}

    return damage


def with_nan(data: dict) -> dict:
    data["poses"][3, 5] = np.nan
    return data


DAMAGED = [
    (with_nan, r"poses\[3\]\[5\] is nan"),
    (changed(poses=np.zeros((FRAMES, 60))), "60 numbers a frame in poses"),
    (changed(poses=np.zeros((FRAMES, 73))), "73 numbers a frame in poses"),
    (changed(poses=np.full((FRAMES, 72), 30.0)), "are these degrees"),
    (changed(poses=np.zeros((1, 72)), trans=np.zeros((1, 3))), r"1 frame\(s\)"),
    (changed(poses=np.zeros(72)), "poses has shape"),
    (changed(poses=np.full((FRAMES, 72), "a")), "poses is of type"),
    (changed(trans=np.zeros((FRAMES - 1, 3))), r"trans has shape \(29, 3\); valid: \(30, 3\)"),
    (changed(mocap_framerate=None), "no 'mocap_framerate'; valid: --fps"),
    (changed(mocap_framerate=np.array(0.0)), "mocap_framerate is 0"),
    (changed(mocap_framerate=np.array("fast")), "mocap_framerate is fast"),
    (changed(poses=np.array([{"a": 1}] * FRAMES, dtype=object)), "pickled objects.*valid: poses"),
    (changed(trans=None), r"no known layout.*as SMPL poses .*trans \(T, 3\)"),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGED)
def test_a_damaged_archive_is_one_line(tmp_path: Path, damage, message: str) -> None:
    path = saved(tmp_path, damage(motion(72)))
    with pytest.raises(InputError, match=message) as error:
        import_motion(path)
    assert "motion.npz" in str(error.value) and "\n" not in str(error.value)


def test_a_motion_said_to_be_smpl_is_told_what_it_lacks(tmp_path: Path) -> None:
    path = saved(tmp_path, changed(trans=None)(motion(72)))
    with pytest.raises(InputError, match=r"no array 'trans'; valid: poses .*trans \(T, 3\)"):
        import_motion(path, options=ImportOptions(format="smpl"))


def test_pickled_notes_that_nobody_reads_do_no_harm(tmp_path: Path) -> None:
    arrays = {**motion(72), "gender": np.array({"name": "x"}, dtype=object)}
    assert len(import_motion(saved(tmp_path, arrays)).clip.frames) == FRAMES


class Trap:
    """An object that shows whether it was unpickled."""

    def __reduce__(self):
        return (open, ("/nonexistent/trap", "w"))


def test_a_pickle_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "motion.npz"
    path.write_bytes(pickle.dumps(Trap()))
    for options in (ImportOptions(), ImportOptions(format="smpl")):
        with pytest.raises(InputError, match="pickle") as error:
            import_motion(path, options=options)
        assert "\n" not in str(error.value)


def test_a_truncated_archive_is_one_line(tmp_path: Path) -> None:
    path = saved(tmp_path, motion(72))
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(InputError, match="not a readable .npz archive"):
        import_motion(path)


def test_frame_rate_and_up_axis_can_be_given(tmp_path: Path) -> None:
    arrays = motion(72)
    del arrays["mocap_framerate"]
    imported = import_motion(
        saved(tmp_path, arrays), options=ImportOptions(fps=50.0, up="z", format="smpl")
    )
    assert imported.clip.frame_duration == pytest.approx(0.02)
    assert dict(imported.report)["up axis"] == "z (given)"
