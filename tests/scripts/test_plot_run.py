"""Runs are drawn over each other from what lies in their folders."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from torch.utils.tensorboard import SummaryWriter

from animRL.runner.run_curves import EVALUATIONS, SCALARS, read_curves
from animRL.scripts import plot_run
from animRL.utils import plots
from animRL.utils.errors import InputError


def make_run(folder: Path, evaluations: int = 2, scalars: int = 60) -> Path:
    folder.mkdir(parents=True)
    (folder / "model.pt").write_bytes(b"")
    rows = [
        {"iteration": 25 * k, "samples": 1e6 * k, "training_seconds": 120.0 * k,
         "success": 0.5 * k, "position_error_m": 0.1 / k, "normalised_return": 0.4 * k}
        for k in range(1, evaluations + 1)
    ]  # fmt: skip
    if rows:
        (folder / "learning_curve.json").write_text(json.dumps(rows))
    if scalars:
        with SummaryWriter(str(folder)) as events:
            for iteration in range(1, scalars + 1):
                for tag in SCALARS.values():
                    events.add_scalar(tag, 0.01 * iteration, iteration)
    return folder


@pytest.fixture
def panels(monkeypatch):
    """What is handed over to be drawn."""
    seen = []
    draw = plots.plot_runs
    monkeypatch.setattr(plots, "plot_runs", lambda *a: (seen.append(a[1]), draw(*a))[1])
    return seen


def test_two_runs_in_one_picture(tmp_path, panels, capsys):
    runs = [make_run(tmp_path / name) for name in ("a", "b")]
    out = tmp_path / "new" / "picture.png"
    assert plot_run.main([*map(str, runs), "--out", str(out)]) == 0
    assert out.read_bytes().startswith(b"\x89PNG") and str(out) in capsys.readouterr().out
    assert list(panels[0]) == [*EVALUATIONS, *SCALARS]
    x, y = panels[0]["success [share of episodes]"]["a"]
    np.testing.assert_allclose([x, y], [[1.0, 2.0], [0.5, 1.0]])
    x, y = panels[0]["learning rate [1]"]["b"]
    np.testing.assert_allclose(x[[24, 49, 59]], [1.0, 2.0, 2.4])
    np.testing.assert_allclose(y[59], 0.6, rtol=1e-6)


@pytest.mark.parametrize(("axis", "place"), [("minutes", 2.0), ("iterations", 25.0)])
def test_other_axes(tmp_path, axis, place):
    curves = read_curves(make_run(tmp_path / "run"))
    assert curves.curve("position error [m]", axis)[0][0] == place
    assert curves.curve("learning rate [1]", axis)[0][24] == place


def test_what_is_not_there_is_left_out(tmp_path, panels):
    run = make_run(tmp_path / "run", evaluations=0)
    plot_run.main([str(run), "--x", "iterations"])
    assert list(panels[0]) == list(SCALARS) and (run / "learning_curves.png").is_file()
    with pytest.raises(InputError, match="run: no evaluation yet.*valid: --x=iterations"):
        plot_run.main([str(run), str(make_run(tmp_path / "good"))])
    run = make_run(tmp_path / "other", scalars=0)
    plot_run.main([str(run)])
    assert list(panels[1]) == list(EVALUATIONS)


def test_bad_input_is_told_in_one_line(tmp_path):
    empty = make_run(tmp_path / "empty", 0, 0)
    with pytest.raises(InputError, match="no curves in"):
        plot_run.main([str(empty)])
    run = make_run(tmp_path / "run")
    with pytest.raises(InputError, match="named twice"):
        plot_run.main([str(run), str(run)])
    (run / "learning_curve.json").write_text('[{"iteration": "x"}]')
    with pytest.raises(InputError, match="cannot be read as a learning curve"):
        plot_run.main([str(run)])
    with pytest.raises(SystemExit):
        plot_run.main([str(run), "--out", "picture.jpg"])
