"""The torques a motion takes, against statics worked out by hand and against physics."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from animRL.cfg.characters.bob_config import BobConfig
from animRL.dataloader.clip import load_clip, permuted_to
from animRL.envs.mimic_task import MimicTask
from animRL.motion.feedforward import joint_torques
from animRL.motion.trajectory import Trajectory, to_clip
from animRL.sim.character import Character
from animRL.sim.factory import make_backend
from animRL.tasks import make_env, make_env_cfg
from animRL.utils.errors import InputError
from animRL.utils.paths import RESOURCES
from tests.motion.small_characters import CLAPPER, HOPPER, make_character

G = 9.81
JOINTS = ("hip", "knee", "ankle")
# Crouching with foot and trunk level: the knee bent by 1 rad and half of it at hip and ankle.
CROUCH = np.array([-0.5, 1.0, -0.5])
SIN = float(np.sin(0.5))
HEIGHT = 2 * 0.4 * float(np.cos(0.5)) + 0.06


@pytest.fixture
def hopper(tmp_path: Path) -> Character:
    """Trunk 4 kg, thigh 1 kg, shin 0.6 kg, foot 0.4 kg; both links 0.4 m, centred at 0.2 m."""
    return make_character(tmp_path, HOPPER, JOINTS, ("foot",))


def crouching(count: int, height: np.ndarray | float = HEIGHT, dt: float = 0.02) -> Trajectory:
    pos = np.zeros((count, 3))
    pos[:, 2] = height
    upright = np.tile([0.0, 0.0, 0.0, 1.0], (count, 1))
    return Trajectory(pos, upright, np.tile(CROUCH, (count, 1)), dt)


def test_standing_torques_are_those_of_statics(hopper: Character) -> None:
    """The trunk's weight acts over the hip, which is over the ankle; the knee is ahead of both.

    About the knee: the trunk's 4 kg at the lever 0.4 sin 0.5 and the thigh's 1 kg at half of it;
    about the ankle the thigh and the shin, both at half of it; nothing about the hip.
    """
    torques = joint_torques(to_clip(hopper, crouching(20)), hopper, False)
    assert torques.shape == (20, 3)
    knee = (4.0 * 0.4 + 1.0 * 0.2) * G * SIN
    ankle = (1.0 + 0.6) * 0.2 * G * SIN
    # Which way: gravity bends the knee, so its drive stretches it (towards 0, negative).
    np.testing.assert_allclose(torques, np.tile([0.0, -knee, ankle], (20, 1)), atol=0.02)


def test_a_free_fall_takes_no_torque(hopper: Character) -> None:
    time = 0.02 * np.arange(20)
    fall = crouching(20, HEIGHT + 2.0 - 0.5 * G * time**2)
    torques = joint_torques(to_clip(hopper, fall), hopper, False)
    np.testing.assert_allclose(torques, 0.0, atol=1e-6)


def test_hovering_torques_fade_as_no_contact_can_give_them(hopper: Character) -> None:
    """A weight is missing: twice what fails the check of forces, so nothing is left."""
    torques = joint_torques(to_clip(hopper, crouching(20, HEIGHT + 1.0)), hopper, False)
    # The clip treats its lowest point while supported as the ground; one that falls sets it.
    low = crouching(40, np.where(np.arange(40) < 20, HEIGHT, HEIGHT + 1.0))
    mixed = joint_torques(to_clip(hopper, low), hopper, False)
    assert np.abs(torques).max() > 1.0
    np.testing.assert_allclose(mixed[30:], 0.0, atol=1e-9)
    assert np.abs(mixed[:10, 1]).min() > 1.0


def test_shaking_of_a_capture_is_smoothed(hopper: Character) -> None:
    """2 mm up and down from frame to frame: 1 +- 2 weights, of which contacts give no negative."""
    shaken = crouching(40, HEIGHT + 0.001 * (-1.0) ** np.arange(40) * 2.0)
    calm = joint_torques(to_clip(hopper, crouching(40)), hopper, False)
    torques = joint_torques(to_clip(hopper, shaken), hopper, False)
    # A mean over 5 frames leaves a fifth of the shaking: 1 +- 0.4.
    share = torques[:, 1] / calm[:, 1]
    assert 0.55 < share.min() < 0.65 and 1.35 < share.max() < 1.45


def test_torques_stay_within_the_drives_limits(hopper: Character) -> None:
    weak = replace(hopper, effort=torch.tensor([100.0, 2.0, 100.0]))
    torques = joint_torques(to_clip(hopper, crouching(20)), weak, False)
    np.testing.assert_allclose(torques[:, 1], -2.0)


@pytest.mark.parametrize("loop", [False, True])
@pytest.mark.parametrize("count", [2, 3, 4, 5, 6, 9])
def test_short_clips_get_torques_or_zeros(hopper: Character, count: int, loop: bool) -> None:
    torques = joint_torques(to_clip(hopper, crouching(count)), hopper, loop)
    assert torques.shape == (count, 3) and np.isfinite(torques).all()


def test_a_clip_of_two_frames_gets_zeros(hopper: Character) -> None:
    assert not joint_torques(to_clip(hopper, crouching(2)), hopper, False).any()


def test_a_character_without_shape_gets_zeros(tmp_path: Path) -> None:
    ghost = CLAPPER.replace('mass="1"/>', 'mass="1" contype="0" conaffinity="0"/>')
    clapper = make_character(tmp_path, ghost, ("a", "b"), ("left",))
    pose = Trajectory(np.zeros((9, 3)), np.tile([0.0, 0.0, 0.0, 1.0], (9, 1)), np.ones((9, 2)), 0.1)
    assert not joint_torques(to_clip(clapper, pose), clapper, False).any()


def test_a_loop_has_the_same_torques_at_both_ends() -> None:
    bob = Character.from_config(BobConfig())
    clip = load_clip(RESOURCES / "datasets/bob3/Walk.txt")
    clip = permuted_to(clip, bob.joint_names, bob.end_effector_names)
    torques = joint_torques(clip, bob, True)
    np.testing.assert_allclose(torques[0], torques[-1], atol=1e-3 * np.abs(torques).max())
    assert np.abs(torques[0]).max() > 10.0


@pytest.fixture
def cartwheel_error():
    """Median sum of squares of joint errors [rad^2] after 20 steps of zero action."""

    def measure(offset: str) -> float:
        cfg = make_env_cfg("cartwheel")
        for path, value in {
            "env.num_envs": 48, "sim.engine": "mujoco", "sim.threads": 1,
            "control.action_offset": offset, "init_state.height_clearance": 0.0,
            "termination.pose_lost.enabled": False,
        }.items():  # fmt: skip
            cfg.set(path, value)
        env = make_env("cartwheel", cfg)
        env.reset(torch.linspace(0.0, 0.85, 48))
        for _ in range(20):
            result = env.step(torch.zeros(48, env.num_actions))
        target = env.motion_loader.get_joint_pose(result.data["target_frames"])
        env.backend.close()
        return float((result.state.joint_pos - target).square().sum(-1).median())

    return measure


def test_with_feedforward_the_cartwheel_runs_open_loop(cartwheel_error) -> None:
    assert 3.0 * cartwheel_error("feedforward") < cartwheel_error("reference")


def test_without_inverse_dynamics_feedforward_is_one_line() -> None:
    cfg = make_env_cfg("walk")
    for path, value in {"env.num_envs": 1, "sim.engine": "kinematic"}.items():
        cfg.set(path, value)
    cfg.set("control.action_offset", "feedforward")
    with pytest.raises(InputError, match="control.action_offset") as error:
        MimicTask(cfg, make_backend(cfg, 1))
    assert "\n" not in str(error.value)
