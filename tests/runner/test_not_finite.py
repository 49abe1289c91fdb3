"""Losses and weights that are no numbers end a training; what led there is kept."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from animRL.runner.checkpoint import load_checkpoint
from animRL.runner.finite import Faults, NotFinite, mend_transition
from animRL.runner.ppo_runner import PpoRunner
from tests.runner.test_exact_resume import make_runner


def break_at(runner: PpoRunner, iteration: int, what: str) -> None:
    update = runner.alg.update

    def broken() -> dict[str, float]:
        if runner.current_learning_iteration != iteration - 1:
            return update()
        if what == "samples":
            spoilt = runner.alg.storage.advantages.clone()
            spoilt[0] = math.nan
            runner.alg.storage.advantages = spoilt
        losses = update()
        if what == "loss":
            losses["value"] = math.inf
        if what == "weights":
            with torch.no_grad():
                next(iter(runner.alg.critic.parameters()))[0, 0] = math.nan
        return losses

    runner.alg.update = broken  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("what", "named"),
    [
        ("loss", "loss not finite: value"),
        ("weights", "weights not finite: critic.mlp.0.weight"),
        ("samples", "loss not finite: "),
    ],
)
def test_the_last_good_iteration_and_the_samples_are_saved(
    tmp_path: Path, what: str, named: str
) -> None:
    folder = tmp_path / "run"
    settings = {"runner.save_interval": 100, "runner.eval_interval": 0}
    runner = make_runner("walk", 1, settings, folder)
    runner.open_run(folder)
    break_at(runner, 3, what)
    with pytest.raises(NotFinite) as caught:
        runner.learn(5)
    message = str(caught.value)
    assert f"iteration 3: {named}" in message and "iteration 2 before it" in message
    assert f"'{folder / 'not_finite_3.pt'}'" in message
    good = load_checkpoint(folder / "model_2.pt")
    cause = load_checkpoint(folder / "not_finite_3.pt")
    assert good["iter"] == cause["iter"] == 2
    assert cause["rollout"]["observations"].shape == (8, 16, 108)
    assert cause["rollout"]["actions"].shape == (8, 16, 32)
    again = make_runner("walk", 9, settings, tmp_path / "again")
    assert again.resume(str(folder / "model_2.pt"))
    again.open_run(tmp_path / "again")
    again.learn(3)  # without what broke it, it goes on
    assert again.current_learning_iteration == 5


def test_a_network_that_fails_in_some_rows_poisons_no_sample(tmp_path: Path) -> None:
    runner = make_runner("walk", 1, {"runner.eval_interval": 0}, tmp_path / "run")
    act = runner.alg.act

    def failing(obs):  # type: ignore[no-untyped-def]
        actions = act(obs)
        step, own = runner.alg.storage.step, runner.alg.transition
        if step == 4:
            own.actions = own.actions.index_fill(0, torch.tensor([3, 7]), math.nan)
            own.distribution_params[0][7] = math.inf
            actions = own.actions
        return actions

    runner.alg.act = failing  # type: ignore[method-assign]
    runner.logger.init_logging_writer()
    obs = runner.env.get_observations()
    with torch.inference_mode():
        runner.rollouts.collect(obs, 1)
    storage = runner.alg.storage
    for values in (storage.actions, storage.values, storage.rewards, storage.returns,
                   storage.advantages, storage.actions_log_prob, *storage.distribution_params,
                   storage.observations["policy"]):  # fmt: skip
        assert torch.isfinite(values).all()
    assert storage.dones[4, [3, 7]].flatten().tolist() == [1, 1]
    assert torch.equal(storage.actions[4, 3], storage.actions[4, 0])
    assert runner.rollouts.warning is not None and "(action 2)" in runner.rollouts.warning


def test_without_a_sound_row_nothing_is_made_up(tmp_path: Path) -> None:
    runner = make_runner("walk", 1, {}, tmp_path / "run")
    with torch.inference_mode():
        runner.alg.act(runner.env.get_observations())
        runner.alg.transition.actions = torch.full((16, 32), math.nan)
        mend_transition(runner.alg.transition)
    assert runner.alg.transition.actions.isnan().all()


def test_faults_are_counted_told_and_at_last_refused() -> None:
    faults = Faults()
    assert faults.add({"state": 0.0, "reward": 0.0}, 100, 1) is None
    told = faults.add({"state": 0.02, "reward": 0.01}, 100, 2)
    assert told is not None and "iteration 2: 3 environments" in told
    assert "(state 2, reward 1)" in told
    assert faults.add({"state": 0.01, "reward": 0.0}, 100, 3) is None  # not again for each
    assert faults.add({"state": 0.04, "reward": 0.0}, 100, 4) is not None
    assert faults.counts == {"state": pytest.approx(7.0), "reward": pytest.approx(1.0)}
    for share in (0.3, math.nan):
        with pytest.raises(NotFinite, match="iteration 5: not finite in .* of the samples: reward"):
            faults.add({"state": 0.0, "reward": share}, 100, 5)
