from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from animRL.dataloader.clip import load_clip, save_clip
from animRL.motion.importers.entry import detect_format, import_motion
from animRL.motion.importers.options import ImportOptions
from animRL.utils.errors import InputError
from animRL.utils.paths import RESOURCES

WALK = RESOURCES / "datasets" / "bob3" / "Walk.txt"


def test_formats_are_told_by_content_whatever_the_name(tmp_path: Path) -> None:
    texts = {
        "clip": WALK.read_text(),
        "deepmimic": json.dumps({"Frames": [[0.1, 0.0]]}),
        "bvh": "\n  Hierarchy\nROOT a\n{\n",
        "csv": "0,0,1,0,0,0,1,0.1\n0,0,1,0,0,0,1,0.1\n",
    }
    for kind, text in texts.items():
        path = tmp_path / f"{kind}.dat"
        path.write_text(text)
        assert detect_format(path) == kind
    for kind, arrays in {
        "smpl": {"poses": np.zeros((2, 72)), "trans": np.zeros((2, 3))},
        "npz": {"qpos": np.zeros((2, 9))},
    }.items():
        with open(tmp_path / "file", "wb") as file:
            np.savez(file, **arrays)
        assert detect_format(tmp_path / "file") == kind


def test_a_clip_is_loaded_as_it_is(tmp_path: Path) -> None:
    imported = import_motion(WALK)
    np.testing.assert_array_equal(imported.clip.frames, load_clip(WALK).frames)
    assert ("format", "animRL clip") in imported.report
    save_clip(imported.clip, tmp_path / "copy.txt")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"some words", "no known motion format"),
        (b"\xff\xfe\x00\x01 binary", "no known motion format"),
        (b"{", "not JSON"),
        (b"\x93NUMPY\x01\x00", "no known motion format"),
    ],
)
def test_what_is_no_motion_is_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(InputError, match=message) as error:
        import_motion(tmp_path / "a")
    assert "\n" not in str(error.value)


def test_missing_files_and_folders_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        import_motion(tmp_path / "none.bvh")
    with pytest.raises(InputError, match="a folder"):
        import_motion(tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (ImportOptions(format="fbx"), "--format: 'fbx'; valid: clip, deepmimic, bvh"),
        (ImportOptions(up="x"), "--up: 'x'; valid: y, z"),
        (ImportOptions(forward="north"), "--forward: 'north'"),
        (ImportOptions(scale=0.0), "--scale: 0"),
        (ImportOptions(scale=float("nan")), "--scale: nan"),
        (ImportOptions(fps=-1.0), "--fps: -1"),
    ],
)
def test_options_that_are_none_are_one_line(options: ImportOptions, message: str) -> None:
    with pytest.raises(InputError, match=message):
        import_motion(WALK, options=options)
