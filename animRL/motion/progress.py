"""Progress of a long job: one line with the time left, rewritten in place on a terminal."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TextIO, TypeVar

SILENT_S = 1.0
"""A job that ends sooner [s] prints nothing."""
LIVE_INTERVAL_S = 0.1
PLAIN_INTERVAL_S = 10.0

Item = TypeVar("Item")


def track(
    items: Iterable[Item],
    label: str,
    total: int | None = None,
    *,
    stream: TextIO | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Item]:
    """Yield the items and show how many are done, and how long the rest will take.

    On a terminal a line is rewritten in place; elsewhere (a pipe, a file, CI) a plain line is
    printed every 10 s. A job of less than a second prints nothing.

    Args:
        items: what to work on.
        label: what is being done, in a few words.
        total: number of items; by default that of a collection.
        stream: where to write; the standard error stream by default, so that results can be piped.
        clock: a monotonic time [s].
    """
    if total is None and isinstance(items, Collection):
        total = len(items)
    line = _Line(label, total, sys.stderr if stream is None else stream, clock)
    try:
        for done, item in enumerate(items):
            line.show(done)
            yield item
    finally:
        line.close()


class _Line:
    """The line that `track` shows."""

    def __init__(
        self, label: str, total: int | None, stream: TextIO, clock: Callable[[], float]
    ) -> None:
        self._label, self._total, self._stream, self._clock = label, total, stream, clock
        plain = os.environ.get("CI") or os.environ.get("TERM") == "dumb"
        self._live = not plain and hasattr(stream, "isatty") and stream.isatty()
        self._interval = LIVE_INTERVAL_S if self._live else PLAIN_INTERVAL_S
        self._start = clock()
        silent = SILENT_S if self._live else PLAIN_INTERVAL_S
        self._shown_at = self._start + silent - self._interval
        self._width = 0

    def show(self, done: int) -> None:
        """Say that so many items are done, if it is time to say something."""
        now = self._clock()
        if now - self._shown_at < self._interval:
            return
        self._shown_at = now
        text = f"{self._label}: {done}"
        if self._total:
            text += f"/{self._total}"
            if done:
                left = (now - self._start) * (self._total - done) / done
                text += f"  {_duration(left)} left"
        if self._live:
            text = text[: max(shutil.get_terminal_size((80, 24)).columns - 1, 1)]
            self._write("\r" + text.ljust(self._width))
            self._width = len(text)
        else:
            self._write(text + "\n")

    def close(self) -> None:
        """Wipe the line off a terminal."""
        if self._width:
            self._write("\r" + " " * self._width + "\r")
            self._width = 0

    def _write(self, text: str) -> None:
        """Write and flush; a reader that has gone away does not end the job."""
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            return


def _duration(seconds: float) -> str:
    """Write a duration shortly: 45 s, 12 min, 1 h 05 min."""
    if round(seconds) < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
