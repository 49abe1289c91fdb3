"""Which tasks there are: names of classes, imported when a task is asked for."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from animRL.utils.errors import InputError


@dataclass(frozen=True)
class TaskEntry:
    """The classes of a task, each written as "module:Class"."""

    env_cfg: str
    train_cfg: str
    env_class: str


TASKS: dict[str, TaskEntry] = {}


def register(name: str, *, env_cfg: str, train_cfg: str, env_class: str) -> None:
    """Add a task under a name; the classes are written "module:Class" and not imported yet.

    Raises ValueError if the name is taken or a class is not written that way.
    """
    if name in TASKS:
        raise ValueError(f"task '{name}' is already registered")
    for target in (env_cfg, train_cfg, env_class):
        module, _, attribute = target.partition(":")
        if not (module and attribute.isidentifier()):
            raise ValueError(f"task '{name}': expected 'module:Class', got '{target}'")
    TASKS[name] = TaskEntry(env_cfg, train_cfg, env_class)


def task_names() -> list[str]:
    """Return the names of all tasks, in the order they were registered."""
    return list(TASKS)


def make_env_cfg(name: str) -> Any:
    """Return a fresh environment configuration; raises InputError for an unknown task."""
    return _load(_entry(name).env_cfg)()


def make_train_cfg(name: str) -> Any:
    """Return a fresh training configuration; raises InputError for an unknown task."""
    return _load(_entry(name).train_cfg)()


def env_class(name: str) -> type:
    """Return the environment's class; raises InputError for an unknown task."""
    return _load(_entry(name).env_class)


def make_env(name: str, env_cfg: Any, backend: Any = None) -> Any:
    """Build a task's environment of ``env_cfg.env.num_envs`` characters.

    Where that is None, it is set to what trains fastest on the engine. The engine is that of the
    configuration if no ``backend`` is given.
    """
    if backend is None:
        backend = _make_backend(env_cfg)
    inverse_dynamics = None
    if env_cfg.control.action_offset == "feedforward":
        inverse_dynamics = _load("animRL.motion.feedforward:joint_torques")
    return env_class(name)(env_cfg, backend, inverse_dynamics)


def _make_backend(env_cfg: Any) -> Any:
    if env_cfg.env.num_envs is None:
        engine = _load("animRL.sim.factory:resolve_engine")(env_cfg.sim.engine, env_cfg.sim.device)
        env_cfg.set("env.num_envs", _load("animRL.sim.factory:DEFAULT_NUM_ENVS")[engine])
    return _load("animRL.sim.factory:make_backend")(env_cfg, env_cfg.env.num_envs)


def _entry(name: str) -> TaskEntry:
    if name not in TASKS:
        raise InputError(f"--task: no task '{name}'; valid: {', '.join(TASKS)}")
    return TASKS[name]


def _load(target: str) -> Any:
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


for _name in ("walk", "cartwheel", "run", "jump", "squat", "turn"):
    _cfg = f"animRL.cfg.mimic.{_name}_config:{_name.title()}"
    register(
        _name,
        env_cfg=f"{_cfg}Config",
        train_cfg=f"{_cfg}TrainConfig",
        env_class="animRL.envs.mimic_task:MimicTask",
    )
