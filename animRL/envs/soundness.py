"""Numbers that are none: found in one environment, kept away from all others.

Everything here is a mask or a choice of rows, so that the host need not wait for the device.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from animRL.sim.base import SimState

STATE, ACTION, OBSERVATION, REWARD = "state", "action", "observation", "reward"
"""What can be at fault beside the reward terms, which go by their names."""


def sound_rows(*values: Tensor) -> Tensor:
    """Environments (N,) in which every number of ``values`` (N, ...) is finite (bool)."""
    sums = [value.flatten(1).abs().sum(dim=-1) for value in values if value.numel()]
    return torch.isfinite(torch.stack(sums)).all(dim=0)


def cleaned(values: Tensor) -> tuple[Tensor, Tensor]:
    """Put zeros into the rows of ``values`` (N, D) that are not finite; returns which those were.

    Returns:
        The values (N, D), and the environments (N,) that had others (bool).
    """
    sound = sound_rows(values)
    return torch.where(sound.unsqueeze(-1), values, 0.0), ~sound


def judge(
    no_action: Tensor, unseen: Tensor, state: SimState, reward: Tensor, terms: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], Tensor]:
    """Find what was no finite number in a step.

    Args:
        no_action: environments (N,) whose action was none (bool).
        unseen: environments (N,) whose observation, by which that action was chosen, was none.
        state: the engine's, after the step.
        reward: (N,).
        terms: each (N,).

    Returns:
        By what was at fault, the environments (N,) concerned, where a reward term is blamed only if
        nothing before it is, and their combination only if no term is; and the environments (N,)
        in which all is sound (bool).
    """
    lost = state.diverged | ~sound_rows(
        state.root_pos, state.root_quat, state.root_lin_vel, state.root_ang_vel,
        state.joint_pos, state.joint_vel, state.ground_contact_force,
    )  # fmt: skip
    sound = ~(no_action | unseen | lost)
    faults = {ACTION: no_action, OBSERVATION: unseen, STATE: lost}
    faults.update({name: ~torch.isfinite(value) & sound for name, value in terms.items()})
    sound = sound & sound_rows(torch.stack(list(terms.values()), dim=-1))
    faults[REWARD] = ~torch.isfinite(reward) & sound
    return faults, sound & ~faults[REWARD]
