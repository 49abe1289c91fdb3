from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from animRL.reward.composer import RewardComposer
from animRL.reward.recording import KEYS, anchor_recording, load_recording
from animRL.scripts.record_states import main, record_random_actions
from animRL.tasks import make_env_cfg
from animRL.utils.errors import InputError
from tests.reward.oracle import TERMS, random_data


class JudgingTask:
    """As the task does: judges a state, then moves on to the next target before `step` returns."""

    num_envs, num_actions, device = 3, 4, "cpu"

    def __init__(self):
        self.compose_reward = RewardComposer(TERMS)
        self.present = 0
        self.judged, self.rewards, self.actions = [], [], []

    def step(self, actions):
        data = random_data(self.present, self.num_envs, self.num_actions)
        self.actions.append(actions)
        self.judged.append(data)
        self.rewards.append(self.compose_reward(data)[0])
        self.present += 1
        return SimpleNamespace(data=data)


def test_records_what_the_reward_judged(tmp_path):
    task = JudgingTask()
    steps = record_random_actions(task, 4)
    assert len(steps) == 4
    for step, judged in zip(steps, task.judged):
        assert set(step) == {*KEYS, "anchored"} and step["anchored"]
        for key in KEYS:
            torch.testing.assert_close(torch.tensor(step[key]), judged[key], rtol=1e-6, atol=1e-9)


def test_actions_are_random_and_follow_the_seed():
    def actions():
        torch.manual_seed(3)
        task = JudgingTask()
        record_random_actions(task, 50)
        return torch.stack(task.actions)

    one = actions()
    assert torch.equal(one, actions())
    assert one.shape == (50, 3, 4)
    assert abs(one.mean()) < 0.2 and abs(one.std() - 1.0) < 0.1


def test_a_recorded_task_scores_again_what_it_scored(tmp_path, monkeypatch):
    rewards = []
    compose = RewardComposer.__call__

    def remember(self, data):
        total, terms = compose(self, data)
        rewards.append(total)
        return total, terms

    monkeypatch.setattr(RewardComposer, "__call__", remember)
    path = tmp_path / "walk.json"
    argv = ["--task=walk", "--sim=kinematic", "--num_envs=2", "--steps=3", "--seed=5"]
    assert main([*argv, "--out", str(path)]) == 0
    scored = torch.cat(rewards)
    recording = anchor_recording(load_recording(path))
    assert (recording.num_steps, recording.num_envs) == (3, 2)
    terms = make_env_cfg("walk").rewards.terms.to_dict()
    again, _ = compose(RewardComposer(terms), recording.task_data())
    torch.testing.assert_close(again, scored, atol=1e-5, rtol=0.0)


@pytest.mark.parametrize("argv", [["--num_envs=0"], ["--steps=0"]])
def test_nothing_to_record_is_refused(argv):
    with pytest.raises(InputError, match="valid: at least 1"):
        main(argv)
