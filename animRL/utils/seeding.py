"""One seed for every random generator in the process."""

from __future__ import annotations

import random
from contextlib import AbstractContextManager

import numpy as np
import torch


def seed_everything(seed: int) -> None:
    """Seed Python's, NumPy's and torch's generators (all devices) with one integer."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def forked_rng(device: torch.device) -> AbstractContextManager[None]:
    """Put torch's generators of the CPU and of one device back after a stretch of code.

    Left to itself torch would do so on every GPU of the machine, with a warning and memory on each.
    """
    return torch.random.fork_rng([] if device.type == "cpu" else [device])
