"""Plays in real time what a display shows, and does between two steps what its user asks for."""

from __future__ import annotations

import queue
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from animRL.utils.errors import InputError
from animRL.viewer.live.playback import Playback, Shown
from animRL.viewer.poses import Array

DRAW_SECONDS = 1.0 / 30.0
"""Least time between two pictures."""
REFRESH_SECONDS = 2.0
"""Time between two looks for a newer policy."""
HISTORY_SECONDS = 8.0
SPEEDS = (0.05, 2.0)
_IDLE_SECONDS = 0.05
_MOST_BEHIND = 0.2
"""What the clock forgives [s]: a machine that cannot keep up plays slower and does not race."""
_CENTRE_SECONDS = 0.15
"""Time constant with which the view's centre follows the character."""
_JUMP = 1.0
"""A character that is farther [m] from the centre was put elsewhere: the centre goes at once."""


@dataclass
class History:
    """The last seconds of one character: time [s], reward terms and their total, step by step."""

    times: deque[float] = field(default_factory=deque)
    terms: dict[str, deque[float]] = field(default_factory=dict)
    totals: deque[float] = field(default_factory=deque)

    def add(self, now: float, shown: Shown, who: int) -> None:
        """Append an instant and forget what is older than ``HISTORY_SECONDS``."""
        if shown.total is None:
            return
        self.times.append(now)
        self.totals.append(float(shown.total[who]))
        for name, values in shown.terms.items():
            self.terms.setdefault(name, deque()).append(float(values[who]))
        while self.times[0] < now - HISTORY_SECONDS:
            for row in (self.times, self.totals, *self.terms.values()):
                row.popleft()

    def clear(self) -> None:
        """Forget everything."""
        for row in (self.times, self.totals, *self.terms.values()):
            row.clear()


class Display(ABC):
    """What shows a player's states to somebody."""

    @abstractmethod
    def show(self, player: Player, shown: Shown, centre: Array) -> None:
        """Draw an instant; ``centre`` (2,) [m] is to be in the middle."""

    @abstractmethod
    def watched(self) -> bool:
        """Whether anybody looks; nothing moves while nobody does."""

    @abstractmethod
    def closed(self) -> bool:
        """Whether the display is gone for good."""

    @abstractmethod
    def close(self) -> None:
        """Take the display away; safe to call twice."""


