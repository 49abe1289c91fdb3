"""The end of a process that a signal cannot reach: it waits for others in a collective operation.

Python handles a signal between two of its own instructions. A process that waits in nccl for one
that has died comes to none, and torchrun kills it without a word 30 s after having asked it to end.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

GRACE_SECONDS = 25.0
"""From a signal to the end of a process that is stuck; less than torchrun's 30 s."""


class SignalWatch:
    """A thread that ends the process if a signal finds it in one stretch of code for too long."""

    def __init__(self, last_words: Callable[[], None]) -> None:
        """Start nothing yet; ``last_words`` says why the process ends."""
        self._last_words = last_words
        self._left = threading.Event()
        self._reader: socket.socket | None = None
        self._writer: socket.socket | None = None

    @contextmanager
    def stretch(self) -> Iterator[None]:
        """The stretch that is watched; of the main thread."""
        if self._writer is None:
            self._reader, self._writer = socket.socketpair()
            self._writer.setblocking(False)
            threading.Thread(target=self._watch, daemon=True).start()
        left = self._left = threading.Event()  # one for each stretch: a new one is no excuse
        before = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            left.set()

    def _watch(self) -> None:
        assert self._reader is not None
        while number := self._reader.recv(1):
            if number[0] in (signal.SIGINT, signal.SIGTERM) and not self._left.wait(GRACE_SECONDS):
                with contextlib.suppress(Exception):
                    self._last_words()
                os._exit(128 + number[0])
