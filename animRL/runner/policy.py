"""A trained policy out of a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from animRL.envs.mimic_task import MimicTask
from animRL.evaluation.evaluate import Policy
from animRL.runner.checkpoint import load_checkpoint
from animRL.runner.rsl import resolve_callable
from animRL.runner.rsl_config import actor_config
from animRL.runner.vec_env import OBS_GROUP, as_groups
from animRL.utils.errors import InputError


def inference_policy(actor: Any) -> Policy:
    """Wrap rsl-rl's actor as a deterministic policy: observations (N, D) to actions (N, J)."""

    def policy(obs: Tensor) -> Tensor:
        with torch.inference_mode():
            return actor(as_groups(obs))

    return policy


def load_policy(checkpoint: str | Path, train_cfg: Any, env: MimicTask) -> Policy:
    """Rebuild the actor of a checkpoint for an environment.

    Raises:
        InputError: if the file is no checkpoint, or its network has another shape than
            ``train_cfg.policy`` and the environment say.
    """
    return policy_of(load_checkpoint(checkpoint), train_cfg, env, str(checkpoint))


def policy_of(payload: dict[str, Any], train_cfg: Any, env: MimicTask, name: str) -> Policy:
    """Rebuild the actor out of what ``load_checkpoint`` has read.

    For who needs it more than once, while a training may replace the file ``name`` meanwhile.

    Raises:
        InputError: if it has another shape than ``train_cfg.policy`` and the environment say.
    """
    settings = dict(actor_config(train_cfg))
    model = resolve_callable(settings.pop("class_name"))
    obs = torch.zeros(1, env.observation_layout.size)
    groups = {"actor": [OBS_GROUP]}
    actor = model(as_groups(obs), groups, "actor", env.num_actions, **settings).to(env.device)
    try:
        actor.load_state_dict(payload["actor_state_dict"])
    except (RuntimeError, ValueError, TypeError, AttributeError) as error:
        reason = str(error).splitlines()[-1].strip()
        raise InputError(f"{name}: actor_state_dict does not fit ({reason})") from error
    return inference_policy(actor.eval())
