"""Everything that shapes the next number of a training, taken down and put back exactly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from animRL.envs.rows import like
from animRL.utils.errors import InputError
from animRL.utils.seeding import random_state, set_random_state

_LOGGED = ("cur_reward_sum", "cur_episode_length")


def copied(value: Any) -> Any:
    """A copy of tensors, lists and dictionaries that later changes do not reach."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if isinstance(value, Mapping):
        return {name: copied(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [copied(entry) for entry in value]
    return value


def networks_of(runner: Any) -> dict[str, Any]:
    """Networks, normalisers and optimiser, as rsl-rl names them, and the finished iterations."""
    saved = {**runner.alg.save(), "iter": runner.current_learning_iteration}
    return dict(copied(saved))


def state_of(runner: Any) -> dict[str, Any]:
    """This process's part of the rest: environments, engine, random generators, running means.

    Read between two iterations, when the storage of the rollout is empty.
    """
    logger = runner.logger
    state = {
        "task": runner.env.env.save_state(),
        "observations": runner.env.observations,
        "random": random_state(torch.device(runner.device)),
        "learning_rate": runner.alg.learning_rate,
        "logger": {
            **{name: getattr(logger, name) for name in _LOGGED},
            "rewards": list(logger.rewbuffer),
            "lengths": list(logger.lenbuffer),
            "total_steps": logger.tot_timesteps,
            "total_seconds": logger.tot_time,
        },
    }
    return dict(copied(state))


_MISFITS = (
    *(RuntimeError, ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError),
)
"""What comes of values of other kinds, sizes and names than those that were saved."""


def take_up(
    runner: Any,
    payload: Mapping[str, Any],
    source: str,
    load_cfg: dict | None = None,
    strict: bool = True,
) -> dict[str, Any]:
    """Load networks, optimiser and progress into a runner; returns what a checkpoint says else.

    Raises:
        InputError: naming ``source``, if they do not fit the configuration.
    """
    try:
        runner.alg.load(payload, load_cfg, strict)
        for own in runner.alg.optimizer.state.values():
            if isinstance(own.get("step"), torch.Tensor):
                own["step"] = own["step"].cpu()  # where Adam keeps it; else it waits for a GPU
        # rsl-rl takes the learning rate from the file; the configuration's word counts.
        runner.set_learning_rate(runner.train_cfg.algorithm.learning_rate)
        done = runner.current_learning_iteration = int(payload["iter"])
        infos = dict(payload.get("infos") or {})
        runner.training_seconds = float(infos.get("training_seconds", 0.0))
        # Older checkpoints do not know their samples.
        runner.samples = int(infos.get("samples", done * runner.samples_per_iteration))
        runner.evaluations.from_dict(infos)
        runner.env.env.load_training_state(infos)
    except _MISFITS as error:
        reason = " ".join(str(error).split())[-200:]
        raise InputError(f"{source}: does not fit the configuration ({reason})") from error
    return infos


def restore(runner: Any, state: Mapping[str, Any], source: str) -> None:
    """Put a ``state_of`` back into a runner whose networks are loaded already.

    Raises:
        InputError: naming ``source``, if it is one of another configuration, or of none.
    """
    try:
        runner.env.env.load_state(state["task"])
        present = runner.env.observations
        runner.env.observations = like(state["observations"], present, "observations")
        rate = float(state["learning_rate"])
        logged = state["logger"]
        for name in _LOGGED:
            present = getattr(runner.logger, name)
            present.copy_(like(logged[name], present, name))
        runner.logger.rewbuffer.extend(map(float, logged["rewards"]))
        runner.logger.lenbuffer.extend(map(float, logged["lengths"]))
        runner.logger.tot_timesteps = int(logged["total_steps"])
        runner.logger.tot_time = float(logged["total_seconds"])
        set_random_state(state["random"], torch.device(runner.device))
    except _MISFITS as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{source}: its state of the environments does not fit ({reason})") from (
            error
        )
    runner.set_learning_rate(rate)
