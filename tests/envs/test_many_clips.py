"""Several clips in one task: each environment has its own, of its own length, rate and end."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from animRL.cfg.characters.bob_config import BobConfig
from animRL.dataloader.clip import Clip, load_clip, save_clip
from animRL.motion.edit.timing import repeated, trim
from animRL.motion.trajectory import Trajectory, to_clip
from animRL.sim.character import Character
from animRL.utils.paths import RESOURCES

TRACKING = ("track_base_height", "track_base_orientation", "track_joint_pos", "track_base_vel")
WEIGHTS = (1.0, 3.0, 2.0)


@pytest.fixture(scope="module")
def clip_files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A loop of 1.12 s at 50 Hz, a piece of 0.6 s that ends, and two slow cycles at 31 Hz."""
    bob = Character.from_config(BobConfig())
    walk = Trajectory.from_clip(load_clip(RESOURCES / "datasets/bob3/Walk.txt"))
    motions = (walk, trim(walk, 0.2, 0.8), replace(repeated(walk, 2), dt=1 / 31))
    folder, files = tmp_path_factory.mktemp("clips"), []
    for number, (motion, weight) in enumerate(zip(motions, WEIGHTS, strict=True)):
        clip: Clip = to_clip(bob, motion, motion_weight=weight)
        save_clip(clip, folder / f"clip{number}.txt")
        files.append(str(folder / f"clip{number}.txt"))
    return files


@pytest.fixture
def make_mixed(make_task, clip_files: list[str]):
    def build(num_envs: int, **settings: object):
        return make_task({
            "motion_loader.motion_files": clip_files, "sim.engine": "kinematic",
            "env.num_envs": num_envs, "env.episode_length": 100_000, **settings,
        })  # fmt: skip

    return build


def test_perfect_tracking_of_a_mix_scores_one(make_mixed) -> None:
    task = make_mixed(96, **{"rewards.terms.track_ee_pos": [0.25, 0.0]})
    clips = torch.arange(96) % 3
    task.reset(torch.linspace(0.0, 1.0, 96), clip_ids=clips)
    assert torch.equal(task.reference.clip_ids, clips)
    ends = 0
    for _ in range(2 * math.ceil(float(task.motion_loader.trajectory_lens.max()) / task.dt) + 2):
        task.backend.follow(task.reference_state())
        followed = task.reference.clip_ids
        result = task.step(torch.zeros(96, task.num_actions))
        assert not result.terminated.any()
        # Only the clip that does not loop ever ends, and then another one is drawn.
        assert (followed[result.done] == 1).all()
        ends += int(result.done.sum())
        for name in TRACKING:
            assert float(result.terms[name].min()) >= 1.0 - 1e-6, name
        assert float(result.terms["track_ee_pos"].min()) >= 0.999
    assert ends >= 32


def test_each_environment_advances_by_the_duration_of_its_own_clip(make_mixed) -> None:
    task = make_mixed(3)
    task.reset(torch.full((3,), 0.25), clip_ids=torch.tensor([0, 1, 2]))
    durations = torch.tensor([1.12, 0.6, 112 / 31])
    torch.testing.assert_close(task.motion_loader.trajectory_lens, durations)
    torch.testing.assert_close(task.reference.phase, 0.25 + task.dt / durations)
    frames = task.motion_loader.get_frame_at_phase(task.reference.phase, torch.tensor([0, 1, 2]))
    torch.testing.assert_close(task.reference.target_frames[:, 7:], frames[:, 7:])


def test_new_episodes_draw_their_clip_by_weight(make_mixed) -> None:
    task = make_mixed(3000)
    torch.manual_seed(0)
    task.reset()
    shares = torch.bincount(task.reference.clip_ids, minlength=3) / 3000
    expected = torch.tensor(WEIGHTS) / sum(WEIGHTS)
    # Three standard deviations of a binomial share of one half.
    torch.testing.assert_close(shares, expected, atol=3 * 0.5 / math.sqrt(3000), rtol=0)


def test_a_clip_drawn_after_an_end_is_drawn_by_weight_too(make_mixed) -> None:
    task = make_mixed(3000)
    task.reset(torch.full((3000,), 0.99), clip_ids=torch.ones(3000, dtype=torch.long))
    torch.manual_seed(0)
    done = torch.zeros(3000, dtype=torch.bool)
    for _ in range(2):
        task.backend.follow(task.reference_state())
        done |= task.step(torch.zeros(3000, task.num_actions)).timed_out
    assert done.all()
    shares = torch.bincount(task.reference.clip_ids, minlength=3) / 3000
    expected = torch.tensor(WEIGHTS) / sum(WEIGHTS)
    torch.testing.assert_close(shares, expected, atol=3 * 0.5 / math.sqrt(3000), rtol=0)


def test_the_setting_loop_goes_over_the_files_word_for_all(make_mixed) -> None:
    assert make_mixed(3).motion_loader.loops.tolist() == [True, False, True]
    task = make_mixed(3, **{"motion_loader.loop": False})
    assert task.motion_loader.loops.tolist() == [False] * 3


def test_other_clips_can_be_loaded_beside_those_of_the_task(make_mixed, tmp_path: Path) -> None:
    task = make_mixed(3)
    clip = task.motion_loader.clips[1]
    save_clip(replace(clip, frames=clip.frames[:10]), tmp_path / "short.txt")
    cfg = type(task.cfg).from_dict(task.cfg.to_dict())
    cfg.set("motion_loader.motion_files", [str(tmp_path / "*.txt")])
    assert len(task.load_motions(cfg.motion_loader).clips[0].frames) == 10
    assert task.motion_loader.num_motions == 3
