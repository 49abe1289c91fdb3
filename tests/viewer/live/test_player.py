"""The clock plays, holds, steps and starts again, and does nothing while nobody looks."""

from __future__ import annotations

import time

import numpy as np
import pytest

from animRL.utils.errors import InputError
from animRL.viewer.live.playback import Playback, Shown
from animRL.viewer.live.player import HISTORY_SECONDS, Display, Player
from animRL.viewer.poses import Poses


class Sliding(Playback):
    """A point that moves 1 cm a step along x and is rewarded for it."""

    dt, count, can_push, clips = 0.02, 2, True, ("a", "b")
    checkpoints = ("best", "broken")

    def __init__(self) -> None:
        self.steps, self.start, self.pushed, self.fallen = 0, 0.0, [], False
        self.sigma = (0.5, 0.0)
        self.news = None

    def step(self) -> Shown:
        self.steps += 1
        return self.shown()

    def reset(self, phase: float) -> Shown:
        self.steps, self.start = 0, phase
        return self.shown()

    def choose_clip(self, name: str) -> Shown:
        self.clip = name
        return self.reset(0.0)

    def choose_checkpoint(self, name: str) -> None:
        if name == "broken":
            raise InputError("broken.pt cannot be read")

    def push(self, who, force, seconds) -> None:
        self.pushed.append((who, np.round(force, 6).tolist(), seconds))

    def refresh(self):
        return self.news

    @property
    def kernels(self):
        return {"term": self.sigma}

    def set_kernel(self, name, sigma=None, tolerance=None):
        old = self.sigma
        self.sigma = (sigma or old[0], old[1] if tolerance is None else tolerance)
        return self.shown()

    def forget_kernels(self):
        self.sigma = (0.5, 0.0)
        return self.shown()

    def shown(self) -> Shown:
        root = np.array([[0.01 * self.steps, 0.0, 0.9], [5.0, 0.0, 0.9]])
        left = np.array([0.0, 0.0, np.sqrt(0.5), np.sqrt(0.5)])  # faces +y
        reward = np.array([self.sigma[0], 1.0])
        return Shown(
            Poses(root, np.tile(left, (2, 1)), np.zeros((2, 1))), None,
            np.full(2, self.start), {"term": reward}, reward, np.array([self.fallen, False]),
        )  # fmt: skip


class Screen(Display):
    """Counts what it is shown; closes when a time is over."""

    def __init__(self, seconds: float, eyes: bool = True) -> None:
        self.end, self.eyes, self.pictures = time.monotonic() + seconds, eyes, []

    def show(self, player, shown, centre) -> None:
        self.pictures.append((shown.poses.root_pos[0, 0], centre.copy()))

    def watched(self) -> bool:
        return self.eyes

    def closed(self) -> bool:
        return time.monotonic() > self.end

    def close(self) -> None:
        self.end = 0.0


@pytest.fixture
def playback() -> Sliding:
    return Sliding()


@pytest.fixture
def player(playback: Sliding) -> Player:
    return Player(playback)


def test_it_plays_and_shows_while_somebody_looks(player, playback):
    screen = Screen(1.0)
    player.run(screen)
    assert 10 <= playback.steps <= 51, "at most in real time"
    assert 5 <= len(screen.pictures) <= 31, "at most 30 pictures a second"
    assert screen.pictures[-1][0] > screen.pictures[0][0]


def test_nothing_moves_while_nobody_looks(player, playback):
    screen = Screen(0.3, eyes=False)
    player.run(screen)
    assert playback.steps == 0 and screen.pictures == []


def test_a_pause_holds_and_single_steps_are_single(player, playback):
    player.pause(True)
    screen = Screen(0.3)
    player.run(screen)
    assert playback.steps == 0 and len(screen.pictures) == 1, "one picture of what is held"
    player.step()
    assert playback.steps == 1 and player.seconds == pytest.approx(0.02)


def test_what_other_threads_ask_for_is_done_between_steps(player, playback):
    player.pause(True)
    player.post(player.step)
    player.post(lambda: player.restart(0.5))
    screen = Screen(0.2)
    player.run(screen)
    assert (playback.steps, playback.start, player.seconds) == (0, 0.5, 0.0)


def test_it_stops_when_told(player):
    screen = Screen(60.0)
    began = time.monotonic()
    player.run(screen, stop=lambda: True)
    assert time.monotonic() - began < 1.0


@pytest.mark.parametrize(("asked", "got"), [(0.5, 0.5), (100.0, 2.0), (0.0, 0.05)])
def test_speed_keeps_to_its_range(player, asked, got):
    player.set_speed(asked)
    assert player.speed == got


def test_a_push_is_relative_to_where_the_character_faces(player, playback):
    player.push(100.0, 0.0, 0.2)
    player.push(100.0, 0.5 * np.pi, 0.2)
    assert playback.pushed == [(0, [0.0, 100.0, 0.0], 0.2), (0, [-100.0, 0.0, 0.0], 0.2)]


def test_the_centre_follows_smoothly_and_jumps_with_the_character(player):
    for _ in range(50):
        player.step()
    assert 0.3 < player._centre[0] < 0.5, "behind, but not far"
    player.watch(1)
    player.step()
    assert player._centre[0] == pytest.approx(5.0)
    player.watch(0)
    assert player._centre[0] == pytest.approx(0.52, abs=0.05), "at once, even while it is held"
    player.watch(1)
    player.set_follow(False)
    player.watch(0)
    player.step()
    assert player._centre[0] == pytest.approx(5.0)


def test_history_forgets(player):
    for _ in range(int(3 * HISTORY_SECONDS / 0.02)):
        player.step()
    history = player.history
    assert len(history.times) == len(history.totals) == len(history.terms["term"])
    assert history.times[-1] - history.times[0] == pytest.approx(HISTORY_SECONDS, abs=0.05)
    player.restart(0.0)
    assert not history.times


def test_another_kernel_is_seen_at_once(player, playback):
    player.pause(True)
    before = float(player.shown.total[0])
    player.set_kernel("term", sigma=0.25)
    assert (before, float(player.shown.total[0]), playback.steps) == (0.5, 0.25, 0)
    player.forget_kernels()
    assert float(player.shown.total[0]) == 0.5


def test_a_held_picture_takes_no_time(player):
    player.pause(True)
    begun = time.process_time()
    player.run(Screen(1.0))
    assert time.process_time() - begun < 0.3


def test_falls_and_news_are_told(player, playback):
    playback.fallen = True
    player.step()
    assert player.message == "fell at phase 0.00"
    playback.news = "policy of iteration 7"
    player.run(Screen(0.1))
    assert player.message == "policy of iteration 7"


def test_a_checkpoint_that_cannot_be_read_is_told_and_nothing_else_happens(player):
    player.choose_checkpoint("broken")
    assert player.message == "broken.pt cannot be read"
    player.choose_checkpoint("best")
    assert player.message == "playing best"


def test_another_clip_begins_at_its_beginning(player, playback):
    player.step()
    player.choose_clip("b")
    assert (playback.clip, player.seconds, playback.steps) == ("b", 0.0, 0)
