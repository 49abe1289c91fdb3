"""Why the episodes of a roll-out failed: where in the clip, and which body met the ground first."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from animRL.envs.mimic_task import MimicTask
from animRL.envs.step_result import StepResult

PHASE_WINDOW = 0.2
"""Share of a clip within which failures count as being in one place."""


@dataclass(frozen=True)
class FailureSummary:
    """What the failures of N episodes have in common; plain values."""

    episodes: int
    """N."""
    failed: int
    """Episodes that fell or lost the reference."""
    fell: int
    """Of these, the ones that fell; the others left the reference and stayed on their feet."""
    first_bodies: dict[str, int]
    """Body that met the ground -> falls, the most frequent first; some falls touch nothing."""
    phase: float | None
    """Where most failures happened, [0, 1]; None without any."""
    near_phase: int
    """Failures within ``PHASE_WINDOW`` around it."""
    clip: str | None
    """Clip with the most failures, the one that ``phase`` is of; None without any."""
    in_clip: int
    """Failures in it."""
    terms: dict[str, float]
    """Mean of each reward term over all steps until a fall, [0, 1]."""


class Failures:
    """Notes of one roll-out of N episodes; ``roll_out`` fills them in.

    An episode fails at the step from which it is no success any more: the character falls, or is
    too far from the reference, which mostly comes first. The body is noted when it falls.
    """

    def __init__(self, env: MimicTask) -> None:
        """Make empty notes for a roll-out of ``env``."""
        character, device = env.character, env.device
        self.clip_labels = env.motion_loader.labels
        self.body_names = character.fall_bodies
        self._bodies = character.body_indices(character.fall_bodies).to(device)
        self._loops = env.motion_loader.loops
        self._force = env.cfg.termination.fall_contact_force
        self.failed = torch.zeros(env.num_envs, dtype=torch.bool, device=device)
        """Episodes that failed (N,)."""
        self.fell = torch.zeros_like(self.failed)
        """Episodes that ended by a fall (N,)."""
        self.phase = torch.full((env.num_envs,), float("nan"), device=device)
        """Phase at which they failed (N,), NaN elsewhere."""
        self.body = torch.full((env.num_envs,), -1, dtype=torch.long, device=device)
        """Index into ``body_names`` (N,) of the body with the largest force of the ground among
        those that may not touch it; -1 where none does."""
        self.clip_ids = torch.zeros_like(self.body)
        """Clip that a failed episode followed (N,)."""
        self._terms: tuple[str, ...] = ()
        self._sums = torch.zeros(0, env.num_envs, device=device)
        self._steps = torch.zeros(env.num_envs, dtype=torch.long, device=device)

    def add(
        self,
        result: StepResult,
        clip_ids: Tensor,
        failing: Tensor,
        falling: Tensor,
        counted: Tensor,
    ) -> None:
        """Take down a step.

        Args:
            result: what the step gave.
            clip_ids: clips (N,) followed.
            failing: episodes (N,) that are no success from this step on.
            falling: episodes (N,) that end in this step by a fall.
            counted: episodes (N,) whose rewards of this step count.
        """
        values = torch.stack(list(result.terms.values()))
        if not self._terms:
            self._terms, self._sums = tuple(result.terms), torch.zeros_like(values)
        self._sums = self._sums + torch.where(counted, values, 0.0)
        self._steps = self._steps + counted
        if not bool((failing | falling).any()):
            return
        force, body = result.state.ground_contact_force[:, self._bodies].norm(dim=-1).max(dim=-1)
        self.failed = self.failed | failing
        self.phase = torch.where(failing, result.data["phase"], self.phase)
        self.clip_ids = torch.where(failing, clip_ids, self.clip_ids)
        self.fell = self.fell | falling
        self.body = torch.where(falling & (force > self._force), body, self.body)

    def term_means(self, own: Tensor | None = None) -> dict[str, float]:
        """Mean of each reward term over all counted steps of episodes (N,) bool; None: all."""
        own = torch.ones_like(self.failed) if own is None else own
        means = self._sums[:, own].double().sum(dim=-1) / self._steps[own].sum().clamp(min=1)
        return dict(zip(self._terms, means.tolist(), strict=True))

    def summary(self, own: Tensor | None = None) -> FailureSummary:
        """Say what the failures of some episodes (N,) bool have in common; None: of all."""
        own = torch.ones_like(self.failed) if own is None else own
        failed, bodies = self.failed & own, self.body[own & (self.body >= 0)]
        touched = torch.bincount(bodies, minlength=len(self.body_names)).tolist()
        most = sorted(zip(self.body_names, touched, strict=True), key=lambda item: -item[1])
        phase, near, clip, in_clip = None, 0, None, 0
        if bool(failed.any()):
            number = int(self.clip_ids[failed].bincount().argmax())
            phases = self.phase[failed & (self.clip_ids == number)]
            phase, near = densest_phase(phases, bool(self._loops[number]))
            clip, in_clip = self.clip_labels[number], len(phases)
        return FailureSummary(
            episodes=int(own.sum()),
            failed=int(failed.sum()),
            fell=int((self.fell & own).sum()),
            first_bodies={name: count for name, count in most if count},
            phase=phase,
            near_phase=near,
            clip=clip,
            in_clip=in_clip,
            terms=self.term_means(own),
        )


def densest_phase(phases: Tensor, loops: bool) -> tuple[float, int]:
    """Where most of some phases lie, and how many of them lie there.

    Args:
        phases: (n,) in [0, 1], at least one.
        loops: phase 0 follows phase 1.

    Returns:
        The mean of the phases within the window of ``PHASE_WINDOW`` that holds most of them (of
        equals the first), and their number.
    """
    phases = phases.double().sort().values
    ahead = phases - phases.unsqueeze(-1)  # row i: how far each phase lies ahead of phase i
    if loops:
        ahead = ahead % 1.0
    inside = (ahead >= 0.0) & (ahead <= PHASE_WINDOW)
    best = int(inside.sum(dim=-1).argmax())
    mean = phases[best] + ahead[best][inside[best]].mean()
    return float(mean % 1.0 if loops else mean), int(inside[best].sum())
