"""The live view beside a training or an evaluation: a process of its own that can do no harm."""

from __future__ import annotations

import argparse
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from animRL.utils.paths import PACKAGE_ROOT

START_SECONDS = 20.0
"""How long the view may take to say where it is; it takes about one."""
SNAPSHOT_SECONDS = 10.0
"""Least time between two policies that a training leaves for it."""
_END_SECONDS = 3.0


class NoView:
    """Shows nothing."""

    def close(self) -> None:
        """End nothing."""

    def stay(self) -> None:
        """Wait for nobody."""


class LiveView(NoView):
    """Runs ``view.py`` while something else works; whatever becomes of it, that goes on.

    The view ends when its standard input does, that is with this process, however that ends.
    """

    def __init__(self, args: argparse.Namespace, arguments: list[str]) -> None:
        """Start ``view.py`` with arguments, those on viewer and address taken from ``args``."""
        for name in ("viewer", "host", "port"):
            value = getattr(args, name)
            arguments = [*arguments, *([f"--{name}={value}"] if value is not None else [])]
        self._lines: list[str] = []
        self._said = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        command = [sys.executable, str(PACKAGE_ROOT / "scripts" / "view.py"), *arguments]
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                text=True, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            self._lines.append(f"no live view: {error.strerror or error}")
            self._said.set()
            return
        for target in (self._listen, self._drain):
            threading.Thread(target=target, daemon=True).start()

    @property
    def alive(self) -> bool:
        """Whether the view still runs."""
        return self._process is not None and self._process.poll() is None

    def announce(self) -> None:
        """Print where the view is to be seen, or in one line why there is none."""
        self._said.wait(START_SECONDS)
        for line in self._lines:
            print(line)
        sys.stdout.flush()

    def stay(self) -> None:
        """Where somebody sits at the terminal, wait until the view is closed, or for Ctrl-C."""
        if self._process is not None and self.alive and sys.stdin.isatty() and sys.stdout.isatty():
            print("the live view stays; Ctrl-C ends it", flush=True)
            with suppress(KeyboardInterrupt):
                self._process.wait()

    def close(self) -> None:
        """End the view."""
        process = self._process
        if process is None:
            return
        with suppress(OSError):
            if process.stdin is not None:
                process.stdin.close()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _listen(self) -> None:
        """Collect what is said until an empty line, or the end."""
        assert self._process is not None and self._process.stdout is not None
        for line in self._process.stdout:
            if not line.strip():
                self._said.set()
            elif not self._said.is_set():
                self._lines.append(line.rstrip())
        self._said.set()

    def _drain(self) -> None:
        """Keep the first complaint, and let none fill the pipe."""
        assert self._process is not None and self._process.stderr is not None
        for line in self._process.stderr:
            if not self._said.is_set() and line.startswith("error: "):
                text = line.removeprefix("error: ").strip()
                self._lines.append(text if text.startswith("no live") else f"no live view: {text}")


class Snapshots:
    """Leaves the policy of a training for its live view, now and then."""

    def __init__(self, view: LiveView, save: Callable[[str], None], path: Path) -> None:
        """Write by ``save`` to ``path`` while the view runs."""
        self._view, self._save, self._path = view, save, path
        self._saved = -float("inf")

    def __call__(self) -> None:
        """Save if it is time; a disk that takes nothing costs the view its news, and no more."""
        now = time.monotonic()
        if now - self._saved < SNAPSHOT_SECONDS or not self._view.alive:
            return
        self._saved = now
        with suppress(Exception):
            self._save(str(self._path))
