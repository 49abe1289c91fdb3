"""The script that writes the walk clip."""

from __future__ import annotations

from pathlib import Path

import pytest

from animRL.dataloader.clip import load_clip
from animRL.scripts.author_walk import main
from animRL.utils.errors import InputError


def test_writes_a_clip_that_loads(tmp_path: Path, capsys) -> None:
    out = tmp_path / "new" / "Walk.txt"
    assert main(["--out", str(out)]) == 0
    clip = load_clip(out)
    assert len(clip.frames) == 57
    assert "57 frames, 1.12 s" in capsys.readouterr().out


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="--out: cannot write") as error:
        main(["--out", str(tmp_path / "file" / "Walk.txt")])
    assert "\n" not in str(error.value)
