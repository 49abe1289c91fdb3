"""The task as rsl-rl sees it."""

from __future__ import annotations

from typing import Any

import torch
from tensordict import TensorDict
from torch import Tensor

from animRL.envs.mimic_task import MimicTask
from animRL.runner.rsl import VecEnv

OBS_GROUP = "policy"


class RslVecEnv(VecEnv):
    """Adapter from ``MimicTask`` to rsl-rl's ``VecEnv``."""

    def __init__(self, env: MimicTask) -> None:
        """Wrap a task; its present observations are those after a reset."""
        self.env = env
        self.num_envs, self.num_actions = env.num_envs, env.num_actions
        self.max_episode_length = env.max_episode_length
        self.device = env.device
        self.cfg: Any = env.cfg
        self.observations = env.reset()
        """For the next action (N, D)."""

    @property
    def episode_length_buf(self) -> Tensor:
        """Steps since the last reset (N,)."""
        return self.env.episode_steps

    @episode_length_buf.setter
    def episode_length_buf(self, value: Tensor) -> None:
        self.env.episode_steps = value

    def get_observations(self) -> TensorDict:
        """Return the observations for the next action."""
        return as_groups(self.observations)

    def step(self, actions: Tensor) -> tuple[TensorDict, Tensor, Tensor, dict[str, Any]]:
        """Step the task.

        ``extras`` holds ``time_outs``; under ``log`` the mean of each reward term and the shares of
        environments whose physics diverged and in which anything was not finite (their episodes
        ended, they start anew); and under ``faults`` the latter share by what was at fault.
        """
        result = self.env.step(actions)
        self.observations = result.obs
        shares = torch.stack(list(result.faults.values())).float().mean(dim=-1)
        log = {"total_reward": result.reward.mean()}
        log.update({name: value.mean() for name, value in result.terms.items()})
        log["diverged"] = result.state.diverged.float().mean()
        log["not_finite"] = shares.sum()
        extras = {
            "time_outs": result.timed_out,
            "log": log,
            "faults": dict(zip(result.faults, shares.unbind(), strict=True)),
        }
        return as_groups(result.obs), result.reward, result.done.to(torch.long), extras


def as_groups(obs: Tensor) -> TensorDict:
    """Wrap observations (N, D) as rsl-rl's dictionary of observation groups."""
    return TensorDict({OBS_GROUP: obs}, batch_size=[obs.shape[0]])
