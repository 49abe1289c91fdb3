"""The reward terms; add a method `reward_<name>` and name it in `rewards.terms` to use it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import pad

from animRL.dataloader.frame_layout import FrameLayout
from animRL.reward import imitation
from animRL.reward.kernels import exponential_kernel
from animRL.reward.task_data import TaskData
from animRL.utils.rotations import angle_between, quat_rotate

Term = Callable[[TaskData, float, float], Tensor]
BODIES = ("body_groups", "body_pose", "target_body_pose")
"""Keys of ``TaskData`` that are there only if a term needs them: working them out takes time."""


def needs(*keys: str) -> Callable[[Term], Term]:
    """Declare that a term reads keys of ``TaskData`` which are not always there."""

    def declare(term: Term) -> Term:
        term.needs = keys  # type: ignore[attr-defined]
        return term

    return declare


def needs_of(term: Term) -> tuple[str, ...]:
    """The keys that ``needs`` declared of a term; none for most."""
    return getattr(term, "needs", ())


class REWARDS:
    """Terms of the step's reward, each `(data, sigma, tolerance) -> (N,)` in [0, 1].

    A term measures one error e of the state against `data["target_frames"]`, or of the action, and
    returns exp(-(e / sigma)^2), where e counts as 0 while e <= tolerance. Both numbers are in the
    unit of e. Terms are pure: they edit nothing in `data`.
    """

    @staticmethod
    def reward_track_base_height(data: TaskData, sigma: float, tolerance: float = 0.0) -> Tensor:
        """Height (N,) of the root above the environment's origin against the reference's [m]."""
        height = data["root_states"][:, 2] - data["env_origins"][:, 2]
        error = (height - data["target_frames"][:, 2]).abs()
        return exponential_kernel(error, sigma, tolerance)

    @staticmethod
    def reward_track_base_orientation(
        data: TaskData, sigma: float, tolerance: float = 0.0
    ) -> Tensor:
        """Angle (N,) of the rotation from the reference's root to the character's [rad]."""
        reference = data["target_frames"][:, _layout(data).root_rot]
        error = angle_between(data["base_quat"], reference)
        return exponential_kernel(error, sigma, tolerance)

    @staticmethod
    def reward_track_joint_pos(data: TaskData, sigma: float, tolerance: float = 0.0) -> Tensor:
        """L2 norm (N,) over the joints of the difference in joint angles [rad]."""
        reference = data["target_frames"][:, _layout(data).joint_pos]
        error = torch.linalg.vector_norm(data["dof_pos"] - reference, dim=-1)
        return exponential_kernel(error, sigma, tolerance)

    @staticmethod
    def reward_track_base_vel(data: TaskData, sigma: float, tolerance: float = 0.0) -> Tensor:
        """L2 norm (N,) of the difference in the root's linear [m/s] and angular [rad/s] velocity.

        The six numbers are taken together, in the base frame of each side.
        """
        layout = _layout(data)
        columns = slice(layout.root_lin_vel.start, layout.root_ang_vel.stop)
        velocity = torch.cat([data["base_lin_vel"], data["base_ang_vel"]], dim=-1)
        error = torch.linalg.vector_norm(velocity - data["target_frames"][:, columns], dim=-1)
        return exponential_kernel(error, sigma, tolerance)

    @staticmethod
    def reward_track_ee_pos(data: TaskData, sigma: float, tolerance: float = 0.0) -> Tensor:
        """Mean (N,) over the end effectors of the distance to the reference's, world frame [m]."""
        error = (data["ee_global"] - target_ee_global(data)).norm(dim=-1).mean(dim=-1)
        return exponential_kernel(error, sigma, tolerance)

    @staticmethod
    def reward_joint_targets_rate(data: TaskData, sigma: float, tolerance: float = 0.0) -> Tensor:
        """How fast the joint targets move (N,), `data["joint_targets_rate"]` itself [rad/s]."""
        return exponential_kernel(data["joint_targets_rate"], sigma, tolerance)

    @staticmethod
    @needs(*BODIES)
    def reward_imitate_pose(data: TaskData, sigma: float, tolerance: float = 0.0) -> Tensor:
        """L2 norm (N,) over the anatomical joints of the angle between rotations [rad].

        DeepMimic's pose reward (Peng et al. 2018, section 5.1) with sigma 1 / sqrt(2) = 0.7071.
        """
        error = imitation.pose_error(
            data["body_pose"], data["target_body_pose"], data["body_groups"]
        )
        return exponential_kernel(error.sqrt(), sigma, tolerance)

    @staticmethod
    @needs(*BODIES)
    def reward_imitate_velocity(data: TaskData, sigma: float, tolerance: float = 0.0) -> Tensor:
        """L2 norm (N,) over the joints of the difference in velocity [rad/s].

        DeepMimic's velocity reward with sigma sqrt(10) = 3.1623.
        """
        error = imitation.velocity_error(data["body_pose"], data["target_body_pose"])
        return exponential_kernel(error.sqrt(), sigma, tolerance)

    @staticmethod
    @needs(*BODIES)
    def reward_imitate_end_effectors(
        data: TaskData, sigma: float, tolerance: float = 0.0
    ) -> Tensor:
        """L2 norm (N,) over hands and feet, 12 numbers, of the difference in position [m].

        DeepMimic's end-effector reward with sigma 1 / sqrt(40) = 0.1581.
        """
        error = imitation.end_effector_error(
            data["body_pose"], data["target_body_pose"], data["body_groups"]
        )
        return exponential_kernel(error.sqrt(), sigma, tolerance)

    @staticmethod
    @needs(*BODIES)
    def reward_imitate_center_of_mass(
        data: TaskData, sigma: float, tolerance: float = 0.0
    ) -> Tensor:
        """Distance (N,) between the centres of mass [m].

        DeepMimic's centre-of-mass reward with sigma 1 / sqrt(10) = 0.3162.
        """
        error = imitation.center_of_mass_error(
            data["body_pose"], data["target_body_pose"], data["body_groups"]
        )
        return exponential_kernel(error.sqrt(), sigma, tolerance)


def target_ee_global(data: TaskData) -> Tensor:
    """End-effector positions (N, E, 3) of the anchored reference, world frame [m]."""
    frames, layout = data["target_frames"], _layout(data)
    local = frames[:, layout.ee_pos].unflatten(-1, (data["num_ee"], 3))
    turned = quat_rotate(frames[:, None, layout.root_rot], local)
    origin_height = pad(data["env_origins"][:, 2:], (2, 0))
    return turned + (frames[:, layout.root_pos] + origin_height)[:, None]


def _layout(data: TaskData) -> FrameLayout:
    return _cached_layout(data["num_dof"], data["num_ee"])


@lru_cache
def _cached_layout(num_dof: int, num_ee: int) -> FrameLayout:
    return FrameLayout(num_dof, num_ee)
