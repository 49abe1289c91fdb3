"""Start phases by failures, with probabilities worked out by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from animRL.envs import phase_sampling
from animRL.envs.phase_sampling import FailurePhases, UniformPhases, make_phase_sampling
from tests.synchronisations import Synchronisations


def clips(seconds: list[float], loops: list[bool]) -> Any:
    """What the sampling reads of a motion loader."""
    return SimpleNamespace(
        trajectory_lens=torch.tensor(seconds), loops=torch.tensor(loops), device=torch.device("cpu")
    )


def walked_through(sampling: FailurePhases, clip: int, fails_at: float, rounds: int = 1) -> None:
    """Visit every part of a clip of 2 s as often; every visit to one of them fails."""
    phase = (torch.arange(20) + 0.5) / 20
    ids = torch.full((20,), clip)
    for _ in range(rounds):
        sampling.count(ids, phase, (phase - fails_at).abs() < 0.02)


@pytest.mark.parametrize("count", [0, 7])
def test_without_failures_all_parts_are_alike(count: int) -> None:
    sampling = FailurePhases(clips([2.0, 0.5], [True, True]), 1.0)
    for _ in range(count):
        sampling.count(torch.tensor([0, 1]), torch.tensor([0.2, 0.9]), torch.tensor([False, False]))
    expected = torch.zeros(2, 20)
    expected[0], expected[1, :5] = 1 / 20, 1 / 5
    torch.testing.assert_close(sampling.probabilities(), expected)


def test_starts_move_to_the_time_before_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phase_sampling, "DOUBT", 0.0)
    sampling = FailurePhases(clips([2.0], [False]), 0.5)
    walked_through(sampling, 0, fails_at=0.525)  # part 10
    # By failures: parts 5 to 10 look at part 10 within 0.6 s, 1/6 of the starts each.
    expected = torch.full((20,), 0.5 / 20)
    expected[5:11] += 0.5 / 6
    torch.testing.assert_close(sampling.probabilities()[0], expected)


def test_doubt_pulls_towards_the_clips_mean() -> None:
    sampling = FailurePhases(clips([2.0], [True]), 1.0)
    walked_through(sampling, 0, fails_at=0.525)
    # One visit to each part, 1 of 20 failed: (1 + 20/20) / 21 against (20/20) / 21, over 6 parts.
    high, low = (2 + 5 * 1) / 6, 1.0
    expected = torch.full((20,), low)
    expected[5:11] = high
    torch.testing.assert_close(sampling.probabilities()[0], expected / expected.sum())


@pytest.mark.parametrize("loops", [True, False])
def test_only_a_loop_looks_over_its_seam(loops: bool) -> None:
    sampling = FailurePhases(clips([2.0], [loops]), 1.0)
    walked_through(sampling, 0, fails_at=0.025, rounds=50)  # part 0
    probability = sampling.probabilities()[0]
    before, middle = float(probability[15:].mean()), float(probability[5:10].mean())
    assert (before > 2.0 * middle) is loops


def test_a_failure_in_one_clip_says_nothing_of_another() -> None:
    sampling = FailurePhases(clips([2.0, 2.0], [True, True]), 1.0)
    walked_through(sampling, 1, fails_at=0.525, rounds=5)
    probability = sampling.probabilities()
    torch.testing.assert_close(probability[0], torch.full((20,), 0.05))
    assert float(probability[1, 10]) > 1.5 * float(probability[1, 15])


def test_old_failures_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phase_sampling, "MEMORY_STEPS", 10)
    sampling = FailurePhases(clips([2.0], [True]), 1.0)
    walked_through(sampling, 0, fails_at=0.525, rounds=20)
    walked_through(sampling, 0, fails_at=0.825, rounds=60)
    probability = sampling.probabilities()[0]
    assert float(probability[16]) > 1.3 * float(probability[10])


def test_draws_follow_the_probabilities_and_fill_their_parts() -> None:
    torch.manual_seed(0)
    sampling = FailurePhases(clips([0.5, 2.0], [True, False]), 0.8)
    walked_through(sampling, 1, fails_at=0.525, rounds=20)
    phases = sampling.draw(torch.ones(40_000, dtype=torch.long))
    assert 0.0 <= float(phases.min()) < 0.001 and 0.999 < float(phases.max()) < 1.0
    found = torch.histc(phases, 20, 0.0, 1.0) / 40_000
    torch.testing.assert_close(found, sampling.probabilities()[1], atol=0.006, rtol=0)
    within = (phases[(phases >= 0.5) & (phases < 0.55)] - 0.5) / 0.05
    assert float(within.mean()) == pytest.approx(0.5, abs=0.02)
    short = sampling.draw(torch.zeros(1000, dtype=torch.long))
    assert 0.0 <= float(short.min()) < 0.05 and 0.95 < float(short.max()) < 1.0


def test_nothing_makes_the_host_wait() -> None:
    sampling = FailurePhases(clips([0.5, 2.0], [True, False]), 0.8)
    ids, phase = torch.tensor([0, 1, 1]), torch.tensor([0.0, 0.5, 1.0])
    failed = torch.tensor([True, False, True])
    with Synchronisations() as counter:
        sampling.count(ids, phase, failed)
        sampling.draw(ids)
    assert dict(counter.found) == {}


def test_counts_are_kept_and_others_left() -> None:
    motions = clips([2.0], [True])
    first, second = FailurePhases(motions, 1.0), FailurePhases(motions, 1.0)
    walked_through(first, 0, fails_at=0.525, rounds=3)
    second.load_state_dict(first.state_dict())
    assert torch.equal(first.probabilities(), second.probabilities())
    for saved in ({}, FailurePhases(clips([3.0], [True]), 1.0).state_dict()):
        second.load_state_dict(saved)  # of uniform sampling; of another clip
        assert torch.equal(first.probabilities(), second.probabilities())


def test_the_configuration_chooses() -> None:
    cfg = SimpleNamespace(phase_sampling="uniform", failure_share=0.5)
    assert isinstance(make_phase_sampling(cfg, clips([2.0], [True])), UniformPhases)
    cfg.phase_sampling = "failures"
    assert isinstance(make_phase_sampling(cfg, clips([2.0], [True])), FailurePhases)


def test_a_task_starts_where_it_fails(make_task) -> None:
    """The character falls wherever the clip is in its second half: starts move towards it."""
    task = make_task({
        "sim.engine": "kinematic", "env.num_envs": 256, "init_state.phase_sampling": "failures",
        "init_state.failure_share": 1.0, "motion_loader.loop": False,
    })  # fmt: skip
    torch.manual_seed(0)
    for _ in range(120):
        state = task.reference_state()
        sunk = state.root_pos.clone()
        sunk[:, 2] -= torch.where(task.reference.phase > 0.5, 0.3, 0.0)  # pose_lost.height: 0.25
        task.backend.follow(type(state)(**{**vars(state), "root_pos": sunk}))
        task.step(torch.zeros(256, task.num_actions))
    probability = task.phase_sampling.probabilities()[0]  # 11 parts
    assert float(probability[6:].min()) > 3.0 * float(probability[0])
    drawn = task.phase_sampling.draw(torch.zeros(4000, dtype=torch.long))
    assert float((drawn > 0.5).float().mean()) > 0.6
