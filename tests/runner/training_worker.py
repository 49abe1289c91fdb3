"""One process of a small training, for tests.

``training_worker.py FOLDER MODE [options]`` trains as scripts/train.py does and leaves in
``FOLDER/rank_<rank>.json`` hashes of all that is to be equal after each iteration. MODE is
``plain``, or what happens to process 1 in iteration 2: ``killed``; ``terminated``: it gets SIGTERM;
``nan``: its reward is no number; ``drift``: a weight changes, and iteration 1 goes by averaged
gradients alone. ``patient``: an evaluation lasts longer than an iteration may. ``learned``: the
evaluation of iteration 2, which process 0 alone makes, says that the task is learned.
``evaluating``: all processes get SIGTERM while process 0 makes that evaluation. ``asked``: process
0 gets SIGUSR1 in iteration 2.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import torch

from animRL.runner import processes
from animRL.runner.ppo_runner import PpoRunner
from animRL.runner.processes import Processes
from animRL.scripts import train
from animRL.scripts.cli import run_main
from animRL.utils import paths

FOLDER, MODE = Path(sys.argv[1]), sys.argv[2]
RANK = int(os.environ.get("RANK", "0"))


def fingerprint(runner: PpoRunner) -> str:
    """Hash networks, normalisers, optimiser and learning rate."""
    payload = runner.alg.save()
    networks = [payload["actor_state_dict"], payload["critic_state_dict"]]
    moments = payload["optimizer_state_dict"]["state"].values()
    assert any("normalizer" in name for name in networks[0])
    digest = hashlib.sha256(str(runner.alg.learning_rate).encode())
    for tensors in (*networks, *moments):
        for name, tensor in tensors.items():
            digest.update(name.encode() + tensor.cpu().numpy().tobytes())
    return digest.hexdigest()


def observed(iterate: Any) -> Any:
    """Wrap ``PpoRunner._iteration``: note what is there after it, and do what MODE says."""
    notes: dict[str, Any] = {"hashes": []}

    def wrapped(runner: PpoRunner, obs: Any, iteration: int, *rest: int) -> Any:
        if RANK == 0 and iteration == 2 and MODE == "asked":
            os.kill(os.getpid(), signal.SIGUSR1)
        if RANK == 1 and iteration == 2:
            if MODE == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            if MODE == "terminated":
                os.kill(os.getpid(), signal.SIGTERM)
            if MODE == "nan":
                compose = runner.env.env.compose_reward
                runner.env.env.compose_reward = lambda data: (
                    lambda reward, terms: (reward * float("nan"), terms)
                )(*compose(data))
        notes["steps"] = runner.env.env.episode_steps.tolist()
        result = iterate(runner, obs, iteration, *rest)
        notes["hashes"].append(fingerprint(runner))
        (FOLDER / f"rank_{RANK}.json").write_text(json.dumps(notes))
        return result

    return wrapped


def drifting(share: Any) -> Any:
    """Wrap ``Processes.share``: at the start as it is, then not, then after a change."""
    calls = []

    def wrapped(own: Processes, modules: list[torch.nn.Module]) -> None:
        calls.append(1)
        if len(calls) == 2:
            return
        if len(calls) == 3 and RANK == 1:
            with torch.no_grad():
                next(iter(modules[0].parameters())).add_(0.1)
        share(own, modules)

    return wrapped


if __name__ == "__main__":
    paths.LOGS, train.EVALUATION_EPISODES = FOLDER / "logs", 2
    PpoRunner._iteration = observed(PpoRunner._iteration)  # type: ignore[method-assign]
    if MODE == "patient":
        processes.STEP_SECONDS, evaluate = 4.0, PpoRunner.evaluate

        def slowly(*args: Any) -> Any:
            time.sleep(6.0)
            return evaluate(*args)

        PpoRunner.evaluate = slowly  # type: ignore[method-assign]
    if MODE == "evaluating":
        (FOLDER / f"pid_{RANK}").write_text(str(os.getpid()))
        evaluate_in_peace = PpoRunner.evaluate

        def disturbed(runner: PpoRunner, *args: Any) -> Any:
            if runner.current_learning_iteration == 2:
                time.sleep(1.0)  # the others wait by then
                for path in sorted(FOLDER.glob("pid_*"), reverse=True):
                    os.kill(int(path.read_text()), signal.SIGTERM)
            return evaluate_in_peace(runner, *args)

        PpoRunner.evaluate = disturbed  # type: ignore[method-assign]
    if MODE == "learned":
        evaluate = PpoRunner.evaluate

        def graded(runner: PpoRunner, *args: Any) -> Any:
            good = {"success": 1.0, "position_error_m": 0.01}
            return {
                **evaluate(runner, *args),
                **(good if runner.current_learning_iteration == 2 else {}),
            }

        PpoRunner.evaluate = graded  # type: ignore[method-assign]
    if MODE == "drift":
        Processes.share = drifting(Processes.share)  # type: ignore[method-assign]
    run_main(train.main, sys.argv[3:])
