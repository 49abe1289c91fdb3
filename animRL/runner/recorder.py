"""Videos during training, made where they can do no harm: in a child process."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from animRL.utils.paths import REPO_ROOT

logger = logging.getLogger(__name__)

PoseTensors = tuple[Tensor, Tensor, Tensor]
"""One state: root_pos (3,) world [m], root_quat (4,) xyzw, joint_pos (J,) [rad]."""
RENDER_COMMAND = (sys.executable, "-m", "animRL.viewer.render_job")
LOG_NAME = "video.log"
_NAMES = ("root_pos", "root_quat", "joint_pos")


class Recorder:
    """What training tells whoever films it; this one does nothing.

    Between `begin` and `finish`, `add` is called once a control step with copies or live
    tensors; an implementation copies what it keeps. No method raises, blocks, or changes a
    tensor.
    """

    @property
    def active(self) -> bool:
        """Whether states are wanted now, so that a caller can spare itself gathering them."""
        return False

    def begin(self, iteration: int) -> None:
        """Start a film that will bear the iteration's number."""

    def add(
        self, pose: PoseTensors, reference: PoseTensors | None = None, caption: str = ""
    ) -> None:
        """Append one state of the character, of its reference, and a line of text."""

    def finish(self) -> None:
        """End the film begun and hand it on."""

    def close(self, timeout: float = 60.0) -> None:
        """Wait at most timeout [s] for what is under way, then drop it."""


@dataclass(frozen=True)
class VideoSettings:
    """Size (width, height) [px], frames kept at most, [s] a child may take, how it draws."""

    size: tuple[int, int] = (640, 360)
    max_frames: int = 1000
    render_seconds: float = 600.0
    backend: str = "auto"


@dataclass
class _Film:
    """States gathered for one video: rows as they came, not yet stacked."""

    name: str
    rows: dict[str, list[np.ndarray]] = field(default_factory=dict)
    captions: list[str] = field(default_factory=list)


@dataclass
class _Render:
    """A child process at work on a video, and until when it may be."""

    process: subprocess.Popen[bytes]
    output: Path
    deadline: float


class VideoRecorder(Recorder):
    """Writes ``video_<iteration>.mp4`` into a folder, each by a child process of low priority.

    One child at a time: a film begun while the last is being rendered is left out. Whatever goes
    wrong in a child (a crash, a hang, a full disk, no encoder) costs that video and one warning;
    what the child said is in ``video.log`` beside it.
    """

    def __init__(
        self,
        character_config: Mapping[str, Any],
        folder: str | Path,
        dt: float,
        settings: VideoSettings | None = None,
        command: Sequence[str] = RENDER_COMMAND,
    ) -> None:
        """Take the character's configuration as plain values, and the control step dt [s]."""
        self._config = dict(character_config)
        self._folder = Path(folder)
        self._dt = dt
        self._settings = settings or VideoSettings()
        self._command = tuple(command)
        self._film: _Film | None = None
        self._render: _Render | None = None

    @property
    def active(self) -> bool:
        """Whether a film is being gathered and has room for more states."""
        film = self._film
        return film is not None and len(film.captions) < self._settings.max_frames

    @property
    def busy(self) -> bool:
        """Whether a video is being rendered."""
        self._check_render()
        return self._render is not None

    def begin(self, iteration: int) -> None:
        """Start a film, unless the last one is still being rendered."""
        self._check_render()
        self._film = None if self._render else _Film(f"video_{iteration}")

    def add(
        self, pose: PoseTensors, reference: PoseTensors | None = None, caption: str = ""
    ) -> None:
        """Copy one state; those past ``max_frames`` are left out."""
        if not self.active or self._film is None:
            return
        rows = self._film.rows
        for prefix, state in (("", pose), ("reference_", reference)):
            for name, values in zip(_NAMES, state or (), strict=False):
                rows.setdefault(prefix + name, []).append(values.detach().cpu().numpy().copy())
        self._film.captions.append(caption)

    def finish(self) -> None:
        """Hand the film to a child process; an empty one is dropped."""
        film, self._film = self._film, None
        if film is None or not film.captions:
            return
        output = self._folder / f"{film.name}.mp4"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._write_job(film, output)
            self._render = _Render(
                self._start_child(output), output, time.monotonic() + self._settings.render_seconds
            )
        except (OSError, ValueError, TypeError) as error:
            self._clean(output)
            logger.warning("%s was not recorded: %s; training goes on", output.name, error)

    def close(self, timeout: float = 60.0) -> None:
        """Wait at most timeout [s] for the last video, then end its process."""
        self._film = None
        if self._render is None:
            return
        with suppress(subprocess.TimeoutExpired):
            self._render.process.wait(timeout)
        self._render.deadline = 0.0
        self._check_render()

    def _check_render(self) -> None:
        """Clean up after a child that has ended, or end one that takes too long."""
        render = self._render
        if render is None:
            return
        status = render.process.poll()
        late = status is None and time.monotonic() > render.deadline
        if status is None and not late:
            return
        self._render = None
        if status == 0 and render.output.is_file():
            self._clean(render.output)
            return
        _end_group(render.process)
        self._clean(render.output)
        what = "took too long" if late else f"ended with status {status}"
        logger.warning(
            "%s was not recorded: its process %s (see %s); training goes on",
            render.output.name,
            what,
            self._folder / LOG_NAME,
        )

    def _write_job(self, film: _Film, output: Path) -> None:
        job = {
            "character": self._config,
            "output": str(output),
            "dt": self._dt,
            "size": self._settings.size,
            "backend": self._settings.backend,
        }
        arrays = {name: np.stack(rows) for name, rows in film.rows.items()}
        arrays.update(job=np.array(json.dumps(job)), captions=np.array(film.captions))
        np.savez(_job_path(output), allow_pickle=False, **arrays)

    def _start_child(self, output: Path) -> subprocess.Popen[bytes]:
        path = os.pathsep.join(filter(None, [str(REPO_ROOT), os.environ.get("PYTHONPATH")]))
        # One thread, so that rendering never takes more than its share from training.
        environment = {
            **os.environ,
            "PYTHONPATH": path,
            "OMP_NUM_THREADS": "1",
            "LP_NUM_THREADS": "1",
        }
        with open(self._folder / LOG_NAME, "wb") as log:
            return subprocess.Popen(
                [*self._command, str(_job_path(output))],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,  # with a session of its own, Linux would not heed its priority
            )

    def _clean(self, output: Path) -> None:
        """Delete the job file and what a child left half-written."""
        with suppress(OSError):
            _job_path(output).unlink(missing_ok=True)
            for part in self._folder.glob(f".{output.stem}.*.part{output.suffix}"):
                part.unlink(missing_ok=True)


def _job_path(output: Path) -> Path:
    return output.with_name(f".{output.stem}.npz")


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a child and all that it started (it leads a group of processes of its own)."""
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(OSError):
        process.kill()
    with suppress(subprocess.TimeoutExpired):
        process.wait(5.0)
