"""Damaged and malicious checkpoints: all are found, nothing in them runs."""

from __future__ import annotations

import io
import os
import pickle
import random
import re
import struct
import subprocess
import sys
import time
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
    is_valid_checkpoint,
    iteration_of,
)
from animRL.runner.run_dir import find_checkpoint, iteration_path
from animRL.utils.errors import InputError
from animRL.utils.paths import REPO_ROOT
from tests.runner.crafted import NUMBERS, archive, number, stored, table, tensor, text, with_field

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


CALLS = ("eval", "exec", "system", "open", "torch.load", "stack global", "instance", "bytearray")


def code(marker: Path) -> dict[str, bytes]:
    """Each tries to make the file ``marker``."""
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
        "stack global": archive(table(pickle.dumps(Call(eval, run), 4)[2:-1]), NUMBERS),
        "instance": archive(table(b"(S'touch " + str(marker).encode() + b"'\nios\nsystem\n"),
                            NUMBERS),
        "bytearray": archive(table(b"c__builtin__\nbytearray\n\x8a\x05\0\0\0\0@\x85R"), NUMBERS),
    }  # fmt: skip


GOOD = archive(table(), NUMBERS)
BIG = b"\x8a\xff" + b"\xff" * 254 + b"\x7f"
REBUILD = b"ctorch._utils\n_rebuild_tensor_v2\n"
UNSOUND: dict[str, tuple[bytes, str]] = {
    "zip bomb": (
        archive(table(), NUMBERS, ("archive/data/1", b"\0" * 10**8),
                compression=zipfile.ZIP_DEFLATED), "parts are compressed",
    ),
    "nest": (saved(nest(60)), "too many values"),
    "deep": (archive(table(b"]" * 200 + b"a" * 199), NUMBERS), "too deep"),
    "huge tensor": (archive(table(tensor(stored(length=4), 0, (10**9,))), NUMBERS), "claims more"),
    "huge part": (
        archive(table(tensor(stored(length=10**9), 0, (10**9,))), NUMBERS), "two kinds|claims more"
    ),
    "repeated row": (saved(torch.zeros(1, 12347).expand(10**7, 12347)), "claims more"),
    "out of bounds": (archive(table(tensor(stored(), 3, (2,))), NUMBERS), "claims more"),
    "stride": (archive(table(tensor(stored(), 0, (1, 4), (2**62, 1))), NUMBERS), "of a size that"),
    "empty of no size": (
        archive(table(tensor(stored(), 0, (0, 2**70), (1, 1))), NUMBERS), "of a size that"
    ),
    "65 dimensions": (
        archive(table(tensor(stored(), 0, (1,) * 65, (1,) * 65)), NUMBERS), "or too many"
    ),
    "big integers": (
        archive(table(REBUILD + b"q\x000" + b"(" + stored() + number(0) + b"(" + BIG * 63
                      + b"K\x00t(" + BIG * 64 + b"t\x89}tq\x010" + b"(" + b"h\x00h\x01R0" * 2000
                      + b"t"), NUMBERS), "of a size that|POP",
    ),
    "attached": (archive(table(tensor(stored(), more=b"N" * 1000)), NUMBERS), "no sense"),
    "one part, two kinds": (
        archive(table(tensor(stored(kind="Int"))), NUMBERS), "two kinds of numbers"
    ),
    "hidden reference": (
        archive(table(b"ccollections\nOrderedDict\n)R}" + text("x") + stored(length=2**40)
                      + b"sb"), NUMBERS), "two kinds of numbers",
    ),
    "memo index": (archive(table(b"]r\xff\xff\xff\x7fh\x05"), NUMBERS), "no sense"),
    "many": (archive(table(b"(" + b"K\x01" * 1_000_000 + b"t"), NUMBERS), "too many values"),
    "tuple as key": (archive(table(first=b")" + b"\x85" * 300_000 + b"N"), NUMBERS), "a key that"),
    "shared tuple as key": (
        archive(table(first=b")" + b"".join(b"q" + bytes([k]) + b"h" + bytes([k]) + b"\x86"
                                            for k in range(60)) + b"N"), NUMBERS), "a key that",
    ),
    "no table": (GOOD.replace(b"data.pkl", b"data.pkk"), "parts that torch.save does not write"),
    "script": (
        archive(table(), NUMBERS, ("archive/code/__torch__.py", b"1"),
                ("archive/constants.pkl", b"\x80\x02).")), "parts that torch.save does not write",
    ),
    "escaping part": (
        archive(table(), NUMBERS, ("../../escaped", b"x")), "parts that torch.save does not write"
    ),
    "missing part": (archive(table()), "not an archive of torch.save"),
    "encrypted": (with_field(GOOD, 8, "<H", 1), "encrypted"),
    "two sizes": (b"\0" * 2**20 + with_field(GOOD, 24, "<I", 2**20), "two sizes"),
    "cut part": (with_field(with_field(GOOD, 20, "<I", 3), 24, "<I", 3), "archive|claims|sum of"),
    "far part": (with_field(GOOD, 42, "<I", 2**31), "not an archive|the sum of"),
    "many parts": (
        archive(table(), NUMBERS, ("archive/data/1", b"PK\x01\x02" * 30_000)), "too many parts"
    ),
    "other byte order": (
        archive(table(), NUMBERS, ("archive/byteorder", b"big")), "order of bytes"
    ),
}  # fmt: skip
LIMITED = """
import resource, sys, time
from animRL.runner.checkpoint_archive import inspect_checkpoint
from animRL.utils.errors import InputError
resource.setrlimit(resource.RLIMIT_AS, (2 ** 31, 2 ** 31))
for path in sys.argv[1:]:
    began = time.process_time()
    try:
        inspect_checkpoint(path)
        print("taken")
    except InputError as error:
        assert time.process_time() - began < 2.0, path
        print(error)
"""


