"""Some environments among all: by number, or by a mask that the host never reads."""

from __future__ import annotations

import torch
from torch import Tensor


def rows_of(values: Tensor, where: Tensor) -> Tensor:
    """The rows (n, ...) of ``values`` (N, ...) that ``put_rows`` would replace.

    Args:
        values: one row for each environment.
        where: numbers (n,) long, or a mask (N,) bool, for which all N rows are returned.
    """
    return values if where.dtype == torch.bool else values[where]


def put_rows(values: Tensor, where: Tensor, new: Tensor | float | bool) -> Tensor:
    """Return ``values`` (N, ...) with other rows in some places.

    Args:
        values: one row for each environment.
        where: numbers (n,) long, sorted and unique; or a mask (N,) bool.
        new: rows (n, ...) for numbers, (N, ...) for a mask, or one number for all of them.
    """
    if where.dtype == torch.bool:
        return torch.where(where.view(-1, *[1] * (values.dim() - 1)), new, values)
    if isinstance(new, Tensor):
        return values.index_copy(0, where, new)
    return values.index_fill(0, where, new)


def like(saved: Tensor, present: Tensor, name: str) -> Tensor:
    """Return a saved tensor on the device of the one whose place it takes.

    Raises:
        ValueError: if its shape or type is another.
    """
    if saved.shape != present.shape or saved.dtype != present.dtype:
        raise ValueError(
            f"{name} is {tuple(saved.shape)} {saved.dtype}, not {tuple(present.shape)} "
            f"{present.dtype}"
        )
    return saved.to(present.device, copy=True)
