"""Notes on failed episodes: the place in the clip, the body that met the ground, the terms."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from animRL.evaluation import evaluate
from animRL.evaluation.evaluate import Trace, evaluation_config, roll_out
from animRL.evaluation.failures import Failures, densest_phase
from animRL.utils.paths import RESOURCES


def zero_policy(obs: torch.Tensor) -> torch.Tensor:
    return torch.zeros(len(obs), 32)


def evaluation_task(make_task: Any, episodes: int, engine: str, **settings: object) -> Any:
    """A walk task for evaluation."""
    task = make_task({"env.num_envs": 1, "sim.engine": engine})
    cfg = evaluation_config(task.cfg, episodes)
    return make_task({**dict(cfg.leaves()), **settings})


@pytest.mark.parametrize(
    ("phases", "loops", "place", "count"),
    [
        ([0.5], False, 0.5, 1),
        ([0.1, 0.5, 0.6, 0.9], False, 0.55, 2),
        ([0.9, 0.95, 0.05, 0.5], True, 0.9 + 0.2 / 3, 3),  # 0.9, 0.95 and 1.05
        ([0.95, 0.99, 0.08], True, 0.02 / 3, 3),  # 0.95, 0.99 and 1.08: 3.02 / 3 - 1
        ([0.9, 0.95, 0.05, 0.5], False, 0.925, 2),
        ([0.1, 0.9], False, 0.1, 1),  # of equals the first
    ],
)
def test_the_densest_place_is_found_across_the_loop(
    phases: list[float], loops: bool, place: float, count: int
) -> None:
    found = densest_phase(torch.tensor(phases, dtype=torch.float64), loops)
    assert found == (pytest.approx(place), count)


def test_falls_are_noted_with_their_body_and_phase(make_task: Any) -> None:
    env = evaluation_task(make_task, 6, "mujoco")
    phases = torch.linspace(0.0, 0.5, 6)
    failures, trace = Failures(env), Trace()
    episodes = roll_out(env, zero_policy, phases, 1, trace, failures=failures)
    assert torch.equal(failures.failed, ~episodes.success) and bool(failures.fell.all())
    # After step k the phase is k steps on; the fall is one step after the last good one. Some are
    # lost before they touch the ground, at most half a second.
    at_fall = phases + (episodes.steps + 1) / 56
    before = (at_fall - failures.phase + 0.01) % 1.0 - 0.01
    assert float(before.min()) > -1e-3 and float(before.max()) < 25 / 56
    summary = failures.summary()
    assert (summary.episodes, summary.failed, summary.fell) == (6, 6, 6)
    assert sum(summary.first_bodies.values()) == 6 and summary.clip == "Walk"
    counts = list(summary.first_bodies.values())
    assert counts == sorted(counts, reverse=True) and "lFoot" not in summary.first_bodies
    # Environment 0 alone: the means of its trace, without the step of the fall.
    steps = int(episodes.steps[0])
    for row, (name, values) in zip(failures._sums[:, 0], trace.rewards.items(), strict=True):
        assert float(row) == pytest.approx(sum(values[:steps]), rel=1e-5), name
    assert list(summary.terms) == list(trace.rewards)


def test_the_body_with_the_largest_force_counts_and_small_forces_do_not(make_task: Any) -> None:
    env = make_task({"env.num_envs": 4, "sim.engine": "kinematic"})
    failures = Failures(env)
    names = env.character.body_names
    force = torch.zeros(4, len(names), 3)
    force[0, names.index("pelvis"), 2] = 30.0
    force[0, names.index("neck")] = torch.tensor([30.0, 0.0, 30.0])
    force[0, names.index("lFoot"), 2] = 900.0  # may touch the ground
    force[1, names.index("torso"), 2] = 0.05  # below the 0.1 N of a fall
    force[2:, names.index("torso"), 2] = 50.0
    result: Any = SimpleNamespace(
        terms={"a": torch.tensor([0.5, 0.1, 0.3, 0.9]), "b": torch.full((4,), 0.25)},
        terminated=torch.tensor([True, True, False, True]),
        state=SimpleNamespace(ground_contact_force=force),
        data={"phase": torch.tensor([0.3, 0.4, 0.5, 0.6])},
    )
    clips, rows = torch.zeros(4, dtype=torch.long), torch.tensor
    nobody, good = torch.zeros(4, dtype=torch.bool), rows([True, True, True, False])
    failures.add(result, clips, ~good, nobody, nobody)  # the last one is lost before it falls
    failures.add(
        result, clips, good, rows([True, True, False, True]), rows([False] * 2 + [True, False])
    )
    failures.add(result, clips, nobody, nobody, good)
    assert [env.character.fall_bodies[i] if i >= 0 else "" for i in failures.body] == [
        "neck", "", "", "torso",
    ]  # fmt: skip
    assert failures.fell.tolist() == [True, True, False, True]
    summary = failures.summary()
    assert (summary.failed, summary.fell) == (4, 3)
    assert summary.first_bodies == {"neck": 1, "torso": 1}
    assert (summary.phase, summary.near_phase) == (pytest.approx(0.4), 3)
    # 0.3 in the first step, then 0.5, 0.1 and 0.3.
    assert summary.terms == {"a": pytest.approx(1.2 / 4), "b": pytest.approx(0.25)}


def test_what_moves_away_is_lost_and_has_not_fallen(
    make_task: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "EPISODE_SECONDS", 0.5)
    env = evaluation_task(make_task, 3, "kinematic")

    def beside(obs: torch.Tensor) -> torch.Tensor:
        state = env.reference_state()
        moved = state.root_pos + torch.tensor([[0.0, 0.6, 0.0], [0.0, 0.2, 0.0], [0.0, 0.0, 0.0]])
        env.backend.follow(type(state)(**{**vars(state), "root_pos": moved}))
        return zero_policy(obs)

    failures = Failures(env)
    roll_out(env, beside, torch.tensor([0.25, 0.0, 0.0]), 0, failures=failures)
    summary = failures.summary()
    assert (summary.failed, summary.fell, summary.first_bodies) == (1, 0, {})
    assert summary.phase == pytest.approx(0.25 + 1 / 56)  # once, at the first step
    untouched = Failures(env).summary()
    assert (untouched.failed, untouched.phase, untouched.clip, untouched.terms) == (
        0,
        None,
        None,
        {},
    )


def test_notes_change_no_number_and_name_the_clip(make_task: Any, tmp_path: Path) -> None:
    walk = (RESOURCES / "datasets/bob3/Walk.txt").read_text()
    for name in ("first", "second"):
        (tmp_path / f"{name}.txt").write_text(walk)
    files = {"motion_loader.motion_files": [str(tmp_path / "*.txt")]}
    env = evaluation_task(make_task, 5, "mujoco", **files)
    clips = torch.tensor([0, 1, 1, 0, 1])
    start = torch.zeros(5)
    plain = roll_out(env, zero_policy, start, 1, clip_ids=clips)
    failures = Failures(env)
    noted = roll_out(env, zero_policy, start, 1, clip_ids=clips, failures=failures)
    assert all(torch.equal(a, b) for a, b in zip(vars(plain).values(), vars(noted).values()))
    summary = failures.summary()
    assert (summary.clip, summary.in_clip, summary.failed) == ("second", 3, 5)
