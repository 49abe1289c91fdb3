"""``scripts/character.py``: the exported file, its table, and bad command lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from animRL.scripts import character
from animRL.scripts.cli import run_main
from animRL.sim import urdf_export


def run(*argv: str) -> int:
    with pytest.raises(SystemExit) as ended:
        run_main(character.main, list(argv))
    return int(ended.value.code or 0)


def test_bob_is_exported_and_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "bob.urdf"
    assert run("export", "bob", "--out", str(out)) == 0
    text = capsys.readouterr().out
    assert "rotation of bodies" in text and "beyond" not in text
    assert "37 bodies, 32 hinges" in text or "hinges" in text
    assert out.read_text().startswith('<?xml version="1.0"?>\n<robot name="bob">')
    assert [entry.name for entry in out.parent.iterdir()] == ["bob.urdf"]
    # A URDF file is itself a character's file.
    assert run("export", str(out), "--out", str(tmp_path / "again.urdf")) == 0


def test_a_file_that_would_not_be_the_same_is_not_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    worse = urdf_export.Difference("mass", 1.0, "kg", 1e-9)
    monkeypatch.setattr(urdf_export, "differences", lambda *given: [worse])
    assert run("export", "bob", "--out", str(tmp_path / "bob.urdf")) == 1
    assert "nothing is written" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["export", "bop", "--out", "a.urdf"], "no 'bop' (did you mean 'bob'?)"),
        (["export", "bob", "--out", "a.xml"], "--out: a.xml; valid: a name that ends in .urdf"),
        (["export", "bob"], "--out"),
        (["import", "bob", "--out", "a.urdf"], "invalid choice: 'import'"),
        (["export", "bad.xml", "--out", "a.urdf"], "bad.xml"),
    ],
)
def test_bad_command_lines(
    argv: list[str],
    text: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.xml").write_text("<mujoco>")
    assert run(*argv) == 2
    captured = capsys.readouterr()
    assert text in captured.err and captured.err.count("\n") == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["bad.xml"]
