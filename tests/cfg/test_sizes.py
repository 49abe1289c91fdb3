"""Memory that a configuration asks for: refused before it is taken."""

from __future__ import annotations

import time

import pytest

from animRL.cfg.base_config import ConfigError
from animRL.cfg.mimic.walk_config import WalkConfig, WalkTrainConfig
from animRL.cfg.sizes import check_sizes, memory_bytes, memory_parts

GIB = 2**30


def test_the_default_is_a_laptops() -> None:
    check_sizes(WalkConfig(), WalkTrainConfig(), 4 * GIB)
    assert memory_bytes() > GIB


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"env.num_envs": 1_000_000}, "env.num_envs 1000000"),
        ({"env.num_envs": 50_000, "runner.num_steps_per_env": 10_000}, "num_steps_per_env 10000"),
        ({"policy.hidden_dims": [16_384] * 16}, "policy.hidden_dims"),
        ({"sim.warp.njmax": 100_000}, "sim.warp.njmax"),
    ],
)
def test_what_asks_for_most_is_named(settings: dict, named: str) -> None:
    env_cfg, train_cfg = WalkConfig(), WalkTrainConfig()
    for path, value in settings.items():
        config = train_cfg if path.split(".")[0] in vars(train_cfg) else env_cfg
        config.set(path, value)
    began = time.perf_counter()
    with pytest.raises(ConfigError, match=f"^{named}|^.*{named}.*: about .* GiB") as error:
        check_sizes(env_cfg, train_cfg, 16 * GIB)
    assert "\n" not in str(error.value) and time.perf_counter() - began < 0.1


def test_roll_outs_by_hand() -> None:
    env_cfg, train_cfg = WalkConfig(), WalkTrainConfig()
    env_cfg.env.num_envs, train_cfg.runner.num_steps_per_env = 100, 10
    parts = memory_parts(env_cfg, train_cfg)
    # 108 observed numbers, 4 x 32 of the action and its distribution, 8 of the step.
    assert parts["env.num_envs 100 x runner.num_steps_per_env 10"] == 1000 * (108 + 128 + 8) * 4
