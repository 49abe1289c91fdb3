"""Checkpoints are whole, safe to read, and refused in one line when they are not ours."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch

from animRL.runner import checkpoint_archive as module
from animRL.runner.checkpoint import load_checkpoint, save_checkpoint
from animRL.runner.checkpoint_archive import is_valid_checkpoint
from animRL.utils import files
from animRL.utils.errors import InputError


def payload() -> dict:
    network = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    network(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    return {
        "actor_state_dict": network.state_dict(),
        "critic_state_dict": network.state_dict(),
        "optimizer_state_dict": optimizer.state_dict(),
        "iter": 7,
        "infos": None,
    }


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    saved = payload()
    save_checkpoint(tmp_path / "model_7.pt", saved)
    loaded = load_checkpoint(tmp_path / "model_7.pt", "cpu")
    assert loaded["iter"] == 7
    assert loaded.keys() == saved.keys()
    torch.testing.assert_close(dict(loaded["actor_state_dict"]), dict(saved["actor_state_dict"]))
    assert loaded["optimizer_state_dict"]["param_groups"][0]["lr"] == 1e-3
    assert [path.name for path in tmp_path.iterdir()] == ["model_7.pt"]


def test_an_interrupted_write_keeps_the_old_file(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "model.pt"
    save_checkpoint(path, payload())

    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full_disk)
    with pytest.raises(InputError, match="No space left"):
        save_checkpoint(path, {**payload(), "iter": 8})
    assert load_checkpoint(path)["iter"] == 7
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.pt"]


def test_a_missing_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot write .*No such file"):
        save_checkpoint(tmp_path / "absent" / "model.pt", payload())


def test_other_objects_are_refused_when_saving(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="plain values and tensors only"):
        save_checkpoint(tmp_path / "model.pt", {**payload(), "infos": Path("x")})
    assert list(tmp_path.iterdir()) == []


class Trap:
    """Pickles to a call that would make a file."""

    def __init__(self, marker: str) -> None:
        self.marker = marker

    def __reduce__(self):  # type: ignore[no-untyped-def]
        return open, (self.marker, "w")


def test_stored_code_never_runs(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    torch.save({**payload(), "infos": Trap(str(marker))}, tmp_path / "torch.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Trap(str(marker))))
    for name in ("torch.pt", "plain.pt"):
        with pytest.raises(InputError) as caught:
            load_checkpoint(tmp_path / name)
        assert "\n" not in str(caught.value)
    assert not marker.exists()


def test_damaged_files_are_refused_in_one_line(tmp_path: Path) -> None:
    whole = tmp_path / "whole.pt"
    save_checkpoint(whole, payload())
    content = whole.read_bytes()
    flipped = bytearray(content)
    flipped[len(flipped) // 3] ^= 0xFF
    damaged = {
        "truncated": content[:-200],
        "flipped": bytes(flipped),
        "empty": b"",
        "text": b"not a checkpoint\n" * 9,
    }
    for name, data in damaged.items():
        path = tmp_path / f"{name}.pt"
        path.write_bytes(data)
        with pytest.raises(InputError, match="is damaged or not a checkpoint: ") as caught:
            load_checkpoint(path)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)
        assert not is_valid_checkpoint(path)
    with pytest.raises(InputError, match="does not exist"):
        load_checkpoint(tmp_path / "absent.pt")
    with pytest.raises(InputError, match="not a file"):
        load_checkpoint(tmp_path)


def test_foreign_content_names_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    foreign = {"model_state_dict": {}, "optimizer_state_dict": {}, "iter": 3}
    torch.save(foreign, path)
    with pytest.raises(InputError, match="lacks actor_state_dict, critic_state_dict .*it holds"):
        load_checkpoint(path)
    torch.save({**payload(), "iter": -1}, path)
    with pytest.raises(InputError, match="lacks iter"):
        load_checkpoint(path)
    torch.save(torch.zeros(3), path)
    with pytest.raises(InputError, match="holds a Tensor, not a dictionary"):
        load_checkpoint(path)


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "model.pt"
    save_checkpoint(path, payload())
    assert is_valid_checkpoint(path)
    monkeypatch.setattr(module, "MAX_BYTES", 1000)
    with pytest.raises(InputError, match="larger than"):
        load_checkpoint(path)
    assert not is_valid_checkpoint(path)
