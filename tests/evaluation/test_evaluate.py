"""Roll-outs: what counts as an episode, as a fall, as success."""

from __future__ import annotations

import pytest
import torch

from animRL.cfg.mimic.walk_config import WalkConfig
from animRL.envs.mimic_task import MimicTask
from animRL.evaluation import evaluate
from animRL.evaluation.evaluate import (
    Episodes,
    evaluation_config,
    record,
    roll_out,
    start_phases,
    summarise,
)
from animRL.sim.factory import make_backend


def make_evaluation(episodes: int, engine: str = "mujoco", **settings: object) -> MimicTask:
    cfg = WalkConfig()
    for path, value in settings.items():
        cfg.set(path.replace("__", "."), value)
    cfg.set("sim.engine", engine)
    cfg.set("sim.threads", 1)
    cfg = evaluation_config(cfg, episodes)
    return MimicTask(cfg, make_backend(cfg, episodes))


def zero_policy(obs: torch.Tensor) -> torch.Tensor:
    return torch.zeros(len(obs), 32)


def test_evaluation_is_by_falls_alone_with_noisy_starts() -> None:
    cfg = WalkConfig()
    copy = evaluation_config(cfg, 7)
    assert copy.env.num_envs == 7
    assert not copy.termination.pose_lost.enabled
    assert (copy.init_state.joint_noise, copy.init_state.root_velocity_noise) == (0.05, 0.1)
    assert cfg.termination.pose_lost.enabled and cfg.init_state.joint_noise == 0.0


def test_start_phases_are_zero_first_then_seeded() -> None:
    a = start_phases(10, 4, 3, torch.device("cpu"))
    assert (a[:4] == 0.0).all() and (a[4:] > 0.0).all()
    assert torch.equal(a, start_phases(10, 4, 3, torch.device("cpu")))
    assert not torch.equal(a[4:], start_phases(10, 4, 4, torch.device("cpu"))[4:])


def test_a_policy_that_does_nothing_falls_and_is_counted_until_then() -> None:
    env = make_evaluation(6)
    episodes = roll_out(env, zero_policy, torch.zeros(6), seed=1)
    assert not episodes.success.any()
    assert (episodes.steps < 250).all() and (episodes.steps > 5).all()
    assert (episodes.length == 1000).all()
    # Steps after the fall count 0 in the return, and not at all in the error.
    assert (episodes.normalised_return < episodes.steps / 1000).all()
    assert (episodes.position_error > 0.0).all()


def test_roll_outs_repeat_and_leave_the_global_generator_alone() -> None:
    env = make_evaluation(4)
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    runs = [roll_out(env, zero_policy, torch.zeros(4), seed=1) for _ in range(2)]
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.equal(runs[0].steps, runs[1].steps)
    assert torch.equal(runs[0].position_error, runs[1].position_error)
    other = roll_out(env, zero_policy, torch.zeros(4), seed=2)
    assert not torch.equal(runs[0].position_error, other.position_error)


@pytest.mark.parametrize("shift", [0.0, 0.2, 0.6])
def test_perfect_and_shifted_tracking(shift: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kinematic engine put beside the reference: the error is the shift, success below 0.5."""
    monkeypatch.setattr(evaluate, "EPISODE_SECONDS", 1.0)
    env = make_evaluation(3, "kinematic")

    def beside(obs: torch.Tensor) -> torch.Tensor:
        state = env.reference_state()
        moved = state.root_pos + torch.tensor([0.0, shift, 0.0])
        env.backend.follow(type(state)(**{**vars(state), "root_pos": moved}))  # type: ignore[attr-defined]
        return zero_policy(obs)

    episodes = roll_out(env, beside, torch.tensor([0.0, 0.3, 0.9]), seed=0)
    assert bool(episodes.success.all()) is (shift < 0.5)
    assert (episodes.steps == 50).all()
    # One loop (1.12 s) may begin within the second: it forgives the shift, which is drift then.
    errors = episodes.position_error
    torch.testing.assert_close(errors[0], torch.tensor(shift / 18), atol=1e-4, rtol=0)
    if shift == 0.0:
        torch.testing.assert_close(episodes.normalised_return, torch.ones(3))
        assert float(episodes.drift_m_per_min.max()) < 1e-3
    else:
        assert float(episodes.drift_m_per_min[2]) == pytest.approx(60 * shift, rel=1e-3)


def test_a_clip_that_does_not_loop_is_played_to_its_end() -> None:
    env = make_evaluation(2, "kinematic", motion_loader__loop=False)

    def follow(obs: torch.Tensor) -> torch.Tensor:
        env.backend.follow(env.reference_state())  # type: ignore[attr-defined]
        return zero_policy(obs)

    episodes = roll_out(env, follow, torch.tensor([0.0, 0.5]), seed=0)
    assert episodes.length.tolist() == [56, 28]
    assert episodes.steps.tolist() == [56, 28]
    assert episodes.success.all()


def test_record_goes_on_through_resets() -> None:
    env = make_evaluation(1)
    trace = record(env, zero_policy, 200, seed=0)
    assert len(trace.obs) == len(trace.dones) == len(trace.total) == 200
    assert any(trace.falls) and trace.obs[0].shape == (108,)
    assert all(len(values) == 200 for values in trace.rewards.values())


def test_summary_weighs_steps_and_episodes() -> None:
    episodes = Episodes(
        success=torch.tensor([True, False, True, True]),
        steps=torch.tensor([10, 30, 10, 50]),
        length=torch.full((4,), 50),
        position_error=torch.tensor([0.1, 0.2, 0.0, 0.0]),
        normalised_return=torch.tensor([1.0, 0.0, 1.0, 0.0]),
        course_reward=torch.tensor([1.0, 0.0, 0.0, 0.0]),
        drift_m_per_min=torch.zeros(4),
    )
    summary = summarise(episodes, 2)
    assert summary["success_rate"] == 0.5 and summary["success_rate_random_phase"] == 1.0
    assert summary["position_error_m"] == pytest.approx((1.0 + 6.0) / 100)
    assert summary["normalised_return"] == 0.5
    assert summary["course_reward"] == pytest.approx(0.1)
