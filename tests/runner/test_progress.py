"""The progress line is one line on a terminal, few lines in a pipe, and never wider than either."""

from __future__ import annotations

import io

import pytest

from animRL.runner import progress as module
from animRL.runner.progress import ProgressLine, format_count, format_duration, task_table


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def terminal(monkeypatch) -> Terminal:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    return Terminal()


def test_a_full_line_reads_as_a_sentence() -> None:
    stream, clock = io.StringIO(), Clock()
    line = ProgressLine(400, 16384, stream, start_iteration=119, clock=clock)
    clock.now += 2.5
    line.update(120, 2.0, 0.41, 210.0, success=0.83, position_error=0.0521)
    expected = (
        "iteration 120/400  1.97 M samples  8,192 samples/s  reward 0.41  episode 210 steps"
        "  success 0.83  error 0.052 m  left 12 min\n"
    )
    assert stream.getvalue() == expected


def test_the_place_among_past_runs_is_shown_and_taken_back() -> None:
    stream, clock = io.StringIO(), Clock()
    line = ProgressLine(400, 10, stream, clock=clock, at_most=True)
    line.update(1, 2.0, 0.41, 210.0, position_error=0.0521, standing="on track")
    clock.now += 60.0
    line.update(2, 2.0, 0.41, None, standing=None)
    first, second = stream.getvalue().splitlines()
    assert "error 0.052 m  on track  left at most" in first
    assert "track" not in second and "left at most 3 h 19 min" in second


def test_a_pipe_gets_a_line_every_ten_seconds_or_five_percent() -> None:
    stream, clock = io.StringIO(), Clock()
    line = ProgressLine(1000, 100, stream, clock=clock)
    for iteration in range(1, 101):  # 0.5 s each: 10 s are 20 iterations, 5 % are 50
        clock.now += 0.5
        line.update(iteration, 0.5, 0.1, 10.0)
    line.close()
    line.close()
    shown = [text.split()[1] for text in stream.getvalue().splitlines()]
    assert shown == [f"{n}/1000" for n in (1, 21, 41, 61, 81, 100)]
    assert "\r" not in stream.getvalue()

    stream = io.StringIO()
    line = ProgressLine(100, 100, stream, clock=clock)
    for iteration in range(1, 101):
        line.update(iteration, 0.001, None, None)
    line.close()
    assert len(stream.getvalue().splitlines()) == 21
    assert "reward" not in stream.getvalue() and "success" not in stream.getvalue()


def test_a_terminal_gets_one_line_rewritten(terminal: Terminal) -> None:
    line = ProgressLine(20, 1000, terminal, clock=Clock())
    line.update(1, 1.0, 0.5, 100.0, success=0.5)
    line.update(2, 1.0, 0.5, None)
    line.close()
    line.close()
    written = terminal.getvalue()
    assert written.count("\n") == 1 and written.endswith("\n")
    first, second = written.strip("\n").split("\r")[1:]
    assert len(second) >= len(first)  # blanks cover what the longer line left behind
    assert "success 0.50" in second  # the last evaluation stays on show


def test_a_message_does_not_damage_the_line(terminal: Terminal) -> None:
    line = ProgressLine(20, 1000, terminal, clock=Clock())
    line.message("before")
    line.update(1, 1.0, 0.5, 100.0)
    line.message("saved")
    written = terminal.getvalue()
    assert written.startswith("before\n\r")
    assert "\rsaved\n\riteration 1/20" in written


@pytest.mark.parametrize("columns", [1, 12, 40, 60, 80, 100, 120, 200])
def test_the_line_fits_and_keeps_what_matters(terminal, monkeypatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    line = ProgressLine(400, 16384, terminal, clock=Clock())
    line.update(120, 2.0, 0.41, 210.0, success=0.83, position_error=0.052)
    shown = terminal.getvalue().removeprefix("\r")
    assert len(shown) <= max(columns - 1, 1)
    assert ("left" in shown) == (columns >= 40)
    assert ("success" in shown and "reward" in shown) == (columns >= 60)


def test_ci_counts_as_no_terminal(terminal, monkeypatch) -> None:
    monkeypatch.setenv("CI", "true")
    line = ProgressLine(20, 1000, terminal, clock=Clock())
    line.update(1, 1.0, 0.5, 100.0)
    assert "\r" not in terminal.getvalue() and terminal.getvalue().endswith("\n")


def test_time_left_follows_the_last_iterations() -> None:
    stream, clock = io.StringIO(), Clock()
    line = ProgressLine(1000, 10, stream, clock=clock)
    for iteration in range(1, 201):
        clock.now += 60.0 if iteration <= 100 else 2.0
        line.update(iteration, 1.0, 0.1, 1.0)
    assert stream.getvalue().splitlines()[-1].endswith("left 27 min")  # 800 x 2 s
    assert line._seconds_left(200) == pytest.approx(1600.0)


def test_a_closed_pipe_does_not_end_the_training() -> None:
    stream = io.StringIO()
    line = ProgressLine(2, 10, stream, clock=Clock())
    stream.close()
    line.update(1, 1.0, 0.1, 1.0)
    line.message("still here")
    line.close()
    assert stream.closed  # and nothing above raised


def test_zero_seconds_do_not_divide_by_zero() -> None:
    stream = io.StringIO()
    ProgressLine(1, 10, stream, clock=Clock()).update(1, 0.0, 0.1, 1.0)
    assert "left 0 s" in stream.getvalue()


def test_the_table_has_two_aligned_columns() -> None:
    stream = io.StringIO()
    task_table([("task", "walk"), ("environments", 512), ("", "x")], stream)
    assert stream.getvalue() == ("  task          walk\n  environments  512\n                x\n")
    task_table([], stream)


def test_numbers_are_short() -> None:
    assert [format_count(n) for n in (0, 950, 98_304, 1_966_080, 2.1e9)] == [
        "0", "950", "98.3 k", "1.97 M", "2.10 G",
    ]  # fmt: skip
    assert [format_duration(s) for s in (0, 45, 59.6, 61, 720, 3600, 3900)] == [
        "0 s", "45 s", "1 min", "1 min", "12 min", "1 h 00 min", "1 h 05 min",
    ]  # fmt: skip
    assert module.PLAIN_INTERVAL_S == 10.0
