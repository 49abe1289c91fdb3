"""DeepMimic's errors and terms, on bodies placed by hand and in the running task."""

from __future__ import annotations

from math import exp, sqrt

import pytest
import torch

from animRL.cfg.characters.bob_config import BobConfig
from animRL.cfg.mimic.deepmimic_rewards import DeepMimicRewards
from animRL.cfg.mimic.walk_config import WalkConfig
from animRL.envs.mimic_task import MimicTask
from animRL.evaluation.metrics import imitation_reward
from animRL.reward import imitation
from animRL.reward.imitation import BodyGroups, Pose
from animRL.reward.rewards import REWARDS
from animRL.sim.character import Character
from animRL.tasks import make_env

PAPER = {  # name: (sigma, weight)
    "imitate_pose": (1.0 / sqrt(2.0), 0.65),
    "imitate_velocity": (sqrt(10.0), 0.1),
    "imitate_end_effectors": (1.0 / sqrt(40.0), 0.15),
    "imitate_center_of_mass": (1.0 / sqrt(10.0), 0.1),
}


@pytest.fixture(scope="module")
def groups() -> BodyGroups:
    return BodyGroups(Character.from_config(BobConfig()))


@pytest.fixture
def standing(groups: BodyGroups) -> Pose:
    character = groups.character
    upright = torch.tensor([[0.0, 0.0, 0.0, 1.0]])
    joints = character.default_joint_pos[None]
    bodies = character.forward_kinematics(torch.zeros(1, 3), upright, joints)
    return Pose(*bodies, torch.zeros_like(joints))


def test_a_moved_hand_counts_at_the_end_effectors_alone(groups, standing) -> None:
    moved = standing.body_pos.clone()
    moved[:, groups.character.body_index("lHand")] += torch.tensor([0.03, 0.0, 0.04])
    other = Pose(moved, standing.body_quat, standing.joint_vel)
    assert float(imitation.end_effector_error(other, standing, groups)) == pytest.approx(0.0025)
    assert float(imitation.pose_error(other, standing, groups)) < 1e-12
    share = float(groups.character.body_mass[groups.character.body_index("lHand")]) / float(
        groups.character.body_mass.sum()
    )
    expected = (0.05 * share) ** 2
    assert float(imitation.center_of_mass_error(other, standing, groups)) == pytest.approx(
        expected, rel=1e-2
    )


def test_terms_are_kernels_of_the_roots_of_those_sums(groups, standing) -> None:
    velocity = torch.zeros_like(standing.joint_vel)
    velocity[0, :2] = torch.tensor([3.0, 4.0])
    actual = Pose(standing.body_pos + torch.tensor([0.3, 0.0, 0.4]), standing.body_quat, velocity)
    data = {"body_groups": groups, "body_pose": actual, "target_body_pose": standing}
    got = {
        name: float(getattr(REWARDS, f"reward_{name}")(data, sigma))
        for name, (sigma, _) in PAPER.items()
    }
    assert got["imitate_pose"] == 1.0
    assert got["imitate_velocity"] == pytest.approx(exp(-2.5), rel=1e-5)
    assert got["imitate_end_effectors"] == pytest.approx(exp(-40.0 * 4 * 0.25), rel=1e-3)
    assert got["imitate_center_of_mass"] == pytest.approx(exp(-2.5), rel=1e-4)
    # The tolerance is in the unit of the error: 0.5 m.
    assert float(REWARDS.reward_imitate_center_of_mass(data, 0.3, 0.51)) == 1.0
    assert float(REWARDS.reward_imitate_center_of_mass(data, 0.3, 0.49)) < 0.1


class PaperConfig(WalkConfig):
    """The walk by DeepMimic's reward."""

    class rewards(DeepMimicRewards):
        """As it comes."""


def paper_task(engine: str) -> MimicTask:
    cfg = PaperConfig()
    for path, value in {"sim.engine": engine, "env.num_envs": 9, "sim.threads": 1}.items():
        cfg.set(path, value)
    return make_env("walk", cfg)


def test_the_configuration_is_the_papers() -> None:
    rewards = PaperConfig().rewards
    assert rewards.combine == "sum" and rewards.narrowing.above == 1.0
    for name, (sigma, weight) in PAPER.items():
        assert rewards.terms.get(name) == pytest.approx([sigma, 0.0], abs=1e-4)
        assert rewards.weights.get(name) == weight
    assert len(rewards.terms.to_dict()) == len(PAPER)


def test_the_weighted_sum_is_the_metric() -> None:
    task = paper_task("mujoco")
    groups, loader = BodyGroups(task.character), task.motion_loader
    torch.manual_seed(0)
    for _ in range(8):
        result = task.step(2.0 * torch.randn(9, task.num_actions))
        state, frames = result.state, result.data["target_frames"]
        bodies = task.character.forward_kinematics(
            loader.get_root_pos(frames), loader.get_root_rot(frames), loader.get_joint_pose(frames)
        )
        reference = Pose(*bodies, loader.get_joint_vel(frames))
        actual = Pose(state.body_pos, state.body_quat, state.joint_vel)
        metric = imitation_reward(actual, reference, groups)
        torch.testing.assert_close(result.reward, metric, atol=1e-4, rtol=0)
    assert 0.05 < float(result.reward.min()) < float(result.reward.max()) < 0.95


def test_perfect_tracking_scores_one() -> None:
    task = paper_task("kinematic")
    for _ in range(60):  # over the seam
        task.backend.follow(task.reference_state())
        result = task.step(torch.zeros(9, task.num_actions))
        assert float(result.reward.min()) >= 1.0 - 1e-5


def test_without_such_a_term_no_body_is_worked_out(make_task) -> None:
    data = make_task().task_data()
    assert not {"body_groups", "body_pose", "target_body_pose"} & set(data)
