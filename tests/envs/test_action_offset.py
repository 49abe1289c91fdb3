"""The pose that action 0 asks for."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from animRL.envs.action_offset import ActionOffset
from animRL.motion.feedforward import joint_torques
from tests.synchronisations import Synchronisations


def test_feedforward_adds_the_torque_in_the_middle_of_the_control_step(make_task) -> None:
    task = make_task({"sim.engine": "kinematic", "env.num_envs": 3})
    loader, character, reference = task.motion_loader, task.character, task.reference
    offset = ActionOffset("feedforward", character, loader, joint_torques)
    plain = ActionOffset("reference", character, loader)
    steps = len(loader.clips[0].frames) - 1  # a frame a control step
    task.reset(torch.tensor([0.0, 5.0, 7.5]) / steps)
    # Targets are a step on, so the middles are at frames 0.5, 5.5 and 8.
    torque = joint_torques(loader.clips[0], character, True)
    middles = [0.5 * (torque[0] + torque[1]), 0.5 * (torque[5] + torque[6]), torque[8]]
    expected = torch.from_numpy(np.stack(middles))
    added = offset(reference) - plain(reference)
    torch.testing.assert_close(300.0 * added, expected.float(), atol=2e-2, rtol=1e-4)
    assert float(expected.abs().max()) > 20.0


def test_at_the_seam_of_a_loop_the_middle_lies_in_the_cycle_before(make_task) -> None:
    task = make_task({"sim.engine": "kinematic", "env.num_envs": 1})
    loader = task.motion_loader
    offset = ActionOffset("feedforward", task.character, loader, joint_torques)
    steps = len(loader.clips[0].frames) - 1
    task.reset(torch.tensor([(steps - 0.75) / steps]))  # the target is frame 0.25 of the next
    assert float(task.reference.phase) == pytest.approx(0.25 / steps, abs=1e-5)
    torque = torch.from_numpy(joint_torques(loader.clips[0], task.character, True)).float()
    plain = ActionOffset("reference", task.character, loader)(task.reference)
    added = 300.0 * (offset(task.reference) - plain)[0]
    torch.testing.assert_close(added, torch.lerp(torque[-2], torque[-1], 0.75), atol=2e-2, rtol=0)


def test_feedforward_never_makes_the_host_wait(make_task) -> None:
    task = make_task({"sim.engine": "kinematic"})
    offset = ActionOffset("feedforward", task.character, task.motion_loader, joint_torques)
    with Synchronisations() as counter:
        offset(task.reference)
    assert dict(counter.found) == {}


def test_the_configuration_chooses(make_task) -> None:
    task = make_task({"sim.engine": "kinematic", "control.action_offset": "feedforward"})
    frames = task.reference.target_frames
    task.step(torch.zeros(4, task.num_actions))
    loader = task.motion_loader
    lead = task.character.damping / task.character.stiffness * loader.get_joint_vel(frames)
    added = task.backend._current.joint_pos - loader.get_joint_pose(frames) - lead
    assert 5.0 < float(300.0 * added.abs().max()) < 1000.0
