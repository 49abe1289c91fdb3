"""A trained policy out of a checkpoint."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from animRL.envs.mimic_task import MimicTask
from animRL.evaluation.evaluate import Policy
from animRL.runner.checkpoint import load_checkpoint
from animRL.runner.vec_env import as_groups
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
    from animRL.runner.ppo_runner import PpoRunner

    payload = load_checkpoint(checkpoint, env.device)
    with redirect_stdout(io.StringIO()):
        runner = PpoRunner(env, train_cfg)
    actor = runner.alg.get_policy()
    try:
        actor.load_state_dict(payload["actor_state_dict"])
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise InputError(f"{checkpoint}: actor_state_dict does not fit ({reason})") from error
    return inference_policy(actor.eval())