def test_a_file_put_together_by_hand_is_a_checkpoint(tmp_path: Path) -> None:
    """So what follows is refused for what is said, and not for its make."""
    path = tmp_path / "model_7.pt"
    for content in (GOOD, signed(GOOD)):
        path.write_bytes(content)
        assert load_checkpoint(path)["actor_state_dict"]["w"].tolist() == [1.0, 2.0, 3.0, 4.0]
        assert torch.load(path, weights_only=True)["iter"] == 7


@pytest.mark.parametrize("is_signed", [False, True], ids=["plain", "signed"])
def test_code_is_refused_and_does_not_run(tmp_path: Path, is_signed: bool) -> None:
    folder, marker = tmp_path / "run", tmp_path / "ran"
    folder.mkdir()
    for kind, content in code(marker).items():
        path = folder / "model_7.pt"
        with_sum = is_signed and content[-22:-18] == b"PK\x05\x06"
        path.write_bytes(signed(content) if with_sum else content)
        with pytest.raises(InputError) as caught:
            load_checkpoint(path)
        said = str(caught.value)
        assert "\n" not in said and str(path) in said, kind
        assert ("is refused: it holds objects other" in said) == (kind in CALLS), said
    assert not marker.exists()
    assert [entry.name for entry in tmp_path.iterdir()] == ["run"]
    assert [entry.name for entry in folder.iterdir()] == ["model_7.pt"]


@pytest.mark.parametrize("is_signed", [False, True], ids=["plain", "signed"])
def test_unsound_files_are_refused_in_little_time_and_memory(
    tmp_path: Path, is_signed: bool
) -> None:
    for kind, (content, _) in UNSOUND.items():
        (tmp_path / kind).write_bytes(signed(content) if is_signed else content)
    paths = [str(tmp_path / kind) for kind in UNSOUND]
    done = subprocess.run([sys.executable, "-c", LIMITED, *paths], capture_output=True, text=True,
                          cwd=REPO_ROOT, timeout=120)  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == len(UNSOUND)
    for line, (kind, (_, said)) in zip(lines, UNSOUND.items(), strict=True):
        assert re.search(said, line) and str(tmp_path / kind) in line, (kind, line)
    with pytest.raises(InputError):
        load_checkpoint(paths[0])


def test_of_two_archives_in_one_file_what_is_looked_at_is_loaded(tmp_path: Path) -> None:
    """Readers of zip archives differ on which one that is."""
    numbers = struct.pack("<4f", *[float("nan")] * 4)
    evil = archive(table(), (NUMBERS[0], numbers))
    path = tmp_path / "model_7.pt"
    path.write_bytes(signed(evil[: evil.rfind(b"PK\x05\x06")] + GOOD))
    loaded = load_checkpoint(path)["actor_state_dict"]["w"]
    assert bool(torch.isfinite(loaded).all())


def test_attributes_that_a_table_gives_go_nowhere(tmp_path: Path) -> None:
    given = b"ccollections\nOrderedDict\n)R}" + text("get") + number(5) + b"sb"
    path = tmp_path / "model_7.pt"
    path.write_bytes(archive(table(given), NUMBERS))
    infos = load_checkpoint(path)["infos"]
    assert type(infos) is dict and infos == {} and infos.get("a") is None


@pytest.mark.parametrize("count", COUNTS)
def test_changed_tables_with_a_fitting_sum_end_in_one_line(tmp_path: Path, count: int) -> None:
    """Bit flips that the sum would find say nothing of what reads the rest."""
    draw, path, taken = random.Random(8), tmp_path / "model_7.pt", 0
    whole = saved([1, "two", {"three": torch.ones(3)}])
    starts = [match.start() for match in re.finditer(b"data.pkl", whole)]
    begin = whole.index(b"\x80\x02")
    for _ in range(count):
        data = bytearray(whole)
        for _ in range(draw.randrange(1, 4)):
            if draw.random() < 0.8:  # the table
                place = draw.randrange(begin, begin + 900)
            else:  # the directory
                place = draw.randrange(whole.find(b"PK\x01\x02"), len(whole) - 30)
            data[place] = draw.choice([draw.randrange(256), data[place] ^ 1 << draw.randrange(8)])
        path.write_bytes(signed(bytes(data)))
        began = time.process_time()
        try:
            load_checkpoint(path)
            taken += 1
        except InputError as error:
            assert "\n" not in str(error)
        assert time.process_time() - began < 2.0
    assert len(starts) >= 2 and taken < count


def test_special_files_are_refused_unread(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model_1.pt")
    (tmp_path / "model_2.pt").symlink_to("/dev/zero")
    (tmp_path / "model_3.pt").mkdir()
    (tmp_path / "model_4.pt").symlink_to(tmp_path / "model_4.pt")
    for name in range(1, 6):
        with pytest.raises(InputError, match="does not exist or is not a file"):
            load_checkpoint(tmp_path / f"model_{name}.pt")
    with open(tmp_path / "model_5.pt", "wb") as stream:
        stream.truncate(MAX_BYTES + 1)  # a hole
    with pytest.raises(InputError, match="larger than"):
        load_checkpoint(tmp_path / "model_5.pt")
