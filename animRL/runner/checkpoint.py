"""Checkpoints: written whole or not at all, and read without running anything stored in them.

A checkpoint is an archive of ``torch.save`` whose comment says the format, the iteration and the
SHA-256 of all that stands before that sum, so that torch can read it, too:

    animRL <version> checkpoint format 2 iteration 150 sha256 <64 digits>

Format 1, of the first releases, has no comment; the sums that a zip archive keeps of its parts
stand in for it.
"""

from __future__ import annotations

import hashlib
import io
import pickle
import pickletools
import re
import struct
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from animRL.utils.errors import InputError
from animRL.utils.files import replacing

if TYPE_CHECKING:
    import torch

FORMAT = 2
MODEL_KEYS = ("actor_state_dict", "critic_state_dict", "optimizer_state_dict")
MAX_BYTES = 512 * 2**20
"""Far above any checkpoint of this project (about 10 MB), far below what exhausts a laptop."""
MAX_PICKLE_BYTES = 8 * 2**20
"""Of the part that says what the tensors are called; ours have some 10 kB."""
MAX_VALUES = 2_000_000
"""Instructions in that part, and values in what comes out; a nest of references can hold more than
any memory."""
_TRAILER = re.compile(
    rb"animRL ([\w.+-]{1,32}) checkpoint format (\d{1,4}) iteration (\d{1,12}) "
    rb"sha256 ([0-9a-f]{64})"
)
_SUM_BYTES = 64
_END = struct.Struct("<4s4H2LH")
"""The end of a zip archive (APPNOTE.TXT 4.3.16), its comment's length last."""
_END_MARK = b"PK\x05\x06"
_LONGEST_END = 512
"""Of the comments that this project writes."""
_PART = re.compile(
    r"([^/]+)/(?:data\.pkl|data/\d+|byteorder|version|\.format_version|\.storage_alignment"
    r"|\.data/serialization_id)"
)
"""Names of an archive's parts; one with TorchScript in it would be handed to another loader."""
_PLAIN = (bool, int, float, str, type(None))
_INSTRUCTIONS = {
    *("PROTO", "FRAME", "STOP", "MARK", "MEMOIZE", "BINPUT", "LONG_BINPUT", "BINGET"),
    *("LONG_BINGET", "GLOBAL", "REDUCE", "BUILD", "BINPERSID", "POP", "POP_MARK", "NONE"),
    *("NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE"),
    *("SHORT_BINUNICODE", "EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2"),
    *("TUPLE3", "APPEND", "APPENDS", "SETITEM", "SETITEMS", "DICT", "LIST"),
}
_NAMES = {
    "torch._utils _rebuild_tensor_v2",
    "collections OrderedDict",
    *(
        f"torch {kind}Storage"
        for kind in ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte",
                     "Bool")
    ),
}  # fmt: skip


