"""Counts what makes the host wait for a device, seen on the CPU by the operations that would."""

from __future__ import annotations

from collections import Counter
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

# A number for the host; sizes that depend on values; a new tensor made of the host's numbers.
WAITING = {
    "_local_scalar_dense", "is_nonzero", "item", "equal", "nonzero", "nonzero_static",
    "masked_select", "unique_dim", "_unique2", "unique_consecutive", "lift_fresh",
}  # fmt: skip


class Synchronisations(TorchDispatchMode):
    """Counts, while it is entered, the operations after or before which a GPU has to be waited for.

    Copies between devices are none on the CPU and cannot be counted; making a tensor of Python
    numbers (``lift_fresh``), which is how they start, is.
    """

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        """Run an operation and count it if it is one of those."""
        name = func.overloadpacket.__name__
        by_mask = name in ("index", "index_put", "index_put_", "_index_put_impl_") and any(
            isinstance(i, torch.Tensor) and i.dtype in (torch.bool, torch.uint8) for i in args[1]
        )
        if name in WAITING or by_mask:
            self.found[name] += 1
        return func(*args, **(kwargs or {}))
