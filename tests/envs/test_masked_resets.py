"""Resets by a mask: what an environment on a GPU does so that the host never waits."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from animRL.envs.mimic_task import MimicTask
from animRL.envs.rows import put_rows, rows_of
from animRL.sim.factory import warp_is_installed
from tests.synchronisations import Synchronisations

Make = Callable[..., MimicTask]
STEPS = 12


@pytest.fixture(params=["kinematic", "warp"])
def masked_task(request: pytest.FixtureRequest, make_task: Make) -> Make:
    if request.param == "warp" and not warp_is_installed():
        pytest.skip("the extra gpu (mujoco-warp) is not installed")

    def build(settings: dict | None = None) -> MimicTask:
        engine = {"sim.engine": request.param, "sim.device": "cpu", "env.episode_length": 4}
        task = make_task({**engine, **(settings or {})})
        task.masked_resets = True
        return task

    return build


def test_the_counter_sees_what_it_is_for() -> None:
    values = torch.arange(4.0)
    with Synchronisations() as counter:
        bool(values.any())
        values.max().item()
        (values > 1).nonzero()
        values[values > 1]
        torch.tensor([1.0])
        values.clone()[values > 1] = 0.0
        values[torch.arange(2)]
    assert sum(counter.found.values()) >= 6
    with Synchronisations() as quiet:
        torch.where(values > 1, values, 0.0).sum()
        values[values.argsort()]
    assert not quiet.found


START = "init_state.reference_state_initialisation"
OPTIONS = {
    "init_state.phase_sampling": "failures", "control.action_offset": "feedforward",
    "rewards.combine": "sum", "rewards.terms.imitate_pose": [0.7, 0.0],
}  # fmt: skip


@pytest.mark.parametrize(
    "settings", [{START: True}, {START: False}, OPTIONS], ids=["on_the_clip", "standing", "options"]
)
def test_a_step_with_resets_never_waits(masked_task: Make, settings: dict) -> None:
    task = masked_task(settings)
    actions = torch.zeros(task.num_envs, task.num_actions)
    task.step(actions)
    resets = torch.zeros(())
    with Synchronisations() as counter:
        for _ in range(STEPS):
            resets = resets + task.step(actions).done.sum()
    assert dict(counter.found) == {}
    assert int(resets) >= task.num_envs


def test_without_the_mask_a_step_waits(make_task: Make) -> None:
    task = make_task({"sim.engine": "kinematic"})
    with Synchronisations() as counter:
        task.step(torch.zeros(task.num_envs, task.num_actions))
    assert counter.found["nonzero"] == 1  # on the CPU alone, where it costs nothing


def test_both_ways_start_the_same_episodes(make_task: Make) -> None:
    """Where every environment ends at once, the two draw the same numbers."""
    results = []
    for masked in (False, True):
        torch.manual_seed(3)
        task = make_task({"sim.engine": "kinematic", "env.episode_length": 1})
        task.masked_resets = masked
        actions = torch.zeros(task.num_envs, task.num_actions)
        results.append([task.step(actions) for _ in range(5)])
    for first, second in zip(*results, strict=True):
        assert torch.equal(first.obs, second.obs)
        assert torch.equal(first.reward, second.reward)
        assert bool(first.done.all()) and bool(second.done.all())


def test_others_are_not_touched_by_a_masked_reset(make_task: Make) -> None:
    task = make_task({"sim.engine": "kinematic"})
    task.masked_resets = True
    task.episode_steps = torch.tensor([0, task.max_episode_length, 0, 0])
    before = task.reference.reset_phase
    result = task.step(torch.zeros(task.num_envs, task.num_actions))
    assert result.done.tolist() == [False, True, False, False]
    assert task.episode_steps.tolist() == [1, 0, 1, 1]
    kept = [0, 2, 3]
    assert torch.equal(task.reference.reset_phase[kept], before[kept])
    assert task.reference.reset_phase[1] != before[1]


def test_rows_by_number_and_by_mask_are_the_same() -> None:
    values, new = torch.zeros(4, 2), torch.arange(8.0).view(4, 2) + 1.0
    ids, mask = torch.tensor([1, 3]), torch.tensor([False, True, False, True])
    expected = torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0], [7.0, 8.0]])
    assert torch.equal(put_rows(values, ids, rows_of(new, ids)), expected)
    assert torch.equal(put_rows(values, mask, rows_of(new, mask)), expected)
    assert torch.equal(put_rows(new, ids, 0.0), put_rows(new, mask, 0.0))
    assert not values.any()  # the input stays
