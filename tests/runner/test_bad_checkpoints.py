"""Checkpoints that are whole and harmless but hold something else than they should."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from animRL.cfg.mimic.walk_config import WalkConfig, WalkTrainConfig
from animRL.runner.checkpoint import load_checkpoint, save_checkpoint
from animRL.runner.policy import load_policy
from animRL.runner.ppo_runner import PpoRunner
from animRL.tasks import make_env
from animRL.utils.errors import InputError

COUNTS = [pytest.param(60, id="60"), pytest.param(500, id="500", marks=pytest.mark.slow)]
JUNK: tuple[Any, ...] = (
    None, True, -1, 0, 2**70, 1e308, float("nan"), float("-inf"), "", "walk", [], [[]], {},
    {"a": 1},
    torch.zeros(0), torch.zeros(3, 5), torch.full((2,), float("nan")), torch.tensor([2**62]),
    torch.zeros(2, dtype=torch.bool),
)  # fmt: skip


def make_runner() -> PpoRunner:
    env_cfg, train_cfg = WalkConfig(), WalkTrainConfig()
    env_cfg.set("env.num_envs", 4)
    env_cfg.set("sim.threads", 1)
    env_cfg.set("init_state.phase_sampling", "failures")
    env_cfg.set("disturbances.push_interval", 1.0)
    values = {"runner.num_steps_per_env": 4, "policy.hidden_dims": [8],
              "runner.save_interval": 1, "algorithm.num_mini_batches": 2}  # fmt: skip
    for path, value in values.items():
        train_cfg.set(path, value)
    torch.manual_seed(1)
    return PpoRunner(make_env("walk", env_cfg), train_cfg)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("good")
    runner = make_runner()
    runner.open_run(folder)
    runner.learn(1)
    payload = load_checkpoint(folder / "model_1.pt")
    metrics = dict.fromkeys(("iteration", "success", "position_error_m"), 1.0)
    payload["infos"].update(curve=[metrics], best=[0.5, 0.1, 0.2, 1])
    return payload


def places(value: Any, path: tuple = ()) -> list[tuple]:
    """Paths to everything inside lists and dictionaries; of long lists to the first few."""
    found = [path] if path else []
    inside = value.items() if isinstance(value, dict) else enumerate(value[:3])
    for key, entry in inside if isinstance(value, (dict, list)) else ():
        nested = isinstance(entry, (dict, list))
        found += places(entry, (*path, key)) if nested else [(*path, key)]
    return found


def changed(payload: dict[str, Any], path: tuple, new: Any, delete: bool = False) -> dict[str, Any]:
    result = copy.deepcopy(payload)
    inner: Any = result
    for key in path[:-1]:
        inner = inner[key]
    if delete:
        del inner[path[-1]]
    else:
        inner[path[-1]] = new
    return result


def outcome(act: Callable[[], object], path: Path) -> bool:
    """Whether it was refused; anything but one line that names the file fails the test."""
    try:
        act()
    except InputError as error:
        assert "\n" not in str(error) and str(path) in str(error)
        return True
    return False


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.filterwarnings("error")
def test_wrong_content_is_one_line(tmp_path: Path, good: dict[str, Any], count: int) -> None:
    runner, draw, path = make_runner(), random.Random(5), tmp_path / "model_1.pt"
    random_state = random.getstate()
    every, refused = places(good), 0
    for number in range(count):
        where, new = draw.choice(every), draw.choice(JUNK)
        bad = changed(good, where, new, delete=draw.random() < 0.2)
        save_checkpoint(path, bad)
        try:
            refused += outcome(lambda: runner.resume(str(path)), path)
            outcome(lambda: load_policy(path, runner.train_cfg, runner.env.env), path)
        except Exception as error:
            raise AssertionError(f"{number}: {where} = {new!r}") from error
    random.setstate(random_state)
    assert refused > 0.5 * count


def test_each_part_that_is_missing_or_wrong_is_named(tmp_path: Path, good: dict[str, Any]) -> None:
    runner, path = make_runner(), tmp_path / "model_1.pt"
    weight = next(iter(good["actor_state_dict"]))
    cases: dict[tuple, tuple[Any, str]] = {
        ("iter",): (-1, "lacks iter"),
        ("actor_state_dict",): (None, "lacks actor_state_dict"),
        ("critic_state_dict",): ([], "lacks critic_state_dict"),
        ("optimizer_state_dict",): (3, "lacks optimizer_state_dict"),
        ("optimizer_state_dict", "param_groups"): ([], "does not fit the configuration"),
        ("optimizer_state_dict", "state", 0): ({"step": "x"}, "does not fit"),
        ("actor_state_dict", weight): (torch.full((2,), float("nan")), "no tensor of finite"),
        ("critic_state_dict", "mlp.0.weight"): ("x", "no tensor of finite numbers"),
        ("critic_state_dict", "mlp.0.bias"): (torch.zeros(3), "does not fit the configuration"),
        ("infos",): ("x", "does not fit the configuration"),
        ("infos", "best"): ([1.0], "does not fit"),
        ("infos", "curve"): ([3], "does not fit"),
        ("infos", "samples"): ("many", "does not fit"),
        ("infos", "sigma_shares", "track_ee_pos"): ([], "does not fit"),
        ("states", 0): (None, "state of the environments does not fit"),
        ("states", 0, "task", "engine", "state"): (torch.zeros(4, 3), "does not fit"),
        ("states", 0, "task", "reference", "clip_ids"): (torch.full((4,), 9), "names clips"),
        ("states", 0, "task", "reference", "phase"): (torch.zeros(3), "phase is (3,)"),
        ("states", 0, "task", "sigmas"): ({"a": 1.0}, "sigmas of a, not of"),
        ("states", 0, "random", "torch"): (torch.zeros(3), "does not fit"),
        ("states", 0, "random", "python", "numbers"): ([1, 2], "does not fit"),
        ("states", 0, "random", "numpy", "keys"): (torch.zeros(3), "does not fit"),
        ("states", 0, "learning_rate"): ("fast", "does not fit"),
        ("states", 0, "observations"): (torch.zeros(4, 3), "does not fit"),
    }  # fmt: skip
    for where, (new, message) in cases.items():
        save_checkpoint(path, changed(good, where, new))
        with pytest.raises(InputError) as caught:
            runner.resume(str(path))
            pytest.fail(f"{where} was taken")
        assert message in str(caught.value), where
    save_checkpoint(path, good)
    assert runner.resume(str(path))
