"""motion.py retarget: one command from a file to a clip, errors in one line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from animRL.cfg.characters.bob_config import BobConfig
from animRL.dataloader.clip import load_clip, save_clip
from animRL.scripts import motion
from animRL.scripts.cli import run_main
from animRL.sim.character import Character
from animRL.utils.paths import RESOURCES

WALK = RESOURCES / "datasets" / "bob3" / "Walk.txt"


@pytest.fixture
def short(tmp_path: Path) -> Path:
    """Twenty frames of the Walk: no loop."""
    clip = load_clip(WALK)
    path = tmp_path / "short.txt"
    save_clip(replace(clip, frames=clip.frames[:20], loop=False), path)
    return path


def failure(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command that is wrong prints; its exit code is 2."""
    with pytest.raises(SystemExit) as exit_:
        run_main(motion.main, ["retarget", *arguments])
    assert exit_.value.code == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ") and message.count("\n") == 1
    return message


def test_a_clip_is_written_and_the_next_steps_are_told(
    short: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "out.txt"
    assert motion.main(["retarget", str(short), "--out", str(out)]) == 0
    clip = load_clip(out)
    bob = Character.from_config(BobConfig())
    assert clip.joint_names == bob.joint_names
    assert clip.end_effector_names == bob.end_effector_names
    assert (len(clip.frames), clip.loop, clip.skeleton) == (20, False, None)
    text = capsys.readouterr().out
    for words in ("left hand", "right foot", "head (neck)", "fastest joint", "scaled as a whole"):
        assert words in text
    assert f"motion.py check {out}" in text and f"train.py --motion {out}" in text


def test_rate_and_loop_are_taken_from_the_command(short: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    options = ["--fps", "25", "--loop", "--character", "bob"]
    assert motion.main(["retarget", str(short), "--out", str(out), *options]) == 0
    clip = load_clip(out)
    assert clip.loop is True and clip.frame_duration == pytest.approx(0.038, abs=0.003)
    pose = clip.frames[:, clip.layout.joint_pos]
    np.testing.assert_allclose(pose[0], pose[-1], atol=2e-6)


def test_what_is_wrong_is_told_in_one_line(
    short: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out.txt")
    assert "no 'bib' (did you mean 'bob'?)" in failure(
        capsys, str(short), "--out", out, "--character", "bib"
    )
    assert "--fps: 0" in failure(capsys, str(short), "--out", out, "--fps", "0")
    assert "nothing.txt" in failure(capsys, str(tmp_path / "nothing.txt"), "--out", out)
    assert "is the file to retarget" in failure(capsys, str(short), "--out", str(short))
    assert not Path(out).exists()


def test_from_another_format_in_one_command(
    external_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = external_data / "deepmimic" / "motions" / "humanoid3d_run.txt"
    out = tmp_path / "run.txt"
    assert motion.main(["retarget", str(file), "--out", str(out)]) == 0
    assert load_clip(out).duration == pytest.approx(0.8, abs=0.01)
    assert "resampled from 30 to 50 Hz" in capsys.readouterr().out
