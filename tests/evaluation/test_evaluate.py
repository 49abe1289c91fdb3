"""Roll-outs: what counts as an episode, as a fall, as success."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from animRL.cfg.mimic.walk_config import WalkConfig
from animRL.dataloader.clip import load_clip, save_clip
from animRL.envs.mimic_task import MimicTask
from animRL.evaluation import evaluate
from animRL.evaluation.evaluate import (
    Episodes,
    Trace,
    evaluation_config,
    record,
    roll_out,
    start_clips,
    start_phases,
    summarise,
    summarise_clips,
)
from animRL.motion.feedforward import joint_torques
from animRL.sim.factory import make_backend
from animRL.utils.paths import RESOURCES


def make_evaluation(episodes: int, engine: str = "mujoco", **settings: object) -> MimicTask:
    cfg = WalkConfig()
    for path, value in settings.items():
        cfg.set(path.replace("__", "."), value)
    cfg.set("sim.engine", engine)
    cfg.set("sim.threads", 1)
    cfg = evaluation_config(cfg, episodes)
    return MimicTask(cfg, make_backend(cfg, episodes), joint_torques)


def mixed_clips(folder: Path) -> list[str]:
    """The walk, which loops, and a piece of it of 0.6 s, which does not."""
    clip = load_clip(RESOURCES / "datasets/bob3/Walk.txt")
    save_clip(clip, folder / "walk.txt")
    save_clip(replace(clip, frames=clip.frames[:31], loop=False), folder / "piece.txt")
    return [str(folder / "walk.txt"), str(folder / "piece.txt")]


def zero_policy(obs: torch.Tensor) -> torch.Tensor:
    return torch.zeros(len(obs), 32)


def test_evaluation_is_by_falls_alone_with_noisy_starts() -> None:
    cfg = WalkConfig()
    cfg.set("disturbances.push_interval", 2.0)
    cfg.set("init_state.joint_noise", 0.0)
    copy = evaluation_config(cfg, 7)
    assert copy.env.num_envs == 7
    assert not copy.termination.pose_lost.enabled
    assert copy.disturbances.push_interval == 0.0  # a policy trained with pushes has a rest here
    assert (copy.init_state.joint_noise, copy.init_state.root_velocity_noise) == (0.05, 0.1)
    assert cfg.termination.pose_lost.enabled and cfg.init_state.joint_noise == 0.0


def test_start_phases_are_zero_first_then_seeded() -> None:
    a = start_phases(10, 4, 3, torch.device("cpu"))
    assert (a[:4] == 0.0).all() and (a[4:] > 0.0).all()
    assert torch.equal(a, start_phases(10, 4, 3, torch.device("cpu")))
    assert not torch.equal(a[4:], start_phases(10, 4, 4, torch.device("cpu"))[4:])


def test_each_clip_gets_its_share_of_the_episodes(tmp_path: Path) -> None:
    clip = load_clip(RESOURCES / "datasets/bob3/Walk.txt")
    for number, weight in enumerate((1.0, 2.0, 1.0)):
        save_clip(replace(clip, motion_weight=weight), tmp_path / f"{number}.txt")
    env = make_evaluation(14, "kinematic", motion_loader__motion_files=[str(tmp_path / "*.txt")])
    clips = start_clips(env, 8)
    assert torch.bincount(clips[:8]).tolist() == [2, 4, 2]
    assert torch.bincount(clips[8:]).tolist() in ([1, 3, 2], [2, 3, 1])  # 1.5, 3, 1.5
    roll_out(env, zero_policy, torch.full((14,), 0.9), seed=0, clip_ids=clips)
    assert start_clips(env, 0).shape == start_clips(env, 14).shape == (14,)
    assert (start_clips(make_evaluation(3, "kinematic"), 2) == 0).all()


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


def test_record_plays_the_clip_that_it_is_asked_for(tmp_path: Path) -> None:
    env = make_evaluation(1, "kinematic", motion_loader__motion_files=mixed_clips(tmp_path))
    trace = record(env, zero_policy, 70, seed=0, clip=1)
    assert trace.clips == [1] * 70
    # The clip lasts 0.6 s, so it is begun again after 30 steps, and again after 60.
    assert [step for step, done in enumerate(trace.dones) if done] == [29, 59]
    assert record(env, zero_policy, 40, seed=0).dones == [False] * 40  # the first one loops


def test_several_clips_are_summed_up_each_for_itself(tmp_path: Path) -> None:
    files = mixed_clips(tmp_path)
    env = make_evaluation(30, "kinematic", motion_loader__motion_files=files)

    def follow(obs: torch.Tensor) -> torch.Tensor:
        env.backend.follow(env.reference_state())  # type: ignore[attr-defined]
        return zero_policy(obs)

    trace = Trace()
    clips = torch.arange(30) % 2
    episodes = roll_out(env, follow, torch.zeros(30), seed=0, trace=trace, clip_ids=clips)
    assert torch.equal(episodes.clip_ids, clips)
    expected = torch.where(episodes.clip_ids == 0, 1000, 30)
    assert torch.equal(episodes.length, expected) and torch.equal(episodes.steps, expected)
    assert trace.clips == [int(episodes.clip_ids[0])] * int(expected[0])
    summaries = summarise_clips(episodes, 10)
    assert set(summaries) == {0, 1}
    for own in summaries.values():
        assert own["episodes"] == 15
        assert own["success_rate"] == own["success_rate_random_phase"] == 1.0


def test_a_clips_summary_has_only_its_own_episodes() -> None:
    episodes = Episodes(
        success=torch.tensor([True, False, False]),
        steps=torch.tensor([10, 30, 10]),
        length=torch.full((3,), 50),
        position_error=torch.tensor([0.1, 0.2, 0.4]),
        normalised_return=torch.tensor([1.0, 0.0, 0.5]),
        course_reward=torch.tensor([1.0, 0.0, 0.0]),
        drift_m_per_min=torch.zeros(3),
        clip_ids=torch.tensor([0, 2, 0]),
    )
    clips = summarise_clips(episodes, 2)
    assert set(clips) == {0, 2}
    assert clips[0]["position_error_m"] == pytest.approx(0.25)
    assert (clips[0]["success_rate"], clips[0]["success_rate_random_phase"]) == (1.0, 0.0)
    assert clips[0]["normalised_return"] == 0.75 and clips[0]["episodes"] == 2
    # No episode of this one began at a random phase, so there is no such rate.
    assert clips[2]["success_rate"] == 0.0 and "success_rate_random_phase" not in clips[2]


def test_summary_weighs_steps_and_episodes() -> None:
    episodes = Episodes(
        success=torch.tensor([True, False, True, True]),
        steps=torch.tensor([10, 30, 10, 50]),
        length=torch.full((4,), 50),
        position_error=torch.tensor([0.1, 0.2, 0.0, 0.0]),
        normalised_return=torch.tensor([1.0, 0.0, 1.0, 0.0]),
        course_reward=torch.tensor([1.0, 0.0, 0.0, 0.0]),
        drift_m_per_min=torch.zeros(4),
        clip_ids=torch.zeros(4, dtype=torch.long),
    )
    summary = summarise(episodes, 2)
    assert summary["success_rate"] == 0.5 and summary["success_rate_random_phase"] == 1.0
    assert summary["position_error_m"] == pytest.approx((1.0 + 6.0) / 100)
    assert summary["normalised_return"] == 0.5
    assert summary["course_reward"] == pytest.approx(0.1)
