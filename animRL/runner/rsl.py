"""The one door to rsl-rl-lib: its classes as this project uses them, quiet and without git."""

from __future__ import annotations

import io
import os
import statistics
from contextlib import redirect_stdout
from typing import Any

import torch
from torch import Tensor

# GitPython, which rsl-rl-lib imports, raises on machines without a git binary unless told not to.
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

from rsl_rl.env import VecEnv  # noqa: E402
from rsl_rl.models import MLPModel  # noqa: E402
from rsl_rl.modules import EmpiricalNormalization  # noqa: E402
from rsl_rl.runners import OnPolicyRunner  # noqa: E402
from rsl_rl.utils import LogWriter, resolve_callable  # noqa: E402
from rsl_rl.utils.logger import Logger  # noqa: E402

__all__ = [
    "EmpiricalNormalization", "LogWriter", "MLPModel", "OnPolicyRunner", "QuietLogger", "VecEnv",
    "resolve_callable",
]  # fmt: skip


class QuietLogger(Logger):
    """rsl-rl-lib's logger without its table on the console and its diffs of git repositories."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take what rsl-rl-lib's logger takes."""
        super().__init__(*args, **kwargs)
        self._ends: list[tuple[Tensor, Tensor, Tensor]] = []

    def process_env_step(
        self,
        rewards: Tensor,
        dones: Tensor,
        extras: dict,
        intrinsic_rewards: Tensor | None = None,
    ) -> None:
        """Add one step; unlike rsl-rl-lib's, it leaves finished episodes on the device until log.

        Args:
            rewards: (N,).
            dones: (N,), not 0 where an episode ended.
            extras: may hold ``episode`` or ``log``, the mean of each reward term.
            intrinsic_rewards: not used in this project.
        """
        if self.writer is None:
            return
        terms = extras.get("episode", extras.get("log"))
        if terms is not None:
            self.ep_extras.append(terms)
        self.cur_reward_sum += rewards
        self.cur_episode_length += 1
        ended = dones > 0
        self._ends.append((ended, self.cur_reward_sum.clone(), self.cur_episode_length.clone()))
        self.cur_reward_sum.masked_fill_(ended, 0.0)
        self.cur_episode_length.masked_fill_(ended, 0.0)

    def _collect_ends(self) -> None:
        """Move finished episodes to the buffers, in the order in which they ended."""
        if self._ends:
            ended, sums, lengths = (torch.stack(values) for values in zip(*self._ends, strict=True))
            self.rewbuffer.extend(sums[ended].tolist())
            self.lenbuffer.extend(lengths[ended].tolist())
            self._ends.clear()

    @property
    def mean_reward(self) -> float | None:
        """Mean summed reward of the last 100 finished episodes, None before the first."""
        return statistics.mean(self.rewbuffer) if self.rewbuffer else None

    @property
    def mean_episode_length(self) -> float | None:
        """Mean length of the last 100 finished episodes [control steps], None before the first."""
        return statistics.mean(self.lenbuffer) if self.lenbuffer else None

    def log(self, *args: Any, **kwargs: Any) -> None:
        """Pass an iteration's metrics to the writer and print nothing."""
        self._collect_ends()
        with redirect_stdout(io.StringIO()):
            super().log(*args, **kwargs)

    def _store_code_state(self) -> list[str]:
        """Record no git state: a diff may hold what a user does not want to publish."""
        return []
