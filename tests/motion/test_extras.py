"""Libraries of the extra: there, or one line says how to get them."""

from __future__ import annotations

import importlib
import math
from pathlib import Path

import pytest

from animRL.motion.extras import require
from animRL.utils.errors import InputError


def test_a_library_that_is_there_is_returned() -> None:
    assert require("math") is math
    assert require("importlib") is importlib


@pytest.mark.parametrize("name", ["no_such_library", "no_such_library.part"])
def test_a_missing_library_is_one_line_with_the_remedy(name: str) -> None:
    with pytest.raises(InputError) as error:
        require(name)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith("this needs no_such_library, which is not installed: pip")
    assert ".[motion]" in str(error.value)


def test_a_library_that_lacks_something_itself_is_not_called_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "half_a_library.py").write_text("import what_it_needs")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="what_it_needs"):
        require("half_a_library")
