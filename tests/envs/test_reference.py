"""The moving reference: phase, anchoring, loops."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from animRL.dataloader.clip import Clip, save_clip
from animRL.dataloader.motion_loader import MotionLoader
from animRL.envs.reference import Reference
from animRL.utils import rotations as rot

IDENTITY = [0.0, 0.0, 0.0, 1.0]


@pytest.fixture
def make_reference(tmp_path):
    def build(turn: float = 0.0, loop: bool = True, num_envs: int = 1) -> Reference:
        """A clip of 1 s (11 frames) from (3, 4): 1 m along x, turning by ``turn`` in all."""
        rows = np.zeros((11, 21))
        share = np.linspace(0.0, 1.0, 11)
        rows[:, 0], rows[:, 1], rows[:, 2] = 3.0 + share, 4.0, 0.9
        rows[:, 5], rows[:, 6] = np.sin(share * turn / 2), np.cos(share * turn / 2)
        save_clip(Clip(rows, 0.1, ("knee",), ("foot",), 1.0, loop), tmp_path / "clip.txt")
        cfg = SimpleNamespace(
            motion_files=str(tmp_path / "clip.txt"), loop=None, height_offset=0.0,
            refill_end_effectors=False,
        )  # fmt: skip
        return Reference(MotionLoader("cpu", cfg, 0.1, 1, 1), num_envs)

    return build


def start(reference: Reference, phase: float, xy: list[float], yaw: float = 0.0) -> None:
    first, phases = torch.tensor([0]), torch.tensor([phase])
    reference.reset(
        first, first, phases, reference.raw_frames(phases, first), torch.tensor([xy]),
        rot.quat_about_z(torch.tensor([yaw])),
    )  # fmt: skip


def position(reference: Reference) -> list[float]:
    return reference.target_frames[0, :2].tolist()


def heading(reference: Reference) -> float:
    return float(rot.twist_about_z(reference.target_frames[:, 3:7]))


def test_the_reference_starts_where_the_character_is(make_reference) -> None:
    reference = make_reference()
    start(reference, 0.5, [10.0, 20.0], yaw=math.pi / 2)
    assert position(reference) == pytest.approx([10.0, 20.0], abs=1e-5)
    assert heading(reference) == pytest.approx(math.pi / 2, abs=1e-5)
    assert float(reference.target_frames[0, 2]) == pytest.approx(0.9)
    reference.advance(torch.tensor([[10.0, 20.0]]))
    # The clip goes along x; turned by 90 degrees it goes along y.
    assert position(reference) == pytest.approx([10.0, 20.1], abs=1e-5)
    assert float(reference.phase) == pytest.approx(0.6)
    assert float(reference.reset_phase) == pytest.approx(0.5)


def test_a_loop_goes_on_by_the_turn_and_the_way_of_the_clip(make_reference) -> None:
    turn = 0.5
    reference = make_reference(turn)
    start(reference, 0.0, [0.0, 0.0])
    for _ in range(10):
        reference.advance(reference.target_frames[:, :2])
    # After a whole clip: at its end, heading turned, and the next loop starts in that heading.
    assert position(reference) == pytest.approx([1.0, 0.0], abs=1e-4)
    assert heading(reference) == pytest.approx(turn, abs=1e-4)
    for _ in range(10):
        reference.advance(reference.target_frames[:, :2])
    assert position(reference) == pytest.approx([1 + math.cos(turn), math.sin(turn)], abs=1e-4)
    assert heading(reference) == pytest.approx(2 * turn, abs=1e-4)
    assert float(reference.drift) == pytest.approx(0.0, abs=1e-4)


def test_a_new_loop_takes_over_the_characters_lag(make_reference) -> None:
    reference = make_reference()
    start(reference, 0.0, [0.0, 0.0])
    for _ in range(10):
        reference.advance(reference.target_frames[:, :2] + torch.tensor([[0.0, 0.3]]))
    # Wrapped in the tenth advance: shifted by the 0.3 m judged in the step before, just once.
    assert position(reference) == pytest.approx([1.0, 0.3], abs=1e-4)
    assert float(reference.drift) == pytest.approx(0.3, abs=1e-4)


def test_a_clip_that_does_not_loop_finishes_at_phase_one(make_reference) -> None:
    reference = make_reference(loop=False)
    start(reference, 0.75, [0.0, 0.0])
    finished = []
    for _ in range(4):
        reference.advance(torch.zeros(1, 2))
        finished.append(bool(reference.finished()))
    assert finished == [False, False, True, True]
    assert float(reference.phase) == 1.0
