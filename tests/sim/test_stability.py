"""Stability of the shipped engine settings: no start may blow up."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from animRL.cfg.mimic.walk_config import WalkConfig
from animRL.envs.mimic_task import MimicTask
from animRL.envs.starts import state_on_clip
from animRL.motion.feedforward import joint_torques
from animRL.sim.factory import make_backend

UNSTABLE_RAD_S = 100.0
"""A joint faster than this has blown up."""


def unstable_starts(clip: str | None, count: int, full_range: bool) -> int:
    """Start ``count`` characters on frames of a clip and drive them for 1 s; count blow-ups."""
    cfg = WalkConfig()
    cfg.set("sim.engine", "mujoco")
    if clip is not None:
        cfg.set("motion_loader.motion_files", [clip])
    cfg.set("env.num_envs", count)
    torch.manual_seed(0)
    task = MimicTask(cfg, make_backend(cfg, count), joint_torques)
    backend, character = task.backend, task.character
    phases = torch.linspace(0.0, 1.0, count)
    frames = task.motion_loader.get_frame_at_phase(phases)
    backend.reset(torch.arange(count), state_on_clip(task.motion_loader, frames, 0.02))
    unstable = torch.zeros(count, dtype=torch.bool)
    for _ in range(50):
        if full_range:
            share = torch.rand(count, task.num_actions)
            targets = torch.lerp(character.joint_lower, character.joint_upper, share)
        else:
            noise = 0.25 * torch.rand(count, task.num_actions) - 0.125
            targets = character.default_joint_pos + noise
        backend.step(targets)
        state = backend.state()
        fast = (state.joint_vel.abs() > UNSTABLE_RAD_S).any(dim=1)
        unstable |= state.diverged | fast
    backend.close()
    return int(unstable.sum())


@pytest.mark.parametrize("full_range", [False, True])
def test_no_start_on_our_walk_is_unstable(full_range: bool) -> None:
    assert unstable_starts(None, 64, full_range) == 0


@pytest.mark.slow
@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("clip", ["Walk", "Cartwheel"])
def test_no_start_of_a_thousand_on_the_course_clips_is_unstable(
    external_data: Path, clip: str, full_range: bool
) -> None:
    path = str(external_data / "course" / f"{clip}.txt")
    assert unstable_starts(path, 1000, full_range) == 0


def test_how_the_jacobian_is_kept_changes_no_motion() -> None:
    def joints(jacobian: str) -> torch.Tensor:
        cfg = WalkConfig()
        cfg.set("sim.engine", "mujoco")
        cfg.set("sim.mujoco.jacobian", jacobian)
        cfg.set("env.num_envs", 4)
        torch.manual_seed(0)
        task = MimicTask(cfg, make_backend(cfg, 4), joint_torques)
        for _ in range(10):
            task.step(torch.zeros(4, task.num_actions))
        task.backend.close()
        return task.backend.state().joint_pos

    torch.testing.assert_close(joints("dense"), joints("sparse"), atol=1e-5, rtol=0.0)
