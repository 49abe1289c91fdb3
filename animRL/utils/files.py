"""Files that are complete or not there at all."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from animRL.utils.errors import InputError

_TEMPORARY = re.compile(r"\..+\.(\d{1,10})\.tmp")
_being_written: set[Path] = set()


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that takes the place of ``path`` only once it is complete.

    The bytes go to a hidden file in the same folder, are flushed to the disk, and are then renamed;
    an interrupted write leaves the old file as it was. The folder is flushed as well, so that the
    new name outlives a loss of power.

    Raises:
        InputError: if the file cannot be written (folder missing or read-only, disk full).
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    _being_written.add(temporary)
    try:
        with open(temporary, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
        _flush_folder(path.parent)
    except OSError as error:
        raise InputError(f"cannot write '{path}': {error.strerror or error}") from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        _being_written.discard(temporary)


@contextmanager
def alone_in(folder: Path, name: str = ".lock") -> Iterator[None]:
    """Keep all other processes that ask for the same out of a folder.

    The lock is the system's and ends with the process, however that ends; where the system or the
    folder knows none, there is none.

    Raises:
        InputError: if another process is in it.
    """
    stream = _locked(folder, name)
    try:
        yield
    finally:
        if stream is not None:
            with suppress(OSError):
                (folder / name).unlink()
            stream.close()


def _locked(folder: Path, name: str) -> BinaryIO | None:
    """A file that is locked as long as it is open; None where that cannot be had."""
    try:
        import fcntl
    except ImportError:
        return None
    while True:
        try:
            stream = open(folder / name, "wb")
        except OSError:
            return None
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(stream.fileno()), os.stat(folder / name)):
                return stream
        except FileNotFoundError:
            pass  # who held it has deleted it meanwhile; the next one is new
        except BlockingIOError:
            stream.close()
            raise InputError(f"'{folder}' is being written by another process") from None
        except OSError:
            stream.close()
            return None
        stream.close()


def drop_unfinished() -> None:
    """Delete what this process is writing at the moment; for a process that ends at once."""
    for path in tuple(_being_written):
        with suppress(OSError):
            path.unlink(missing_ok=True)


def drop_leftovers(folder: Path) -> None:
    """Delete what processes that were killed had begun to write into a folder."""
    with suppress(OSError):
        for path in folder.iterdir():
            match = _TEMPORARY.fullmatch(path.name)
            if match and not _is_alive(int(match.group(1))):
                path.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    """Whether a process runs; one of another user does."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _flush_folder(folder: Path) -> None:
    """Write a folder's entries to the disk, where the system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
