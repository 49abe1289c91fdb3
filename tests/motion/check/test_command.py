"""The command: exit codes, files written, nothing overwritten in silence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from animRL.dataloader.clip import load_clip
from animRL.scripts import motion
from animRL.scripts.cli import run_main
from tests.motion.check.conftest import WALK


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as end:
        run_main(motion.main, ["check", *map(str, arguments)])
    return end.value.code


@pytest.fixture
def sunk(tmp_path: Path) -> Path:
    data = json.loads(WALK.read_text())
    for frame in data["Frames"]:
        frame[2] -= 0.04
    path = tmp_path / "sunk.txt"
    path.write_text(json.dumps(data))
    return path


def test_a_good_clip_ends_with_0_and_a_bad_one_with_1(sunk, capsys) -> None:
    assert run(WALK) == 0
    assert "passes (" in capsys.readouterr().out
    assert run(WALK, sunk) == 1
    out = capsys.readouterr().out
    assert "penetration" in out and "FAILS (" in out


def test_what_is_no_clip_ends_with_2_in_one_line(tmp_path, capsys) -> None:
    path = tmp_path / "no.txt"
    path.write_text("no")
    for arguments in ((path,), (tmp_path / "absent.txt",), (WALK, "--character", "alice")):
        assert run(*arguments) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ") and error.count("\n") == 1


@pytest.mark.parametrize(
    "options", [("--out", "a.txt"), ("--plot", "a.jpg"), ("--fix", "--out", "a.txt", WALK)]
)
def test_options_that_do_not_go_together_are_refused(options, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(WALK, *options) == 2
    assert not list(tmp_path.iterdir())


def test_fix_writes_beside_the_clip_and_checks_the_result(sunk, capsys) -> None:
    before = sunk.read_bytes()
    assert run(sunk, "--fix") == 0
    out = capsys.readouterr().out
    assert "raised by 0.0400 m" in out and "replaces" not in out
    assert sunk.read_bytes() == before
    fixed = load_clip(sunk.with_name("sunk_fixed.txt"))
    assert fixed.frames[:, 2].min() == pytest.approx(load_clip(WALK).frames[:, 2].min(), abs=1e-4)
    assert run(sunk, "--fix") == 0
    assert "replaces the file that was there" in capsys.readouterr().out


def test_fix_of_a_good_clip_writes_nothing(tmp_path, capsys) -> None:
    clip = shutil.copy(WALK, tmp_path / "walk.txt")
    assert run(clip, "--fix") == 0
    assert "nothing to mend" in capsys.readouterr().out
    assert [p.name for p in tmp_path.iterdir()] == ["walk.txt"]


def test_fix_of_what_holds_no_poses_is_a_verdict_of_no(tmp_path, capsys) -> None:
    data = json.loads(WALK.read_text())
    data["Frames"] = [row[:5] for row in data["Frames"]]
    path = tmp_path / "narrow.txt"
    path.write_text(json.dumps(data))
    assert run(path, "--fix", "--plot", tmp_path / "a.png") == 1
    assert "nothing can be mended" in capsys.readouterr().out


def test_json_and_plots_are_written_for_every_clip(sunk, tmp_path) -> None:
    assert run(WALK, sunk, "--json", tmp_path / "a.json", "--plot", tmp_path / "p.png") == 1
    reports = json.loads((tmp_path / "a.json").read_text())
    assert [r["verdict"] for r in reports] == ["ok", "FAIL"]
    assert (tmp_path / "p_Walk.png").exists() and (tmp_path / "p_sunk.png").exists()


def test_loop_judges_the_seam_of_a_clip_that_is_silent(tmp_path, capsys) -> None:
    data = json.loads(WALK.read_text())
    del data["Loop"]
    data["Frames"] = data["Frames"][:-6]
    path = tmp_path / "cut.txt"
    path.write_text(json.dumps(data))
    assert run(path, "--loop") == 1
    assert run(path) == 0
