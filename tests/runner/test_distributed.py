"""Many processes that train one policy: equal after each iteration, one that writes, no hang."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from animRL.runner.checkpoint import load_checkpoint
from animRL.runner.processes import Processes, _cores
from animRL.utils.errors import InputError

REPO_ROOT = Path(__file__).resolve().parents[2]
SMALL = [
    "--task=walk", "--sim=kinematic", "--device=cpu", "--dr", "--num_envs=4", "--set",
    "runner.num_steps_per_env=4", "runner.threads=1", "policy.hidden_dims=[16,16]",
    "algorithm.schedule=adaptive",
]  # fmt: skip


def run(
    folder: Path, mode: str, processes: int, *more: str, options: list[str] = SMALL
) -> subprocess.CompletedProcess:
    """Train in ``folder`` by torchrun, or (0 processes) without it."""
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]
    worker = [str(Path(__file__).with_name("training_worker.py")), str(folder), mode]
    environment = {k: v for k, v in os.environ.items() if k not in ("RANK", "WORLD_SIZE")}
    environment |= {"PYTHONPATH": str(REPO_ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *(launcher if processes else []), *worker, *options, *more]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )


def notes(folder: Path, rank: int) -> Any:
    return json.loads((folder / f"rank_{rank}.json").read_text())


def lines(done: subprocess.CompletedProcess) -> list[str]:
    """What the processes said about an error, without torchrun's report."""
    return [line for line in done.stderr.splitlines() if line.startswith(("error:", "interrupted"))]


def test_two_processes_stay_equal_and_the_first_alone_writes(tmp_path: Path) -> None:
    options = ["runner.eval_interval=2", "--max_iterations=3"]
    done = run(tmp_path, "drift", 2, *options)
    assert done.returncode == 0, done.stderr
    first, second = notes(tmp_path, 0), notes(tmp_path, 1)
    # In iteration 1 by averaged gradients alone, in iteration 2 although process 1 drifts off.
    assert first["hashes"] == second["hashes"]
    assert len(set(first["hashes"])) == 3
    assert first["steps"] != second["steps"]  # each has random numbers of its own
    (run_dir,) = (tmp_path / "logs" / "bob").iterdir()
    names = sorted(p.name for p in run_dir.iterdir())
    (events,) = (name for name in names if name.startswith("events"))
    assert set(names) == {
        events, "bob.json", "learning_curve.json", "learning_curve.png", "model.pt",
        "model_3.pt", "model_best.pt", "verdict.json",
    }  # fmt: skip
    assert {p.name for p in tmp_path.iterdir()} == {"logs", "rank_0.json", "rank_1.json"}
    curve = json.loads((run_dir / "learning_curve.json").read_text())
    assert [point["samples"] for point in curve] == [2 * 2 * 4 * 4, 3 * 2 * 4 * 4]
    assert "4 environments in each of 2 processes, 8 in all" in done.stdout
    assert "3 of 32 samples" in done.stdout
    assert done.stdout.count("everything lies in") == 1
    config = json.loads((run_dir / "bob.json").read_text())
    assert config["env_cfg"]["sim"]["threads"] == 0


def test_one_process_by_torchrun_is_the_single_process(tmp_path: Path) -> None:
    hashes = []
    for processes in (0, 1):
        folder = tmp_path / str(processes)
        folder.mkdir()
        done = run(folder, "plain", processes, "runner.eval_interval=0", "--max_iterations=2")
        assert done.returncode == 0, done.stderr
        hashes.append(notes(folder, 0)["hashes"])
    assert hashes[0] == hashes[1] and len(hashes[0]) == 2


