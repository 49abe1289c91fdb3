"""Everything that shapes the next number of a training, taken down and put back exactly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

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


def restore(runner: Any, state: Mapping[str, Any], source: str) -> None:
    """Put a ``state_of`` back into a runner whose networks are loaded already.

    Raises:
        InputError: naming ``source``, if it is one of another configuration, or of none.
    """
    try:
        runner.env.env.load_state(state["task"])
        runner.env.observations = state["observations"]
        rate = float(state["learning_rate"])
        logged = state["logger"]
        for name in _LOGGED:
            getattr(runner.logger, name).copy_(logged[name])
        runner.logger.rewbuffer.extend(map(float, logged["rewards"]))
        runner.logger.lenbuffer.extend(map(float, logged["lengths"]))
        runner.logger.tot_timesteps = int(logged["total_steps"])
        runner.logger.tot_time = float(logged["total_seconds"])
        set_random_state(state["random"], torch.device(runner.device))
    except (KeyError, TypeError, ValueError, IndexError, RuntimeError, AttributeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{source}: its state of the environments does not fit ({reason})") from (
            error
        )
    runner.set_learning_rate(rate)
