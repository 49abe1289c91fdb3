"""No training goes on with numbers that are none."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from animRL.utils.errors import InputError


def totals(logs: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Sum what each step logged, on the device: not finite where any of it was not."""
    return {name: torch.stack([log[name] for log in logs]).sum() for name in logs[0]}


def check_finite(values: Mapping[str, Any], what: str, iteration: int) -> None:
    """Stop a training that a number which is none would poison.

    Raises:
        InputError: naming the reward terms or losses that are not finite.
    """
    bad = [name for name, value in values.items() if not math.isfinite(value)]
    if bad:
        raise InputError(
            f"iteration {iteration}: {what} not finite: {', '.join(bad)}; the last checkpoint "
            "before it is good"
        )
