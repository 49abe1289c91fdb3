"""Checkpoints: written whole or not at all, and read without running anything stored in them."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import torch

from animRL.utils.errors import InputError

MODEL_KEYS = ("actor_state_dict", "critic_state_dict", "optimizer_state_dict")
MAX_BYTES = 512 * 2**20
"""Far above any policy of this project (about 5 MB), far below what would exhaust a laptop."""


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that takes the place of ``path`` only once it is complete.

    The bytes go to a hidden file in the same folder, are flushed to the disk, and are then renamed;
    an interrupted write leaves the old file as it was.

    Raises:
        InputError: if the file cannot be written (folder missing or read-only, disk full).
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(f"cannot write '{path}': {error.strerror or error}") from None
    finally:
        temporary.unlink(missing_ok=True)


def save_checkpoint(path: str | Path, payload: dict[str, Any]) -> None:
    """Write a checkpoint of tensors, numbers, strings, lists and dictionaries.

    Raises:
        InputError: if the file cannot be written.
        TypeError: if ``payload`` holds any other object; found here, not after hours of training.
    """
    buffer = io.BytesIO()
    torch.save(payload, buffer)
    buffer.seek(0)
    try:
        torch.load(buffer, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = " ".join(str(error).split())[:200]
        raise TypeError(f"a checkpoint takes plain values and tensors only: {reason}") from None
    with replacing(Path(path)) as stream:
        stream.write(buffer.getbuffer())


def load_checkpoint(path: str | Path, device: str | torch.device = "cpu") -> dict[str, Any]:
    """Read a checkpoint onto a device; no code stored in the file is ever run.

    Returns the dictionary that was saved, with at least ``actor_state_dict``,
    ``critic_state_dict``, ``optimizer_state_dict`` and ``iter``.

    Raises:
        InputError: if the file is missing, too large, damaged, or not a checkpoint of this project.
    """
    path = Path(path)
    _check_archive(path)
    try:
        payload = torch.load(path, map_location=device, weights_only=True)
    except pickle.UnpicklingError:
        raise InputError(
            f"checkpoint '{path}' is refused: it holds objects other than tensors and plain values"
        ) from None
    except torch.OutOfMemoryError as error:
        raise InputError(f"checkpoint '{path}' does not fit on {device}: {error}") from None
    except Exception as error:  # torch reports damage by many exception types
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"checkpoint '{path}' cannot be read: {reason[:160]}") from None
    _check_content(payload, path)
    return payload


def is_valid_checkpoint(path: str | Path) -> bool:
    """Say whether ``load_checkpoint`` would accept the file."""
    try:
        load_checkpoint(path)
    except InputError:
        return False
    return True


def _check_archive(path: Path) -> None:
    """Refuse what is no torch archive or would unpack to more than the cap, before torch does."""
    if not path.is_file():
        raise InputError(f"checkpoint '{path}' does not exist or is not a file")
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError):
        raise InputError(f"checkpoint '{path}' is damaged or not written by torch.save") from None
    except OSError as error:
        raise InputError(f"cannot read checkpoint '{path}': {error.strerror or error}") from None
    if max(size, path.stat().st_size) > MAX_BYTES:
        raise InputError(f"checkpoint '{path}' is larger than {MAX_BYTES // 2**20} MB")


def _check_content(payload: Any, path: Path) -> None:
    """Refuse a payload without the networks, the optimiser or the iteration."""
    if not isinstance(payload, dict):
        raise InputError(f"checkpoint '{path}' holds a {type(payload).__name__}, not a dictionary")
    missing = [key for key in MODEL_KEYS if not isinstance(payload.get(key), dict)]
    iteration = payload.get("iter")
    if not isinstance(iteration, int) or isinstance(iteration, bool) or iteration < 0:
        missing.append("iter")
    if missing:
        found = ", ".join(sorted(str(key) for key in payload)[:10]) or "nothing"
        raise InputError(f"checkpoint '{path}' lacks {', '.join(missing)} (it holds {found})")
