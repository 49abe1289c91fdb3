"""The task: perfect tracking, invariance, starts, terminations, actions, data."""

from __future__ import annotations

import math

import pytest
import torch

from animRL.envs.mimic_task import MimicTask
from animRL.sim.base import ResetState
from animRL.utils import rotations as rot

TRACKING = ("track_base_height", "track_base_orientation", "track_joint_pos", "track_base_vel")
CLIPS = ["ours", "Walk", "Cartwheel"]


def clip_settings(request: pytest.FixtureRequest, clip: str) -> dict:
    if clip == "ours":
        return {}
    folder = request.getfixturevalue("external_data") / "course"
    settings: dict = {"motion_loader.motion_files": [str(folder / f"{clip}.txt")]}
    if clip == "Walk":
        settings["motion_loader.loop"] = True
    return settings


def follow_perfectly(task: MimicTask, phases: torch.Tensor, steps: int) -> dict[str, float]:
    """Put every environment on its reference in place of each step; the worst value of terms."""
    task.reset(phases)
    worst: dict[str, float] = {}
    for _ in range(steps):
        task.backend.follow(task.reference_state())  # type: ignore[attr-defined]
        running = ~task.reference.finished()
        result = task.step(torch.zeros(task.num_envs, task.num_actions))
        assert not result.terminated.any()
        for name, value in result.terms.items():
            worst[name] = min(worst.get(name, 1.0), float(value.min()))
        if not running.any():
            break
    return worst


@pytest.mark.parametrize("rate", [50, 30])
@pytest.mark.parametrize("clip", CLIPS)
def test_perfect_tracking_scores_one(
    request: pytest.FixtureRequest, make_task, clip: str, rate: int
) -> None:
    task = make_task({
        **clip_settings(request, clip), "sim.engine": "kinematic", "env.num_envs": 64,
        "sim.dt": 1.0 / (4 * rate), "env.episode_length": 100_000,
        "rewards.terms.track_ee_pos": [0.25, 0.0],
    })  # fmt: skip
    phases = torch.linspace(0.0, 1.0, 64)
    two_loops = 2 * math.ceil(float(task.motion_loader.trajectory_lens[0]) / task.dt) + 2
    worst = follow_perfectly(task, phases, two_loops)
    for name in TRACKING:
        assert worst[name] >= 1.0 - 1e-6, name
    assert worst["track_ee_pos"] >= 0.999


def test_rewards_and_observations_do_not_depend_on_origin_and_yaw(make_task) -> None:
    task = make_task({"env.num_envs": 9, "env.spacing": 7.0, "sim.engine": "kinematic",
                      "termination.pose_lost.enabled": False})  # fmt: skip
    yaw = torch.linspace(-3.0, 3.0, 9)
    obs = task.reset(torch.full((9,), 0.3), yaw)
    torch.manual_seed(0)
    for _ in range(80):  # over the seam of the loop
        torch.testing.assert_close(obs, obs[:1].expand(9, -1), atol=1e-4, rtol=0)
        task.backend.follow(imperfect(task.reference_state(), yaw))
        result = task.step(0.3 * torch.ones(9, task.num_actions))
        obs = result.obs
        for name, value in result.terms.items():
            torch.testing.assert_close(value, value[:1].expand(9), atol=1e-4, rtol=0, msg=name)
        assert 0.0 < float(result.reward.max()) < 0.99
        assert not result.done.any()


def imperfect(state: ResetState, yaw: torch.Tensor) -> ResetState:
    """The same error in every environment, seen from its own heading."""
    tilt = rot.quat_from_rotvec(0.2 * torch.randn(1, 3)).expand(len(yaw), 4)
    push = rot.quat_rotate(rot.quat_about_z(yaw), 0.05 * torch.randn(1, 3).expand(len(yaw), 3))
    return ResetState(
        root_pos=state.root_pos + push,
        root_quat=rot.quat_mul(state.root_quat, tilt),
        root_lin_vel=state.root_lin_vel + push,
        root_ang_vel=state.root_ang_vel,
        joint_pos=state.joint_pos + 0.05 * torch.randn(1, state.joint_pos.shape[1]),
        joint_vel=state.joint_vel,
    )


