"""What the user asks of a training by signals: to stop, to save, to quit at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType

from animRL.utils.files import drop_unfinished

SAVE_SIGNAL: int | None = getattr(signal, "SIGUSR1", None)
"""Asks for a checkpoint; there is none on Windows."""


def ignore_save_signal() -> None:
    """Let SIGUSR1, which would end the process, do nothing while there is nothing to save."""
    if SAVE_SIGNAL is not None and threading.current_thread() is threading.main_thread():
        signal.signal(SAVE_SIGNAL, signal.SIG_IGN)


class StopRequests:
    """Notes signals while it is entered, for a training that looks at them between two steps.

    Ctrl-C (SIGINT) and SIGTERM ask it to stop, SIGUSR1 to save and go on. A second Ctrl-C ends the
    process at once, without half-written files. Entered in another thread than the main one, where
    Python has no signals, it does nothing.
    """

    def __init__(self, on_save: Callable[[], None], alone: bool = True) -> None:
        """Catch nothing yet.

        Args:
            on_save: called by ``check`` when a checkpoint was asked for.
            alone: no other process trains with this one; else only SIGUSR1 is noted, for all of
                them have to agree on what comes of a signal, see ``Processes``.
        """
        self._on_save, self._alone = on_save, alone
        self._stop: int | None = None
        self.save_asked = False
        """Whether a checkpoint was asked for and ``check`` has not seen to it yet."""
        self._asked = False
        self._before: dict[int, object] = {}
        self.at_once: Callable[[], None] | None = None
        """What to end, if anything, before the process quits at once."""

    def __enter__(self) -> StopRequests:
        """Begin to note signals."""
        if threading.current_thread() is threading.main_thread():
            stops = [signal.SIGINT, signal.SIGTERM] if self._alone else []
            numbers = [*stops, *([SAVE_SIGNAL] if SAVE_SIGNAL is not None else [])]
            self._before = {number: signal.signal(number, self._note) for number in numbers}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Handle signals as before, unless one ends the training: then Ctrl-C goes on to end it
        at once."""
        if error is None or not self._asked:
            self.release()

    def release(self) -> None:
        """Handle all signals as before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._before, self._asked = {}, False

    def check(self) -> None:
        """See to what was asked for since the last call.

        Raises:
            KeyboardInterrupt: after Ctrl-C.
            SystemExit: after SIGTERM, with code 143.
        """
        if self.save_asked and self._alone:
            self.save_asked = False
            self._on_save()
        self._raise()

    def _raise(self) -> None:
        number, self._stop = self._stop, None
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        if number is not None:
            raise SystemExit(128 + number)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number == SAVE_SIGNAL:
            self.save_asked = True
        elif number == signal.SIGINT and self._asked:
            self.quit(128 + number)
        else:
            self._stop, self._asked = number, True

    def quit(self, code: int) -> None:
        """End the process without another step, and without half-written files."""
        drop_unfinished()
        if self.at_once is not None:
            self.at_once()
        with suppress(OSError):
            os.write(2, b"\nended at once\n")
        os._exit(code)

    @contextmanager
    def at_most(self, seconds: float, code: int) -> Iterator[None]:
        """A stretch of code after whose time the process ends, whatever it waits for."""
        timer = threading.Timer(seconds, self.quit, [code])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
