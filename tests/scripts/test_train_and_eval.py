"""The two main commands, small: from training to a video, and what bad input gets."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from animRL.cfg.mimic.walk_config import WalkConfig, WalkTrainConfig
from animRL.dataloader.clip import load_clip, save_clip
from animRL.runner import verdict
from animRL.runner.checkpoint import save_checkpoint
from animRL.runner.checkpoint_archive import MODEL_KEYS
from animRL.runner.evaluations import Evaluations
from animRL.runner.ppo_runner import PpoRunner
from animRL.runner.run_config import write_config
from animRL.scripts import eval as evaluation
from animRL.scripts import train
from animRL.scripts.cli import load_configurations
from animRL.scripts.resuming import take_over_best
from animRL.utils import paths
from animRL.utils.errors import InputError

SMALL = [
    "--task=walk", "--dv", "--dr", "--num_envs=4", "--set", "sim.threads=1",
    "runner.num_steps_per_env=4", "runner.eval_interval=1", "policy.hidden_dims=[16,16]",
]  # fmt: skip


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(paths, "LOGS", tmp_path / "logs")
    monkeypatch.setattr(train, "EVALUATION_EPISODES", 2)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "logs"


LOSSES = ("loss_value", "loss_surrogate", "loss_entropy")
ENDED = {"Train/mean_reward", "Train/mean_episode_length"}
"""Written once an episode has ended."""
EVALUATED = (
    *("success", "success_rate", "success_rate_random_phase", "position_error_m"),
    *("drift_m_per_min", "normalised_return", "course_reward"),
)


def tags_of(run: Path) -> set[str]:
    events = EventAccumulator(str(run)).Reload()
    return set(events.Tags()["scalars"])


def test_a_run_is_trained_resumed_and_evaluated(
    logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train.main([*SMALL, "--max_iterations=2", "--seed=3", "--run_name=small"]) == 0
    (run,) = (logs / "bob").iterdir()
    assert run.name.endswith("_small")
    config = json.loads((run / "bob.json").read_text())
    assert set(config) == {"task", "train_cfg", "env_cfg", "made_with"}
    assert config["task"] == "walk" and config["made_with"]["seed"] == 3
    assert config["made_with"]["threads"] == torch.get_num_threads()
    assert config["made_with"]["versions"]["torch"] == torch.__version__
    assert config["train_cfg"]["runner"]["seed"] == 3
    assert config["env_cfg"]["env"]["num_envs"] == 4
    names = {p.name for p in run.iterdir()}
    assert {"model.pt", "model_2.pt", "model_best.pt", "learning_curve.json"} <= names
    assert {"learning_curve.png", "verdict.json"} <= names
    assert any(name.startswith("events.out.tfevents") for name in names)
    assert tags_of(run) | ENDED == {
        *(f"Learn/{name}" for name in ("learning_rate", "action_std", *LOSSES)),
        *(f"Learn/sigma_{name}" for name in config["env_cfg"]["rewards"]["terms"]),
        *ENDED,
        "Episode/total_reward",
        *(f"Episode/{name}" for name in config["env_cfg"]["rewards"]["terms"]),
        *(f"Eval/{name}" for name in EVALUATED),
        *("Episode/diverged", "Episode/not_finite", "Perf/samples_per_second"),
        *("Perf/collection_seconds", "Perf/learning_seconds"),
    }
    out = capsys.readouterr().out
    assert "track_ee_pos: sigma" in out and f"everything lies in {run}" in out
    judged = json.loads((run / "verdict.json").read_text())
    assert judged["learned"] is False and judged["failures"]["episodes"] == 2
    assert len(judged["text"]) == 3 and all(line in out for line in judged["text"])

    argv = ["--task=walk", f"--load_run={run.name}", "--episodes=2", "--dv", "--dr"]
    assert evaluation.main(argv) == 0
    metrics = json.loads((run / "eval_metrics.json").read_text())
    assert list(metrics) == [
        "success_rate", "success_rate_random_phase", "position_error_m", "drift_m_per_min",
        "normalised_return", "course_reward", "episodes", "episode_seconds", "seed",
    ]  # fmt: skip
    assert (metrics["episodes"], metrics["episode_seconds"], metrics["seed"]) == (2, 20.0, 3)
    buffer = json.loads((run / "eval_buf.json").read_text())
    assert len(buffer["obs"]) == len(buffer["dones"]) == 200
    assert all(len(row) == 108 for row in buffer["obs"])
    assert set(buffer["rewards"]) == set(config["env_cfg"]["rewards"]["terms"])
    for plot in ("eval_rewards", "eval_joints", "eval_motion"):
        assert (run / f"{plot}.png").read_bytes().startswith(b"\x89PNG")

    with pytest.raises(InputError, match="bob.json' is a run of the task walk; valid: --task=walk"):
        evaluation.main(["--task=cartwheel", f"--load_run={run.name}"])
    with pytest.raises(InputError, match="no run of task cartwheel with a valid checkpoint"):
        train.main(["--task=cartwheel", "--resume"])
    with pytest.raises(InputError, match="has 2 iterations already; valid: --max_iterations above"):
        train.main(["--resume", f"--load_run=bob/{run.name}"])
    assert (
        train.main(["--resume", f"--load_run={run.name}", "--max_iterations=3", "--dv", "--dr"])
        == 0
    )
    assert [own.name for own in (logs / "bob").iterdir()] == [run.name]
    assert (run / "model_3.pt").exists() and (run / "model_2.pt").exists()
    assert len(json.loads((run / "learning_curve.json").read_text())) == 3
    other = ["--resume", f"--load_run={run.name}", "--max_iterations=4", "--dv", "--dr"]
    assert train.main([*other, "--num_envs=5", "--run_name=other"]) == 0
    (new,) = (logs / "bob").glob("*_other")
    assert {"model_4.pt", "model.pt"} <= {path.name for path in new.iterdir()}
    assert not (run / "model_4.pt").exists()
    out = capsys.readouterr().out
    assert f"goes on in {run} after iteration 2, exactly where it stopped" in out
    assert "in a new folder and new episodes: another name is asked for" in out


def test_a_stopped_training_says_how_to_go_on_if_there_is_anything(
    logs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    iterate, stops_at = PpoRunner._iteration, 1

    def interrupted(runner: PpoRunner, obs: Any, iteration: int, *args: Any) -> Any:
        if iteration == stops_at:
            raise KeyboardInterrupt
        return iterate(runner, obs, iteration, *args)

    monkeypatch.setattr(PpoRunner, "_iteration", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train.main([*SMALL, "--max_iterations=9"])
    assert "stopped before anything was learned" in capsys.readouterr().out
    stops_at = 3
    with pytest.raises(KeyboardInterrupt):
        train.main([*SMALL, "--max_iterations=9", "--run_name=a"])
    (first,) = (logs / "bob").glob("*_a")
    out = capsys.readouterr().out
    assert f"--task=walk --resume --load_run=bob/{first.name} --dv --dr\n" in out
    with pytest.raises(KeyboardInterrupt):  # and once more, before it got any further
        train.main(["--resume", "--run_name=b", "--dr", "--dv"])
    assert f"--resume --load_run={first} --dv --dr\n" in capsys.readouterr().out
    stops_at = 0
    assert train.main(["--resume", "--run_name=c", "--max_iterations=3", "--dv", "--dr"]) == 0
    (last,) = (logs / "bob").glob("*_c")  # the newest run with a checkpoint was not b
    assert len(json.loads((last / "learning_curve.json").read_text())) == 3


@pytest.mark.parametrize(
    ("changed", "has_best", "kept", "curve"),
    [({}, True, 7, 1), ({}, False, -1, 1), ({"motion_loader.loop": False}, True, -1, 0)],
)
def test_a_resumed_run_keeps_the_best_policy_on_the_same_clips(
    changed: dict[str, Any], has_best: bool, kept: int, curve: int, tmp_path: Path
) -> None:
    """The checkpoint is of iteration 5, where 3 was the best; the best one came in 7."""
    run, new, cfg = tmp_path / "run", tmp_path / "new", WalkConfig()
    for folder in (run, new):
        folder.mkdir()
        write_config(folder, WalkTrainConfig().to_dict(), cfg.to_dict())
    if has_best:
        infos = {"best": [0.8, 0.7, 0.05, 7]}
        save_checkpoint(run / "model_best.pt", {**dict.fromkeys(MODEL_KEYS, {}), "iter": 7,
                                                "infos": infos})  # fmt: skip
    evaluations = Evaluations(None)
    evaluations.from_dict({"best": [0.2, 0.3, 0.1, 3], "curve": [{"iteration": 3}]})
    cfg = load_configurations("walk", run)[0]
    for path, value in changed.items():
        cfg.set(path, value)
    args = SimpleNamespace(task="walk", motion=None, set=None)
    take_over_best(args, SimpleNamespace(evaluations=evaluations), cfg, run, new)  # type: ignore
    assert evaluations.best.iteration == kept and len(evaluations.curve) == curve
    assert (new / "model_best.pt").exists() is (kept >= 0)


def test_until_learned_ends_at_the_limits_or_at_the_last_iteration(
    logs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = [*SMALL, "--max_iterations=3", "--until=learned"]
    assert train.main(argv) == 0
    out = capsys.readouterr().out
    assert "or until it is learned" in out and "iteration 3/3" in out and "left at most 0 s" in out
    assert "not learned after 48 samples" in out and "evaluation 3 of 3" in out
    monkeypatch.setattr(verdict, "LEARNED_SUCCESS", 0.0)
    monkeypatch.setattr(verdict, "LEARNED_POSITION_ERROR", 100.0)
    assert train.main(argv) == 0
    out = capsys.readouterr().out
    assert "iteration 1/3" in out and "learned after 16 samples" in out
    assert "(evaluation 1 of 1)" in out and "not learned" not in out


def test_without_evaluations_nothing_is_claimed(logs: Path, capsys: Any) -> None:
    assert train.main([*SMALL, "runner.eval_interval=0", "--max_iterations=1"]) == 0
    assert "whether it has learned is not known" in capsys.readouterr().out
    assert not list(logs.rglob("verdict.json"))


def test_the_help_tells_the_limits_of_learned(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        train.main(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    limits = f"success >= {verdict.LEARNED_SUCCESS:.2f} and position error <= "
    assert limits + f"{verdict.LEARNED_POSITION_ERROR:.2f} m" in text


def test_several_clips_are_trained_on_and_reported_each(
    logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = load_clip(paths.RESOURCES / "datasets" / "bob3" / "Walk.txt")
    pieces = tmp_path / "pieces"
    pieces.mkdir()
    for name, frames, weight in (("long", 40, 1.0), ("short", 20, 3.0)):
        piece = replace(clip, frames=clip.frames[:frames], loop=False, motion_weight=weight)
        save_clip(piece, pieces / f"{name}.txt")
    argv = [*SMALL, "--max_iterations=1", "--motion", str(pieces / "*.txt"), clip.source]
    assert train.main(argv) == 0
    out = capsys.readouterr().out
    assert "long.txt, 0.78 s, once, 20 % of the episodes" in out
    assert "short.txt, 0.38 s, once, 60 % of the episodes" in out
    assert "Walk.txt, 1.12 s, loops, 20 % of the episodes" in out

    drawn: dict[str, list[str]] = {}

    def draw(
        path: Path, character: object, poses: list, *rest: object, captions: list, **_
    ) -> None:
        assert len(poses) == len(captions)
        drawn[path.name] = captions

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("animRL.viewer.rendering.render_video", draw)
        assert evaluation.main(["--load_run=-1", "--dv", "--episodes=10"]) == 0
    (run,) = (logs / "bob").iterdir()
    metrics = json.loads((run / "eval_metrics.json").read_text())
    assert set(metrics["clips"]) <= {"long", "short", "Walk"} and len(metrics["clips"]) >= 2
    assert sum(own["episodes"] for own in metrics["clips"].values()) == 20
    captions = drawn["animation.mp4"]
    # Each clip once, in turn, named; the loop for ten seconds.
    assert [c.split("\n")[0] for c in captions] == ["long"] * 39 + ["short"] * 19 + ["Walk"] * 500
    assert captions[39].split("\n")[1].startswith("0.0 s   phase 0.0")


def test_many_clips_are_told_by_their_number(logs: Path, tmp_path: Path, capsys) -> None:
    clip = load_clip(paths.RESOURCES / "datasets" / "bob3" / "Walk.txt")
    for number in range(12):
        save_clip(replace(clip, loop=number < 5), tmp_path / f"{number:02d}.txt")
    assert train.main([*SMALL, "--max_iterations=1", "--motion", str(tmp_path / "*.txt")]) == 0
    out = capsys.readouterr().out
    assert "12 clips, 1.12 to 1.12 s, 13 s in all; 5 loop" in out


@pytest.mark.slow
def test_evaluation_leaves_a_video(logs: Path) -> None:
    assert train.main([*SMALL, "--max_iterations=1"]) == 0
    assert evaluation.main(["--load_run=-1", "--dv", "--episodes=1"]) == 0
    (run,) = (logs / "bob").iterdir()
    assert (run / "animation.mp4").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--motion=nothing.txt"], "nothing.txt' does not exist"),
        (["--set", "rewards.terms.track_nothing=[1,0]"], "no method REWARDS.reward_track_nothing"),
        (["--set", "env.num_env=3"], "env.num_env"),
        (["--num_envs=0"], "num_envs"),
        (["--sim=gazebo"], "sim.engine is 'gazebo'"),
        (["--device=cuda"], "sim.device is 'cuda'"),
        (["--resume", "--load_run=nothing"], "nothing"),
        (["--load_run=-1"], "only with --resume"),
        (
            ["--until=learned", "--set", "runner.eval_interval=0"],
            "valid: runner.eval_interval of 1",
        ),
        (["--set", "algorithm.num_mini_batches=100"], "num_mini_batches is 100; valid: at most 16"),
        (["--sim=kinematic", "--device=moon"], "sim.device is 'moon'"),
        (["--task=fly"], "valid: walk, cartwheel"),
    ],
)
def test_bad_input_is_one_line(logs: Path, argv: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("'", ".")) as error:
        train.main([*SMALL, "--max_iterations=1", *argv])
    assert "\n" not in str(error.value)
    assert not logs.exists() or not any(logs.rglob("bob.json"))


def test_evaluating_nothing_says_what_there_is(logs: Path) -> None:
    with pytest.raises(InputError) as error:
        evaluation.main(["--task=walk", "--load_run=-1"])
    assert "\n" not in str(error.value)


def test_scripts_run_as_files_and_exit_with_two_on_bad_input(tmp_path: Path) -> None:
    script = Path(train.__file__)
    command = [sys.executable, str(script), "--task=fly"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
