"""The live view beside a training or an evaluation: a process of its own that can do no harm."""

from __future__ import annotations

import argparse
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from animRL.utils.paths import PACKAGE_ROOT

SNAPSHOT_SECONDS = 10.0
"""Least time between two policies that a training leaves for it."""
_END_SECONDS = 3.0
_COMPLAINTS = 100
"""Lines of its complaints that are kept."""


def check_address(args: argparse.Namespace) -> None:
    """Refuse a ``--host`` or ``--port`` that cannot be listened on, before the work begins.

    Raises:
        InputError: naming the option.
    """
    from animRL.viewer.live import page

    if not args.dv and args.viewer != "desktop" and (args.host or args.port is not None):
        page.check_address(args.host or page.LOOPBACK, args.port)


class NoView:
    """Shows nothing."""

    alive = False
    silent = True

    def tell(self, say: Callable[[str], None]) -> None:
        """Say nothing."""

    def stay(self) -> None:
        """Wait for nobody."""

    def close(self) -> None:
        """End nothing."""


class LiveView:
    """Runs ``view.py`` while something else works; whatever becomes of it, that goes on.

    The view ends when its standard input does, that is with this process, however that ends.
    """

    def __init__(self, args: argparse.Namespace, arguments: list[str]) -> None:
        """Start ``view.py`` with arguments, those on viewer and address taken from ``args``."""
        for name in ("viewer", "host", "port"):
            value = getattr(args, name)
            arguments = [*arguments, *([f"--{name}={value}"] if value is not None else [])]
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._said = threading.Event()
        self._closing = False
        self._process: subprocess.Popen[str] | None = None
        command = [sys.executable, str(PACKAGE_ROOT / "scripts" / "view.py"), *arguments]
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                text=True, process_group=0,
            )  # fmt: skip
        except OSError as error:
            self._lines.put(f"no live view: {error.strerror or error}")
            self._said.set()
            return
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def alive(self) -> bool:
        """Whether the view still runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def silent(self) -> bool:
        """Whether it has said where it is, or why it is not, and has no more to tell."""
        return self._said.is_set() and self._lines.empty()

    def tell(self, say: Callable[[str], None]) -> None:
        """Say what there is to tell since the last time: where the view is, or why it is not."""
        with suppress(queue.Empty):
            while True:
                say(self._lines.get_nowait())

    def stay(self) -> None:
        """Where somebody sits at the terminal, wait until the view is closed, or for Ctrl-C."""
        if self._process is not None and self.alive and sys.stdin.isatty() and sys.stdout.isatty():
            self.tell(print)
            print("the live view stays; Ctrl-C ends it", flush=True)
            with suppress(KeyboardInterrupt):
                self._process.wait()

    def close(self) -> None:
        """End the view; safe to call twice."""
        process, self._closing = self._process, True
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
        """Pass on what is said until an empty line, and why it ended if nobody wanted that."""
        process = self._process
        assert process is not None and process.stdout is not None and process.stderr is not None
        complaints: deque[str] = deque(maxlen=_COMPLAINTS)
        drain = threading.Thread(target=complaints.extend, args=(process.stderr,), daemon=True)
        drain.start()
        for line in process.stdout:
            if not line.strip():
                self._said.set()
            elif not self._said.is_set():
                self._lines.put(line.rstrip())
        drain.join()
        status = process.wait()
        if status != 0 and not self._closing:
            told = [line for line in complaints if line.startswith("error: ")]
            text = f"it ended with status {status}"
            if told:
                text = told[0].removeprefix("error: ").strip()
            self._lines.put(text if text.startswith("no live") else f"no live view: {text}")
        self._said.set()


class Snapshots:
    """Leaves the policy of a training for its live view, now and then."""

    def __init__(self, view: LiveView, save: Callable[[str], None], path: Path) -> None:
        """Write by ``save`` to ``path`` while the view runs."""
        self._view, self._save, self._path = view, save, path
        self._saved = -float("inf")

    def __call__(self, say: Callable[[str], None]) -> None:
        """Save if it is time, and pass on what the view has to say.

        A disk that takes nothing costs the view its news, and no more.
        """
        self._view.tell(say)
        now = time.monotonic()
        if now - self._saved < SNAPSHOT_SECONDS or not self._view.alive:
            return
        self._saved = now
        with suppress(Exception):
            self._save(str(self._path))


def beside_training(args: argparse.Namespace, runner: Any, env_cfg: Any, run_dir: Path) -> Any:
    """Show what a training learns, unless that is not wanted.

    The view simulates a character of its own on the CPU, whatever engine trains.
    """
    from animRL.runner.run_dir import LIVE_NAME
    from animRL.sim.factory import engine_for_few

    if args.dv:
        return NoView()
    engine = engine_for_few(env_cfg.sim.engine)
    given = [f"--task={args.task}", f"--load_run={run_dir}", f"--sim={engine}", "--device=cpu"]
    view = LiveView(args, ["--beside=train", *given])
    runner.on_iteration = Snapshots(view, runner.save, run_dir / LIVE_NAME)
    return view


def beside_evaluation(args: argparse.Namespace, run: Path) -> Any:
    """Show the policy that is being evaluated, unless that is not wanted."""
    if args.dv:
        return NoView()
    given = [f"--task={args.task}", f"--load_run={run}", "--beside=eval"]
    for name in ("checkpoint", "sim", "device", "seed"):
        if getattr(args, name) is not None:
            given.append(f"--{name}={getattr(args, name)}")
    for name in ("motion", "set"):
        if getattr(args, name):
            given += [f"--{name}", *getattr(args, name)]
    return LiveView(args, given)
