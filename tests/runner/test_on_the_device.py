"""Training as on a GPU: nothing waits for the device but once an iteration, and Warp learns."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import torch

from animRL.cfg.mimic.walk_config import WalkConfig, WalkTrainConfig
from animRL.runner.ppo_runner import PpoRunner
from animRL.sim.factory import warp_is_installed
from animRL.tasks import make_env
from tests.synchronisations import Synchronisations


def make_runner(engine: str, num_envs: int, steps: int, **train: object) -> PpoRunner:
    torch.manual_seed(0)
    env_cfg, train_cfg = WalkConfig(), WalkTrainConfig()
    values = {"env.num_envs": num_envs, "env.episode_length": 5 if engine == "kinematic" else 300,
              "sim.engine": engine, "sim.device": "cpu"}  # fmt: skip
    for path, value in values.items():
        env_cfg.set(path, value)
    for path, value in {"runner.eval_interval": 0, "runner.num_steps_per_env": steps,
                        "algorithm.num_mini_batches": 4, **train}.items():  # fmt: skip
        train_cfg.set(path, value)
    return PpoRunner(make_env("walk", env_cfg), train_cfg)


def waits_of_an_iteration(folder: Path, steps: int) -> Counter[str]:
    runner = make_runner("kinematic", 4, steps, **{"policy.hidden_dims": [8]})
    runner.open_run(folder)
    runner.env.env.masked_resets = True
    runner.logger.init_logging_writer()
    obs = runner.env.get_observations()
    runner.alg.train_mode()
    with Synchronisations() as counter:
        runner._iteration(obs, 1, 0, 1)
    runner.logger.stop_logging_writer()
    assert runner.logger.mean_episode_length is not None  # episodes ended, and were logged
    return counter.found


def test_how_often_an_iteration_waits_does_not_depend_on_its_steps(tmp_path: Path) -> None:
    short = waits_of_an_iteration(tmp_path / "short", 6)
    long = waits_of_an_iteration(tmp_path / "long", 24)
    assert short == long and short


@pytest.mark.skipif(not warp_is_installed(), reason="the extra gpu (mujoco-warp) is not installed")
def test_the_critic_learns_on_warp() -> None:
    runner = make_runner(
        "warp", 16, 16, **{
            "policy.hidden_dims": [64, 64],
            # Near rewards: with few samples, chance rules the sum of those of two seconds.
            "algorithm.gamma": 0.9,
        },
    )  # fmt: skip
    losses: list[float] = []
    update = runner.alg.update

    def noting_update() -> dict[str, float]:
        values = update()
        losses.append(values["value"])
        return values

    runner.alg.update = noting_update
    runner.learn(10, init_at_random_ep_len=False)
    assert sum(losses[-2:]) < 0.6 * sum(losses[:2])