def test_physics_does_not_depend_on_origin_and_yaw_either(make_task) -> None:
    task = make_task({"env.num_envs": 9, "env.spacing": 7.0})
    task.reset(torch.full((9,), 0.3), torch.linspace(-3.0, 3.0, 9))
    torch.manual_seed(0)
    for _ in range(15):
        result = task.step((0.3 * torch.randn(1, task.num_actions)).expand(9, -1))
        torch.testing.assert_close(result.obs, result.obs[:1].expand(9, -1), atol=1e-3, rtol=0)


def test_observation_is_108_numbers_in_named_parts(make_task) -> None:
    task = make_task({"init_state.height_clearance": 0.0})
    phases = torch.tensor([0.0, 0.25, 0.5, 0.75])
    obs = task.reset(phases, yaw=torch.tensor([0.0, 1.0, 2.0, 3.0]))
    layout = task.observation_layout
    assert obs.shape == (4, 108) and layout.size == 108
    frames = task.motion_loader.get_frame_at_phase(phases)
    loader, part = task.motion_loader, lambda name: obs[:, layout[name]]
    torch.testing.assert_close(part("base_height")[:, 0], frames[:, 2])
    torch.testing.assert_close(
        part("base_quat"), rot.quat_positive_w(loader.get_root_rot(frames)), atol=1e-5, rtol=0
    )
    torch.testing.assert_close(
        part("base_lin_vel"), loader.get_linear_vel(frames), atol=1e-5, rtol=0
    )
    torch.testing.assert_close(
        part("base_ang_vel"), loader.get_angular_vel(frames), atol=1e-5, rtol=0
    )
    joints = loader.get_joint_pose(frames) - task.character.default_joint_pos
    torch.testing.assert_close(part("joint_pos"), joints, atol=1e-5, rtol=0)
    torch.testing.assert_close(part("joint_vel"), loader.get_joint_vel(frames))
    assert part("last_action").abs().max() == 0.0
    # The phase is that of the target which judges the next state: one step after the start.
    expected = phases + task.motion_loader.phase_step()[0]
    torch.testing.assert_close(part("phase")[:, 0], expected)


def test_start_without_rsi_is_a_stand_at_phase_zero(make_task) -> None:
    task = make_task({"init_state.reference_state_initialisation": False, "env.num_envs": 64})
    state = task.backend.state()
    torch.testing.assert_close(state.root_pos - task.env_origins,
                               torch.tensor([0.0, 0.0, 0.9]).expand(64, 3))  # fmt: skip
    assert state.joint_vel.abs().max() == 0.0 and state.root_lin_vel.abs().max() == 0.0
    default = task.character.default_joint_pos
    bent = default != 0.0
    ratio = state.joint_pos[:, bent] / default[bent]
    assert 0.8 <= float(ratio.min()) < 0.85 and 1.15 < float(ratio.max()) <= 1.2001
    assert state.joint_pos[:, ~bent].abs().max() == 0.0
    assert (task.reference.reset_phase == 0.0).all()
    # Anchored: the reference heads where the character does.
    turn = rot.twist_about_z(task.reference.reset_frames[:, 3:7])
    assert turn.abs().max() < 1e-5


def test_start_with_rsi_is_on_the_clip_at_random_phases(make_task) -> None:
    task = make_task({"env.num_envs": 64, "init_state.height_clearance": 0.02})
    state, frames = task.backend.state(), task.reference.reset_frames
    torch.testing.assert_close(state.root_pos[:, :2], task.env_origins[:, :2], atol=1e-5, rtol=0)
    torch.testing.assert_close(state.root_pos[:, 2], frames[:, 2] + 0.02, atol=1e-5, rtol=0)
    torch.testing.assert_close(
        state.joint_pos, task.motion_loader.get_joint_pose(frames), atol=1e-5, rtol=0
    )
    assert float(task.reference.reset_phase.min()) < 0.1 < 0.9 < task.reference.reset_phase.max()


