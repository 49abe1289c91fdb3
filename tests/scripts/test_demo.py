"""The demo: shipped policies are played, told and drawn."""

from __future__ import annotations

import json
import shutil
import webbrowser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from animRL.scripts import demo
from animRL.tasks import task_names
from animRL.utils.errors import InputError
from animRL.utils.paths import REPO_ROOT

RESULTS = REPO_ROOT / "results"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "SHEET_SIZE", (48, 64))
    monkeypatch.setattr(demo, "FILM_SIZE", (64, 48))
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)


def test_shipped_policies_are_played_told_and_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["--seconds=0.2", "--frames=3", "--dr", "--sim=mujoco", f"--out={tmp_path}"]
    assert demo.main(argv) == 0
    out = capsys.readouterr().out
    shipped = [task for task in task_names() if (RESULTS / task / "model.pt").is_file()]
    rows = {line.split()[0]: line for line in out.splitlines() if line.startswith("  ")}
    assert set(rows) == {"task", *shipped} and len(shipped) >= 6
    for task in shipped:
        metrics = json.loads((RESULTS / task / "eval_metrics.json").read_text())
        cells = [cell.strip() for cell in rows[task].split("   ") if cell.strip()]
        assert cells[1] == "0.2 s"  # and no fall
        assert cells[2] == f"{100 * metrics['success_rate']:.0f}%"
        assert cells[4] == f"{metrics['position_error_m']:.3f} m"
    sheet = np.asarray(Image.open(tmp_path / "demo.png"))
    assert sheet.shape[1] == 3 * (48 + 4) - 4 and sheet.shape[0] > 64 * len(shipped)
    assert sheet.std() > 10  # something is drawn
    assert str(tmp_path / "demo.png") in out and f"{len(shipped)} policies in" in out


def test_a_policy_without_figures_is_played_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "walk"
    folder.mkdir()
    for name in ("model.pt", "bob.json"):
        shutil.copy(RESULTS / "walk" / name, folder / name)
    # Less than a control step: one is played.
    argv = ["walk", "--seconds=0.001", "--frames=1", "--dr", f"--results={tmp_path}"]
    assert demo.main([*argv, f"--out={tmp_path / 'out'}"]) == 0
    (row,) = (s for s in capsys.readouterr().out.splitlines() if s.startswith("  walk"))
    assert row.split() == ["walk", "0.0", "s", "-", "-", "-", "-", "-"]


def test_a_film_is_drawn_and_shown_where_there_is_a_display(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(webbrowser, "open", shown.append)
    monkeypatch.setenv("DISPLAY", ":0")
    argv = ["walk", "--seconds=0.2", "--frames=1", f"--out={tmp_path}"]
    assert demo.main(argv) == 0
    files = [tmp_path / "demo.png", tmp_path / "walk.mp4"]
    assert shown == [path.as_uri() for path in files]
    assert files[1].stat().st_size > 500
    assert demo.main([*argv, "--dv", "--dr"]) == 0 and len(shown) == 2


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["fly"], "no policy of a task 'fly' in .*; valid: walk, cartwheel"),
        (["--results=nowhere"], "no policy in 'nowhere': a folder with <task>/model.pt"),
    ],
)
def test_what_is_not_there_is_told_in_one_line(argv: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        demo.main(argv)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("argv", [["--seconds=0"], ["--seconds=nan"], ["--frames=0"]])
def test_a_length_that_makes_no_sense_is_refused(argv: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        demo.main(argv)
    assert end.value.code == 2
