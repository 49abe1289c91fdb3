"""The registry of tasks."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from animRL import tasks
from animRL.cfg.base_config import BaseConfig
from animRL.utils.errors import InputError


@pytest.fixture
def registry(monkeypatch):
    monkeypatch.setattr(tasks, "TASKS", dict(tasks.TASKS))
    return tasks


def test_the_six_tasks_are_there():
    assert tasks.task_names() == ["walk", "cartwheel", "run", "jump", "squat", "turn"]


@pytest.mark.parametrize("name", tasks.task_names())
def test_every_task_makes_fresh_configurations(name):
    for make in (tasks.make_env_cfg, tasks.make_train_cfg):
        first, second = make(name), make(name)
        assert isinstance(first, BaseConfig)
        assert first == second and first is not second
        assert type(first).from_dict(first.to_dict()) == first


@pytest.mark.parametrize("name", tasks.task_names())
def test_the_paths_that_options_write_to_exist(name):
    env_cfg, train_cfg = tasks.make_env_cfg(name), tasks.make_train_cfg(name)
    env_paths = {"motion_loader.motion_files", "sim.engine", "sim.device", "env.num_envs"}
    assert env_paths <= {path for path, _ in env_cfg.leaves()}
    fields = ("seed", "max_iterations", "run_name", "experiment_name")
    assert {f"runner.{field}" for field in fields} <= {path for path, _ in train_cfg.leaves()}


@pytest.mark.parametrize("name", tasks.task_names())
def test_every_task_has_an_environment(name):
    assert tasks.env_class(name).__name__ == "MimicTask"


@pytest.mark.parametrize("name", tasks.task_names())
def test_every_task_follows_the_clip_of_its_name_and_runs_under_it(name):
    (file,) = tasks.make_env_cfg(name).motion_loader.motion_files
    assert file == f"datasets/bob3/{name.title()}.txt"
    assert tasks.make_train_cfg(name).runner.run_name == name


@pytest.mark.parametrize("name", tasks.task_names())
def test_every_task_is_made_reset_and_stepped(name):
    cfg = tasks.make_env_cfg(name)
    for path, value in {"env.num_envs": 6, "sim.engine": "mujoco", "sim.threads": 1}.items():
        cfg.set(path, value)
    env = tasks.make_env(name, cfg)
    obs = env.reset(phases=torch.arange(6) / 6)
    assert obs.shape == (6, 108) and bool(obs.isfinite().all())
    for step in range(3):
        result = env.step(torch.zeros(6, env.num_actions))
        assert result.obs.shape == (6, 108) and bool(result.obs.isfinite().all())
        assert set(result.terms) == set(cfg.rewards.terms.to_dict())
        # On the clip a step before: from anywhere the drive follows the reference closely.
        assert float(result.reward.min()) > 0.1, step
        assert not bool(result.done.any())
    env.backend.close()


def test_an_unknown_task_is_told_in_one_line():
    for function in (tasks.make_env_cfg, tasks.make_train_cfg, tasks.env_class):
        with pytest.raises(InputError, match="no task 'fly'; valid: walk, cartwheel, run"):
            function("fly")


def test_a_task_is_registered_once_and_by_name(registry):
    target = "collections:OrderedDict"
    registry.register("mine", env_cfg=target, train_cfg=target, env_class=target)
    assert "mine" in registry.task_names()
    assert registry.make_env_cfg("mine") == {}
    with pytest.raises(ValueError, match="already registered"):
        registry.register("mine", env_cfg=target, train_cfg=target, env_class=target)
    with pytest.raises(ValueError, match="module:Class"):
        registry.register("other", env_cfg="module", train_cfg=target, env_class=target)


def test_the_registry_imports_no_task():
    code = (
        "import sys, animRL.tasks; "
        "print([m for m in sys.modules if m.startswith(('animRL.cfg', 'animRL.envs', 'torch'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
