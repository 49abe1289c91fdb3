"""One seed for every random generator in the process."""

from __future__ import annotations

import random
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

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


def random_state(device: torch.device) -> dict[str, Any]:
    """Return where all random generators stand, as tensors and plain values for a checkpoint.

    Args:
        device: whose generator counts beside those of the CPU.
    """
    version, numbers, gauss = random.getstate()
    own: Any = np.random.get_state(legacy=True)
    kind, keys, position, has_gauss, cached = own
    state = {
        "python": {"version": version, "numbers": list(numbers), "gauss": gauss},
        "numpy": {
            "kind": kind,
            "keys": torch.from_numpy(keys.astype(np.int64)),
            "position": int(position),
            "has_gauss": int(has_gauss),
            "cached": float(cached),
        },
        "torch": torch.get_rng_state(),
    }
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def set_random_state(state: Mapping[str, Any], device: torch.device) -> None:
    """Put all random generators back to where ``random_state`` found them."""
    python, numpy = state["python"], state["numpy"]
    random.setstate((python["version"], tuple(python["numbers"]), python["gauss"]))
    keys = numpy["keys"].cpu().numpy().astype(np.uint32)
    np.random.set_state(
        (numpy["kind"], keys, numpy["position"], numpy["has_gauss"], numpy["cached"])
    )
    torch.set_rng_state(state["torch"].cpu())
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"].cpu(), device)
