"""Files from outside, read with care: regular ones alone, no larger than they may be."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from typing import Any

from animRL.utils.errors import InputError

MAX_JSON_BYTES = 64 * 2**20
"""An hour of Bob's motion at 50 frames a second is 160 MB, a recording of 10000 steps 60 MB."""
MAX_JSON_VALUES = 8_000_000
"""Python takes up to 32 bytes for a number, in memory that is four times these files."""
MAX_JSON_GROUPS = 1_000_000
"""Lists and objects: Python takes 64 bytes for one of two characters."""
MAX_JSON_DEPTH = 32
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def read_bytes(path: Path, most: int, valid: str) -> bytes:
    """Return what a regular file holds.

    Args:
        path: the file; a pipe, a device or a folder is refused unread.
        most: bytes that it may have.
        valid: what it should be, for the error.

    Raises:
        InputError: one line that begins with the path.
    """
    try:
        _refuse_special(path, os.stat(path).st_mode, valid)
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as stream:
            content = stream.read(most + 1) if _size(path, stream.fileno(), valid) <= most else None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); valid: {valid}") from error
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: no name of a file ({error}); valid: {valid}") from error
    if content is None or len(content) > most:
        raise InputError(f"{path}: larger than {most >> 20} MiB; valid: {valid}")
    return content


def _size(path: Path, descriptor: int, valid: str) -> int:
    """Bytes of an open file; refused if it was exchanged for another kind meanwhile."""
    found = os.fstat(descriptor)
    _refuse_special(path, found.st_mode, valid)
    return found.st_size


def _refuse_special(path: Path, mode: int, valid: str) -> None:
    if not stat.S_ISREG(mode):
        kind = "Is a directory" if stat.S_ISDIR(mode) else "no regular file"
        raise InputError(f"{path}: cannot be read ({kind}); valid: {valid}")


def read_json(path: Path, valid: str, most: int = MAX_JSON_BYTES) -> Any:
    """Return what a JSON file holds.

    Refused before memory is taken for it: what is nested deeper, or holds more values, than any
    file of this project; and names that come twice in one object.

    Args:
        path: the file.
        valid: what it should be, for the error.
        most: bytes that it may have.

    Raises:
        InputError: one line that begins with the path.
    """
    content = read_bytes(path, most, valid)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a text file in UTF-8; valid: {valid}") from error
    if not text.strip():
        raise InputError(f"{path}: empty; valid: {valid}")
    groups = text.count("[") + text.count("{")
    if groups > MAX_JSON_GROUPS or text.count(",") + groups > MAX_JSON_VALUES:
        raise InputError(
            f"{path}: more than {MAX_JSON_VALUES} values or {MAX_JSON_GROUPS} lists; valid: {valid}"
        )
    try:
        data = json.loads(text, object_pairs_hook=_without_duplicates)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}: {error.msg}"
        raise InputError(f"{path}: not JSON, or cut short ({where}); valid: {valid}") from error
    except RecursionError as error:
        raise InputError(f"{path}: not JSON, nested too deep; valid: {valid}") from error
    except ValueError as error:  # a number too long, a name that comes twice
        raise InputError(f"{path}: {_reason(error)}; valid: {valid}") from error
    if problem := _problem(data, bool(_SURROGATE.search(text))):
        raise InputError(f"{path}: {problem}; valid: {valid}")
    return data


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise InputError(f"'{twice:.60}' comes twice in one object")
    return names


def _reason(error: ValueError) -> str:
    """What Python says, without how its limits can be lifted."""
    return str(error).split(";")[0]


def _problem(data: Any, has_surrogates: bool) -> str | None:
    """What is wrong with the nesting or, where they may be, with halves of characters in a text."""
    level: list[Any] = [data]
    for _ in range(MAX_JSON_DEPTH):
        groups = [value for value in level if isinstance(value, dict | list)]
        if has_surrogates:
            texts = [value for value in level if isinstance(value, str)]
            texts += [name for group in groups if isinstance(group, dict) for name in group]
            for text in texts:
                if not _is_whole(text):
                    return f"{text!r:.60} holds half a character"
        if not groups:
            return None
        level = [
            value
            for group in groups
            for value in (group.values() if isinstance(group, dict) else group)
            if isinstance(value, dict | list | str)
        ]
    return f"nested deeper than {MAX_JSON_DEPTH}"


def _is_whole(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