class Player:
    """The clock of a playback, and what its user can ask of it.

    The methods are called by the thread that runs `run`; any other hands them over by ``post``.
    """

    def __init__(self, playback: Playback) -> None:
        """Begin at phase 0, playing at natural speed."""
        self.playback = playback
        self.history = History()
        self.paused, self.speed = False, 1.0
        self.follow, self.who = True, 0
        self.seconds, self.start_phase = 0.0, 0.0
        """Time played since the last start [s], and the phase of that start."""
        self.message = ""
        """The last thing worth telling: a newer policy, a fall, a choice that failed."""
        self._posted: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._shown = playback.reset(0.0)
        self._down = False
        self._centre = self._root()
        self._changed = True

    @property
    def shown(self) -> Shown:
        """The present instant."""
        return self._shown

    def post(self, command: Callable[[], None]) -> None:
        """Have a command carried out between two steps; for other threads."""
        self._posted.put(command)

    def run(self, display: Display, stop: Callable[[], bool] = lambda: False) -> None:
        """Play until the display is closed or ``stop`` says so."""
        due, drawn, looked = time.monotonic(), 0.0, 0.0
        while not (stop() or display.closed()):
            self._carry_out()
            now = time.monotonic()
            if not display.watched():
                due = now
                time.sleep(_IDLE_SECONDS)
                continue
            if now - looked >= REFRESH_SECONDS:
                looked = now
                self._tell(self.playback.refresh())
            if self.paused:
                due = now
            elif now >= due:
                self.step()
                due = max(due + self.playback.dt / self.speed, now - _MOST_BEHIND)
            if self._changed and now - drawn >= DRAW_SECONDS:
                drawn, self._changed = now, False
                display.show(self, self._shown, self._centre)
            wake = now + _IDLE_SECONDS if self.paused else due
            if self._changed:
                wake = min(wake, drawn + DRAW_SECONDS)
            time.sleep(min(max(wake - time.monotonic(), 0.0), _IDLE_SECONDS))

    def step(self) -> None:
        """Go on by one step, paused or not."""
        self._take(self.playback.step())
        self.seconds += self.playback.dt
        self.history.add(self.seconds, self._shown, self.who)
        down = self._shown.down is not None and bool(self._shown.down[self.who])
        if down and not self._down:
            self._tell(f"fell at phase {self._shown.phases[self.who]:.2f}")
        self._down = down

    def pause(self, paused: bool) -> None:
        """Hold the present instant, or go on."""
        self.paused, self._changed = paused, True

    def restart(self, phase: float) -> None:
        """Start all characters at a phase, now and after each fall or end."""
        self.seconds, self.start_phase = 0.0, phase
        self.history.clear()
        self._take(self.playback.reset(phase))

    def set_speed(self, speed: float) -> None:
        """Play so many times as fast as it is."""
        self.speed = float(np.clip(speed, *SPEEDS))

    def watch(self, who: int) -> None:
        """Follow and judge another character."""
        self.who, self._changed = int(np.clip(who, 0, self.playback.count - 1)), True
        self.history.clear()
        if self.follow:
            self._centre = self._root()

    def set_follow(self, follow: bool) -> None:
        """Keep the character in the middle, or let it walk away."""
        self.follow, self._changed = follow, True

    def push(self, newton: float, direction: float, seconds: float) -> None:
        """Push the character, at an angle [rad] from where it faces, counted to its left."""
        x, y, z, w = self._shown.poses.root_quat[self.who]
        angle = 2.0 * np.arctan2(z, w) + direction
        force = newton * np.array([np.cos(angle), np.sin(angle), 0.0])
        self.playback.push(self.who, force, seconds)

    def pull(self, who: int, force: Array, seconds: float) -> None:
        """Push a character with a force (3,), world frame [N]."""
        self.playback.push(who, force, seconds)

    def choose_clip(self, name: str) -> None:
        """Follow another clip, from its beginning."""
        self.seconds, self.start_phase = 0.0, 0.0
        self.history.clear()
        self._take(self.playback.choose_clip(name))

    def choose_checkpoint(self, name: str) -> None:
        """Play another checkpoint from now on; one that cannot be read changes nothing."""
        try:
            self.playback.choose_checkpoint(name)
            self._tell(f"playing {name}")
        except InputError as error:
            self._tell(str(error))

    def set_kernel(
        self, name: str, sigma: float | None = None, tolerance: float | None = None
    ) -> None:
        """Change what is given of a reward kernel; the present instant is judged anew."""
        shown = self.playback.set_kernel(name, sigma, tolerance)
        if shown is not None:
            self._take(shown)

    def forget_kernels(self) -> None:
        """Judge by the policy's own kernels again, the present instant first."""
        shown = self.playback.forget_kernels()
        if shown is not None:
            self._take(shown)

    def _carry_out(self) -> None:
        while True:
            try:
                command = self._posted.get_nowait()
            except queue.Empty:
                return
            command()
            self._changed = True

    def _take(self, shown: Shown) -> None:
        self._shown, self._changed = shown, True
        root = self._root()
        if not self.follow:
            return
        if np.linalg.norm(root - self._centre) > _JUMP:
            self._centre = root
        share = 1.0 - np.exp(-self.playback.dt / _CENTRE_SECONDS)
        self._centre = self._centre + share * (root - self._centre)

    def _root(self) -> Array:
        return np.array(self._shown.poses.root_pos[self.who, :2])

    def _tell(self, message: str | None) -> None:
        if message:
            self.message, self._changed = message, True
