"""A training that is killed or stopped at any instant goes on as if nothing had happened."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from animRL.runner.checkpoint import load_checkpoint
from animRL.runner.run_dir import find_resumable, numbered_checkpoints
from tests.robustness.trainer import SAVE_INTERVAL, SMALL, Trainer

COUNTS = [pytest.param(3, id="few"), pytest.param(200, id="200", marks=pytest.mark.slow)]
SIGNAL_COUNTS = [pytest.param(2, id="few"), pytest.param(50, id="50", marks=pytest.mark.slow)]
RESUME = ["--task=walk", "--dv", "--dr", "--resume"]
NEVER = ["--max_iterations=1000000"]


def digest(checkpoint: Path) -> str:
    """Of networks, normalisers and optimiser."""
    found = hashlib.sha256()

    def add(value: object) -> None:
        if isinstance(value, torch.Tensor):
            found.update(value.contiguous().numpy().tobytes())
        elif isinstance(value, dict):
            for name in value:
                found.update(str(name).encode())
                add(value[name])
        elif isinstance(value, (list, tuple)):
            for entry in value:
                add(entry)
        else:
            found.update(repr(value).encode())

    payload = load_checkpoint(checkpoint)
    for name in ("actor_state_dict", "critic_state_dict", "optimizer_state_dict"):
        add(payload[name])
    return found.hexdigest()


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60.0
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def begin(trainer: Trainer) -> Path:
    """A run that has a checkpoint of iteration 4."""
    assert trainer.run([*SMALL, "--max_iterations=4"]) == 0, trainer.output.read_text()
    (run,) = (trainer.logs / "bob").iterdir()
    return run


def finish_and_compare(trainer: Trainer, run: Path, folder: Path) -> None:
    """Let the run come to an end and compare it with one that was never disturbed."""
    last = int(load_checkpoint(find_resumable(run))["iter"]) + 3
    assert trainer.run([*RESUME, f"--max_iterations={last}"]) == 0, trainer.output.read_text()
    assert [path.name for path in (trainer.logs / "bob").iterdir()] == [run.name]
    undisturbed = [*SMALL, f"--max_iterations={last}", "--experiment_name=whole"]
    assert trainer.run(undisturbed) == 0
    (whole,) = (trainer.logs / "whole").iterdir()
    name = f"model_{last}.pt"
    assert digest(run / name) == digest(whole / name)
    kept = {path.name for path in whole.iterdir()} - {f"model_{last}.pt"}
    left = [path.name for path in run.iterdir() if path.name.startswith(".")]
    assert left == [] and "bob.json" in kept


@pytest.mark.parametrize("count", COUNTS)
def test_a_killed_training_loses_one_save_interval_at_most(tmp_path: Path, count: int) -> None:
    draw, lost = random.Random(7), []
    with Trainer(tmp_path) as trainer:
        run = begin(trainer)
        for _ in range(count):
            process = trainer.start([*RESUME, *NEVER])
            time.sleep(draw.uniform(0.05, 1.2))
            os.kill(process, signal.SIGKILL)
            assert trainer.wait() == -signal.SIGKILL, trainer.output.read_text()
            newest = load_checkpoint(find_resumable(run))
            if trainer.finished:
                lost.append(trainer.finished - newest["iter"])
        assert lost and max(lost) <= SAVE_INTERVAL and min(lost) >= 0
        finish_and_compare(trainer, run, tmp_path)


@pytest.mark.parametrize("count", SIGNAL_COUNTS)
def test_a_stopped_training_goes_on_without_a_loss(tmp_path: Path, count: int) -> None:
    draw, codes = random.Random(8), {signal.SIGINT: 130, signal.SIGTERM: 143}
    with Trainer(tmp_path) as trainer:
        run = begin(trainer)
        for _ in range(count):
            process = trainer.start([*RESUME, *NEVER])
            time.sleep(draw.uniform(0.05, 1.2))
            if saves := draw.random() < 0.3:
                os.kill(process, signal.SIGUSR1)
                time.sleep(draw.uniform(0.0, 0.1))
            number = draw.choice(list(codes))
            os.kill(process, number)
            began = time.monotonic()
            status = trainer.wait()
            out = trainer.output.read_text()
            assert status == codes[number], (status, saves, out)
            assert time.monotonic() - began < 10.0
            if trainer.finished:
                assert load_checkpoint(find_resumable(run))["iter"] == trainer.finished
                assert f"--task=walk --resume --load_run=bob/{run.name}" in out
            assert "Traceback" not in out
        assert len(numbered_checkpoints(run)) <= 5 + numbered_checkpoints(run)[0] // 200
        finish_and_compare(trainer, run, tmp_path)


def test_sigusr1_saves_and_goes_on(tmp_path: Path) -> None:
    with Trainer(tmp_path) as trainer:
        process = trainer.start([*SMALL, "runner.save_interval=1000000", *NEVER])
        wait_until(lambda: trainer.finished >= 3)
        os.kill(process, signal.SIGUSR1)
        (run,) = (trainer.logs / "bob").iterdir()
        wait_until(lambda: bool(numbered_checkpoints(run)))
        saved, goes_on = numbered_checkpoints(run)[0], trainer.finished
        wait_until(lambda: trainer.finished >= goes_on + 3)
        os.kill(process, signal.SIGTERM)
        assert trainer.wait() == 143
        assert f"saved iteration {saved} in {run}" in trainer.output.read_text()
        assert numbered_checkpoints(run) == [trainer.finished, saved]


def test_a_second_ctrl_c_ends_at_once_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    with Trainer(tmp_path) as trainer:
        # An iteration of many steps and a long update, so that the second one comes before its end.
        process = trainer.start([*SMALL, "runner.num_steps_per_env=1500", *NEVER])
        wait_until(lambda: bool(trainer.done.read_text()))
        os.kill(process, signal.SIGINT)
        os.kill(process, signal.SIGINT)
        began = time.monotonic()
        status = trainer.wait()
        assert status == 130 and time.monotonic() - began < 2.0
        (run,) = (trainer.logs / "bob").iterdir()
        assert not [path for path in run.iterdir() if path.name.endswith(".tmp")]
