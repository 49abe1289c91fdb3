"""A run's ``bob.json``: it can be moved, says what made it, and leads nowhere else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from animRL.cfg.base_config import ConfigError
from animRL.cfg.mimic.walk_config import WalkConfig, WalkTrainConfig
from animRL.runner.run_config import (
    keep_files,
    read_config,
    read_made_with,
    with_own_files,
    write_config,
)
from animRL.scripts import eval as evaluation
from animRL.scripts import train
from animRL.utils import machine, paths
from animRL.utils.errors import InputError
from animRL.utils.paths import RESOURCES, is_file

CLIP = RESOURCES / "datasets" / "bob3" / "Walk.txt"


def write_run(folder: Path, clips: list[str], asset: str | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    cfg = WalkConfig().to_dict()
    cfg["motion_loader"]["motion_files"] = clips
    cfg["character"]["asset"] = asset or cfg["character"]["asset"]
    write_config(folder, WalkTrainConfig().to_dict(), keep_files(cfg, clips, folder), "walk")
    return folder


def files_of(run: Path) -> tuple[list[str], str]:
    own = with_own_files(read_config(run)[1], run)
    return own["motion_loader"]["motion_files"], own["character"]["asset"]


def test_files_from_elsewhere_are_copied_and_found_after_a_move(tmp_path: Path) -> None:
    for name in ("a/my.txt", "b/my.txt", "b/MY.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(CLIP, tmp_path / name)
    asset = tmp_path / "own.xml"
    asset.write_text("<mujoco/>")
    clips = [str(tmp_path / "a/my.txt"), str(CLIP), str(tmp_path / "b/my.txt")]
    run = write_run(tmp_path / "run", [*clips, str(tmp_path / "b/MY.txt")], str(asset))
    written = json.loads((run / "bob.json").read_text())["env_cfg"]
    assert written["motion_loader"]["motion_files"] == [
        "files/my.txt", "datasets/bob3/Walk.txt", "files/my_2.txt", "files/MY_3.txt",
    ]  # fmt: skip
    assert written["character"]["asset"] == "files/own.xml"
    moved = tmp_path / "elsewhere"
    shutil.move(run, moved)
    shutil.rmtree(tmp_path / "a")
    motions, character = files_of(moved)
    assert motions[:2] == [str(moved / "files" / "my.txt"), str(CLIP)]
    assert character == str(moved / "files" / "own.xml")


def test_a_link_to_the_logs_makes_no_difference(tmp_path: Path) -> None:
    shutil.copyfile(CLIP, tmp_path / "my.txt")
    (tmp_path / "disk").mkdir()
    (tmp_path / "logs").symlink_to(tmp_path / "disk")
    run = write_run(tmp_path / "logs" / "run", [str(tmp_path / "my.txt")])
    written = json.loads((run / "bob.json").read_text())["env_cfg"]["motion_loader"]
    assert written["motion_files"] == ["files/my.txt"]


OUTSIDE = [
    "/etc/passwd", "../../secret.txt", "files/../../secret.txt", "~/.bashrc", "~root/.bashrc",
    "files/link", "/dev/zero", "/etc/*", "../*.txt", "a\0b", "x" * 300,
]  # fmt: skip


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("group", ["motion_loader", "character"])
def test_a_path_out_of_the_run_is_refused_or_found_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, group: str
) -> None:
    home = tmp_path / "home"
    run = write_run(home / "run", [str(CLIP)])
    (run / "files").mkdir(exist_ok=True)
    for secret in (home / "secret.txt", tmp_path / "secret.txt", home / ".bashrc"):
        shutil.copyfile(CLIP, secret)
    (run / "files" / "link").symlink_to(home / "secret.txt")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home)
    content = json.loads((run / "bob.json").read_text())
    field = {"motion_loader": "motion_files", "character": "asset"}[group]
    content["env_cfg"][group][field] = [name] if group == "motion_loader" else name
    (run / "bob.json").write_text(json.dumps(content))
    try:
        motions, asset = files_of(run)
    except InputError as error:
        assert f"env_cfg.{group}.{field}: " in str(error) and "\n" not in str(error)
        assert "lies outside the run's folder; valid: files in it" in str(error)
        return
    found = Path((motions[0], asset)[group == "character"])
    assert found.is_absolute() and found.is_relative_to(RESOURCES) and not is_file(found)


HOSTILE: list[tuple[str, Any]] = [
    ("train_cfg.runner.experiment_name", "../../escaped"),
    ("train_cfg.runner.experiment_name", "/tmp/escaped"),
    ("train_cfg.runner.run_name", "../escaped"),
    ("train_cfg.policy.activation", "__import__('os').system('touch escaped')"),
    ("train_cfg.policy.hidden_dims", "exec(open('x').read())"),
    ("train_cfg.policy.class_name", "os:system"),
    ("train_cfg.algorithm.schedule", "os.system"),
    ("env_cfg.rewards.terms", {"__class__": [1.0, 0.0]}),
    ("env_cfg.rewards.terms", {"../../x": [1.0, 0.0]}),
    ("env_cfg.sim.engine", "animRL.scripts.train"),
    ("env_cfg.sim.device", "cuda; touch escaped"),
    ("env_cfg.character.asset", "../../../../../../etc/passwd"),
    ("env_cfg.motion_loader.motion_files", ["/proc/self/mem"]),
    ("env_cfg.env.num_envs", 10**12),
    ("train_cfg.policy.hidden_dims", [100_000] * 50),
    ("task", "../walk"),
    ("made_with", {"threads": 10**9, "resumed": "x"}),
]


@pytest.mark.parametrize(
    ("where", "value"),
    [pytest.param(*case, id=case[0], marks=[] if number % 3 == 0 else pytest.mark.slow)
     for number, case in enumerate(HOSTILE)],
)  # fmt: skip
def test_a_hostile_file_does_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, value: Any
) -> None:
    """Through the real commands, with a real policy; what is harmless may run."""
    logs = tmp_path / "logs"
    monkeypatch.setattr(paths, "LOGS", logs)
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "stranger"
    shutil.copytree(paths.REPO_ROOT / "results" / "walk", run)
    before = {path.name for path in run.iterdir()}
    content = json.loads((run / "bob.json").read_text())
    content["env_cfg"]["env"]["num_envs"] = 2
    *path, last = where.split(".")
    inner = content
    for name in path:
        inner = inner[name]
    inner[last] = value
    (run / "bob.json").write_text(json.dumps(content))
    given = ["--task=walk", f"--load_run={run}", "--dv", "--dr"]
    refused = 0
    commands = [
        # The policy has more iterations than that, so that nothing is trained; nor is there an
        # iteration 7.
        (train.main, [*given, "--resume", "--max_iterations=1"]),
        (evaluation.main, [*given, "--checkpoint=7"]),
    ]
    for command, argv in commands:
        try:
            command(argv)
        except (InputError, ConfigError) as error:
            assert "\n" not in str(error)
            refused += 1
    assert refused == len(commands)
    assert {entry.name for entry in tmp_path.iterdir()} <= {"stranger", "logs"}
    assert {path.name for path in run.iterdir()} == before
    assert not logs.exists() or not any(logs.rglob("bob.json"))
    assert not Path("/tmp/escaped").exists()


def test_what_made_a_run_is_noted(tmp_path: Path) -> None:
    made_with = {"versions": {"torch": "1"}, "threads": 2}
    write_config(tmp_path, {}, {}, "walk", made_with)
    assert read_made_with(tmp_path) == made_with
    write_config(tmp_path, {}, {}, "walk")
    assert read_made_with(tmp_path) == {}


def test_the_commit_is_that_of_animrl_alone(tmp_path: Path, monkeypatch) -> None:
    assert machine.git_commit(tmp_path) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine.git_commit() is None
