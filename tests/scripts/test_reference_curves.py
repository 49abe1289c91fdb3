"""From finished runs to the word that a later run gets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from animRL.runner import reference_curves as module
from animRL.scripts import reference_curves, train
from animRL.utils import paths
from animRL.utils.errors import InputError

SMALL = [
    "--task=walk", "--dv", "--dr", "--num_envs=4", "--sim=kinematic", "--set",
    "runner.num_steps_per_env=4", "runner.eval_interval=1", "policy.hidden_dims=[16,16]",
    "algorithm.decay_iterations=2",
]  # fmt: skip


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(paths, "LOGS", tmp_path / "logs")
    monkeypatch.setattr(module, "FOLDER", tmp_path / "curves")
    monkeypatch.setattr(train, "EVALUATION_EPISODES", 2)
    return tmp_path / "logs" / "bob"


def test_past_runs_tell_later_ones_whether_they_are_on_track(
    logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in (1, 2):
        argv = [f"--seed={seed}", f"--run_name=s{seed}", "--max_iterations=2"]
        assert train.main([*SMALL, *argv]) == 0
    out = capsys.readouterr().out
    assert not any(word in out for word in ("on track", "ahead", "behind"))
    runs = sorted(logs.iterdir(), key=lambda run: run.name[-1])
    assert reference_curves.main(["--task=walk", runs[0].name, str(runs[1])]) == 0
    path = logs.parents[1] / "curves" / "walk.json"
    assert capsys.readouterr().out == f"{path}: 2 runs of walk, seeds 1, 2\n"
    content = json.loads(path.read_text())
    first = json.loads((runs[0] / "learning_curve.json").read_text())
    points = content["curves"][0]["points"]
    assert [row[0] for row in points] == [16, 32] == [point["samples"] for point in first]
    assert points[1][3] == pytest.approx(first[1]["normalised_return"], abs=1e-4)

    assert train.main([*SMALL, "--max_iterations=1", "--seed=1"]) == 0
    out = capsys.readouterr().out
    (evaluation,) = (line for line in out.splitlines() if line.startswith("evaluation at 1"))
    assert evaluation.endswith(" - on track") and "  on track  left" in out
    for curve in content["curves"]:
        curve["points"] = [[*row[:3], row[3] + 0.5, row[4]] for row in curve["points"]]
    path.write_text(json.dumps(content))
    assert train.main([*SMALL, "--max_iterations=1", "--seed=1"]) == 0
    assert "  behind  left" in capsys.readouterr().out
    assert train.main([*SMALL, "control.action_scale=0.2", "--max_iterations=1"]) == 0
    assert "behind" not in capsys.readouterr().out


def test_what_is_no_run_is_one_line(logs: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing") as error:
        reference_curves.main(["--task=walk", "nothing", f"--out={tmp_path / 'x.json'}"])
    assert "\n" not in str(error.value) and not (tmp_path / "x.json").exists()