def test_the_word_of_the_first_ends_the_training_of_all(tmp_path: Path) -> None:
    options = ["runner.eval_interval=1", "runner.save_interval=3", "--max_iterations=50"]
    done = run(tmp_path, "learned", 2, *options, "--until=learned")
    assert done.returncode == 0, done.stderr
    hashes = notes(tmp_path, 0)["hashes"]
    assert hashes == notes(tmp_path, 1)["hashes"] and len(hashes) == 2
    (run_dir,) = (tmp_path / "logs" / "bob").iterdir()
    assert (run_dir / "model_2.pt").is_file() and (run_dir / "model.pt").is_file()
    assert json.loads((run_dir / "verdict.json").read_text())["learned"] is True
    assert "learned after 64 samples" in done.stdout
    assert "50 of 32 samples, or until it is learned" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("killed", r"error: another of the 2 processes that train together has ended or hangs"),
        (
            "nan",
            r"error: (process 1: )?iteration 2: not finite in 50% of the samples: reward(; .*)?",
        ),
    ],
)
def test_a_process_that_dies_ends_the_other_with_one_line(
    tmp_path: Path, mode: str, said: str
) -> None:
    start = time.monotonic()
    done = run(tmp_path, mode, 2, "runner.eval_interval=0", "--max_iterations=100000")
    assert time.monotonic() - start < 30
    assert done.returncode != 0
    told = lines(done)
    assert len(told) <= 1 and all(re.fullmatch(said, line) for line in told)
    if mode == "killed":  # torchrun may end process 0 before it notices by itself
        assert told or "stopped; to go on" in done.stdout
        (run_dir,) = (tmp_path / "logs" / "bob").iterdir()
        assert (run_dir / "model_1.pt").is_file()
    else:
        assert len(told) == 1
    assert len(notes(tmp_path, 0)["hashes"]) == 1


@pytest.mark.slow
def test_a_signal_to_one_process_saves_once_and_two_go_on(tmp_path: Path) -> None:
    done = run(tmp_path, "terminated", 2, "runner.eval_interval=0", "--max_iterations=100000")
    assert done.returncode != 0 and not lines(done)
    assert done.stdout.count("stopped; to go on: torchrun --nproc_per_node=2 scripts/train.py") == 1
    (run_dir,) = (tmp_path / "logs" / "bob").iterdir()
    assert [p.name for p in run_dir.glob("model*")] == ["model_2.pt"]
    before = notes(tmp_path, 0)["hashes"]
    assert before == notes(tmp_path, 1)["hashes"] and len(before) == 2

    again = run(tmp_path, "plain", 2, "--resume", "--load_run=-1", "--max_iterations=4")
    assert again.returncode == 0, again.stderr
    assert "after iteration 2" in again.stdout and "iteration 4/4" in again.stdout
    hashes = notes(tmp_path, 0)["hashes"]
    assert hashes == notes(tmp_path, 1)["hashes"] and len(hashes) == 2


@pytest.mark.slow
def test_the_others_wait_for_an_evaluation_without_end(tmp_path: Path) -> None:
    done = run(tmp_path, "patient", 2, "runner.eval_interval=1", "--max_iterations=2")
    assert done.returncode == 0, done.stderr
    assert notes(tmp_path, 0)["hashes"] == notes(tmp_path, 1)["hashes"]


@pytest.mark.slow
def test_an_error_that_all_have_is_told_once(tmp_path: Path) -> None:
    for option, said in (("--num_env=3", "num_envs"), ("runner.nothing=1", "no such setting")):
        done = run(tmp_path, "plain", 2, option)
        assert done.returncode != 0
        assert len(lines(done)) == 1 and said in lines(done)[0]


def test_seeds_differ_between_processes_and_the_first_has_the_one_given() -> None:
    seeds = {(seed, rank): Processes(rank, 8).seed(seed) for seed in range(50) for rank in range(8)}
    assert all(seeds[seed, 0] == seed for seed in range(50))
    assert len(set(seeds.values())) == len(seeds)
    assert all(0 <= seed < 2**32 for seed in seeds.values())


