"""No training goes on with numbers that are none."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from animRL.runner.vec_env import OBS_GROUP, as_groups
from animRL.utils.errors import InputError

DEFECT_SHARE = 0.25
"""A quantity that is no number in more of an iteration's samples than this is a defect: what
happens to single environments is mended by starting them anew."""


class NotFinite(InputError):
    """A training that has come to numbers that are none, and cannot go on."""


def totals(logs: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Sum what each step logged, on the device: not finite where any of it was not."""
    return {name: torch.stack([log[name] for log in logs]).sum() for name in logs[0]}


def mend_transition(transition: Any) -> None:
    """Replace the rows of rsl-rl's present transition that are not finite by those of a sound one.

    The environments concerned are started anew by the task; what stands in their place is one more
    copy of a sample that the networks can be evaluated on. Without any sound row nothing changes.
    """
    parts = [transition.actions, transition.values, transition.actions_log_prob.unsqueeze(-1)]
    parts += list(transition.distribution_params)
    sound = torch.isfinite(torch.cat(parts, dim=-1)).all(dim=-1)
    donor = sound.long().argmax().view(1)  # an index that the host does not read

    def mended(values: Tensor) -> Tensor:
        where = sound.view(-1, *[1] * (values.dim() - 1))
        return torch.where(where, values, values.index_select(0, donor))

    transition.actions = mended(transition.actions)
    transition.values = mended(transition.values)
    transition.actions_log_prob = mended(transition.actions_log_prob)
    transition.distribution_params = tuple(mended(p) for p in transition.distribution_params)
    transition.observations = as_groups(mended(transition.observations[OBS_GROUP]))


class Faults:
    """Counts the environments that were started anew because a number in them was none."""

    def __init__(self) -> None:
        """Begin with none."""
        self.counts: dict[str, float] = {}
        """By what was at fault, since the start of the training."""
        self._told = 0.0

    def add(self, shares: Mapping[str, Any], samples: int, iteration: int) -> str | None:
        """Count those of an iteration; returns what to tell, if anything.

        Args:
            shares: of the samples, by what was at fault.
            samples: of the iteration.
            iteration: its number, for the message.

        Raises:
            NotFinite: if it happens everywhere.
        """
        found = {name: float(share) for name, share in shares.items()}
        if defects := [name for name, share in found.items() if not share <= DEFECT_SHARE]:
            share = max(found[name] for name in defects)
            raise NotFinite(
                f"iteration {iteration}: not finite in {share:.0%} of the samples: "
                f"{', '.join(defects)}"
            )
        for name, share in found.items():
            if share > 0.0:
                self.counts[name] = self.counts.get(name, 0.0) + share * samples
        total = sum(self.counts.values())
        if total < 2.0 * self._told or total == 0.0 or total == self._told:
            return None
        self._told = total
        each = ", ".join(f"{name} {count:.0f}" for name, count in self.counts.items())
        return (
            f"iteration {iteration}: {total:.0f} environments so far were started anew because a "
            f"number was not finite ({each})"
        )


def check_finite(values: Mapping[str, Any], what: str, iteration: int) -> None:
    """Stop a training that a number which is none would poison.

    Raises:
        NotFinite: naming the reward terms or losses that are not finite.
    """
    bad = [name for name, value in values.items() if not math.isfinite(value)]
    if bad:
        raise NotFinite(f"iteration {iteration}: {what} not finite: {', '.join(bad)}")


def check_weights(modules: Mapping[str, torch.nn.Module], iteration: int) -> None:
    """Stop a training whose networks hold a number that is none.

    Raises:
        NotFinite: naming the tensors.
    """
    tensors = {
        f"{module}.{name}": value
        for module, network in modules.items()
        for name, value in network.state_dict().items()
    }
    sound = torch.stack([torch.isfinite(value).all() for value in tensors.values()]).tolist()
    bad = [name for name, fine in zip(tensors, sound, strict=True) if not fine]
    if bad:
        rest = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
        raise NotFinite(f"iteration {iteration}: weights not finite: {', '.join(bad[:3])}{rest}")
