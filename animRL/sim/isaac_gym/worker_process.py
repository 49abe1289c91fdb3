"""The worker as seen from here: found, started, asked, watched, ended."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Any

from animRL.sim.isaac_gym import worker
from animRL.utils.errors import InputError, ProcessLost, one_line

VARIABLE = "ANIMRL_ISAACGYM_PYTHON"
"""Environment variable: the Python 3.8 in which Isaac Gym Preview 4 is installed."""
INSTEAD = "without Isaac Gym: --sim=mujoco (CPU) or --sim=warp (GPU)"
_STOP_SECONDS = 5.0
_SHOWN_LINES = 3
_WRONG = re.compile(
    r"Gym cuda error|PhysX Internal CUDA error|Pxg\w*MemoryConfig|overflow detected"
    r"|will miss interactions|fail to allocate"
)
"""Lines that PhysX and Isaac Gym print before they go on with wrong numbers."""
_COMPILING = (
    " (gymtorch is compiled at its first use; if that was cut short, delete the file lock in "
    "~/.cache/torch_extensions/*/gymtorch)"
)
_WORKER = Path(worker.__file__)


class WorkerProcess:
    """A worker with its pipes and the memory that both share.

    Pipes, memory and log have no name on the disk or in ``/dev/shm``: they are open files that go
    when the last process that has them ends, however it ends. The worker has a session of its own,
    so that Ctrl-C does not reach it; it ends when its pipe does.
    """

    def __init__(self, shared_bytes: int) -> None:
        """Start the interpreter; nothing is built before the first command.

        Raises:
            InputError: if there is no such interpreter, or it cannot be run.
        """
        python = find_python()
        self._asking, self._read_to = False, 0
        self._log = tempfile.TemporaryFile()
        self.memory = os.memfd_create("animrl_isaac_gym")
        os.ftruncate(self.memory, shared_bytes)
        inward, self._commands = os.pipe()
        os.set_blocking(self._commands, False)  # so that a worker that reads nothing is noticed
        self._answers, outward = os.pipe()
        try:
            self.process = subprocess.Popen(
                [str(python), "-u", "-X", "faulthandler", str(_WORKER), str(inward), str(outward),
                 str(self.memory)],
                stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log,
                pass_fds=(inward, outward, self.memory), start_new_session=True,
                env=_environment(python), cwd=tempfile.gettempdir(),
            )  # fmt: skip
        except OSError as error:
            self._close_pipes()
            os.close(self.memory)
            raise InputError(
                f"{VARIABLE}: cannot run '{python}' ({error.strerror}); valid: the python of the "
                "environment with Isaac Gym"
            ) from None
        finally:
            os.close(inward)
            os.close(outward)
        self._end = weakref.finalize(
            self, _end, self.process, self._commands, self._answers, self.memory
        )

    def ask(self, command: int, content: dict[str, Any] | None, seconds: float) -> dict[str, Any]:
        """Send a command and return what the answer says.

        Args:
            command: see ``worker``.
            content: of the command, plain values.
            seconds: how long the answer may take.

        Raises:
            InputError: if the worker refuses to build the worlds, with its reason.
            ProcessLost: if it has ended, fails or does not answer, with the last lines it wrote.
        """
        if not self._end.alive or self._asking:  # its descriptors may be another file's by now
            raise ProcessLost("the Isaac Gym worker was ended before")
        self._asking = True
        try:
            worker.send(self._commands, command, content, seconds)
            kind, answer = worker.receive(self._answers, seconds)
        except worker.Silent:
            self.process.kill()  # what does not answer would not end when asked, either
            self.close()
            raise self._lost(f"did not answer within {seconds:g} s") from None
        except worker.Closed:
            how = self._how_it_ended()
            self.close()
            raise self._lost(how) from None
        except worker.Foreign as error:
            self.close()
            raise self._lost(f"said {error}") from None
        self._asking = False
        if kind == worker.FAILED:
            self.close()
            line = str(answer.get("line"))
            if command == worker.START:
                raise InputError(self._explained(line))
            raise self._lost(f"failed: {line}")
        return answer

    def close(self) -> None:
        """Ask it to end, and end it if it does not."""
        self._end()

    def said(self) -> str:
        """What the worker, and Isaac Gym in it, have written."""
        return self._written(0).decode(errors="backslashreplace")

    def complaint(self) -> str | None:
        """The first line since the last call in which Isaac Gym says that its numbers are wrong."""
        new = self._written(self._read_to)
        self._read_to += len(new)
        lines = new.decode(errors="backslashreplace").splitlines()
        return next((line.strip() for line in lines if _WRONG.search(line)), None)

    def _written(self, start: int) -> bytes:
        # Not by seeking: the worker writes where the file's position is.
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), max(0, size - start), start)

    def _lost(self, how: str) -> ProcessLost:
        lines = [line.strip() for line in self.said().splitlines() if line.strip()]
        last = f"; its last lines: {one_line(' | '.join(lines[-_SHOWN_LINES:]))}" if lines else ""
        hint = _COMPILING if "torch_extensions" in last else ""
        return ProcessLost(one_line(f"the Isaac Gym worker {how}{hint}{last}"))

    def _explained(self, line: str) -> str:
        """What a worker says that cannot start, with what to do where that is known."""
        if "No module named" in line:
            python = find_python()
            return (
                f"{VARIABLE}: '{python}' lacks a package ({line}); valid: a Python 3.8 with "
                f"Isaac Gym Preview 4, torch and numpy < 1.24; {INSTEAD}"
            )
        return f"Isaac Gym: {line}"

    def _how_it_ended(self) -> str:
        try:
            code = self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            return "closed its pipe"
        if code < 0:
            with suppress(ValueError):
                return f"was ended by {signal.Signals(-code).name}"
        return f"ended with code {code}"

    def _close_pipes(self) -> None:
        for descriptor in (self._commands, self._answers):
            os.close(descriptor)


def find_python() -> Path:
    """The interpreter that the user names.

    Raises:
        InputError: if none is named, or there is none.
    """
    named = os.environ.get(VARIABLE, "")
    if not sys.platform.startswith("linux"):
        raise InputError(f"sim.engine is 'isaacgym', which runs on Linux alone; {INSTEAD}")
    if not named:
        raise InputError(
            f"sim.engine is 'isaacgym', which needs Isaac Gym Preview 4: set {VARIABLE} to the "
            f"python of its Python 3.8 environment; {INSTEAD}"
        )
    python = Path(os.path.abspath(os.path.expanduser(named)))
    if not os.access(python, os.X_OK) or python.is_dir():
        raise InputError(
            f"{VARIABLE}: '{named}' is no program; valid: the python of the Python 3.8 environment "
            f"with Isaac Gym Preview 4; {INSTEAD}"
        )
    return python


def _environment(python: Path) -> dict[str, str]:
    """The worker's environment, as if its Python's were activated.

    Isaac Gym looks for its interpreter's own library, and compiles a part of itself by a ``ninja``
    that pip has put beside the interpreter.
    """
    values = dict(os.environ)
    values["PATH"] = os.pathsep.join([str(python.parent), values.get("PATH", os.defpath)])
    library = python.parent.parent / "lib"
    if any(library.glob("libpython3.*.so*")):
        before = values.get("LD_LIBRARY_PATH")
        values["LD_LIBRARY_PATH"] = f"{library}:{before}" if before else str(library)
    return values


def _end(process: subprocess.Popen, commands: int, answers: int, memory: int) -> None:
    """End a worker; also when the program ends without having closed it."""
    with suppress(worker.Closed, worker.Silent):
        worker.send(commands, worker.STOP, None, 0.0)
    for descriptor in (commands, answers, memory):
        with suppress(OSError):
            os.close(descriptor)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
