"""Checkpoints: written whole or not at all, and read without running anything stored in them.

What their file looks like, and how it is read, stands in ``checkpoint_archive.py``; here its
numbers become tensors. torch's own reader is not used: what was looked at is what is taken.
"""

from __future__ import annotations

import io
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from animRL.runner.checkpoint_archive import MAX_BYTES, inspect_checkpoint, read_archive, signed
from animRL.runner.checkpoint_table import Foreign, TensorEntry, Unsound
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
    if len(data) > MAX_BYTES:
        raise TooLarge(f"checkpoint '{path}' would be larger than {MAX_BYTES // 2**20} MB")
    try:
        read_archive(data)
    except Foreign as error:
        raise TypeError(f"a checkpoint takes plain values and tensors only: {error}") from None
    except Unsound as error:
        raise TooLarge(f"checkpoint '{path}' could not be read again: {error}") from None
    with replacing(Path(path)) as stream:
        stream.write(data)


def load_checkpoint(path: str | Path, device: str | torch.device = "cpu") -> dict[str, Any]:
    """Read a checkpoint onto a device; no code stored in the file is ever run.

    Returns the dictionary that was saved, with at least ``actor_state_dict``,
    ``critic_state_dict``, ``optimizer_state_dict`` and ``iter``.

    Raises:
        InputError: as for ``inspect_checkpoint``; or if the file does not fit on the device.
    """
    checkpoint = inspect_checkpoint(path)
    try:
        parts = {
            name: torch.from_numpy(numbers).to(device, copy=True)
            for name, numbers in checkpoint.parts.items()
        }
    except torch.OutOfMemoryError as error:
        raise InputError(f"checkpoint '{path}' does not fit on {device}: {error}") from None
    return {key: _with_tensors(value, parts) for key, value in checkpoint.values.items()}


def _with_tensors(value: Any, parts: dict[str, torch.Tensor]) -> Any:
    """Return what a table describes with its tensors, those of one part sharing it."""
    if isinstance(value, TensorEntry):
        numbers = parts[value.stored.part]
        if value.stored.kind == "bf2":
            numbers = numbers.view(torch.bfloat16)
        return numbers.as_strided(value.shape, value.stride, value.offset)
    if isinstance(value, dict):
        return {key: _with_tensors(inner, parts) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_with_tensors(inner, parts) for inner in value)
    return value


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
