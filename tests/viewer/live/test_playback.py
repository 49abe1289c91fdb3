"""Bare clips play on and on, without jumps, with no engine."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from animRL.cfg.characters.bob_config import BobConfig
from animRL.dataloader.motion_loader import MotionLoader
from animRL.sim.character import Character
from animRL.viewer.live.playback import ClipPlayback

DT = 0.02


@pytest.fixture(scope="module")
def playback() -> ClipPlayback:
    character = Character.from_config(BobConfig())
    files = ["datasets/bob3/Walk.txt", "datasets/bob3/Cartwheel.txt", "datasets/bob3/Turn.txt"]
    cfg = SimpleNamespace(
        motion_files=files, loop=None, height_offset=0.0, refill_end_effectors=True
    )
    joints, ends = character.joint_names, character.end_effector_names
    return ClipPlayback(character, MotionLoader("cpu", cfg, DT, len(joints), len(ends)))


@pytest.mark.parametrize("clip", ["Walk", "Turn"])
def test_a_loop_goes_on_without_a_jump(playback, clip):
    shown = playback.choose_clip(clip)
    places, turns = [shown.poses.root_pos[0]], [shown.poses.root_quat[0]]
    for _ in range(400):
        shown = playback.step()
        places.append(shown.poses.root_pos[0])
        turns.append(shown.poses.root_quat[0])
    steps = np.linalg.norm(np.diff(places, axis=0), axis=1)
    assert steps.max() < 0.06, "no teleport where the clip begins anew"
    cosines = np.abs((np.array(turns[1:]) * np.array(turns[:-1])).sum(axis=1))
    assert cosines.min() > np.cos(0.1)
    assert np.linalg.norm(places[-1] - places[0]) > (3.0 if clip == "Walk" else 0.0)


def test_another_clip_begins_anew(playback):
    first = playback.choose_clip("Cartwheel")
    assert playback.title == "clip Cartwheel"
    phases = [float(playback.step().phases[0]) for _ in range(400)]
    assert max(phases) <= 1.0 and min(phases) == 0.0
    again = playback.reset(0.0)
    np.testing.assert_allclose(again.poses.root_pos, first.poses.root_pos)


def test_it_is_shown_at_any_phase_with_nothing_to_judge(playback):
    playback.choose_clip("Walk")
    shown = playback.reset(0.5)
    assert float(shown.phases[0]) == 0.5
    assert shown.reference is None and shown.total is None and not playback.kernels
    assert not playback.can_push and playback.refresh() is None
