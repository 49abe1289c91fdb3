"""The progress line: silent when short, with the time left, harmless when nobody reads."""

from __future__ import annotations

import io

from animRL.motion.progress import track


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Closed(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


class Clock:
    """A clock that goes on by a fixed time whenever it is read."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def test_items_come_through_unchanged() -> None:
    assert list(track("abc", "work", stream=io.StringIO())) == ["a", "b", "c"]


def test_a_short_job_is_silent() -> None:
    stream = Terminal()
    list(track(range(100), "work", stream=stream, clock=Clock(0.001)))
    assert stream.getvalue() == ""


def test_a_terminal_sees_one_line_and_then_nothing(monkeypatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    list(track(range(20), "work", stream=stream, clock=Clock(1.0)))
    text = stream.getvalue()
    assert "work: 10/20  11 s left" in text and "\n" not in text
    assert text.split("\r")[-1] == "" and text.split("\r")[-2].strip() == ""


def test_elsewhere_a_plain_line_now_and_then() -> None:
    stream = io.StringIO()
    list(track(range(25), "work", stream=stream, clock=Clock(1.0)))
    assert stream.getvalue().splitlines() == ["work: 9/25  18 s left", "work: 19/25  6 s left"]


def test_without_a_total_only_the_count_is_shown() -> None:
    stream = io.StringIO()
    list(track(iter(range(12)), "work", stream=stream, clock=Clock(1.0)))
    assert stream.getvalue() == "work: 9\n"


def test_a_reader_that_has_gone_does_not_stop_the_work() -> None:
    assert list(track(range(30), "work", stream=Closed(), clock=Clock(1.0))) == list(range(30))
