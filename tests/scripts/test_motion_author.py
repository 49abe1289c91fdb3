"""motion.py author: what it writes and prints, its exit codes, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from animRL.dataloader.clip import load_clip
from animRL.scripts import motion
from animRL.utils.errors import InputError
from animRL.utils.paths import PACKAGE_ROOT, RESOURCES

WALK = RESOURCES / "datasets" / "bob3" / "Walk.txt"
SCRIPT = PACKAGE_ROOT / "scripts" / "motion.py"

# A second of standing, at few frames.
STAND = """
[motion]
frame_rate = 10
duration = 1.0
[[keyframe]]
time = 0.0
root = {{ x = {x}, z = 0.88 }}
left_foot = [0.0, 0.12]
right_foot = [0.0, -0.12]
[[keyframe]]
time = 1.0
[[plant]]
part = "left_foot"
from = 0.0
to = 1.0
[[plant]]
part = "right_foot"
from = 0.0
to = 1.0
"""


def refusal(*argv: str) -> str:
    """What a call is refused with: one line."""
    with pytest.raises(InputError) as error:
        motion.main(["author", *argv])
    assert "\n" not in str(error.value)
    return str(error.value)


def test_the_walk_is_made_again_byte_for_byte(tmp_path: Path, capsys) -> None:
    out = tmp_path / "new" / "Walk.txt"
    assert motion.main(["author", "walk", "--out", str(out)]) == 0
    assert out.read_bytes() == WALK.read_bytes()
    assert [path.name for path in out.parent.iterdir()] == ["Walk.txt"]
    printed = capsys.readouterr().out
    assert printed.startswith(f"{out}: 57 frames, 1.12 s\n")
    assert "foot" in printed and "fail" not in printed.lower()


def test_the_clip_is_named_after_its_description(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stroll.toml").write_text("[gait]\nspeed = 1.0")
    assert motion.main(["author", "stroll.toml"]) == 0
    assert load_clip("Stroll.txt").loop is True


def test_speed_and_step_are_those_asked_for(tmp_path: Path) -> None:
    out = tmp_path / "slow.txt"
    argv = ["author", "walk", "--speed", "0.9", "--step_length", "0.54", "--out", str(out)]
    assert motion.main(argv) in (0, 1)
    clip = load_clip(out)
    assert clip.duration == pytest.approx(1.2)
    assert clip.frames[-1, 0] - clip.frames[0, 0] == pytest.approx(1.08, abs=1e-5)


def test_keyframes_become_a_clip_that_passes(tmp_path: Path, capsys) -> None:
    path, out = tmp_path / "stand.toml", tmp_path / "stand.txt"
    path.write_text(STAND.format(x=0.03))
    assert motion.main(["author", str(path), "--out", str(out)]) == 0
    assert "11 frames, 1.00 s" in capsys.readouterr().out
    assert np.ptp(load_clip(out).frames[:, :3], axis=0).max() < 0.05


def test_a_clip_that_fails_its_checks_is_written_and_told(tmp_path: Path, capsys) -> None:
    """A metre above the ground for ever: no way of moving there is one."""
    path, out = tmp_path / "hover.toml", tmp_path / "hover.txt"
    text = STAND.format(x=0.0).split("[[plant]]")[0].replace("z = 0.88", "z = 1.88")
    text = text.replace("[motion]", "[motion]\nloop = true")
    path.write_text(text.replace("0.12]", "0.12, 1.0]"))
    assert motion.main(["author", str(path), "--out", str(out)]) == 1
    assert out.exists()
    assert "fail" in capsys.readouterr().out.lower()


def test_bad_input_is_one_line_and_nothing_is_written(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert refusal("wlk").startswith("no description 'wlk'")
    assert "cartwheel" in refusal("wlk") and "walk" in refusal("wlk")
    assert "nothing.toml: cannot be read (No such file" in refusal("nothing.toml")
    assert refusal("walk", "--character", "bop").startswith("--character: no 'bop'")
    for option in ("--speed", "--step_length"):
        for value in ("0", "-1", "nan", "inf"):
            assert f"{option} is {value}; valid: a number above 0" == refusal("walk", option, value)
    assert "walk.toml: gait: speed 9 m/s" in refusal("walk", "--speed", "9")
    assert "speed and step_length are given" in refusal("cartwheel", "--speed", "1")
    assert not list(tmp_path.iterdir())


def test_a_description_with_a_mistake_names_file_and_field(tmp_path: Path) -> None:
    path, out = tmp_path / "stand.toml", tmp_path / "stand.txt"
    for old, new, message in (
        ("frame_rate = 10", "frame_rate = 10 10", "not a description in TOML"),
        ("[[plant]]", "[[plants]]", "tables: no 'plants' (did you mean 'plant'?)"),
        ("left_foot = [0.0, 0.12]", "left_foot = [2.0, 0.12]", "left_foot: 1."),
    ):
        path.write_text(STAND.format(x=0.0).replace(old, new, 1))
        said = refusal(str(path), "--out", str(out))
        assert said.startswith(f"{path}: ") and message in said
    assert not out.exists()


def test_a_place_that_cannot_be_written_is_told_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert refusal("cartwheel", "--out", str(tmp_path / "file" / "c.txt")).startswith(
        f"--out: cannot write {tmp_path / 'file' / 'c.txt'}"
    )
    assert "is a folder; valid: a file to write" in refusal("cartwheel", "--out", str(tmp_path))


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        (["walk", "--speed", "0"], 2, "error: --speed is 0; valid: a number above 0\n"),
        (["walk", "--sped", "1"], 2, "error: unrecognized arguments: --sped 1 (did you mean"),
        ([], 2, "error: the following arguments are required: DESCRIPTION\n"),
    ],
)
def test_exit_codes_of_the_program(
    argv: list[str], code: int, message: str, tmp_path: Path
) -> None:
    command = [sys.executable, str(SCRIPT), "author", *argv]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(message) and done.stderr.count("\n") == 1
