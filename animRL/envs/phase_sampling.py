"""At which phases of a clip episodes start: anywhere alike, or more often where they fail."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from animRL.dataloader.motion_loader import MotionLoader

BIN_SECONDS = 0.1
"""Length of the parts of a clip for which failures are counted [s]."""
LEAD_SECONDS = 0.6
"""A failure makes starts more frequent this long before it [s]: about as long as a fall takes."""
MEMORY_STEPS = 1000
"""Control steps in which the counts of the past fade to 1/e: some 40 iterations of 24."""
DOUBT = 20.0
"""A part's share of failures counts as if it had been seen this often at the clip's mean share."""


class PhaseSampling(ABC):
    """Draws start phases, having been told how the episodes went."""

    @abstractmethod
    def draw(self, clip_ids: Tensor) -> Tensor:
        """Phases (n,) in [0, 1) to start from, for clips (n,)."""

    @abstractmethod
    def count(self, clip_ids: Tensor, phase: Tensor, failed: Tensor) -> None:
        """Take notice of one control step of all environments.

        Args:
            clip_ids: clip of each (N,).
            phase: phase at which its state was judged (N,).
            failed: whether its episode ended there in failure (N,) bool.
        """

    @abstractmethod
    def state_dict(self) -> dict[str, Tensor]:
        """What was counted, for ``load_state_dict``."""

    @abstractmethod
    def load_state_dict(self, saved: dict[str, Tensor]) -> None:
        """Go back to what was counted, unless it is nothing or of other clips."""


class FixedPhase(PhaseSampling):
    """Every episode starts at one phase, ``phase``, which may be changed; for who watches."""

    def __init__(self, motions: MotionLoader, least_seconds: float) -> None:
        """Begin with phase 0; of a clip that ends, at least so many seconds are left."""
        self.phase = 0.0
        last = (1.0 - least_seconds / motions.trajectory_lens).clamp(min=0.0)
        self._last = torch.where(motions.loops, 1.0, last)

    def draw(self, clip_ids: Tensor) -> Tensor:
        """Phases (n,) in [0, 1], all alike but for what is left of the clips (n,)."""
        return self._last[clip_ids].clamp(max=self.phase)

    def count(self, clip_ids: Tensor, phase: Tensor, failed: Tensor) -> None:
        """Nothing is counted."""

    def state_dict(self) -> dict[str, Tensor]:
        """Nothing was counted."""
        return {}

    def load_state_dict(self, saved: dict[str, Tensor]) -> None:
        """Whatever a training counted does not matter here."""


class UniformPhases(PhaseSampling):
    """Every phase alike, as in reference state initialisation (Peng et al. 2018, section 6.1)."""

    def draw(self, clip_ids: Tensor) -> Tensor:
        """Phases (n,) in [0, 1)."""
        return torch.rand(len(clip_ids), device=clip_ids.device)

    def count(self, clip_ids: Tensor, phase: Tensor, failed: Tensor) -> None:
        """Nothing is counted."""

    def state_dict(self) -> dict[str, Tensor]:
        """Nothing."""
        return {}

    def load_state_dict(self, saved: dict[str, Tensor]) -> None:
        """Nothing is kept."""


class FailurePhases(PhaseSampling):
    """A mixture of uniform starts and of starts shortly before where episodes fail.

    Each clip of M is cut into parts of about ``BIN_SECONDS``. For each, steps and failures are
    counted with exponential forgetting; the rate of a start in a part is the mean share of
    failures in the ``LEAD_SECONDS`` that begin with it, over the seam of a clip that loops. How
    often each clip is drawn is not changed. Nothing here makes the host wait for
    the device.
    """

    def __init__(self, motions: MotionLoader, share: float) -> None:
        """Start without any counts; ``share`` of the starts are drawn by failures."""
        self.share = share
        lengths = (motions.trajectory_lens / BIN_SECONDS).round().clamp(min=1).long()
        self._bins = lengths
        number = torch.arange(int(lengths.max()), device=motions.device)
        self._valid = number < lengths.unsqueeze(-1)
        ahead = torch.arange(round(LEAD_SECONDS / BIN_SECONDS), device=motions.device)
        following = (number.unsqueeze(-1) + ahead).expand(len(lengths), -1, -1)
        count = lengths.view(-1, 1, 1)
        self._following = following % count
        self._counted = motions.loops.view(-1, 1, 1) | (following < count)
        self._steps = torch.zeros(self._valid.shape, device=motions.device)
        self._failures = torch.zeros_like(self._steps)

    def draw(self, clip_ids: Tensor) -> Tensor:
        """Phases (n,) in [0, 1)."""
        cumulative = self.probabilities().cumsum(dim=-1)[clip_ids]
        chosen, within = torch.rand(2, len(clip_ids), device=clip_ids.device)
        part = (chosen.unsqueeze(-1) >= cumulative).sum(dim=-1)
        bins = self._bins[clip_ids]
        return ((torch.minimum(part, bins - 1) + within) / bins).clamp(max=1.0 - 1e-6)

    def count(self, clip_ids: Tensor, phase: Tensor, failed: Tensor) -> None:
        """Take notice of one control step of all environments."""
        bins = self._bins[clip_ids]
        part = torch.minimum((phase * bins).long(), bins - 1)
        where = clip_ids * self._steps.shape[1] + part
        keep = 1.0 - 1.0 / MEMORY_STEPS
        steps = torch.zeros_like(self._steps).view(-1)
        failures = steps.index_add(0, where, failed.to(steps.dtype)).view_as(self._failures)
        steps = steps.index_add(0, where, torch.ones_like(phase)).view_as(self._steps)
        self._steps, self._failures = keep * self._steps + steps, keep * self._failures + failures

    def probabilities(self) -> Tensor:
        """Of a start in each part of each clip (M, K), 0 beyond a clip's last part."""
        uniform = self._valid / self._bins.unsqueeze(-1)
        failures, steps = (x.sum(dim=-1, keepdim=True) for x in (self._failures, self._steps))
        mean = failures / steps.clamp(min=1.0)
        rate = (self._failures + DOUBT * mean) / (self._steps + DOUBT)
        rates = rate.unsqueeze(1).expand(-1, rate.shape[1], -1).gather(2, self._following)
        ahead = (rates * self._counted).sum(dim=-1) / self._counted.sum(dim=-1).clamp(min=1)
        ahead = ahead * self._valid
        total = ahead.sum(dim=-1, keepdim=True)
        by_failures = torch.where(total > 0.0, ahead / total.clamp(min=1e-30), uniform)
        return torch.lerp(uniform, by_failures, self.share)

    def state_dict(self) -> dict[str, Tensor]:
        """The counts (M, K)."""
        return {"steps": self._steps.clone(), "failures": self._failures.clone()}

    def load_state_dict(self, saved: dict[str, Tensor]) -> None:
        """Go back to counts, unless there are none or they are of other clips."""
        if saved and all(value.shape == self._steps.shape for value in saved.values()):
            self._steps = saved["steps"].to(self._steps)
            self._failures = saved["failures"].to(self._failures)


def make_phase_sampling(cfg: Any, motions: MotionLoader) -> PhaseSampling:
    """The way of a configuration's ``init_state.phase_sampling``."""
    if cfg.phase_sampling == "failures":
        return FailurePhases(motions, cfg.failure_share)
    return UniformPhases()
