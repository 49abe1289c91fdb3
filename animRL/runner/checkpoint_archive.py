"""A checkpoint's file, looked at without loading torch and without running anything in it.

A checkpoint is an archive of ``torch.save`` whose comment says the format, the iteration and the
SHA-256 of all that stands before that sum, so that torch can read it, too:

    animRL <version> checkpoint format 2 iteration 150 sha256 <64 digits>

Format 1, of the first releases, has no comment; the sums that a zip archive keeps of its parts
stand in for it.
"""

from __future__ import annotations

import hashlib
import io
import re
import struct
import sys
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from animRL.runner.checkpoint_table import Foreign, Stored, TensorEntry, Unsound, read_table
from animRL.utils.errors import InputError

FORMAT = 2
MODEL_KEYS = ("actor_state_dict", "critic_state_dict", "optimizer_state_dict")
MAX_BYTES = 512 * 2**20
"""Far above any checkpoint of this project (about 10 MB), far below what exhausts a laptop."""
MAX_TABLE_BYTES = 8 * 2**20
"""Of the part that says what the tensors are called; ours have some 10 kB."""
_TRAILER = re.compile(
    rb"animRL ([\w.+-]{1,32}) checkpoint format ([0-9]{1,4}) iteration ([0-9]{1,12}) "
    rb"sha256 ([0-9a-f]{64})"
)
_SUM_BYTES = 64
_END = struct.Struct("<4s4H2LH")
"""The end of a zip archive (APPNOTE.TXT 4.3.16), its comment's length last."""
_END_MARK = b"PK\x05\x06"
_ENTRY_MARK, _MOST_ENTRIES = b"PK\x01\x02", 20_000
"""How an entry of the archive's directory begins, and how many may be there before it is read."""
_ZIP_ERRORS = (zipfile.BadZipFile, RuntimeError, EOFError, ValueError, LookupError, ArithmeticError)
_LONGEST_END = 512
"""Of the comments that this project writes."""
_PART = re.compile(
    r"([\w.-]+)/(?:data\.pkl|data/[0-9]+|byteorder|version|\.format_version|\.storage_alignment"
    r"|\.data/serialization_id)",
    re.ASCII,
)
"""Names of an archive's parts; one with TorchScript in it would be handed to another loader."""


class Trailer(NamedTuple):
    """What the comment of a checkpoint says."""

    written_by: str
    format: int
    iteration: int
    digest: str


class Archive(NamedTuple):
    """What an archive of ``torch.save`` holds."""

    values: Any
    """What was saved, with a ``TensorEntry`` in place of each tensor."""
    parts: dict[str, np.ndarray]
    """The stored numbers that they refer to, by part; of ``bf2``, as ``<u2``."""


def inspect_checkpoint(path: str | Path) -> Archive:
    """Read a checkpoint, and find out all that can be wrong with it by itself.

    Raises:
        InputError: if the file is missing, too large, damaged, of a newer format, or not a
            checkpoint of this project.
    """
    path = Path(path)
    data = _bytes_of(path)
    try:
        trailer = _trailer_of(data)
        if trailer is not None and trailer.format > FORMAT:
            raise InputError(
                f"checkpoint '{path}' is of format {trailer.format}, written by animRL "
                f"{trailer.written_by}; valid: formats up to {FORMAT}, or a newer animRL"
            )
        if trailer is not None and trailer.digest != digest(data[:-_SUM_BYTES]):
            raise Unsound("its checksum is not that of its content")
        archive = read_archive(data, whole=trailer is None)
        if (wrong := _wrong_content(archive)) is not None:
            raise InputError(f"checkpoint '{path}' {wrong}")
    except Unsound as error:
        raise InputError(f"checkpoint '{path}' is damaged or not a checkpoint: {error}") from None
    except Foreign as error:
        raise InputError(
            f"checkpoint '{path}' is refused: it holds objects other than tensors and plain values "
            f"({error})"
        ) from None
    return archive


def is_valid_checkpoint(path: str | Path) -> bool:
    """Say whether ``inspect_checkpoint`` finds nothing wrong with a file."""
    try:
        inspect_checkpoint(path)
    except InputError:
        return False
    return True


def iteration_of(path: str | Path) -> int | None:
    """The iteration that a file claims to be of, read from its end alone; None: it does not say."""
    try:
        with open(path, "rb") as stream:
            stream.seek(0, io.SEEK_END)
            stream.seek(max(0, stream.tell() - _LONGEST_END))
            trailer = _trailer_of(stream.read(_LONGEST_END))
    except (OSError, Unsound):
        return None
    return None if trailer is None else trailer.iteration


def signed(archive: bytes, iteration: int, version: str) -> bytes:
    """Return an archive of ``torch.save`` with the comment that says what it is."""
    comment = (
        f"animRL {version} checkpoint format {FORMAT} iteration {iteration:d} sha256 ".encode()
    )
    length = struct.pack("<H", len(comment) + _SUM_BYTES)
    content = archive[: -len(length)] + length + comment
    return content + digest(content).encode()


