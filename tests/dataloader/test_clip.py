"""Motion files: what is refused, in one line that names file and field, and what is kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from animRL.dataloader.clip import Clip, load_clip, permuted_to, save_clip
from animRL.utils.errors import InputError

JOINTS, ENDS, WIDTH = ["hip", "knee"], ["foot"], 13 + 2 * 2 + 6


def content(frames: int = 4) -> dict:
    rows = np.zeros((frames, WIDTH))
    rows[:, 6] = 1.0
    rows[:, 7:9] = [0.1, 0.2]
    rows[:, 18:20] = [1.0, 2.0]
    return {
        "Frames": rows.tolist(), "FrameDuration": 0.02, "JointNames": JOINTS,
        "EndEffectorNames": ENDS, "MotionWeight": 1.0, "OutputMode": "ISAAC",
    }  # fmt: skip


def write(folder: Path, data: object) -> Path:
    path = folder / "clip.txt"
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return path


def change(field: str, value: object) -> Callable[[dict], object]:
    return lambda data: {**data, field: value}


def entry(row: int, column: int, value: float) -> Callable[[dict], object]:
    def edit(data: dict) -> dict:
        data["Frames"][row][column] = value
        return data

    return edit


def without(field: str) -> Callable[[dict], object]:
    return lambda data: {k: v for k, v in data.items() if k != field}


BAD = {
    "not JSON": (lambda d: "Frames: 1", "not JSON"),
    "truncated": (lambda d: json.dumps(d)[:100], "not JSON, or cut short"),
    "empty": (lambda d: "", "empty"),
    "a list": (lambda d: [1, 2], "valid: an object"),
    "no frames field": (without("Frames"), "Frames is missing"),
    "no frame": (change("Frames", []), "Frames has 0 frame"),
    "one frame": (lambda d: {**d, "Frames": d["Frames"][:1]}, "Frames has 1 frame"),
    "extra column": (lambda d: {**d, "Frames": [[*r, 0.0] for r in d["Frames"]]}, "24 columns"),
    "missing column": (lambda d: {**d, "Frames": [r[:-1] for r in d["Frames"]]}, "22 columns"),
    "ragged": (lambda d: {**d, "Frames": [*d["Frames"][:-1], [0.0]]}, r"Frames\[3\]"),
    "text in a frame": (entry(1, 2, "x"), r"Frames\[1\]"),  # type: ignore[arg-type]
    "NaN": (entry(2, 7, float("nan")), r"Frames\[2\]\[7\] is nan"),
    "infinity": (entry(2, 7, float("inf")), r"Frames\[2\]\[7\] is inf"),
    "zero quaternion": (entry(1, 6, 0.0), r"Frames\[1\] root rotation has length 0"),
    "degrees": (entry(3, 8, 57.3), r"Frames\[3\] knee .* degrees"),
    "negative time": (change("FrameDuration", -0.02), "FrameDuration is -0.02"),
    "zero time": (change("FrameDuration", 0), "FrameDuration is 0"),
    "time in words": (change("FrameDuration", "fast"), "FrameDuration is 'fast'"),
    "a huge number": (entry(1, 2, 10**400), r"Frames\[1\]\[2\] is 1000"),
    "a huge time": (change("FrameDuration", 10**400), "FrameDuration is '1000"),
    "a number too long": (lambda d: '{"FrameDuration": ' + "1" * 5000 + "}", "limit .4300 digits"),
    "time as NaN": (change("FrameDuration", float("nan")), "FrameDuration is 'nan'"),
    "weight": (change("MotionWeight", 0.0), "MotionWeight is 0"),
    "loop": (change("Loop", "yes"), "Loop is 'yes'"),
    "mode": (change("OutputMode", "BULLET"), "OutputMode is 'BULLET'"),
    "names": (change("JointNames", [1, 2]), "JointNames is not a list of names"),
    "names twice": (change("JointNames", ["hip", "hip"]), "hip more than once"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_are_refused_in_one_line(case: str, tmp_path: Path) -> None:
    edit, message = BAD[case]
    path = write(tmp_path, edit(content()))
    with pytest.raises(InputError, match=message) as error:
        load_clip(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_missing_and_binary_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_clip(tmp_path / "nothing.txt")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(InputError, match="UTF-8"):
        load_clip(tmp_path / "binary.txt")


def test_other_names_are_refused_and_another_order_is_permuted(tmp_path: Path) -> None:
    clip = load_clip(write(tmp_path, content()))
    with pytest.raises(InputError, match="JointNames: missing ankle; unknown hip"):
        permuted_to(clip, ["ankle", "knee"], ENDS)
    swapped = permuted_to(clip, ["knee", "hip"], ENDS)
    np.testing.assert_allclose(swapped.frames[0, 7:9], [0.2, 0.1])
    np.testing.assert_allclose(swapped.frames[0, 18:20], [2.0, 1.0])
    assert swapped.joint_names == ("knee", "hip")


def test_saving_and_loading_gives_the_same_clip(tmp_path: Path) -> None:
    clip = load_clip(write(tmp_path, content()))
    looping = Clip(clip.frames, 0.04, clip.joint_names, clip.end_effector_names, 2.0, True)
    save_clip(looping, tmp_path / "copy.txt")
    back = load_clip(tmp_path / "copy.txt")
    np.testing.assert_allclose(back.frames, clip.frames, atol=1e-6)
    assert (back.frame_duration, back.motion_weight, back.loop) == (0.04, 2.0, True)
    assert back.duration == pytest.approx(3 * 0.04)


def test_nothing_half_written_stays(tmp_path: Path) -> None:
    clip = load_clip(write(tmp_path, content()))
    with pytest.raises(InputError, match="cannot write"):
        save_clip(clip, tmp_path / "no_such_folder" / "clip.txt")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clip.txt"]
