"""Bad files: 500 generated and 20 made by hand of each kind, none of which ends in a traceback."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import time
import warnings
from collections.abc import Iterable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
import torch

from animRL.utils.errors import MOST_CHARACTERS, InputError, one_line
from tests.robustness.kinds import KINDS

SECONDS, MEGABYTES = 2.0, 500
QUICK, ALL = range(60), range(60, 500)
SETTINGS = ("character.", "rewards.", "sim.", "motion_loader.", "env.", "policy.", "runner.")
"""What an error on a configuration begins with, where it is not the file that is named."""


def verdict(name: str, folder: Path, content: bytes) -> str:
    """Read one input: "accepted", "refused: ...", or what is wrong with how it was refused."""
    kind = KINDS[name]
    path = folder / kind.file
    path.write_bytes(content)
    began, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = read(name, path)
    seconds = time.process_time() - began
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    if seconds > SECONDS or grown > MEGABYTES:
        return f"took {seconds:.1f} s and {grown:.0f} MB"
    return result


def read(name: str, path: Path) -> str:
    """Read a file of a kind, and judge what is said about it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            KINDS[name].read(path)
    except InputError as error:
        return told(str(error), (one_line(str(path))[:150], *SETTINGS))
    except ValueError as error:
        if type(error).__name__ != "ConfigError":
            return f"{type(error).__name__}: {error}"
        return told(str(error), (one_line(str(path))[:150], *SETTINGS))
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return "accepted"


def told(text: str, named: Iterable[str]) -> str:
    """ "refused: ..." if an error is one short line without control characters that says where."""
    if not text.isprintable() or len(text) > MOST_CHARACTERS + 100:
        return f"not one short line: {text!r}"
    if not any(name in text for name in named):
        return f"names no file and no field: {text}"
    return f"refused: {text}"


def in_child(name: str, seeds: Iterable[int], folder: Path, results: Connection) -> None:
    """Send (seed, verdict) of each; what a library prints lies in a file."""
    torch.set_num_threads(1)
    os.chdir(folder)
    with open(folder / "printed", "w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    for seed in seeds:
        results.send((seed, ""))
        results.send((seed, verdict(name, folder, KINDS[name].damaged(seed))))
    results.close()


def verdicts(name: str, seeds: range, folder: Path) -> dict[int, str]:
    """The verdict on each seed, in a process of its own, which a library may end."""
    context = multiprocessing.get_context("forkserver")  # this process has threads by now
    context.set_forkserver_preload(["tests.robustness.kinds"])
    receiving, sending = context.Pipe(duplex=False)
    child = context.Process(target=in_child, args=(name, seeds, folder, sending))
    child.start()
    sending.close()
    found: dict[int, str] = {}
    try:
        while receiving.poll(10 * SECONDS):
            seed, text = receiving.recv()
            found[seed] = text or "never ended"
    except EOFError:
        pass
    finally:
        child.kill()
        child.join()
    return found


def check_generated(name: str, seeds: range, folder: Path) -> None:
    found = verdicts(name, seeds, folder)
    bad = {s: text for s, text in found.items() if not text.startswith(("accepted", "refused: "))}
    assert not bad, f"{name}: of {len(found)}, by seed: {bad}"
    assert len(found) == len(seeds)
    refused = sum(text.startswith("refused: ") for text in found.values())
    assert refused > 0.7 * len(found), f"{name}: {refused} of {len(found)} were refused"
    assert (folder / "printed").read_text() == ""
    assert not (folder / "MUJOCO_LOG.TXT").exists()


@pytest.mark.parametrize("name", KINDS)
def test_generated_inputs_are_refused_in_one_line_or_taken(name: str, tmp_path: Path) -> None:
    check_generated(name, QUICK, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_many_generated_inputs_are(name: str, tmp_path: Path) -> None:
    check_generated(name, ALL, tmp_path)


def test_the_judge_knows_a_bad_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(error: BaseException):
        def reader(path: Path) -> None:
            raise error

        return reader

    for error, expected in (
        (KeyError("Frames"), "KeyError"),
        (InputError("nothing of use"), "names no file"),
        (ValueError("bad"), "ValueError"),
        (UserWarning("odd"), "UserWarning"),
    ):
        kind = KINDS["motion"]
        monkeypatch.setitem(KINDS, "motion", type(kind)(kind.file, kind.damaged, fails(error)))
        assert expected in verdict("motion", tmp_path, b"")
        monkeypatch.undo()


@pytest.mark.parametrize("name", KINDS)
def test_what_is_no_regular_file_is_refused_unread(name: str, tmp_path: Path) -> None:
    kind = KINDS[name]
    cases = {
        "pipe": os.mkfifo, "folder": os.mkdir, "closed": lambda path: Path(path).touch(0o000),
        "zero": lambda path: os.symlink("/dev/zero", path),
        "nowhere": lambda path: os.symlink("nowhere", path),
        "itself": lambda path: os.symlink(path, path),
        "empty": lambda path: Path(path).touch(),
    }  # fmt: skip
    for case, make in cases.items():
        folder = tmp_path / case
        folder.mkdir()
        make(folder / kind.file)
        assert "refused: " in read(name, folder / kind.file), case
    if name == "run":  # its folder is found first
        return
    for odd in ("a\0b", "x" * 300, "\ud800", "a\nb\x1b[31m"):
        assert read(name, tmp_path / odd / kind.file).startswith("refused: "), odd


def test_a_file_larger_than_it_may_be_is_refused_unread(tmp_path: Path) -> None:
    for name, kind in KINDS.items():
        with open(tmp_path / kind.file, "wb") as file:
            file.truncate(2**40)
        assert "larger than" in read(name, tmp_path / kind.file)


def test_few_bytes_that_would_fill_the_memory_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "clip.txt"
    for text in ("[" + "[]," * 5_000_000 + "0]", '{"Frames": [' + "0," * 20_000_000 + "0]}"):
        assert "lists; valid: a JSON motion file" in verdict("motion", tmp_path, text.encode())
    path.write_text(json.dumps({"JointNames": ["\ud800"]}))
    assert "half a character" in read("motion", path)
