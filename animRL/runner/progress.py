"""What a training shows on the terminal: a table at the start, then one line that keeps current."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import TextIO

AVERAGED_ITERATIONS = 50
PLAIN_INTERVAL_S = 10.0
PLAIN_SHARE = 0.05
_GAP = "  "


class ProgressLine:
    """One line on a terminal that is rewritten in place; now and then a plain line elsewhere.

    Outside a terminal (a pipe, a file, CI) a line is printed at most every 10 s or every 5 % of the
    iterations, whichever comes first, and at the end.

    Args:
        total_iterations: iterations at which the training ends.
        samples_per_iteration: environments times steps.
        stream: where to write; the standard output by default.
        start_iteration: iterations already done, for a resumed training.
        start_samples: samples they had; None: as many an iteration as from now on.
        clock: a monotonic time [s].
        at_most: the training may end before its last iteration.
    """

    def __init__(
        self,
        total_iterations: int,
        samples_per_iteration: int,
        stream: TextIO | None = None,
        start_iteration: int = 0,
        start_samples: int | None = None,
        clock: Callable[[], float] = time.monotonic,
        at_most: bool = False,
    ) -> None:
        """Start the clock."""
        self._total = total_iterations
        self._samples = samples_per_iteration
        own = start_iteration * samples_per_iteration
        self._samples_elsewhere = 0 if start_samples is None else start_samples - own
        self._stream = sys.stdout if stream is None else stream
        self._live = _is_terminal(self._stream)
        self._clock = clock
        self._left = "left at most" if at_most else "left"
        self._durations: deque[float] = deque(maxlen=AVERAGED_ITERATIONS)
        self._marks: deque[tuple[float, int]] = deque(maxlen=AVERAGED_ITERATIONS + 1)
        self._marks.append((clock(), start_iteration))
        self._success: float | None = None
        self._position_error: float | None = None
        self._standing: str | None = None
        self._line = ""
        self._width_shown = 0
        self._printed_at: tuple[float, int] | None = None
        self._open = True

    def update(
        self,
        iteration: int,
        seconds: float,
        reward: float | None,
        episode_length: float | None,
        success: float | None = None,
        position_error: float | None = None,
        standing: str | None = None,
    ) -> None:
        """Show the state after an iteration.

        Args:
            iteration: iterations done so far.
            seconds: what this iteration took [s], evaluation and saving left out.
            reward: mean reward; None before the first episode has ended.
            episode_length: mean length [control steps]; None before the first episode has ended.
            success: share of the last evaluation's episodes, kept until the next one is given.
            position_error: of the last evaluation [m], kept until the next one is given.
            standing: of the last evaluation among past good runs; None: not known.
        """
        self._durations.append(seconds)
        self._marks.append((self._clock(), iteration))
        self._success = self._success if success is None else success
        self._position_error = self._position_error if position_error is None else position_error
        self._standing = standing
        fields = self._fields(iteration, reward, episode_length)
        if self._live:
            self._line = _fitted(fields, shutil.get_terminal_size((80, 24)).columns - 1)
            self._redraw()
        else:
            self._line = _GAP.join(text for _, text in fields)
            if self._is_due(iteration):
                self._write(self._line + "\n")

    def message(self, text: str) -> None:
        """Print a line of its own without damaging the progress line."""
        if self._live and self._width_shown:
            self._write("\r" + " " * self._width_shown + "\r")
            self._width_shown = 0
        self._write(text + "\n")
        if self._live and self._line and self._open:
            self._redraw()

    def close(self) -> None:
        """Leave the last state readable and the cursor on a new line; safe to call twice."""
        if self._open and self._line:
            if self._live:
                self._write("\n")
            elif self._printed_at != self._marks[-1]:
                self._write(self._line + "\n")
        self._open = False

    def _fields(
        self, iteration: int, reward: float | None, episode_length: float | None
    ) -> list[tuple[int, str]]:
        """Return the line's parts with their rank: on a narrow terminal the highest go first."""
        rate = self._samples * len(self._durations) / max(sum(self._durations), 1e-9)
        samples = self._samples_elsewhere + iteration * self._samples
        fields = [
            (0, f"iteration {iteration}/{self._total}"),
            (8, f"{format_count(samples)} samples"),
            (7, f"{rate:,.0f} samples/s"),
        ]
        if reward is not None:
            fields.append((2, f"reward {reward:.2f}"))
        if episode_length is not None:
            fields.append((5, f"episode {episode_length:.0f} steps"))
        if self._success is not None:
            fields.append((3, f"success {self._success:.2f}"))
        if self._position_error is not None:
            fields.append((6, f"error {self._position_error:.3f} m"))
        if self._standing is not None:
            fields.append((4, self._standing))
        return [*fields, (1, f"{self._left} {format_duration(self._seconds_left(iteration))}")]

    def _seconds_left(self, iteration: int) -> float:
        """Extrapolate the wall-clock time of the last iterations, evaluations included [s]."""
        (start, first), (now, last) = self._marks[0], self._marks[-1]
        return max(self._total - iteration, 0) * (now - start) / max(last - first, 1)

    def _is_due(self, iteration: int) -> bool:
        """Say whether a plain line is due, and note it."""
        now = self._marks[-1][0]
        if self._printed_at is not None:
            waited, done = now - self._printed_at[0], iteration - self._printed_at[1]
            if waited < PLAIN_INTERVAL_S and done < PLAIN_SHARE * self._total:
                return False
        self._printed_at = self._marks[-1]
        return True

    def _redraw(self) -> None:
        """Rewrite the line in place, blanking what a longer one left behind."""
        self._write("\r" + self._line.ljust(self._width_shown))
        self._width_shown = len(self._line)

    def _write(self, text: str) -> None:
        """Write and flush; a reader that has gone away does not end a training."""
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            self._stream = _Discard()


class _Discard:
    """A stream to nowhere."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        return None


def task_table(rows: Iterable[tuple[str, object]], stream: TextIO | None = None) -> None:
    """Print names and values in two aligned columns; an empty name continues the row above."""
    texts = [(name, str(value)) for name, value in rows]
    width = max((len(name) for name, _ in texts), default=0)
    out = sys.stdout if stream is None else stream
    for name, value in texts:
        print(f"  {name:<{width}}{_GAP}{value}".rstrip(), file=out)


def format_count(number: float) -> str:
    """Write a count shortly: 950, 98.3 k, 1.97 M, 2.10 G."""
    for limit, unit, digits in ((1e9, "G", 2), (1e6, "M", 2), (1e3, "k", 1)):
        if number >= limit:
            return f"{number / limit:.{digits}f} {unit}"
    return f"{number:.0f}"


def format_duration(seconds: float) -> str:
    """Write a duration shortly: 45 s, 12 min, 1 h 05 min."""
    if round(seconds) < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def _is_terminal(stream: TextIO) -> bool:
    """Say whether a line can be rewritten in place on a stream."""
    plain = os.environ.get("CI") or os.environ.get("TERM") == "dumb"
    return not plain and hasattr(stream, "isatty") and stream.isatty()


def _fitted(fields: list[tuple[int, str]], width: int) -> str:
    """Join the parts, leaving out the least important ones until the line fits; then clip."""
    kept = list(fields)
    while len(kept) > 1 and len(_GAP.join(text for _, text in kept)) > width:
        kept.remove(max(kept))
    return _GAP.join(text for _, text in kept)[: max(width, 1)]
