"""The page's controls and plots beside the scene, in viser."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from animRL.viewer.live.playback import Shown
from animRL.viewer.live.player import SPEEDS, Player

DIRECTIONS = {"forward": 0.0, "left": 0.5 * np.pi, "backward": np.pi, "right": -0.5 * np.pi}
"""Of a push, from where the character faces [rad]."""
PUSH_NEWTON, MOST_NEWTON, PUSH_SECONDS = 200.0, 600.0, 0.2
_SIGMA_RANGE = (0.1, 4.0)
"""Ends of a sigma's slider, as shares of its value."""
_PLOT_SECONDS = 0.25
"""Least time between two drawings of the plot."""
_PLOT_HEIGHT = 220
TOTAL = "total"
_COLOURS = ("#1f77b4", "#e08214", "#2ca02c", "#c7352e", "#8257b5", "#7f5539", "#d667ad", "#6c757d")
_TOTAL_COLOUR = "#1c242e"


class Panel:
    """Controls that hand what is asked for to a player, and texts and plots that follow it."""

    def __init__(self, server: Any, player: Player, on_reference: Callable[[bool], None]) -> None:
        """Add everything to a viser server's page.

        Args:
            server: the viser server.
            player: what the controls act on; the calls come from its own thread.
            on_reference: called with whether references are to be shown.
        """
        self._gui, self._player = server.gui, player
        self._plotted = 0.0
        self._values: Any = None
        self._plot: Any = None
        self._checkpoint: Any = None
        self._sliders: dict[str, tuple[Any, Any]] = {}
        self._told: dict[int, Any] = {}
        self._status = self._gui.add_markdown("")
        tabs = self._gui.add_tab_group()
        with tabs.add_tab("Play"):
            self._add_clock()
            self._add_choices(on_reference)
            if player.playback.can_push:
                self._add_push()
        if player.playback.kernels:
            with tabs.add_tab("Reward"):
                self._add_rewards()

    def show(self, shown: Shown) -> None:
        """Bring texts and plots up to date."""
        player = self._player
        who, texts = player.who, [player.playback.title]
        texts.append(f"time {player.seconds:.2f} s  ·  phase {shown.phases[who]:.2f}")
        if shown.total is not None:
            texts.append(f"reward {shown.total[who]:.3f}")
        if player.message:
            texts.append(f"*{player.message}*")
        self._write(self._status, "  \n".join(texts))
        self._keep_current()
        label = "Go on" if player.paused else "Pause"
        if self._pause.label != label:
            self._pause.label = label
            self._step.disabled = not player.paused
        if self._values is not None:
            self._write(self._values, _table(shown, who))
            self._draw()

    def _keep_current(self) -> None:
        """Have the controls say what holds where it changed by itself: with a policy, a clip."""
        player = self._player
        self._tell(self._phase, player.start_phase)
        for name, sliders in self._sliders.items():
            for slider, value in zip(sliders, player.playback.kernels[name], strict=True):
                self._tell(slider, float(np.clip(value, slider.min, slider.max)))
        if self._checkpoint is not None:
            names = tuple(player.playback.checkpoints)
            if tuple(self._checkpoint.options) != names:
                self._checkpoint.options = names
            self._tell(self._checkpoint, player.playback.playing)

    def _tell(self, control: Any, value: Any) -> None:
        """Show a value that is another than at the last call; in between it is the user's."""
        if self._told.get(id(control)) != value:
            self._told[id(control)] = value
            if control.value != value:
                control.value = value

    def _add_clock(self) -> None:
        player, gui = self._player, self._gui
        self._pause = gui.add_button("Pause", hint="Hold the present instant, or go on")
        self._step = gui.add_button("Single step", disabled=True)
        speed = gui.add_slider("Speed", SPEEDS[0], SPEEDS[1], 0.05, 1.0)
        self._phase = gui.add_slider("Start phase", 0.0, 1.0, 0.01, 0.0,
                                     hint="Start anew at this phase of the clip")  # fmt: skip
        again = gui.add_button("Start again")
        self._on(self._pause.on_click, lambda _: player.pause(not player.paused))
        self._on(self._step.on_click, lambda _: player.step())
        self._on(speed.on_update, player.set_speed)
        self._on(self._phase.on_update, player.restart)
        self._on(again.on_click, lambda _: player.restart(player.start_phase))

    def _add_choices(self, on_reference: Callable[[bool], None]) -> None:
        player, gui, playback = self._player, self._gui, self._player.playback
        if playback.count > 1:
            who = gui.add_slider("Character", 1, playback.count, 1, 1)
            self._on(who.on_update, lambda value: player.watch(int(value) - 1))
        follow = gui.add_checkbox("Camera follows", True)
        self._on(follow.on_update, player.set_follow)
        if player.shown.reference is not None:
            reference = gui.add_checkbox("Show reference", True)
            self._on(reference.on_update, on_reference)
        if playback.checkpoints:
            names = tuple(playback.checkpoints)
            self._checkpoint = gui.add_dropdown("Checkpoint", names, initial_value=playback.playing)
            self._on(self._checkpoint.on_update, player.choose_checkpoint)
        if len(playback.clips) > 1:
            clip = gui.add_dropdown("Clip", tuple(playback.clips), initial_value=playback.clips[0])
            self._on(clip.on_update, player.choose_clip)

    def _add_push(self) -> None:
        player, gui = self._player, self._gui
        with gui.add_folder("Push"):
            gui.add_markdown("Drag the trunk with the mouse, or:")
            newton = gui.add_slider("Force [N]", 0.0, MOST_NEWTON, 10.0, PUSH_NEWTON)
            direction = gui.add_dropdown("Direction", tuple(DIRECTIONS), initial_value="forward")
            seconds = gui.add_slider("Time [s]", 0.02, 1.0, 0.02, PUSH_SECONDS)
            button = gui.add_button("Push")
        self._on(
            button.on_click,
            lambda _: player.push(newton.value, DIRECTIONS[direction.value], seconds.value),
        )

    def _add_rewards(self) -> None:
        gui, kernels = self._gui, self._player.playback.kernels
        series = [{"label": "time [s]"}, {"label": TOTAL, "stroke": _TOTAL_COLOUR, "width": 3}]
        series += [
            {"label": name, "stroke": _colour(number), "width": 1.5}
            for number, name in enumerate(kernels)
        ]
        self._plot = gui.add_uplot(
            tuple(np.zeros(1) for _ in series), tuple(series), height=_PLOT_HEIGHT,
            scales={"x": {"time": False, "auto": True},
                    "y": {"auto": False, "range": (0.0, 1.02)}},
            axes=({"label": "time [s]"}, {"label": "reward"}),
            legend={"show": False},
        )  # fmt: skip
        self._values = gui.add_markdown("")
        gui.add_markdown("Pause, then see what other kernels would say of this instant:")
        own = gui.add_button("The policy's own kernels")
        self._on(own.on_click, lambda _: self._player.forget_kernels())
        for name, (sigma, tolerance) in kernels.items():
            self._add_kernel(name, sigma, tolerance)

    def _add_kernel(self, name: str, sigma: float, tolerance: float) -> None:
        gui, player = self._gui, self._player
        low, high = (share * sigma for share in _SIGMA_RANGE)
        with gui.add_folder(name, expand_by_default=False):
            width = gui.add_slider("sigma", low, high, (high - low) / 200.0, sigma)
            free = gui.add_slider("tolerance", 0.0, max(sigma, tolerance), sigma / 100.0, tolerance)
        self._sliders[name] = width, free
        self._on(width.on_update, lambda value: player.set_kernel(name, sigma=value))
        self._on(free.on_update, lambda value: player.set_kernel(name, tolerance=value))

    def _on(self, register: Callable[[Any], Any], command: Callable[[Any], Any]) -> None:
        """Have the player's thread carry out a command with a control's value, when a user sets it.

        The value is that of the event: by the time of the command the control may show another.
        """

        def happened(event: Any) -> None:
            value = event.target.value
            if event.client_id is not None:  # else it was this program that set the value
                self._player.post(lambda: command(value))

        register(happened)

    def _draw(self) -> None:
        history, now = self._player.history, time.monotonic()
        if now - self._plotted < _PLOT_SECONDS:
            return
        self._plotted = now
        terms = [history.terms.get(name, ()) for name in self._player.playback.kernels]
        rows = [np.array(row, dtype=float) for row in (history.times, history.totals, *terms)]
        self._plot.data = tuple(row if len(row) else np.zeros(1) for row in rows)

    @staticmethod
    def _write(handle: Any, text: str) -> None:
        if handle.content != text:
            handle.content = text


def _colour(number: int) -> str:
    """Of a term's line."""
    return _COLOURS[number % len(_COLOURS)]


def _table(shown: Shown, who: int) -> str:
    """Each term's value beside the colour of its line, the lowest in bold; unjudged: empty."""
    if shown.total is None:
        return ""
    values = {name: float(term[who]) for name, term in shown.terms.items()}
    lowest = min(values, key=lambda name: values[name])
    rows = ["| term | value |", "|:--|--:|", f"| ■ {TOTAL} | **{shown.total[who]:.3f}** |"]
    for number, (name, value) in enumerate(values.items()):
        text = f"**{value:.3f}**" if name == lowest else f"{value:.3f}"
        rows.append(f'| <span style="color: {_colour(number)}">■</span> {name} | {text} |')
    return "\n".join(rows)
