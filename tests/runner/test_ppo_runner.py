"""The runner: a tiny training from start to end, its files, and going on from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from animRL.cfg.mimic.walk_config import WalkConfig, WalkTrainConfig
from animRL.envs.phase_sampling import FailurePhases
from animRL.evaluation.evaluate import evaluation_config
from animRL.reward.composer import RewardComposer
from animRL.reward.rewards import REWARDS
from animRL.runner.finite import NotFinite
from animRL.runner.policy import load_policy
from animRL.runner.ppo_runner import PpoRunner
from animRL.runner.rsl_config import rsl_config
from animRL.tasks import make_env
from animRL.utils.errors import InputError


def configurations(**train: object) -> tuple[WalkConfig, WalkTrainConfig]:
    env_cfg, train_cfg = WalkConfig(), WalkTrainConfig()
    env_cfg.set("env.num_envs", 8)
    env_cfg.set("sim.threads", 1)
    values = {"runner.save_interval": 2, "runner.eval_interval": 2,
              "runner.num_steps_per_env": 6, "policy.hidden_dims": [32, 16]}  # fmt: skip
    for path, value in {**values, **train}.items():
        train_cfg.set(path, value)
    return env_cfg, train_cfg


def make_runner(run_dir: Path | None, with_evaluation: bool = True, **train: object) -> PpoRunner:
    torch.manual_seed(0)
    env_cfg, train_cfg = configurations(**train)
    eval_env = make_env("walk", evaluation_config(env_cfg, 4)) if with_evaluation else None
    runner = PpoRunner(make_env("walk", env_cfg), train_cfg, eval_env)
    if run_dir is not None:
        runner.open_run(run_dir)
    return runner


def weights(runner: PpoRunner) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in runner.alg.get_policy().parameters()])


def test_a_training_leaves_checkpoints_curve_and_best_policy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runner = make_runner(tmp_path)
    before = weights(runner).clone()
    seen: list[int] = []
    runner.evaluations.on_evaluation = lambda iteration, metrics, trace: seen.append(iteration)
    runner.learn(3)
    assert not torch.equal(before, weights(runner))
    names = {p.name for p in tmp_path.iterdir() if p.suffix == ".pt"}
    assert names == {"model_2.pt", "model_3.pt", "model_best.pt", "model.pt"}
    assert seen == [2, 3] == [point["iteration"] for point in runner.evaluations.curve]
    assert runner.evaluations.curve[1]["samples"] == 3 * 6 * 8
    best = torch.load(tmp_path / "model_best.pt", weights_only=True)
    assert best["iter"] == runner.evaluations.best.iteration in (2, 3)
    assert (tmp_path / "model.pt").read_bytes() == (tmp_path / "model_best.pt").read_bytes()
    out = capsys.readouterr().out
    assert "iteration 3/3" in out and "Actor Model" not in out and "Learning iteration" not in out


def test_training_goes_on_after_the_last_finished_iteration(tmp_path: Path) -> None:
    first = make_runner(tmp_path, with_evaluation=False)
    first.learn(2)
    again = make_runner(None, with_evaluation=False)
    again.load(str(tmp_path / "model_2.pt"))
    assert again.current_learning_iteration == 2
    assert torch.equal(weights(first), weights(again))
    again.learn(1)
    assert again.current_learning_iteration == 3
    assert (first.samples, again.samples) == (2 * 6 * 8, 3 * 6 * 8)


def test_samples_are_counted_where_a_training_goes_on_with_fewer_an_iteration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_runner(tmp_path, with_evaluation=False).learn(2)
    again = make_runner(None, with_evaluation=False, **{"runner.num_steps_per_env": 3})
    again.load(str(tmp_path / "model_2.pt"))
    capsys.readouterr()
    again.learn(1)
    assert again.samples == 2 * 6 * 8 + 3 * 8
    assert "iteration 3/3  120 samples" in capsys.readouterr().out


def test_two_trainings_with_one_seed_are_equal_and_another_seed_differs() -> None:
    results = []
    for seed in (0, 0, 1):
        runner = make_runner(None, with_evaluation=False)
        torch.manual_seed(seed)
        runner.learn(2)
        results.append(weights(runner).clone())
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def test_loaded_policy_acts_as_the_trained_one(tmp_path: Path) -> None:
    runner = make_runner(tmp_path, with_evaluation=False)
    runner.learn(2)
    env_cfg, train_cfg = configurations()
    env = make_env("walk", env_cfg)
    policy = load_policy(tmp_path / "model.pt", train_cfg, env)
    obs = torch.randn(5, 108)
    torch.testing.assert_close(policy(obs), runner.inference_policy()(obs))
    train_cfg.set("policy.hidden_dims", [16, 16])
    with pytest.raises(InputError, match="actor_state_dict does not fit") as error:
        load_policy(tmp_path / "model.pt", train_cfg, env)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("success", "error", "ended_at"), [(0.95, 0.05, 4), (0.94, 0.01, 6), (1.0, 0.051, 6)]
)
def test_a_training_until_learned_ends_after_the_evaluation_that_says_so(
    tmp_path: Path, success: float, error: float, ended_at: int
) -> None:
    """Evaluations in iterations 2, 4 and 6; the second one gives the numbers, the others do not."""
    runner = make_runner(tmp_path, **{"runner.save_interval": 100})
    runner.until_learned = True
    evaluate = runner.evaluate

    def graded(*args: Any) -> dict[str, float]:
        second = runner.current_learning_iteration == 4
        given = {"success": success, "position_error_m": error} if second else {}
        return {**evaluate(*args), **given}

    runner.evaluate = graded  # type: ignore[method-assign]
    runner.learn(6)
    assert runner.current_learning_iteration == ended_at
    assert len(runner.evaluations.curve) == ended_at // 2
    names = {p.name for p in tmp_path.iterdir() if p.suffix == ".pt"}
    assert names == {f"model_{ended_at}.pt", "model_best.pt", "model.pt"}
    assert torch.load(tmp_path / "model.pt", weights_only=True)["iter"] == 4


def test_ending_early_leaves_the_same_policy_as_so_many_iterations() -> None:
    results, good = [], {"success": 1.0, "position_error_m": 0.0}
    for until, iterations in ((True, 6), (False, 2)):
        runner = make_runner(None)
        runner.until_learned = until
        evaluate = runner.evaluate
        runner.evaluate = lambda *args, own=evaluate: {**own(*args), **good}  # type: ignore
        torch.manual_seed(0)
        runner.learn(iterations)
        results.append(weights(runner).clone())
    assert torch.equal(*results)


def test_a_reward_that_is_no_number_stops_the_training_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A schedule would set the spread, which is one of the weights, before the reward is seen.
    runner = make_runner(tmp_path, with_evaluation=False, **{"policy.final_std": None})
    monkeypatch.setattr(
        REWARDS, "reward_track_ee_pos", staticmethod(lambda data, *_: data["phase"] * float("nan"))
    )
    terms = runner.env.env.cfg.rewards.terms.to_dict()
    runner.env.env.compose_reward = RewardComposer(terms)
    before = weights(runner).clone()
    message = r"iteration 1: not finite in 100% of the samples: track_ee_pos; .*not_finite_1.pt'$"
    with pytest.raises(NotFinite, match=message):
        runner.learn(2)
    assert torch.equal(before, weights(runner))


def test_resuming_takes_the_learning_rate_of_the_configuration(tmp_path: Path) -> None:
    make_runner(tmp_path).learn(2)
    again = make_runner(None, **{"algorithm.learning_rate": 1e-5})
    again.load(str(tmp_path / "model_2.pt"))
    assert again.alg.optimizer.param_groups[0]["lr"] == again.alg.learning_rate == 1e-5
    assert [point["iteration"] for point in again.evaluations.curve] == [2]
    assert again.training_seconds > 0.0
    other = make_runner(None, **{"policy.hidden_dims": [8, 8]})
    with pytest.raises(InputError, match="model_2.pt: does not fit the configuration") as error:
        other.load(str(tmp_path / "model_2.pt"))
    assert "\n" not in str(error.value)


def test_the_actions_spread_follows_its_schedule() -> None:
    schedule = {"policy.init_std": 0.3, "policy.final_std": 0.1, "algorithm.decay_iterations": 4}
    runner = make_runner(None, with_evaluation=False, **schedule)
    runner.learn(2)
    spread = runner.alg.get_policy().distribution.std_param
    torch.testing.assert_close(spread, torch.full_like(spread, 0.2))


def test_kernels_narrow_by_the_means_of_steps_and_stay_so_in_a_resumed_training(
    tmp_path: Path,
) -> None:
    def shares(runner: PpoRunner) -> dict[str, float]:
        return runner.env.env.narrowing.state_dict()

    first = make_runner(tmp_path, with_evaluation=False)
    seen: list[dict[str, float]] = []
    narrow = first.env.env.narrowing
    narrow.above, update = 0.5, narrow.update
    narrow.update = lambda means: (seen.append(dict(means)), update(means))[1]
    first.learn(2)
    assert len(seen) == 2
    for name, share in shares(first).items():
        means = [given[name] for given in seen]
        assert all(0.0 < mean <= 1.0 for mean in means)
        assert share == pytest.approx(0.98 ** sum(mean > 0.5 for mean in means))
    assert min(shares(first).values()) < 1.0
    again = make_runner(None, with_evaluation=False)
    again.load(str(tmp_path / "model_2.pt"))
    assert shares(again) == pytest.approx(shares(first))


def test_resuming_knows_where_episodes_failed(tmp_path: Path) -> None:
    def sampling(runner: PpoRunner) -> FailurePhases:
        runner.env.env.phase_sampling = FailurePhases(runner.env.env.motion_loader, 0.5)
        return runner.env.env.phase_sampling

    first = make_runner(tmp_path, with_evaluation=False)
    counted = sampling(first)
    first.learn(2)
    again = make_runner(None, with_evaluation=False)
    read = sampling(again)
    again.load(str(tmp_path / "model_2.pt"))
    assert float(counted.state_dict()["steps"].sum()) > 90.0  # of 8 environments x 12 steps
    assert torch.equal(read.probabilities(), counted.probabilities())


def test_rsl_configuration_is_plain_and_complete() -> None:
    _, train_cfg = configurations()
    settings = rsl_config(train_cfg)
    assert json.loads(json.dumps(settings)) == settings
    assert settings["algorithm"]["learning_rate"] == train_cfg.algorithm.learning_rate
    assert settings["actor"]["distribution_cfg"]["init_std"] == train_cfg.policy.init_std