class Trailer(NamedTuple):
    """What the comment of a checkpoint says."""

    written_by: str
    format: int
    iteration: int
    digest: str


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
        _read_archive(data, "cpu")
    except (_Unsound, pickle.UnpicklingError) as error:
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
        InputError: if the file is missing, too large, damaged, of a newer format, or not a
            checkpoint of this project.
    """
    import torch  # takes a second, which who looks for a run that is not there need not wait

    path = Path(path)
    data = _bytes_of(path)
    try:
        trailer = _trailer_of(data)
        if trailer is not None and trailer.format > FORMAT:
            raise InputError(
                f"checkpoint '{path}' is of format {trailer.format}, written by animRL "
                f"{trailer.written_by}; valid: formats up to {FORMAT}, or a newer animRL"
            )
        if trailer is not None and trailer.digest != _digest(data[:-_SUM_BYTES]):
            raise _Unsound("its checksum is not that of its content")
        payload = _read_archive(data, device, whole=trailer is None)
    except _Unsound as error:
        raise InputError(f"checkpoint '{path}' is damaged or not a checkpoint: {error}") from None
    except pickle.UnpicklingError:
        raise InputError(
            f"checkpoint '{path}' is refused: it holds objects other than tensors and plain values"
        ) from None
    except torch.OutOfMemoryError as error:
        raise InputError(f"checkpoint '{path}' does not fit on {device}: {error}") from None
    except InputError:
        raise
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


def iteration_of(path: str | Path) -> int | None:
    """The iteration that a file claims to be of, read from its end alone; None: it does not say."""
    try:
        with open(path, "rb") as stream:
            stream.seek(0, io.SEEK_END)
            stream.seek(max(0, stream.tell() - _LONGEST_END))
            trailer = _trailer_of(stream.read(_LONGEST_END))
    except (OSError, _Unsound):
        return None
    return None if trailer is None else trailer.iteration


class _Unsound(Exception):
    """Bytes that are no checkpoint, and why."""


def _packed(payload: dict[str, Any]) -> bytes:
    """The bytes of a checkpoint."""
    import torch

    buffer = io.BytesIO()
    torch.save(payload, buffer)
    archive = buffer.getvalue()
    iteration = payload.get("iter")
    known = iteration if isinstance(iteration, int) and 0 <= iteration < 10**12 else 0
    comment = (
        f"animRL {_own_version()} checkpoint format {FORMAT} iteration {known:d} sha256 "
    ).encode()
    length = struct.pack("<H", len(comment) + _SUM_BYTES)
    signed = archive[: -len(length)] + length + comment
    return signed + _digest(signed).encode()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _own_version() -> str:
    try:
        return version("animRL")
    except PackageNotFoundError:
        return "unknown"


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
        raise _Unsound("it is cut short, or not written by torch.save")
    if not comment:
        return None
    match = _TRAILER.fullmatch(comment)
    if match is None:
        raise _Unsound("its last bytes are not those that animRL writes")
    written_by, number, iteration, digest = (part.decode() for part in match.groups())
    return Trailer(written_by, int(number), int(iteration), digest)


def _read_archive(data: bytes, device: str | torch.device, whole: bool = False) -> Any:
    """Return what an archive holds, after a look at what it would make torch do.

    Args:
        data: the archive.
        device: where the tensors go.
        whole: compare the zip archive's own sums.
    """
    import torch

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check_parts(archive, len(data))
            if whole and (damaged := archive.testzip()):
                raise _Unsound(f"the sum of its part {damaged} is wrong")
            names = [entry for entry in archive.namelist() if entry.endswith("/data.pkl")]
            _check_instructions(archive.read(names[0]))
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, OSError) as error:
        raise _Unsound(f"not an archive of torch.save ({str(error)[:80]})") from None
    payload = torch.load(io.BytesIO(data), map_location=device, weights_only=True)
    _check_values(payload)
    return payload


def _check_parts(archive: zipfile.ZipFile, size: int) -> None:
    """Refuse an archive that would unpack to more than its size."""
    entries = archive.infolist()
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise _Unsound("its parts are compressed")
    if sum(entry.file_size for entry in entries) > size:
        raise _Unsound("its parts claim more bytes than the file has")
    matches = [_PART.fullmatch(entry.filename) for entry in entries]
    if not all(matches) or len({match[1] for match in matches if match}) != 1:
        raise _Unsound("it has parts that torch.save does not write")
    tables = [entry for entry in entries if entry.filename.endswith("/data.pkl")]
    if len(tables) != 1 or len({entry.filename for entry in entries}) != len(entries):
        raise _Unsound("it has not one table of its tensors")
    if tables[0].file_size > MAX_PICKLE_BYTES:
        raise _Unsound(f"the table of its tensors is larger than {MAX_PICKLE_BYTES // 2**20} MB")


def _check_instructions(table: bytes) -> None:
    """Refuse a table that asks for anything but tensors and plain values, without running it."""
    for number, (instruction, argument, _) in enumerate(pickletools.genops(table)):
        if number > MAX_VALUES:
            raise _Unsound("it holds too many values")
        if instruction.name == "GLOBAL" and argument not in _NAMES:
            raise pickle.UnpicklingError(f"it asks for {str(argument)[:80]}")
        if instruction.name not in _INSTRUCTIONS:
            raise pickle.UnpicklingError(f"it holds the instruction {instruction.name}")


def _check_values(payload: Any) -> None:
    """Refuse what is no tensor or plain value, and tensors that are larger than what is stored."""
    import torch

    waiting, seen = [payload], 0
    while waiting:
        value = waiting.pop()
        seen += 1 + (len(value) if isinstance(value, (dict, list, tuple)) else 0)
        if seen > 2 * MAX_VALUES:
            raise _Unsound("it holds too many values")
        if isinstance(value, dict):
            waiting.extend(value.keys())
            waiting.extend(value.values())
        elif isinstance(value, (list, tuple)):
            waiting.extend(value)
        elif isinstance(value, torch.Tensor):
            if value.numel() * value.element_size() > value.untyped_storage().nbytes():
                raise _Unsound("a tensor claims more numbers than are stored")
        elif not isinstance(value, _PLAIN):
            raise pickle.UnpicklingError(f"it holds a {type(value).__name__}")


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
    for key in MODEL_KEYS[:2]:
        for name, value in payload[key].items():
            if not _is_finite(value):
                raise InputError(
                    f"checkpoint '{path}': {key}.{name} is no tensor of finite numbers"
                )


def _is_finite(value: Any) -> bool:
    import torch

    return isinstance(value, torch.Tensor) and bool(torch.isfinite(value).all())
