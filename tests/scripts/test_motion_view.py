"""motion.py view: the files it leaves, and of what length."""

from __future__ import annotations

from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from animRL.dataloader.clip import load_clip
from animRL.motion.skeleton_character import skeleton_character
from animRL.scripts import motion
from animRL.scripts.motion_commands import view
from animRL.utils.errors import InputError
from animRL.utils.paths import RESOURCES
from animRL.viewer import rendering
from animRL.viewer.files import VideoError
from animRL.viewer.opengl import STICK_FIGURE
from tests.scripts.test_motion_edit import make_imported

WALK = RESOURCES / "datasets" / "bob3" / "Walk.txt"
SMALL = ("--size", "64x48")


@pytest.fixture(autouse=True)
def stick_figures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(rendering, "choose_backend", lambda preferred: STICK_FIGURE)
    monkeypatch.chdir(tmp_path)


def seconds_of(path: Path) -> tuple[float, tuple[int, int]]:
    """Length [s] and size of a film."""
    reader = imageio_ffmpeg.read_frames(str(path))
    data = next(reader)
    reader.close()
    return float(data["duration"]), tuple(data["size"])


def test_a_strip_and_a_film_are_left_here(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view, "FILM_SECONDS", 1.5)
    assert motion.main(["view", str(WALK), "--frames", "3", *SMALL]) == 0
    assert capsys.readouterr().out.split() == ["Walk.png", "Walk.mp4"]
    strip = np.asarray(Image.open(tmp_path / "Walk.png"))
    assert strip.shape[1] == 3 * 64 + 2 * 4
    # Twice the loop of 1.12 s make the time that a loop is shown for.
    length, size = seconds_of(tmp_path / "Walk.mp4")
    assert length == pytest.approx(2 * 1.12 + 0.04, abs=0.05)
    assert size == (64, 48)


@pytest.mark.parametrize(
    ("options", "length"),
    [
        (["--loops", "1"], 1.12),
        (["--loops", "1", "--speed", "0.5"], 2.24),
        (["--from", "0.2", "--to", "0.7"], 0.5),
        (["--from", "0.2", "--to", "0.7", "--loops", "3"], 1.54),
    ],
)
def test_how_long_a_film_is(tmp_path: Path, options: list[str], length: float) -> None:
    assert motion.main(["view", str(WALK), "--out", "film.mp4", *SMALL, *options]) == 0
    assert seconds_of(tmp_path / "film.mp4")[0] == pytest.approx(length + 0.04, abs=0.03)
    assert [p.name for p in tmp_path.iterdir()] == ["film.mp4"]


def test_two_clips_of_two_skeletons_side_by_side(tmp_path: Path) -> None:
    other, _ = make_imported(tmp_path)
    argv = ["view", str(WALK), "--beside", str(other), "--out", str(tmp_path / "new"),
            "--frames", "2", "--loops", "1"]  # fmt: skip
    assert motion.main([*argv, *SMALL]) == 0
    names = {p.name for p in (tmp_path / "new").iterdir()}
    assert names == {"Walk_imported.png", "Walk_imported.mp4"}
    strip = np.asarray(Image.open(tmp_path / "new" / "Walk_imported.png"))
    assert strip.shape[1] == 2 * 64 + 4 and strip.shape[0] > 2 * 48


def test_a_gif_moves(tmp_path: Path) -> None:
    assert motion.main(["view", str(WALK), "--out", "a.gif", "--loops", "1", *SMALL]) == 0
    with Image.open(tmp_path / "a.gif") as image:
        assert image.n_frames == 23
        assert image.size == (64, 48)


def test_a_clips_own_skeleton_is_shown(tmp_path: Path) -> None:
    path, skeleton = make_imported(tmp_path)
    parser = motion.build_parser("view")
    take = view.make_take(str(path), load_clip(path), parser.parse_args([str(path)]), film=False)
    assert take.character is skeleton_character(load_clip(path).skeleton)
    assert take.name == "imported.txt" and len(take.poses) == 30


def test_files_of_other_formats_are_shown_as_they_are(tmp_path: Path, external_data: Path) -> None:
    trot = external_data / "deepmimic" / "motions" / "dog3d_trot.txt"
    assert motion.main(["view", str(trot), "--out", "dog.png", "--frames", "2", *SMALL]) == 0
    assert (tmp_path / "dog.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--frames", "0"], "--frames 0; valid: at least 1"),
        (["--loops", "0"], "--loops 0; valid: at least 1"),
        (["--speed", "-1"], "--speed -1; valid: a number above 0"),
        (["--size", "huge"], "--size huge; valid: WIDTHxHEIGHT such as 280x360"),
        (["--size", "65x48", "--out", "a.mp4"], "multiple of 2"),
        (["--size", "66x48", "--out", "a.mp4", "--beside", str(WALK)], "multiple of 4"),
        (["--out", "film.avi"], "--out: film.avi; valid: a folder, or a file in .png, .mp4, .gif"),
        (["--from", "2"], "valid: from 0 to 1.12 s"),
        (["--beside", "nothing.txt"], "nothing.txt: cannot be read"),
        (["--character", "alice"], "no 'alice'"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    tmp_path: Path, options: list[str], message: str
) -> None:
    with pytest.raises(InputError, match=message) as error:
        motion.main(["view", str(WALK), *options])
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_without_an_encoder_the_strip_is_still_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise VideoError("no ffmpeg")

    monkeypatch.setattr("animRL.viewer.files.write_mp4", fail)
    assert motion.main(["view", str(WALK), "--frames", "2", *SMALL]) == 1
    assert "no film: no ffmpeg" in capsys.readouterr().out
    assert [p.name for p in tmp_path.iterdir()] == ["Walk.png"]
