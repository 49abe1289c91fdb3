"""The adapter to rsl-rl: shapes, time-outs apart from failures, logged terms."""

from __future__ import annotations

from dataclasses import replace

import torch

from animRL.runner.vec_env import OBS_GROUP, RslVecEnv


def test_step_gives_what_rsl_rl_expects(make_task) -> None:
    env = RslVecEnv(make_task({"env.episode_length": 2, "sim.engine": "kinematic"}))
    assert (env.num_envs, env.num_actions, env.max_episode_length) == (4, 32, 2)
    assert env.get_observations()[OBS_GROUP].shape == (4, 108)
    for expected in (False, True):
        env.env.backend.follow(env.env.reference_state())
        obs, rewards, dones, extras = env.step(torch.zeros(4, 32))
        assert obs[OBS_GROUP].shape == (4, 108) and rewards.shape == dones.shape == (4,)
        assert dones.dtype == torch.long
        assert bool(extras["time_outs"].all()) is expected and bool(dones.all()) is expected
    names = {"total_reward", "diverged", "not_finite", *env.env.compose_reward.names}
    assert set(extras["log"]) == names
    assert env.get_observations()[OBS_GROUP].equal(obs[OBS_GROUP])
    env.episode_length_buf = torch.tensor([1, 0, 1, 0])
    assert env.env.episode_steps.tolist() == [1, 0, 1, 0]


def test_environments_that_diverged_are_counted(make_task, monkeypatch) -> None:
    env = RslVecEnv(make_task({"sim.engine": "kinematic"}))
    backend = env.env.backend
    _, _, _, extras = env.step(torch.zeros(4, 32))
    assert extras["log"]["diverged"] == 0.0
    whole, lost = backend.state, torch.tensor([False, True, False, False])
    monkeypatch.setattr(backend, "state", lambda: replace(whole(), diverged=lost))
    _, rewards, dones, extras = env.step(torch.zeros(4, 32))
    assert extras["log"]["diverged"] == extras["log"]["not_finite"] == 0.25
    assert extras["faults"]["state"] == 0.25 and sum(extras["faults"].values()) == 0.25
    assert dones.tolist()[1] == 1 and rewards[1] == 0.0
