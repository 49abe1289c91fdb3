"""Checkpoints: written whole or not at all, and read without running anything stored in them.

What their file looks like, and what is looked at before torch reads it, stands in
``checkpoint_archive.py``.
"""

from __future__ import annotations

import io
import pickle
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from animRL.runner.checkpoint_archive import (
    MAX_BYTES,
    inspect_checkpoint,
    read_archive,
    signed,
)
from animRL.runner.checkpoint_table import Foreign, Unsound
from animRL.utils.errors import InputError
from animRL.utils.files import replacing


class TooLarge(InputError):
    """A checkpoint that would be refused when it is read."""


def save_checkpoint(path: str | Path, payload: dict[str, Any]) -> None:
    """Write a checkpoint of tensors, numbers, strings, lists and dictionaries.

    Raises:
        InputError: if the file cannot be written; ``TooLarge`` if it would have too many bytes.
        TypeError: if ``payload`` holds any other object; found here, not after hours of training.
    """
    data = _packed(payload)
    try:
        read_archive(data)
    except (Unsound, Foreign) as error:
        reason = " ".join(str(error).split())[:200]
        raise TypeError(f"a checkpoint takes plain values and tensors only: {reason}") from None
    if len(data) > MAX_BYTES:
        raise TooLarge(f"checkpoint '{path}' would be larger than {MAX_BYTES // 2**20} MB")
    with replacing(Path(path)) as stream:
        stream.write(data)


def load_checkpoint(path: str | Path, device: str | torch.device = "cpu") -> dict[str, Any]:
    """Read a checkpoint onto a device; no code stored in the file is ever run.

    Returns the dictionary that was saved, with at least ``actor_state_dict``,
    ``critic_state_dict``, ``optimizer_state_dict`` and ``iter``.

    Raises:
        InputError: as for ``inspect_checkpoint``; or if the file does not fit on the device.
    """
    data = inspect_checkpoint(path).data
    try:
        return torch.load(io.BytesIO(data), map_location=device, weights_only=True)
    except torch.OutOfMemoryError as error:
        raise InputError(f"checkpoint '{path}' does not fit on {device}: {error}") from None
    except pickle.UnpicklingError:
        raise InputError(
            f"checkpoint '{path}' is refused: it holds objects other than tensors and plain values"
        ) from None
    except Exception as error:  # torch reports damage by many exception types
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"checkpoint '{path}' cannot be read: {reason[:160]}") from None


def _packed(payload: dict[str, Any]) -> bytes:
    """The bytes of a checkpoint."""
    buffer = io.BytesIO()
    torch.save(payload, buffer)
    iteration = payload.get("iter")
    known = iteration if isinstance(iteration, int) and 0 <= iteration < 10**12 else 0
    return signed(buffer.getvalue(), known, _own_version())


def _own_version() -> str:
    try:
        return version("animRL")
    except PackageNotFoundError:
        return "unknown"
