"""A table says the same as torch reads out of it, without torch."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from animRL.runner.checkpoint import load_checkpoint, save_checkpoint
from animRL.runner.checkpoint_archive import MODEL_KEYS, read_archive
from animRL.runner.checkpoint_table import Foreign, Unsound, read_table
from animRL.utils.paths import REPO_ROOT

KINDS = (
    torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32,
    torch.int16, torch.int8, torch.uint8, torch.bool,
)  # fmt: skip
base = torch.arange(24.0).reshape(4, 6)
PAYLOAD = {
    "kinds": {str(kind): torch.arange(6).to(kind) for kind in KINDS},
    "views": [base, base.t(), base[1:3, ::2], base[2], base[3, 5], torch.zeros(0),
              torch.zeros(2, 0)],
    "plain": [None, True, False, 0, -1, 255, 70_000, -(2**40), 2**70, 0.5, float("inf"), "ä", ""],
    "tuples": ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)),
    "nested": {"a": {"b": [{"c": torch.ones(1)}]}, 3: "number", "empty": {}, "list": []},
    "network": torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.ELU()).state_dict(),
    "same": [base, base],
    "long": list(range(2500)),
}  # fmt: skip


def archive_of(value: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def compare(read: Any, loaded: Any, seen: list[int]) -> None:
    if isinstance(loaded, torch.Tensor):
        assert read.dtype == loaded.dtype and torch.equal(read, loaded)
        seen[0] += 1
    elif isinstance(loaded, dict):
        assert type(read) is dict and list(read) == list(loaded)
        for key in loaded:
            compare(read[key], loaded[key], seen)
    elif isinstance(loaded, (list, tuple)):
        assert type(read) is type(loaded) and len(read) == len(loaded)
        for one, other in zip(read, loaded, strict=True):
            compare(one, other, seen)
    else:
        assert type(read) is type(loaded) and read == loaded


def test_what_is_read_is_what_torch_reads(tmp_path: Path) -> None:
    network = torch.nn.Linear(2, 2)
    payload = {**dict.fromkeys(MODEL_KEYS, network.state_dict()), "iter": 3, "infos": PAYLOAD}
    save_checkpoint(tmp_path / "model.pt", payload)
    read, seen = load_checkpoint(tmp_path / "model.pt"), [0]
    compare(read, torch.load(tmp_path / "model.pt", weights_only=True), seen)
    assert seen[0] == 3 * 2 + len(KINDS) + 7 + 1 + 2 + 2
    one, two = read["infos"]["same"]
    one[0, 0] = 100.0
    assert two[0, 0] == 100.0  # they share their numbers, as they did


@pytest.mark.parametrize(
    "value",
    [torch.nn.Parameter(torch.ones(1)), {1, 2}, b"bytes", 1j, Path("x"), print,
     torch.ones(2).to_sparse(), slice(3), torch.float32],
    ids=repr,
)  # fmt: skip
def test_anything_else_is_foreign(value: Any) -> None:
    with pytest.raises((Foreign, Unsound)):
        read_archive(archive_of({"a": value}))


@pytest.mark.parametrize(
    "table",
    [b"", b".", b"\x80\x02", b"\x80\x02}", b"\x80\x02K\x01K\x02.", b"\x80\x02e.", b"\x80\x02\x87.",
     b"\x80\x02]q\x00h\x05.", b"\x80\x02]K\x01s.", b"\x80\x02}(K\x01u.", b"\x80\x02}]K\x01s.",
     b"\x80\x02K\x01Q.", b"\x80\x02ccollections\nOrderedDict\nK\x01R.",
     b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)R.", b"\x80\x02ctorch\nFloatStorage\n.",
     b"\x80\x02]q\x00h\x00a."],
    ids=repr,
)  # fmt: skip
def test_a_table_without_sense_is_one_line(table: bytes) -> None:
    with pytest.raises((Unsound, Foreign)) as caught:
        read_table(table)
    assert "\n" not in str(caught.value)


def test_the_file_is_looked_at_without_torch() -> None:
    code = (
        "import sys\nfrom animRL.runner.checkpoint_archive import inspect_checkpoint\n"
        "values = inspect_checkpoint('results/walk/model.pt').values\n"
        "assert values['iter'] > 0 and 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPO_ROOT, capture_output=True)
    assert done.returncode == 0, done.stderr
