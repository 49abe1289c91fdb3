"""From the training configuration to what rsl-rl reads."""

from __future__ import annotations

import pytest

from animRL.cfg.mimic.walk_config import WalkTrainConfig
from animRL.runner.rsl_config import action_std, actor_config, learning_rate, rsl_config


def config(**algorithm: object) -> WalkTrainConfig:
    cfg = WalkTrainConfig()
    for name, value in algorithm.items():
        cfg.set(f"algorithm.{name}", value)
    return cfg


def test_a_linear_rate_falls_to_its_end_and_stays_there() -> None:
    cfg = config(
        schedule="linear", learning_rate=1e-3, final_learning_rate=2e-4, decay_iterations=4
    )
    rates = [learning_rate(cfg, iteration) for iteration in range(1, 7)]
    assert rates == pytest.approx([8e-4, 6e-4, 4e-4, 2e-4, 2e-4, 2e-4])


def test_a_rate_falls_over_the_whole_training_where_nothing_else_is_said() -> None:
    cfg = config(schedule="linear", learning_rate=1e-3, final_learning_rate=2e-4)
    cfg.set("runner.max_iterations", 8)
    assert learning_rate(cfg, 4) == pytest.approx(6e-4)
    cfg.set("runner.max_iterations", 16)  # taken up again, to train longer
    assert learning_rate(cfg, 8) == pytest.approx(6e-4)


def test_a_fixed_rate_is_fixed_and_an_adaptive_one_is_left_to_rsl_rl() -> None:
    assert learning_rate(config(schedule="fixed", learning_rate=1e-3), 99) == 1e-3
    assert learning_rate(config(schedule="adaptive"), 1) is None


def test_a_spread_with_an_end_falls_to_it_and_is_not_learned() -> None:
    cfg = config(decay_iterations=4)
    cfg.set("policy.final_std", None)
    assert action_std(cfg, 1) is None
    assert actor_config(cfg)["distribution_cfg"]["learn_std"]
    cfg.set("policy.init_std", 0.5)
    cfg.set("policy.final_std", 0.1)
    stds = [action_std(cfg, iteration) for iteration in range(1, 7)]
    assert stds == pytest.approx([0.4, 0.3, 0.2, 0.1, 0.1, 0.1])
    assert not actor_config(cfg)["distribution_cfg"]["learn_std"]


def test_rsl_rl_gets_no_setting_that_it_does_not_know() -> None:
    algorithm = rsl_config(config(schedule="linear"))["algorithm"]
    assert algorithm["schedule"] == "fixed"
    assert not {"final_learning_rate", "decay_iterations"} & set(algorithm)
    assert rsl_config(config(schedule="adaptive"))["algorithm"]["schedule"] == "adaptive"
