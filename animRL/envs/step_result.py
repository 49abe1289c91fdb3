"""What one control step of the task gave."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from animRL.reward.task_data import TaskData
from animRL.sim.base import SimState


@dataclass(frozen=True)
class StepResult:
    """What one control step gave; every tensor describes the step just made, except ``obs``."""

    obs: Tensor
    """Observations (N, 108) after the resets, for the next action."""
    reward: Tensor
    """Product or weighted sum of the reward terms (N,)."""
    terms: dict[str, Tensor]
    """Each reward term (N,)."""
    terminated: Tensor
    """Episodes (N,) that ended in failure (bool)."""
    timed_out: Tensor
    """Episodes (N,) that ended in time, not in failure (bool)."""
    faults: dict[str, Tensor]
    """By what was at fault (``soundness``, or a reward term): the environments (N,) in which it was
    no finite number (bool). They count as terminated with a reward of 0."""
    state: SimState
    """The engine's state that was judged, before any reset."""
    data: TaskData
    """The data dictionary that was judged, its target included."""

    @property
    def done(self) -> Tensor:
        """Episodes (N,) that ended, for whatever reason (bool)."""
        return self.terminated | self.timed_out
