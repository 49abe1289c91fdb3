"""A run's folder is new, its configuration survives, and it is found by every way to name it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import torch

from animRL.runner import run_config
from animRL.runner import run_dir as module
from animRL.runner.checkpoint import save_checkpoint
from animRL.runner.run_config import read_config, read_task, write_config
from animRL.runner.run_dir import create_run_dir, find_checkpoint, find_run, iteration_path
from animRL.utils.errors import InputError


def add_checkpoint(path: Path, iteration: int = 0) -> Path:
    weights = {"weight": torch.zeros(1)}
    path.parent.mkdir(parents=True, exist_ok=True)
    names = ("actor_state_dict", "critic_state_dict", "optimizer_state_dict")
    save_checkpoint(path, {**{name: weights for name in names}, "iter": iteration})
    return path


def test_names_hold_date_and_run_and_are_never_reused(tmp_path: Path) -> None:
    runs = [create_run_dir(tmp_path / "logs", "bob", "walk") for _ in range(3)]
    assert len(set(runs)) == 3
    for run in runs:
        assert run.is_dir() and run.parent == tmp_path / "logs" / "bob"
        assert re.fullmatch(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_walk(_\d)?", run.name)


@pytest.mark.parametrize("name", ["", " ", ".", "..", "a/b", "a\\b", "/tmp/x", "a\nb", ".hidden"])
def test_names_that_are_no_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="run name .* is not valid") as caught:
        create_run_dir(tmp_path, "bob", name)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="experiment name"):
        create_run_dir(tmp_path, name, "walk")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    with pytest.raises(InputError, match="cannot make a run's folder in"):
        create_run_dir(tmp_path / "logs", "bob", "walk")


def test_the_configuration_survives(tmp_path: Path) -> None:
    train = {"runner": {"max_iterations": 5}, "seed": 1}
    env = {"rewards": {"terms": {"track_base_height": [1.0, 0.0]}}, "motion": None}
    path = write_config(tmp_path, train, env, "walk")
    assert json.loads(path.read_text()) == {"task": "walk", "train_cfg": train, "env_cfg": env}
    env["rewards"]["narrowing"] = {"above": 1.0}  # it was made before there was this
    assert read_config(tmp_path) == (train, env) and read_task(tmp_path) == "walk"
    assert [entry.name for entry in tmp_path.iterdir()] == ["bob.json"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON|empty"),
        ("{", "not JSON|empty"),
        ("[" * 100_000, "not JSON|empty"),
        ("[]", "holds a list"),
        ('{"train_cfg": {}}', "field env_cfg"),
        ('{"train_cfg": 3, "env_cfg": {}}', "field train_cfg"),
    ],
)
def test_a_bad_configuration_names_file_and_field(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bob.json").write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_config(tmp_path)
    assert str(tmp_path / "bob.json") in str(caught.value) and "\n" not in str(caught.value)


def test_bytes_too_many_and_missing_files_are_refused(tmp_path: Path, monkeypatch) -> None:
    with pytest.raises(InputError, match="cannot be read .No such file"):
        read_config(tmp_path)
    (tmp_path / "bob.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not a text file in UTF-8"):
        read_config(tmp_path)
    write_config(tmp_path, {}, {})
    monkeypatch.setattr(run_config, "MAX_CONFIG_BYTES", 10)
    with pytest.raises(InputError, match="larger than"):
        read_config(tmp_path)


def test_a_run_is_found_by_name_and_by_path(tmp_path: Path, monkeypatch) -> None:
    logs, results = tmp_path / "animRL" / "logs", tmp_path / "results" / "walk"
    run = add_checkpoint(logs / "bob" / "2026-11-21_14-03-07_walk" / "model_0.pt").parent
    add_checkpoint(results / "model.pt")
    monkeypatch.setattr(module, "REPO_ROOT", tmp_path)
    monkeypatch.setattr(module, "PACKAGE_ROOT", tmp_path / "animRL")
    monkeypatch.chdir(tmp_path / "animRL")
    for named in (run.name, f"bob/{run.name}", f"logs/bob/{run.name}", str(run)):
        assert find_run(named, logs, "bob") == run
    for named in ("results/walk", "../results/walk", str(results)):
        assert find_run(named, logs, "bob") == results
    monkeypatch.chdir(tmp_path / "results")
    assert find_run("walk", logs, "bob") == results
    assert find_run(f"logs/bob/{run.name}", logs, "bob") == run


def test_the_newest_run_with_a_valid_checkpoint_is_found(tmp_path: Path) -> None:
    experiment = tmp_path / "bob"
    newest = add_checkpoint(experiment / "2026-11-21_14-03-07_b" / "model_50.pt").parent
    add_checkpoint(experiment / "2026-11-20_23-59-59_z" / "model_best.pt")
    (experiment / "2026-11-22_10-00-00_empty").mkdir()
    broken = experiment / "2026-11-23_10-00-00_broken"
    broken.mkdir()
    (broken / "model_100.pt").write_bytes(b"half a file")
    assert find_run("-1", tmp_path, "bob") == newest
    assert find_run(None, tmp_path, "bob") == newest
    again = add_checkpoint(experiment / "2026-11-21_14-03-07_b_2" / "model_0.pt").parent
    assert find_run(None, tmp_path, "bob") == again


def test_the_newest_run_of_a_task_is_found(tmp_path: Path) -> None:
    runs = {}
    for day, task in ((1, None), (2, "walk"), (3, "cartwheel")):
        run = add_checkpoint(tmp_path / "bob" / f"2026-11-0{day}_10-00-00_x" / "model_0.pt").parent
        runs[task] = write_config(run, {}, {}, task).parent
    assert find_run(None, tmp_path, "bob") == runs["cartwheel"]
    assert find_run("-1", tmp_path, "bob", "walk") == runs["walk"]
    assert find_run("-1", tmp_path, "bob", "jump") == runs[None]  # that it is none is not known
    shutil.rmtree(runs[None])
    with pytest.raises(InputError, match="no run of task jump with a valid checkpoint"):
        find_run("-1", tmp_path, "bob", "jump")


def test_a_run_that_is_not_there_lists_those_that_are(tmp_path: Path) -> None:
    add_checkpoint(tmp_path / "bob" / "2026-11-21_14-03-07_walk" / "model_0.pt")
    with pytest.raises(InputError, match=r"no run 'wlak'.*\(there: 2026-11-21_14-03-07_walk\)"):
        find_run("wlak", tmp_path, "bob")
    with pytest.raises(InputError, match="no run ''"):
        find_run("", tmp_path, "bob")
    with pytest.raises(InputError, match="no run with a valid checkpoint"):
        find_run("-1", tmp_path, "other")
    (tmp_path / "bob" / "empty").mkdir()
    with pytest.raises(InputError, match="no checkpoint in"):
        find_run("empty", tmp_path, "bob")


def test_a_checkpoint_is_found_by_iteration_best_or_newest(tmp_path: Path) -> None:
    for iteration in (0, 50, 400, 1000):
        add_checkpoint(iteration_path(tmp_path, iteration), iteration)
    (tmp_path / "model_2000.pt.tmp").write_bytes(b"")
    assert find_checkpoint(tmp_path, 50).name == "model_50.pt"
    assert find_checkpoint(tmp_path, 0).name == "model_0.pt"
    assert find_checkpoint(tmp_path, -1).name == "model_1000.pt"
    assert find_checkpoint(tmp_path).name == "model_1000.pt"
    add_checkpoint(tmp_path / "model.pt")
    assert find_checkpoint(tmp_path).name == "model.pt"
    add_checkpoint(tmp_path / "model_best.pt")
    assert find_checkpoint(tmp_path).name == "model_best.pt"
    assert find_checkpoint(tmp_path, -1).name == "model_1000.pt"
    iteration_path(tmp_path, 1000).write_bytes(b"damaged")
    assert find_checkpoint(tmp_path, -1).name == "model_400.pt"
    with pytest.raises(InputError, match=r"iteration 60 .*model_best.pt, .*model_50.pt, model_0"):
        find_checkpoint(tmp_path, 60)


def test_a_folder_with_only_the_final_model_means_that(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="model_<iteration>.pt, model_best.pt or model.pt exp"):
        find_checkpoint(tmp_path)
    final = add_checkpoint(tmp_path / "model.pt")
    assert find_checkpoint(tmp_path) == find_checkpoint(tmp_path, -1) == final
    final.unlink()
    best = add_checkpoint(tmp_path / "model_best.pt")  # killed before an iteration was saved
    assert find_checkpoint(tmp_path, -1) == best
    best.unlink()
    final.write_bytes(b"damaged")
    with pytest.raises(InputError, match=r"can be read \(tried model.pt\)"):
        find_checkpoint(tmp_path)
