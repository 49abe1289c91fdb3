"""A policy plays, can be pushed and judged by other kernels, and its training is followed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from animRL.runner.checkpoint import load_checkpoint, save_checkpoint
from animRL.runner.run_dir import LIVE_NAME
from animRL.scripts.cli import load_configurations
from animRL.scripts.policy_playback import DOWN_SECONDS, NEWEST, RANDOM, ZERO, PolicyPlayback
from animRL.utils.errors import InputError
from animRL.utils.paths import REPO_ROOT

RUN = REPO_ROOT / "results" / "walk"


@pytest.fixture
def play():
    built = []

    def build(task="walk", run=RUN, checkpoint="model.pt", **options) -> PolicyPlayback:
        env_cfg, train_cfg = load_configurations(task, REPO_ROOT / "results" / task)
        env_cfg.set("sim.engine", "mujoco")
        env_cfg.set("sim.threads", 1)
        path = None if run is None or checkpoint is None else run / checkpoint
        built.append(PolicyPlayback(task, env_cfg, train_cfg, run=run, checkpoint=path, **options))
        return built[-1]

    yield build
    for playback in built:
        playback.close()


def steps(playback, count):
    return [playback.step() for _ in range(count)]


def test_the_walk_that_ships_walks(play):
    shown = steps(play(), 100)[-1]
    assert shown.poses.root_pos[0, 0] > 1.5 and not shown.down[0]
    assert shown.total[0] > 0.8 and set(shown.terms) == set(play().kernels)
    assert shown.reference is not None
    assert np.linalg.norm(shown.poses.root_pos - shown.reference.root_pos) < 0.3


def test_two_are_equal_and_a_push_tells_them_apart(play):
    calm, pushed = play(), play()
    steps(calm, 10), steps(pushed, 10)
    pushed.push(0, np.array([0.0, 150.0, 0.0]), 0.2)
    a, b = steps(calm, 15), steps(pushed, 15)
    assert [bool(np.abs(s.pushes).max() > 0) for s in b] == 10 * [True] + 5 * [False]
    assert abs(b[-1].poses.root_pos[0, 1] - a[-1].poses.root_pos[0, 1]) > 0.03
    pushed.reset(0.0), calm.reset(0.0)
    a, b = steps(calm, 5), steps(pushed, 5)
    np.testing.assert_array_equal(a[-1].poses.joint_pos, b[-1].poses.joint_pos)


def test_a_push_can_be_taken_back(play):
    playback = play()
    playback.push(0, np.array([100.0, 0.0, 0.0]), 10.0)
    steps(playback, 3)
    playback.push(0, np.zeros(3), 0.0)
    assert np.abs(playback.step().pushes).max() == 0.0


def test_who_falls_lies_a_while_and_starts_again_where_it_was_told(play):
    playback = play()
    playback.reset(0.4)
    playback.push(0, np.array([0.0, 900.0, 0.0]), 0.4)
    shown = steps(playback, 250)
    down = np.array([bool(s.down[0]) for s in shown])
    first = int(np.argmax(down))
    assert down.any() and 1.0 < down[first:].argmin() * playback.dt <= DOWN_SECONDS + 0.05
    again = shown[first + int(down[first:].argmin())]
    assert abs(again.phases[0] - 0.4) < 0.05


def test_other_kernels_judge_the_same_instant(play):
    playback = play()
    before = steps(playback, 20)[-1]
    sigma, tolerance = playback.kernels["track_joint_pos"]
    after = playback.set_kernel("track_joint_pos", 0.3 * sigma, tolerance)
    assert after.total[0] < before.total[0]
    np.testing.assert_array_equal(after.poses.joint_pos, before.poses.joint_pos)
    value = before.terms["track_joint_pos"][0]
    assert after.terms["track_joint_pos"][0] == pytest.approx(value ** (1 / 0.09), rel=1e-4)
    product = np.prod([term[0] for term in after.terms.values()])
    assert after.total[0] == pytest.approx(product, rel=1e-5)
    freed = playback.set_kernel("track_joint_pos", tolerance=100.0)
    assert freed.terms["track_joint_pos"][0] == 1.0
    assert playback.kernels["track_joint_pos"] == (0.3 * sigma, 100.0)
    assert playback.forget_kernels().total[0] == before.total[0]
    assert playback.kernels["track_joint_pos"] == (sigma, tolerance)
    playback.reset(0.5)
    assert playback.set_kernel("track_joint_pos", sigma=0.1) is None, "nothing is judged yet"


def test_several_characters_are_told_apart(play):
    playback = play(count=3)
    playback.push(1, np.array([0.0, 900.0, 0.0]), 0.4)
    shown = steps(playback, 60)[-1]
    assert shown.down.tolist() == [False, True, False]
    assert len(shown.poses) == len(shown.reference) == 3
    steps(playback, 120)
    assert not playback.step().down.any(), "the second starts again, the others go on"


def test_at_a_start_the_reference_is_where_the_character_is(play):
    shown = play().reset(0.37)
    assert shown.phases[0] == pytest.approx(0.37) and shown.total is None
    np.testing.assert_allclose(shown.poses.root_pos, shown.reference.root_pos, atol=1e-5)
    np.testing.assert_allclose(shown.poses.joint_pos, shown.reference.joint_pos, atol=1e-5)


def test_several_keep_to_the_chosen_clip_and_phase(play, monkeypatch):
    files = [f"datasets/bob3/{name}.txt" for name in ("Walk", "Cartwheel")]
    env_cfg, train_cfg = load_configurations("walk", RUN)
    env_cfg.set("motion_loader.motion_files", files)
    env_cfg.set("sim.threads", 1)
    playback = PolicyPlayback("walk", env_cfg, train_cfg, 3, RUN, RUN / "model.pt")
    playback.choose_clip("Cartwheel")
    assert playback.reset(0.25).phases == pytest.approx(0.25)
    began = []
    for _ in range(300):
        before = playback._env.episode_steps
        playback.step()
        for who in (playback._env.episode_steps < before).nonzero().flatten().tolist():
            began.append(float(playback._env.reference.reset_phase[who]))
            assert int(playback._env.reference.clip_ids[who]) == 1
    assert len(began) >= 3 and began == pytest.approx(len(began) * [0.25])
    playback.close()


@pytest.mark.parametrize("phase", [0.99, 1.0])
def test_the_end_of_a_clip_leaves_something_to_see(play, phase):
    playback = play("cartwheel", REPO_ROOT / "results" / "cartwheel")
    assert playback.reset(phase).phases[0] == pytest.approx(0.9, abs=0.02)
    places = [s.poses.root_pos[0, 2] for s in steps(playback, 10)]
    assert len(set(places)) == 10


def test_checkpoints_of_a_training_appear(play, tmp_path):
    playback = play(run=tmp_path, checkpoint=None)
    assert playback.checkpoints == [NEWEST, ZERO, RANDOM]
    save_checkpoint(tmp_path / "model_50.pt", load_checkpoint(RUN / "model.pt"))
    playback.refresh()
    assert "model_50.pt" in playback.checkpoints
    playback.choose_checkpoint("model_50.pt")
    playback.choose_checkpoint(NEWEST)
    save_checkpoint(tmp_path / LIVE_NAME, {**load_checkpoint(RUN / "model.pt"), "iter": 60})
    assert playback.refresh() == "policy of iteration 60"


def test_a_clip_that_ends_starts_again(play):
    run = REPO_ROOT / "results" / "cartwheel"
    playback = play("cartwheel", run)
    phases = [float(s.phases[0]) for s in steps(playback, 250)]
    assert max(phases) > 0.98 and phases[-1] < 0.9


@pytest.mark.parametrize("actions", [ZERO, RANDOM])
def test_without_a_policy_it_plays_actions(play, actions):
    playback = play(run=None, actions=actions)
    assert playback.playing == actions
    shown = steps(playback, 40)
    assert np.isfinite(shown[-1].poses.root_pos).all()


def test_checkpoints_can_be_chosen(play):
    playback = play()
    assert playback.playing == "model.pt" and {ZERO, RANDOM} < set(playback.checkpoints)
    playback.choose_checkpoint(ZERO)
    assert playback.playing == ZERO and "walk" in playback.title
    with pytest.raises(InputError, match="no checkpoint 'x'; valid: "):
        playback.choose_checkpoint("x")


def test_a_training_is_followed(play, tmp_path):
    playback = play(run=tmp_path, checkpoint=None)
    assert playback.playing == NEWEST and playback.refresh() is None
    calm = steps(playback, 3)[-1]
    payload = load_checkpoint(RUN / "model.pt")
    save_checkpoint(tmp_path / LIVE_NAME, {**payload, "iter": 41})
    assert playback.refresh() == "policy of iteration 41"
    assert playback.refresh() is None, "no news since"
    playback.reset(0.0)
    assert not np.array_equal(steps(playback, 3)[-1].poses.joint_pos, calm.poses.joint_pos)
    (tmp_path / LIVE_NAME).write_bytes(b"half a file")
    assert playback.refresh() is None, "what cannot be read is not news"
    (tmp_path / LIVE_NAME).unlink()
    assert playback.refresh() is None


def test_narrowed_kernels_come_with_the_policy_and_ones_own_stay(play, tmp_path):
    payload = load_checkpoint(RUN / "model.pt")
    shares = {name: 0.5 for name in play().kernels}
    payload["infos"] = {**payload["infos"], "sigma_shares": shares}
    save_checkpoint(tmp_path / LIVE_NAME, payload)
    playback = play(run=tmp_path, checkpoint=None)
    full = load_configurations("walk", RUN)[0].rewards.terms
    assert playback.kernels["track_ee_pos"][0] == pytest.approx(0.5 * full.track_ee_pos[0])
    playback.set_kernel("track_ee_pos", tolerance=0.02)
    payload["infos"] = {**payload["infos"], "sigma_shares": {**shares, "track_ee_pos": 0.25}}
    save_checkpoint(tmp_path / LIVE_NAME, payload)
    playback.refresh()
    narrowed = pytest.approx(0.25 * full.track_ee_pos[0])
    assert playback.kernels["track_ee_pos"] == (narrowed, 0.02), "what was not touched goes on"


def test_random_numbers_of_others_are_not_asked_of(play):
    """Zero actions and a policy draw nothing; a start without noise draws but does not matter."""
    torch.manual_seed(5)
    a = steps(play(), 20)[-1]
    torch.manual_seed(6)
    b = steps(play(), 20)[-1]
    np.testing.assert_array_equal(a.poses.joint_pos, b.poses.joint_pos)
