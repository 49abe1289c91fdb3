"""Which way of drawing works on this machine, found out without risking the process.

MuJoCo's choice of an OpenGL library (``MUJOCO_GL``) is fixed when it is imported, and a broken
driver may end the process. So each candidate is tried once in a child process, and the context is
then made directly with the platform's class, whatever MuJoCo was imported with.
"""

from __future__ import annotations

import functools
import importlib
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from animRL.utils.errors import InputError
from animRL.utils.paths import REPO_ROOT

logger = logging.getLogger(__name__)

STICK_FIGURE = "matplotlib"
GL_PLATFORMS = ("egl", "osmesa", "glfw", "cgl")
BACKENDS = ("auto", *GL_PLATFORMS, STICK_FIGURE)
_PROBE_SECONDS = 60.0
_OFF = ("disable", "disabled", "off", "false", "0")


def choose_backend(preferred: str = "auto") -> str:
    """Return the backend to draw with: one of GL_PLATFORMS that works here, else a stick figure.

    ``auto`` takes the platform named by the variable MUJOCO_GL if it is set, else tries EGL and
    OSMesa in this order (CGL on macOS, GLFW on Windows). One warning tells of the stick figure.

    Raises:
        InputError: if preferred is none of BACKENDS.
    """
    if preferred not in BACKENDS:
        raise InputError(f"renderer '{preferred}' is unknown; valid: {', '.join(BACKENDS)}")
    if preferred == STICK_FIGURE:
        return STICK_FIGURE
    candidates = (preferred,) if preferred != "auto" else _candidates()
    for platform in candidates:
        if _works(platform):
            return platform
    warn_stick_figure(f"OpenGL does not work here (tried: {', '.join(candidates) or 'none'})")
    return STICK_FIGURE


@functools.cache
def warn_stick_figure(reason: str) -> None:
    """Say once in a process, on one line, that pictures show a stick figure, and why."""
    logger.warning("%s; drawing a stick figure with matplotlib instead", reason)


def _candidates() -> tuple[str, ...]:
    chosen = os.environ.get("MUJOCO_GL", "").lower().strip()
    if chosen in _OFF:
        return ()
    if chosen in GL_PLATFORMS:
        return (chosen,)
    return {"darwin": ("cgl",), "win32": ("glfw",)}.get(sys.platform, ("egl", "osmesa"))


@functools.cache
def _works(platform: str) -> bool:
    """Draw one small picture with the platform in a child process."""
    path = os.pathsep.join(filter(None, [str(REPO_ROOT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "MUJOCO_GL": platform, "PYTHONPATH": path}
    command = [sys.executable, "-m", "animRL.viewer.opengl", platform]
    try:
        done = subprocess.run(
            command,
            env=environment,
            timeout=_PROBE_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


@contextmanager
def mujoco_gl(platform: str) -> Iterator[None]:
    """Set MUJOCO_GL for a block, in which contexts are made, and put it back afterwards.

    MuJoCo's library reads it anew with every drawing context, its Python package only once.
    """
    before = os.environ.get("MUJOCO_GL")
    os.environ["MUJOCO_GL"] = platform
    try:
        yield
    finally:
        if before is None:
            del os.environ["MUJOCO_GL"]
        else:
            os.environ["MUJOCO_GL"] = before


def offscreen_context(platform: str, width: int, height: int) -> Any:
    """Make an offscreen OpenGL context (``make_current()``, ``free()``) inside `mujoco_gl`."""
    return importlib.import_module(f"mujoco.{platform}").GLContext(width, height)


def _probe(platform: str) -> None:
    """Draw a sphere and raise if the picture stays blank."""
    import mujoco
    import numpy as np

    model = mujoco.MjModel.from_xml_string(
        "<mujoco><worldbody><light pos='0 0 3'/><geom size='.2'/></worldbody></mujoco>"
    )
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    with mujoco.Renderer(model, 48, 64) as renderer:
        renderer.update_scene(data)
        if np.ptp(renderer.render()) == 0:
            raise RuntimeError(f"{platform} draws nothing")


if __name__ == "__main__":
    _probe(sys.argv[1])