def test_threads_are_the_share_of_the_cores_unless_given() -> None:
    assert Processes().threads(0) == 0 and Processes().threads(3) == 3
    assert Processes(0, 2, 0, 2).threads(0) == max(1, _cores() // 2)
    assert Processes(0, 1000, 0, 1000).threads(0) == 1
    assert Processes(0, 2, 0, 2).threads(5) == 5


def test_devices_are_numbered_as_the_processes_of_a_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen: list[int] = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    assert Processes().device("cuda:1") == "cuda:1" and Processes().device("cpu") == "cpu"
    assert Processes(3, 4, 1, 2).device("cuda") == "cuda:1" and chosen == [1]
    assert Processes(3, 4, 1, 2).device("cpu") == "cpu"
    with pytest.raises(
        InputError, match="process 2 has no GPU .* has 2; valid: --nproc_per_node=2"
    ):
        Processes(2, 3, 2, 3).device("cuda:0")


def test_the_environment_says_who_this_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    alone = Processes.from_environment()
    assert alone.is_main and not alone.many and alone.launcher == "python"
    assert alone.from_main(lambda: 7) == 7
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match="RANK, LOCAL_RANK, MASTER_ADDR, MASTER_PORT not set"):
        Processes.from_environment()
    assert Processes(0, 4, 0, 2).launcher == "torchrun --nnodes=2 --nproc_per_node=2"


def test_a_signal_that_the_others_do_not_know_of_waits_for_them() -> None:
    own = Processes(0, 2, 0, 2)
    own._note(signal.SIGTERM, None)
    own.raise_signal()
    own._agreed = True
    with pytest.raises(SystemExit) as stopped:
        own.raise_signal()
    assert stopped.value.code == 143
    own.raise_signal()  # once
    own._note(signal.SIGINT, None)
    with pytest.raises(KeyboardInterrupt):
        own.raise_signal(agreed=False)


@pytest.mark.slow
def test_two_processes_go_on_exactly_where_they_stopped(tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    options = ["runner.eval_interval=0", "algorithm.decay_iterations=9"]
    for folder in (whole, parts):
        folder.mkdir()
    assert run(whole, "plain", 2, *options, "--max_iterations=4").returncode == 0
    assert run(parts, "plain", 2, *options, "--max_iterations=2").returncode == 0
    done = run(parts, "plain", 2, "--resume", "--dr", "--dv", "--max_iterations=4", options=[])
    assert done.returncode == 0, done.stderr
    assert "after iteration 2, exactly where it stopped" in done.stdout
    for rank in (0, 1):
        assert notes(parts, rank)["hashes"] == notes(whole, rank)["hashes"][2:]
        assert notes(parts, rank)["steps"] == notes(whole, rank)["steps"]
    assert len(list((parts / "logs" / "bob").iterdir())) == 1
    alone = run(parts, "plain", 0, "--resume", "--dr", "--dv", "--max_iterations=5", options=[])
    assert alone.returncode == 0, alone.stderr
    assert "new episodes: it holds no environments for so many processes" in alone.stdout


@pytest.mark.slow
def test_a_signal_to_all_in_an_evaluation_saves_the_environments_of_all(tmp_path: Path) -> None:
    options = ["runner.eval_interval=2", "--max_iterations=9"]
    done = run(tmp_path, "evaluating", 2, *options)
    assert done.returncode != 0 and "Traceback" not in done.stdout
    (saved,) = (tmp_path / "logs" / "bob").glob("*/model_2.pt")
    assert len(load_checkpoint(saved)["states"]) == 2, done.stderr
    assert done.stdout.count("stopped; to go on: torchrun") == 1


@pytest.mark.slow
def test_sigusr1_to_one_process_saves_all_and_goes_on(tmp_path: Path) -> None:
    options = ["runner.eval_interval=0", "runner.keep_last=9", "--max_iterations=4"]
    done = run(tmp_path, "asked", 2, *options)
    assert done.returncode == 0, done.stderr
    (saved,) = (tmp_path / "logs" / "bob").glob("*/model_2.pt")
    assert len(load_checkpoint(saved)["states"]) == 2
    assert done.stdout.count("saved iteration 2") == 1
    assert notes(tmp_path, 0)["hashes"] == notes(tmp_path, 1)["hashes"]
