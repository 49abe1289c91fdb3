"""Damaged and malicious checkpoints: all are found, nothing in them runs."""

from __future__ import annotations

import io
import os
import pickle
import random
import resource
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from animRL.runner.checkpoint import load_checkpoint, save_checkpoint
from animRL.runner.checkpoint_archive import (
    FORMAT,
    MAX_BYTES,
    digest,
    inspect_checkpoint,
    is_valid_checkpoint,
    iteration_of,
)
from animRL.runner.run_dir import find_checkpoint, iteration_path
from animRL.utils.errors import InputError

COUNTS = [pytest.param(100, id="100"), pytest.param(1000, id="1000", marks=pytest.mark.slow)]


def payload(iteration: int = 7) -> dict:
    network = torch.nn.Linear(40, 20)
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.ones(1, 40)).sum().backward()
    optimizer.step()
    return {
        "actor_state_dict": network.state_dict(),
        "critic_state_dict": network.state_dict(),
        "optimizer_state_dict": optimizer.state_dict(),
        "iter": iteration,
        "infos": {"curve": [{"success": 0.5}], "best": [0.5, 0.1, 0.2, 3]},
    }


@pytest.mark.parametrize("count", COUNTS)
def test_every_flipped_bit_and_every_cut_is_found(tmp_path: Path, count: int) -> None:
    path, whole = tmp_path / "model_7.pt", tmp_path / "whole.pt"
    save_checkpoint(whole, payload())
    content, draw = whole.read_bytes(), random.Random(1)
    # The end first, where the sum itself stands.
    flips = [8 * (len(content) - 1 - number) + number % 8 for number in range(count // 4)]
    flips += [draw.randrange(8 * len(content)) for _ in range(count // 2)]
    cuts = [len(content) - 1 - number for number in range(count // 8)]
    cuts += [draw.randrange(len(content)) for _ in range(count - len(flips) - len(cuts))]
    unfound = 0
    for bit in flips:
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        unfound += is_valid_checkpoint(path)
    for length in cuts:
        path.write_bytes(content[:length])
        unfound += is_valid_checkpoint(path)
    assert len(flips) + len(cuts) == count and unfound == 0
    path.write_bytes(content + b"\0")
    assert not is_valid_checkpoint(path)
    path.write_bytes(content)
    assert is_valid_checkpoint(path)


def test_without_the_sum_most_flips_would_load_silently(tmp_path: Path) -> None:
    """So the test above tests the sum, and not what torch finds by itself."""
    buffer = io.BytesIO()
    torch.save(payload(), buffer)
    content, draw, silent = buffer.getvalue(), random.Random(2), 0
    for _ in range(40):
        damaged = bytearray(content)
        damaged[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        try:
            torch.load(io.BytesIO(damaged), weights_only=True)
            silent += 1
        except Exception:  # by many types
            continue
    assert silent > 20


def test_a_file_is_read_by_torch_and_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "model_7.pt"
    save_checkpoint(path, payload())
    assert torch.load(path, weights_only=True)["iter"] == 7
    assert f"checkpoint format {FORMAT} iteration 7 sha256".encode() in path.read_bytes()
    assert iteration_of(path) == 7
    path.write_bytes(b"x" * 2000)
    assert iteration_of(path) is None


def test_older_formats_load_and_newer_ones_say_who_wrote_them(tmp_path: Path) -> None:
    path = tmp_path / "model_7.pt"
    torch.save(payload(), path)  # format 1
    assert load_checkpoint(path)["iter"] == 7 and iteration_of(path) is None
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(InputError, match="damaged"):
        load_checkpoint(path)
    save_checkpoint(path, payload())
    content = path.read_bytes()
    newer = content.replace(f"format {FORMAT} ".encode(), b"format 9 ")
    path.write_bytes(newer[:-64] + digest(newer[:-64]).encode())
    with pytest.raises(InputError, match="of format 9, written by animRL .*; valid: formats up to"):
        load_checkpoint(path)


def test_the_newest_is_known_by_its_content(tmp_path: Path) -> None:
    save_checkpoint(iteration_path(tmp_path, 900), payload(50))  # a copy under another name
    save_checkpoint(iteration_path(tmp_path, 100), payload(100))
    save_checkpoint(tmp_path / "model_best.pt", payload(80))
    assert find_checkpoint(tmp_path, -1).name == "model_100.pt"
    iteration_path(tmp_path, 100).write_bytes(iteration_path(tmp_path, 100).read_bytes()[:-9])
    assert find_checkpoint(tmp_path, -1).name == "model_best.pt"


class Call:
    """Pickles to a call."""

    def __init__(self, function: Callable, *arguments: object) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self):  # type: ignore[no-untyped-def]
        return self.function, self.arguments


def archive(table: bytes, *others: tuple[str, bytes], compression: int = zipfile.ZIP_STORED):  # type: ignore[no-untyped-def]
    """An archive like those of torch.save, of a table and other parts."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as parts:
        own = {"archive/data.pkl": table, "archive/byteorder": b"little", "archive/version": b"3\n"}
        for name, content in {**own, **dict(others)}.items():
            parts.writestr(name, content)
    return buffer.getvalue()


def signed(content: bytes) -> bytes:
    """With a trailer that fits: the sum says that a file is whole, not that it is honest."""
    trailer = f"animRL 0.1.0 checkpoint format {FORMAT} iteration 7 sha256 ".encode()
    start = content[:-2] + struct.pack("<H", len(trailer) + 64) + trailer
    return start + digest(start).encode()


def saved(value: object) -> bytes:
    buffer = io.BytesIO()
    torch.save({**payload(), "infos": value}, buffer)
    return buffer.getvalue()


def nest(levels: int) -> list:
    """Lists of two that are the same one, which a walk through would visit 2^levels times."""
    value: list = []
    for _ in range(levels):
        value = [value, value]
    return value


def claimed(numbers: int, stored: int) -> bytes:
    """A tensor that claims more numbers than there are."""
    content = saved(torch.zeros(stored))
    with zipfile.ZipFile(io.BytesIO(content)) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    (table,) = (name for name in parts if name.endswith("data.pkl"))
    own = pickle.dumps(stored, 2)[2:-1]
    parts[table] = parts[table].replace(own, pickle.dumps(numbers, 2)[2:-1])
    return archive(parts.pop(table), *parts.items())


def malicious(marker: Path) -> dict[str, bytes]:
    """Each tries to make the file ``marker``, or to take all memory."""
    run = f"open({str(marker)!r}, 'w').close()"
    return {
        "eval": saved(Call(eval, run)),
        "exec": saved(Call(exec, run)),
        "system": saved(Call(os.system, f"touch {marker}")),
        "open": saved(Call(open, str(marker), "w")),
        "torch.load": saved(Call(torch.load, str(marker), None, None)),
        "plain pickle": pickle.dumps(Call(os.system, f"touch {marker}")),
        "old torch file": b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03."
        + pickle.dumps(Call(os.system, f"touch {marker}"), 2),
        "stack global": archive(pickle.dumps(Call(eval, run), 4)),
        "instance": archive(b"(S'touch " + str(marker).encode() + b"'\nios\nsystem\n."),
        "bytearray": archive(b"\x80\x02c__builtin__\nbytearray\n\x8a\x05\x00\x00\x00\x00@\x85R."),
        "zip bomb": archive(b"\x80\x02].", ("archive/data/0", b"\0" * 10**8),
                            compression=zipfile.ZIP_DEFLATED),
        "nest": saved(nest(60)),
        "huge tensor": claimed(10**9 + 7, 12347),
        "repeated row": saved(torch.zeros(1, 12347).expand(10**7, 12347)),
        "memo index": archive(b"\x80\x02]r\xff\xff\xff\x7f."),
        "many": archive(b"\x80\x02(" + b"K\x01" * 3_000_000 + b"l."),
        "no table": archive(b"").replace(b"data.pkl", b"data.pkk"),
        "script": archive(b"\x80\x02].", ("archive/code/__torch__.py", run.encode()),
                          ("archive/constants.pkl", b"\x80\x02).")),
        "escaping part": archive(b"\x80\x02].", ("../../escaped", b"x")),
    }  # fmt: skip


@pytest.mark.parametrize("is_signed", [False, True], ids=["plain", "signed"])
def test_malicious_files_are_refused_and_do_nothing(tmp_path: Path, is_signed: bool) -> None:
    folder, marker = tmp_path / "run", tmp_path / "ran"
    folder.mkdir()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for kind, content in malicious(marker).items():
        path = folder / "model_7.pt"
        with_sum = is_signed and content[-22:-18] == b"PK\x05\x06"
        path.write_bytes(signed(content) if with_sum else content)
        with pytest.raises(InputError) as caught:
            inspect_checkpoint(path)  # before torch sees it
        text = str(caught.value)
        assert "\n" not in text and str(path) in text, kind
    assert not marker.exists()
    assert [entry.name for entry in tmp_path.iterdir()] == ["run"]
    assert [entry.name for entry in folder.iterdir()] == ["model_7.pt"]
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 700 * 1024  # KiB; the tables of a few million values included


def test_special_files_are_refused_unread(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model_1.pt")
    (tmp_path / "model_2.pt").symlink_to("/dev/zero")
    (tmp_path / "model_3.pt").mkdir()
    (tmp_path / "model_4.pt").symlink_to(tmp_path / "model_4.pt")
    for number in range(1, 6):
        with pytest.raises(InputError, match="does not exist or is not a file"):
            load_checkpoint(tmp_path / f"model_{number}.pt")
    with open(tmp_path / "model_5.pt", "wb") as stream:
        stream.truncate(MAX_BYTES + 1)  # a hole
    with pytest.raises(InputError, match="larger than"):
        load_checkpoint(tmp_path / "model_5.pt")
