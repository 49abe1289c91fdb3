"""Words on stderr about something that may take long."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def if_slow(after: float, message: str, done: str) -> Iterator[None]:
    """Say that something takes its time, if it does, and at its end how much it took.

    Args:
        after: [s] to wait before the first word; nothing is said about what is done by then.
        message: said once while it goes on.
        done: said at the end, with ``{seconds}`` filled in.
    """

    def tell(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    start, timer = time.perf_counter(), threading.Timer(after, tell, [message])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
    seconds = time.perf_counter() - start
    if seconds > after:
        tell(done.format(seconds=f"{seconds:.0f} s"))
