"""Checkpoints put together instruction by instruction, for what torch.save would never write."""

from __future__ import annotations

import io
import struct
import zipfile

NUMBERS = ("archive/data/0", struct.pack("<4f", 1.0, 2.0, 3.0, 4.0))


def text(value: str) -> bytes:
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def number(value: int) -> bytes:
    if 0 <= value < 256:
        return b"K" + bytes([value])
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def stored(part: str = "0", length: int = 4, kind: str = "Float") -> bytes:
    return (b"(" + text("storage") + b"ctorch\n" + kind.encode() + b"Storage\n" + text(part)
            + text("cpu") + number(length) + b"tQ")  # fmt: skip


def tensor(
    of: bytes, offset: int = 0, shape: tuple = (4,), stride: tuple = (1,), more: bytes = b""
) -> bytes:
    def whole(values: tuple) -> bytes:
        return b"(" + b"".join(map(number, values)) + b"t"

    return (b"ctorch._utils\n_rebuild_tensor_v2\n(" + of + number(offset) + whole(shape)
            + whole(stride) + b"\x89}" + more + b"tR")  # fmt: skip


WEIGHT = tensor(stored())


def table(infos: bytes = b"N", first: bytes = b"", actor: bytes = b"") -> bytes:
    """A table that is a checkpoint's, with something of one's own in it."""
    entries = (
        text("actor_state_dict") + b"}(" + text("w") + WEIGHT + actor + b"u"
        + text("critic_state_dict") + b"}" + text("optimizer_state_dict") + b"}"
        + text("iter") + number(7) + text("infos") + infos
    )  # fmt: skip
    return b"\x80\x02}(" + first + entries + b"u."


def archive(
    content: bytes, *others: tuple[str, bytes], compression: int = zipfile.ZIP_STORED
) -> bytes:
    """An archive like those of torch.save, of a table and other parts."""
    parts = {"archive/data.pkl": content, "archive/byteorder": b"little",
             "archive/version": b"3\n", **dict(others)}  # fmt: skip
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, data in parts.items():
            file.writestr(zipfile.ZipInfo(name), data, compression)
    return buffer.getvalue()


def with_field(content: bytes, offset: int, kind: str, value: int) -> bytes:
    """The archive with a field of the directory's last entry changed."""
    data = bytearray(content)
    struct.pack_into(kind, data, data.rfind(b"PK\x01\x02") + offset, value)
    return bytes(data)
