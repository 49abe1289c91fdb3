from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from animRL.cfg.characters.bob_config import BobConfig
from animRL.dataloader.clip import load_clip
from animRL.scripts.cli import run_main
from animRL.scripts.motion import main
from tests.motion.importers.writers import bvh_text, humanoid, wandering, write

NAMES = {"pelvis": "Hips", "spine": "Spine", "chest": "Chest", "neck": "Neck", "head": "Head"}
for _side in ("left", "right"):
    for _role, _word in zip(
        ("clavicle", "shoulder", "elbow", "wrist", "hip", "knee", "ankle", "toe"),
        ("Shoulder", "Arm", "ForeArm", "Hand", "UpLeg", "Leg", "Foot", "Toe"),
    ):
        NAMES[f"{_side}_{_role}"] = _side.title() + _word


@pytest.fixture
def dance(tmp_path: Path) -> Path:
    bones = humanoid(NAMES, 0.01, "y", "ZXY")
    return write(tmp_path / "dance.bvh", bvh_text(bones, wandering(bones, 0.01, "y", 1), 0.02))


def run(*words: object) -> int:
    with pytest.raises(SystemExit) as end:
        run_main(main, ["import", *map(str, words)])
    return int(end.value.code or 0)


def test_a_file_becomes_a_clip_and_what_was_found_is_told(
    dance: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    out = tmp_path / "new" / "dance.txt"
    assert run(dance, "--out", out) == 0
    printed = capsys.readouterr().out
    for words in (
        "format",
        "BVH",
        "40 at 50 Hz",
        "up axis",
        "cm",
        "left_hip",
        "LeftUpLeg",
        "wrote",
    ):
        assert words in printed
    clip = load_clip(out)
    assert clip.skeleton is not None and len(clip.frames) == 40
    assert [path.name for path in out.parent.iterdir()] == ["dance.txt"]


def test_without_out_it_only_tells(dance: Path, tmp_path: Path, capsys) -> None:
    assert run(dance, "--up", "y", "--forward=-z", "--scale", "0.01") == 0
    assert "-z at rest (given)" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["dance.bvh"]


def test_rows_of_bobs_joints_are_understood(tmp_path: Path) -> None:
    rows = np.zeros((3, 7 + len(BobConfig().joint_names)))
    rows[:, 2], rows[:, 6] = 1.0, 1.0
    np.savetxt(tmp_path / "bob.csv", rows, delimiter=",")
    assert run(tmp_path / "bob.csv", "--out", tmp_path / "bob.txt", "--fps", "60") == 0
    clip = load_clip(tmp_path / "bob.txt")
    assert clip.skeleton is None and clip.frame_duration == pytest.approx(1 / 60)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--up", "x"], "--up: 'x'; valid: y, z"),
        (["--scale", "-1"], "--scale: -1"),
        (["--format", "csv"], "dance.bvh"),
        (["--map", "none.json"], "none.json: cannot be read"),
        (["--character", "bop"], "did you mean 'bob'"),
        (["--forward", "y"], "points up at rest"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    dance: Path, tmp_path: Path, capsys, words: list[str], message: str
) -> None:
    assert run(dance, "--out", tmp_path / "out.txt", *words) == 2
    error = capsys.readouterr().err
    assert message in error and len(error.splitlines()) == 1
    assert not (tmp_path / "out.txt").exists()


def test_the_file_itself_is_never_written_over(dance: Path, capsys) -> None:
    before = dance.read_bytes()
    assert run(dance, "--out", dance) == 2
    assert "the file to import" in capsys.readouterr().err
    assert dance.read_bytes() == before


def test_help_has_an_example(capsys) -> None:
    assert run("--help") == 0
    assert "motion.py import dance.bvh --out dance.txt" in capsys.readouterr().out
