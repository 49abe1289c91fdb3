"""The one door to rsl-rl-lib: its classes as this project uses them, quiet and without git."""

from __future__ import annotations

import io
import os
import statistics
from contextlib import redirect_stdout
from typing import Any

# GitPython, which rsl-rl-lib imports, raises on machines without a git binary unless told not to.
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

from rsl_rl.env import VecEnv  # noqa: E402
from rsl_rl.runners import OnPolicyRunner  # noqa: E402
from rsl_rl.utils import LogWriter, resolve_callable  # noqa: E402
from rsl_rl.utils.logger import Logger  # noqa: E402

__all__ = ["LogWriter", "OnPolicyRunner", "QuietLogger", "VecEnv", "resolve_callable"]


class QuietLogger(Logger):
    """rsl-rl-lib's logger without its table on the console and its diffs of git repositories."""

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
        with redirect_stdout(io.StringIO()):
            super().log(*args, **kwargs)

    def _store_code_state(self) -> list[str]:
        """Record no git state: a diff may hold what a user does not want to publish."""
        return []