def digest(data: bytes) -> str:
    """The SHA-256 of some bytes, in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def read_archive(data: bytes, whole: bool = False) -> Archive:
    """Return what an archive holds.

    Args:
        data: the archive.
        whole: compare the zip archive's own sums of all its parts.

    Raises:
        Unsound, Foreign: if it is no archive of tensors and plain values.
    """
    if data.count(_ENTRY_MARK) > _MOST_ENTRIES:
        raise Unsound("it has too many parts")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            folder = _check_parts(archive, len(data))
            if whole and (damaged := archive.testzip()):
                raise Unsound(f"the sum of its part {damaged} is wrong")
            _check_byte_order(archive, folder)
            values, stored = read_table(archive.read(f"{folder}/data.pkl"))
            parts = {part.part: _numbers(archive, folder, part) for part in stored}
    # zipfile reports damage by many exception types.
    except (*_ZIP_ERRORS, OSError) as error:
        raise Unsound(f"not an archive of torch.save ({str(error)[:80]})") from None
    return Archive(values, parts)


def _bytes_of(path: Path) -> bytes:
    """Read a file that is small enough."""
    if not path.is_file():
        raise InputError(f"checkpoint '{path}' does not exist or is not a file")
    try:
        with open(path, "rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot read checkpoint '{path}': {error.strerror or error}") from None
    if len(data) > MAX_BYTES:
        raise InputError(f"checkpoint '{path}' is larger than {MAX_BYTES // 2**20} MB")
    return data


def _trailer_of(data: bytes) -> Trailer | None:
    """What the archive's comment says, None of an archive without one."""
    data = data[-_LONGEST_END:]
    start = data.rfind(_END_MARK)
    while start >= 0:
        comment = data[start + _END.size :]
        if len(data) >= start + _END.size and len(comment) == _END.unpack_from(data, start)[-1]:
            break
        start = data.rfind(_END_MARK, 0, start)
    if start < 0:
        raise Unsound("it is cut short, or not written by torch.save")
    if not comment:
        return None
    match = _TRAILER.fullmatch(comment)
    if match is None:
        raise Unsound("its last bytes are not those that animRL writes")
    written_by, number, iteration, sha256 = (part.decode() for part in match.groups())
    return Trailer(written_by, int(number), int(iteration), sha256)


def _check_parts(archive: zipfile.ZipFile, size: int) -> str:
    """Refuse an archive that would unpack to more than its size; return its parts' folder."""
    entries = archive.infolist()
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise Unsound("its parts are compressed")
    if any(entry.compress_size != entry.file_size or entry.flag_bits & 1 for entry in entries):
        raise Unsound("its parts have two sizes, or are encrypted")
    if sum(entry.file_size for entry in entries) > size:
        raise Unsound("its parts claim more bytes than the file has")
    matches = [_PART.fullmatch(entry.filename) for entry in entries]
    folders = {match[1] for match in matches if match}
    if not all(matches) or len(folders) != 1:
        raise Unsound("it has parts that torch.save does not write")
    tables = [entry for entry in entries if entry.filename.endswith("/data.pkl")]
    if len(tables) != 1 or len({entry.filename for entry in entries}) != len(entries):
        raise Unsound("it has not one table of its tensors")
    if tables[0].file_size > MAX_TABLE_BYTES:
        raise Unsound(f"the table of its tensors is larger than {MAX_TABLE_BYTES // 2**20} MB")
    return str(folders.pop())


def _check_byte_order(archive: zipfile.ZipFile, folder: str) -> None:
    name = f"{folder}/byteorder"
    if sys.byteorder != "little" or (
        name in archive.namelist() and archive.read(name) != b"little"
    ):
        raise Unsound("its numbers are not in the order of bytes that is read here")


def _numbers(archive: zipfile.ZipFile, folder: str, stored: Stored) -> np.ndarray:
    """The numbers of a part, all of which have to be there."""
    content = archive.read(f"{folder}/data/{stored.part}")
    if len(content) != stored.length * stored.item_bytes:
        raise Unsound("a tensor claims more numbers than are stored")
    return np.frombuffer(bytearray(content), {"bf2": "<u2"}.get(stored.kind, "<" + stored.kind))


def _wrong_content(archive: Archive) -> str | None:
    """What a payload lacks of networks, optimiser and iteration, if anything."""
    values = archive.values
    if not isinstance(values, dict):
        kind = "Tensor" if isinstance(values, TensorEntry) else type(values).__name__
        return f"holds a {kind}, not a dictionary"
    missing = [key for key in MODEL_KEYS if not isinstance(values.get(key), dict)]
    iteration = values.get("iter")
    if type(iteration) is not int or iteration < 0:
        missing.append("iter")
    if missing:
        found = ", ".join(sorted(str(key) for key in values)[:10]) or "nothing"
        return f"lacks {', '.join(missing)} (it holds {found})"
    finite: dict[str, bool] = {}
    for key in MODEL_KEYS[:2]:
        for name, entry in values[key].items():
            if not isinstance(entry, TensorEntry):
                return f"is wrong: {key}.{name} is no tensor of finite numbers"
            part = entry.stored.part
            if part not in finite:
                finite[part] = _is_finite(archive.parts[part], entry.stored.kind)
            if not finite[part]:
                return f"is wrong: {key}.{name} is no tensor of finite numbers"
    return None


def _is_finite(numbers: np.ndarray, kind: str) -> bool:
    """Whether stored numbers are all finite."""
    if kind == "bf2":  # the upper half of a number in single precision
        return bool(((numbers & 0x7F80) != 0x7F80).all())
    return bool(np.isfinite(numbers).all())
