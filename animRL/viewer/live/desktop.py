"""The live view in MuJoCo's own window, where there is a display."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Any

import numpy as np

from animRL.utils.errors import InputError
from animRL.viewer.live.playback import Shown
from animRL.viewer.live.player import Display, Player
from animRL.viewer.poses import Array
from animRL.viewer.scene import CHARACTER, REFERENCE, Figures, build_model

HELP = "in the window: space pauses, right arrow is a single step, enter starts again, F pushes"
NO_DISPLAY = "no live view: there is no display here; valid: --viewer=web, or --dv"
NO_WINDOW = "no live view: the display takes no windows; valid: --viewer=web, or --dv"
_SPACE, _ENTER, _RIGHT, _PUSH = 32, 257, 262, ord("F")
_PUSH_NEWTON, _PUSH_SECONDS = 200.0, 0.2


def has_display() -> bool:
    """Whether a window can be opened here."""
    if sys.platform in ("darwin", "win32"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def require_display() -> None:
    """Find out whether a window can be opened; MuJoCo ends the process where it cannot.

    Raises:
        InputError: if there is no display, or it takes no windows.
    """
    if not has_display():
        raise InputError(NO_DISPLAY)
    import glfw

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        opened = glfw.init()
    if not opened:
        raise InputError(NO_WINDOW)


class Desktop(Display):
    """A window with the character that is followed and its reference."""

    def __init__(self, player: Player) -> None:
        """Open the window.

        Raises:
            InputError: if there is no display, or the window cannot be opened.
        """
        require_display()
        import mujoco
        import mujoco.viewer

        self._mujoco, self._player = mujoco, player
        self._model = build_model(player.playback.character, 640, 480)
        self._data = mujoco.MjData(self._model)
        self._figures = Figures(self._model, self._data, player.playback.character)
        try:
            self._window: Any = mujoco.viewer.launch_passive(
                self._model, self._data, key_callback=self._pressed,
                show_left_ui=False, show_right_ui=False,
            )  # fmt: skip
        except Exception as error:  # of the window system: GLFW's, and mjpython's on macOS
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InputError(f"no live view: {reason}; valid: --viewer=web, or --dv") from None
        self._begun = False

    def show(self, player: Player, shown: Shown, centre: Array) -> None:
        """Draw the character that is followed."""
        window, who = self._window, player.who
        with window.lock():
            self._figures.place(CHARACTER, shown.poses[who])
            if shown.reference is not None:
                self._figures.place(REFERENCE, shown.reference[who])
            window.opt.geomgroup[1] = shown.reference is not None
            self._mujoco.mj_kinematics(self._model, self._data)
            self._mujoco.mj_comPos(self._model, self._data)
            self._mujoco.mj_camlight(self._model, self._data)
            self._aim(window.cam, centre)
        window.sync()

    def watched(self) -> bool:
        """Whether the window is open."""
        return bool(self._window.is_running())

    def closed(self) -> bool:
        """Whether the window was closed."""
        return not self._window.is_running()

    def close(self) -> None:
        """Close the window."""
        self._window.close()

    def _aim(self, camera: Any, centre: Array) -> None:
        """Follow the centre; the user turns and zooms."""
        if not self._begun:
            self._begun = True
            camera.distance, camera.azimuth, camera.elevation = 4.5, 130.0, -12.0
        if self._player.follow:
            camera.lookat[:] = np.array([*centre, 0.92])

    def _pressed(self, key: int) -> None:
        player = self._player
        actions = {
            _SPACE: lambda: player.pause(not player.paused),
            _RIGHT: player.step,
            _ENTER: lambda: player.restart(0.0),
            _PUSH: lambda: player.push(_PUSH_NEWTON, 0.0, _PUSH_SECONDS),
        }
        if key in actions:
            player.post(actions[key])
