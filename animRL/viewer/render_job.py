"""Render a job file to a video in a process of its own: ``python -m animRL.viewer.render_job``."""

from __future__ import annotations

import argparse
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from animRL.sim.character import Character
from animRL.utils.errors import InputError
from animRL.viewer.files import VideoError
from animRL.viewer.poses import Poses
from animRL.viewer.rendering import Look, render_video

_NICENESS = 10
"""How far this process stands back behind the training that started it."""


def render_job(path: str | Path) -> Path:
    """Render the video that a job file describes and return where it lies.

    The file (.npz, no pickled objects) holds arrays ``root_pos`` (T, 3), ``root_quat`` (T, 4),
    ``joint_pos`` (T, J), the same with the prefix ``reference_`` (may be absent), ``captions``
    (T,) of text, and ``job``: JSON with ``character`` (its configuration), ``output``, ``dt``
    [s], ``size`` and ``backend``.

    Raises:
        InputError: if the file cannot be read or something in it is missing or does not fit.
        VideoError: if the video could not be written.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = dict(archive)
        job = json.loads(str(arrays["job"]))
        poses = _poses(arrays, "")
        reference = _poses(arrays, "reference_") if "reference_root_pos" in arrays else None
        captions = [str(text) for text in arrays["captions"]]
        look = Look(size=(int(job["size"][0]), int(job["size"][1])), backend=job["backend"])
        output, dt, config = Path(job["output"]), float(job["dt"]), job["character"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"job file '{path}' is no render job: {error}") from error
    character = Character.from_config(SimpleNamespace(**config))
    render_video(output, character, poses, reference, dt, captions=captions, look=look)
    return output


def _poses(arrays: dict[str, np.ndarray], prefix: str) -> Poses:
    return Poses(*(arrays[prefix + name] for name in ("root_pos", "root_quat", "joint_pos")))


def _stand_back() -> None:
    """Take only the time that nobody else wants, where the system can be told so."""
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    if hasattr(os, "SCHED_IDLE"):  # Linux
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def main(arguments: list[str] | None = None) -> int:
    """Render one job at low priority; exit code 0, or 2 with one line of why not."""
    parser = argparse.ArgumentParser(prog="python -m animRL.viewer.render_job", description=__doc__)
    parser.add_argument("job", help="job file (.npz) as runner/recorder.py writes it")
    options = parser.parse_args(arguments)
    _stand_back()
    try:
        render_job(options.job)
    except (InputError, VideoError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