def test_a_fall_ends_in_failure_and_the_next_episode_starts_fresh(make_task) -> None:
    task = make_task({
        "env.num_envs": 8, "control.action_offset": "default", "env.episode_length": 1000,
        "termination.pose_lost.enabled": False,
    })  # fmt: skip
    ended = torch.zeros(8, dtype=torch.bool)
    for _ in range(150):
        result = task.step(torch.zeros(8, task.num_actions))
        assert not result.timed_out.any()
        done = result.terminated
        assert (task.episode_steps[done] == 0).all()
        assert (task.actions[done] == 0.0).all()
        ended |= done
    assert ended.all()  # holding the default pose is no way to walk


def test_episodes_time_out_apart_from_failure(make_task) -> None:
    task = make_task({"env.episode_length": 3, "sim.engine": "kinematic"})
    outs = []
    for _ in range(4):
        task.backend.follow(task.reference_state())
        result = task.step(torch.zeros(4, task.num_actions))
        assert not result.terminated.any()
        outs.append(bool(result.timed_out.all()))
    assert outs == [False, False, True, False]


def test_losing_the_pose_ends_early_only_if_asked(make_task) -> None:
    for enabled in (True, False):
        task = make_task({"sim.engine": "kinematic", "termination.pose_lost.enabled": enabled})
        task.reset(torch.zeros(4))
        lying = task.reference_state()
        tilt = rot.quat_from_rotvec(torch.tensor([[0.0, 0.9, 0.0]]))
        turned = type(lying)(**{**vars(lying), "root_quat": rot.quat_mul(lying.root_quat, tilt)})
        task.backend.follow(turned)
        assert bool(task.step(torch.zeros(4, task.num_actions)).terminated.all()) is enabled


def test_action_zero_asks_for_the_offset_pose_led_by_the_drives_lag(make_task) -> None:
    seen = {}
    for offset in ("default", "reference"):
        task = make_task({"control.action_offset": offset, "sim.engine": "kinematic",
                          "termination.pose_lost.enabled": False})  # fmt: skip
        task.reset(torch.full((4,), 0.2))
        frames = task.reference.target_frames
        assert not task.step(torch.zeros(4, task.num_actions)).done.any()
        seen[offset] = task.backend._current.joint_pos
        expected = task.character.default_joint_pos.expand(4, -1)
        if offset == "reference":
            loader = task.motion_loader
            lead = 50.0 / 300.0 * loader.get_joint_vel(frames)
            expected = loader.get_joint_pose(frames) + lead
        torch.testing.assert_close(seen[offset], expected)


def test_actions_are_scaled_then_clipped_and_their_rate_is_measured(make_task) -> None:
    task = make_task({"control.action_clip": 0.5, "control.action_scale": 0.25,
                      "control.action_offset": "default"})  # fmt: skip
    rates = []
    task.compose_reward, compose = (
        lambda data: (rates.append(data["joint_targets_rate"]), compose(data))[1],
        task.compose_reward,
    )
    task.step(torch.full((4, task.num_actions), 1.0))
    task.step(torch.full((4, task.num_actions), 100.0))
    assert (rates[0] == 0.0).all()  # the first step after a reset has no rate
    # From 0.25 to the clip 0.5 in all joints: 0.25 sqrt(J) / (sqrt(J) dt).
    torch.testing.assert_close(rates[1], torch.full((4,), 0.25 / 0.02))


def test_step_leaves_its_inputs_and_earlier_results_alone(make_task) -> None:
    task = make_task()
    actions = torch.randn(4, task.num_actions)
    copy = actions.clone()
    first = task.step(actions)
    kept = first.obs.clone(), first.data["target_frames"].clone(), first.state.root_pos.clone()
    for _ in range(5):
        task.step(torch.randn(4, task.num_actions))
    assert torch.equal(actions, copy)
    assert torch.equal(first.obs, kept[0])
    assert torch.equal(first.data["target_frames"], kept[1])
    assert torch.equal(first.state.root_pos, kept[2])
