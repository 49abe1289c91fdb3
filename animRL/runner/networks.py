"""Actor and critic: multi-layer perceptrons that know what is usual at each phase of the clip."""

from __future__ import annotations

import math
from typing import Any

import torch
from tensordict import TensorDict
from torch import Tensor, nn

from animRL.runner.rsl import EmpiricalNormalization, MLPModel

FIRST_ACTIONS = 0.01
"""Factor on the last layer's initial weights: the untrained policy hardly departs from the offset
pose, as Andrychowicz et al. 2021 found best (What matters in on-policy reinforcement learning?)."""
LARGEST_DEVIATION = 10.0
"""Deviations are cut here, in standard deviations: a falling body is far from all it has seen."""


class PhaseUsual(nn.Module):
    """The usual observation at each phase, as a running mean in bins of the phase.

    A policy that follows a clip has to act on how far it is from where it ought to be at this
    phase. The observation holds the phase as one number, and a network would first have to learn
    the whole motion from it to see a deviation at all; this table shows it the deviation. With
    several clips it is the mean over those of the same phase.
    """

    table: Tensor
    samples: Tensor

    def __init__(self, size: int, bins: int, memory: int) -> None:
        """Make an empty table.

        Args:
            size: numbers D in an observation; the last is the phase in [0, 1].
            bins: bins of the phase, between whose middles the table is interpolated.
            memory: updates over which the running mean reaches.
        """
        super().__init__()
        self.bins, self.memory = bins, memory
        self.register_buffer("table", torch.zeros(bins + 1, size))
        self.register_buffer("samples", torch.zeros(bins + 1))

    def forward(self, obs: Tensor) -> Tensor:
        """Return the deviations (N, D) of observations (N, D) from the usual; 0 where unknown.

        Next to a bin that has never been seen, such as the first of a clip that is started at
        random phases, the other one counts alone.
        """
        position = obs[..., -1].clamp(0.0, 1.0) * self.bins
        lower = position.long().clamp(max=self.bins - 1)
        known = (self.samples > 0).float()
        upper_share = (position - lower) * known[lower + 1]
        lower_share = (1.0 - (position - lower)) * known[lower]
        total = upper_share + lower_share
        weight = (upper_share / total.clamp(min=1e-9)).unsqueeze(-1)
        usual = torch.lerp(self.table[lower], self.table[lower + 1], weight)
        return torch.where((total > 0.0).unsqueeze(-1), obs - usual, 0.0)

    def update(self, obs: Tensor) -> None:
        """Take observations (N, D) into the running means, in all processes alike."""
        bin_ids = (obs[..., -1].clamp(0.0, 1.0) * self.bins).round().long()
        count = torch.zeros_like(self.samples).index_add_(0, bin_ids, torch.ones_like(obs[..., -1]))
        total = torch.zeros_like(self.table).index_add_(0, bin_ids, obs)
        if torch.distributed.is_initialized():
            torch.distributed.all_reduce(count)
            torch.distributed.all_reduce(total)
        self.samples *= 1.0 - 1.0 / self.memory  # older samples weigh less with every update
        self.samples += count
        rate = (count / self.samples.clamp(min=1e-9)).unsqueeze(-1)
        self.table += rate * (total / count.clamp(min=1.0).unsqueeze(-1) - self.table)


class PhaseModel(MLPModel):
    """rsl-rl's network, fed with the normalised observation, its deviation and the phase's waves.

    Inputs: the observation (D), normalised; with ``phase_bins`` its deviation from the usual at
    this phase (D), scaled by its spread; sines and cosines of ``harmonics`` multiples of the phase,
    so that what changes fast over a cycle, such as the push at heel strike, can be learned.
    """

    waves: Tensor
    usual: PhaseUsual | None

    def __init__(
        self, *args: Any, harmonics: int, phase_bins: int, phase_memory: int, **kwargs: Any
    ) -> None:
        """Take what ``MLPModel`` takes, and for the last two see ``PhaseUsual``."""
        self.harmonics, self.phase_bins = harmonics, phase_bins
        super().__init__(*args, **kwargs)
        self.register_buffer("waves", 2.0 * math.pi * torch.arange(1, harmonics + 1).float())
        self.usual = None
        if phase_bins:
            self.usual = PhaseUsual(self.obs_dim, phase_bins, phase_memory)
            self.deviation_normalizer = EmpiricalNormalization(self.obs_dim)
        if self.distribution is not None:
            last = [layer for layer in self.mlp if isinstance(layer, nn.Linear)][-1]
            with torch.no_grad():
                last.weight.mul_(FIRST_ACTIONS)
                last.bias.zero_()

    def get_latent(self, obs: TensorDict, masks: Any = None, hidden_state: Any = None) -> Tensor:
        """Return the network's input: (N, D + 2 x harmonics), D more with ``phase_bins``."""
        raw = self._raw(obs)
        angles = raw[..., -1:] * self.waves
        parts = [self.obs_normalizer(raw), angles.sin(), angles.cos()]
        if self.usual is not None:
            deviation = self.deviation_normalizer(self.usual(raw))
            parts.append(deviation.clamp(-LARGEST_DEVIATION, LARGEST_DEVIATION))
        return torch.cat(parts, dim=-1)

    def update_normalization(self, obs: TensorDict) -> None:
        """Learn means and spreads from the observations of a roll-out."""
        super().update_normalization(obs)
        if self.usual is not None:
            raw = self._raw(obs)
            self.usual.update(raw)
            self.deviation_normalizer.update(self.usual(raw))

    def as_jit(self) -> nn.Module:
        """Not supported: rsl-rl's export would leave the phase's part out."""
        raise NotImplementedError("a policy with phase features cannot be exported to TorchScript")

    def as_onnx(self, verbose: bool) -> nn.Module:
        """Not supported: rsl-rl's export would leave the phase's part out."""
        raise NotImplementedError("a policy with phase features cannot be exported to ONNX")

    def _raw(self, obs: TensorDict) -> Tensor:
        return torch.cat([obs[group] for group in self.obs_groups], dim=-1)

    def _get_latent_dim(self) -> int:
        return self.obs_dim * (2 if self.phase_bins else 1) + 2 * self.harmonics
