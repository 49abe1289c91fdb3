"""Words about what takes long: none when it does not."""

from __future__ import annotations

import time

import pytest

from animRL.utils.notices import if_slow


def test_what_is_slow_is_told_before_and_after(capsys: pytest.CaptureFixture[str]) -> None:
    with if_slow(0.01, "it compiles", "it took {seconds}"):
        time.sleep(0.2)
        assert capsys.readouterr().err == "it compiles\n"
    assert capsys.readouterr().err == "it took 0 s\n"


def test_what_is_fast_or_fails_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    with if_slow(30.0, "it compiles", "it took {seconds}"):
        pass
    with pytest.raises(ValueError), if_slow(30.0, "it compiles", "it took {seconds}"):
        raise ValueError
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "")
