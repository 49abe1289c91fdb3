"""What many tests need: Bob, tasks built with few words, and data from outside the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from animRL.cfg.mimic.walk_config import WalkConfig
from animRL.envs.mimic_task import MimicTask
from animRL.motion.feedforward import joint_torques
from animRL.sim.factory import make_backend

torch.set_num_threads(1)  # small tensors: more threads only wait for each other

EXTERNAL = os.environ.get("ANIMRL_EXTERNAL_DATA")


@pytest.fixture
def external_data() -> Path:
    """The folder with data that is not the project's; the test is skipped without it."""
    if not EXTERNAL:
        pytest.skip("ANIMRL_EXTERNAL_DATA is not set")
    return Path(EXTERNAL)


TASK_SETTINGS = {
    "env.num_envs": 4, "sim.engine": "mujoco", "sim.threads": 1,
    "init_state.joint_noise": 0.0, "init_state.root_velocity_noise": 0.0,
}  # fmt: skip


@pytest.fixture
def make_task():
    """Build a walk task: make_task({"env.num_envs": 4, ...}); exact starts, one thread."""
    built = []

    def build(settings: dict | None = None) -> MimicTask:
        cfg = WalkConfig()
        for path, value in {**TASK_SETTINGS, **(settings or {})}.items():
            cfg.set(path, value)
        built.append(MimicTask(cfg, make_backend(cfg, cfg.env.num_envs), joint_torques))
        return built[-1]

    yield build
    for task in built:
        task.backend.close()
