"""The same seed gives the same training, and one that was cut goes on as if it had not been."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch

from animRL.evaluation.evaluate import evaluation_config
from animRL.runner.ppo_runner import PpoRunner
from animRL.tasks import make_env, make_env_cfg, make_train_cfg
from animRL.utils.seeding import forked_rng, seed_everything

EVERYTHING = {
    "disturbances.push_interval": 0.3, "init_state.phase_sampling": "failures",
    "rewards.narrowing.above": 0.3, "algorithm.schedule": "adaptive",
}  # fmt: skip
"""What else has a memory: pushes, counts of failures, narrowed kernels, an adapted rate."""
CASES = [
    pytest.param("walk", {}, 3, id="walk"),
    pytest.param("cartwheel", EVERYTHING, 3, id="cartwheel, everything on"),
    pytest.param("walk", {}, 20, id="walk, 20 times", marks=pytest.mark.slow),
    pytest.param("cartwheel", EVERYTHING, 20, id="cartwheel, 20 times", marks=pytest.mark.slow),
]


def make_runner(task: str, seed: int, settings: dict[str, Any], folder: Path) -> PpoRunner:
    env_cfg, train_cfg = make_env_cfg(task), make_train_cfg(task)
    env_cfg.set("env.num_envs", 16)
    env_cfg.set("sim.threads", 1)
    values = {"runner.save_interval": 1, "runner.eval_interval": 3, "runner.keep_last": 100,
              "runner.num_steps_per_env": 8, "policy.hidden_dims": [32, 16],
              "runner.max_iterations": 20}  # fmt: skip
    for path, value in {**values, **settings}.items():
        (env_cfg if path.split(".")[0] in vars(env_cfg) else train_cfg).set(path, value)
    seed_everything(seed)
    env = make_env(task, env_cfg)
    with forked_rng(env.device):
        eval_env = make_env(task, evaluation_config(env_cfg, 4))
    folder.mkdir()
    return PpoRunner(env, train_cfg, eval_env)


def digest(runner: PpoRunner) -> str:
    """Of networks, normalisers, optimiser, rate, environments and evaluations."""
    found = hashlib.sha256()

    def add(value: Any) -> None:
        if isinstance(value, torch.Tensor):
            found.update(value.detach().contiguous().numpy().tobytes())
        elif isinstance(value, dict):
            for name, entry in value.items():
                found.update(str(name).encode())
                add(entry)
        elif isinstance(value, (list, tuple)):
            for entry in value:
                add(entry)
        else:
            found.update(repr(value).encode())

    add(runner.alg.save())
    add(runner.alg.learning_rate)
    add(runner.env.env.save_state())
    add([{n: v for n, v in point.items() if "seconds" not in n}
         for point in runner.evaluations.curve])  # fmt: skip
    return found.hexdigest()


def trained(runner: PpoRunner, folder: Path, until: int) -> str:
    runner.open_run(folder)
    runner.learn(until - runner.current_learning_iteration)
    for env in (runner.env.env, runner.evaluations.env):
        assert env is not None
        env.backend.close()
    return digest(runner)


@pytest.mark.parametrize(("task", "settings", "count"), CASES)
def test_equal_seeds_equal_hashes_and_cuts_leave_no_trace(
    tmp_path: Path, task: str, settings: dict[str, Any], count: int
) -> None:
    whole = tmp_path / "whole"
    first = trained(make_runner(task, 1, settings, whole), whole, count)
    for seed in (1, 2):
        folder = tmp_path / f"seed_{seed}"
        again = trained(make_runner(task, seed, settings, folder), folder, count)
        assert (again == first) is (seed == 1)
    equal = 0
    for cut in range(1, count + 1):
        folder = tmp_path / f"cut_{cut}"
        runner = make_runner(task, 99, settings, folder)
        assert runner.resume(str(whole / f"model_{cut}.pt"))
        assert runner.current_learning_iteration == cut
        equal += trained(runner, folder, count) == first
    assert equal == count


def test_an_evaluation_that_was_cut_off_is_made_up_for(tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    first = trained(make_runner("walk", 1, {}, whole), whole, 5)
    runner = make_runner("walk", 1, {}, parts)
    evaluate = runner.evaluate

    def stopped(*args: Any) -> Any:
        if runner.current_learning_iteration == 3:
            raise KeyboardInterrupt
        return evaluate(*args)

    runner.evaluate = stopped  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        trained(runner, parts, 5)
    again = make_runner("walk", 1, {}, tmp_path / "again")
    assert again.resume(str(parts / "model_3.pt")) and not again.evaluations.curve
    assert trained(again, parts, 5) == first


def test_only_what_is_wanted_is_kept(tmp_path: Path) -> None:
    settings = {"runner.keep_last": 2, "runner.keep_every": 3, "runner.eval_interval": 4}
    folder = tmp_path / "run"
    trained(make_runner("walk", 1, settings, folder), folder, 8)
    names = {path.name for path in folder.glob("*.pt")}
    assert names == {f"model_{n}.pt" for n in (3, 6, 7, 8)} | {"model_best.pt", "model.pt"}
