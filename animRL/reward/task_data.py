"""The data dictionary: all that a reward term may know of a step."""

from __future__ import annotations

from typing import TYPE_CHECKING, NotRequired, TypedDict

from torch import Tensor

if TYPE_CHECKING:
    from animRL.dataloader.motion_loader import MotionLoader
    from animRL.reward.imitation import BodyGroups, Pose


class TaskData(TypedDict):
    """State of N environments after a control step, and the reference that judges it.

    J joints, E end effectors. Frames are rows as `FrameLayout(num_dof, num_ee)` cuts them (89
    columns for Bob), anchored: x and y of their root are world coordinates, z is the height above
    the environment's origin, the root rotation is in the world frame, the rest in the base frame.
    Quaternions are unit, xyzw. Keys that a term needs beyond those of a recording are named by
    `needs` on its method.
    """

    motion_loader: MotionLoader | None
    """The clips; None where states come from a recording."""

    num_ee: int
    """E, the number of end effectors."""

    num_dof: int
    """J, the number of joints."""

    env_origins: Tensor
    """Where each environment lies (N, 3), world frame [m]."""

    root_states: Tensor
    """Root position 3 [m], rotation 4, linear 3 [m/s] and angular 3 [rad/s] velocity of the
    root's origin (N, 13), world frame."""

    base_quat: Tensor
    """Root rotation (N, 4), base to world."""

    base_lin_vel: Tensor
    """Root linear velocity (N, 3), base frame [m/s]."""

    base_ang_vel: Tensor
    """Root angular velocity (N, 3), base frame [rad/s]."""

    dof_pos: Tensor
    """Joint angles (N, J) in the character's order [rad]."""

    dof_vel: Tensor
    """Joint velocities (N, J) [rad/s]."""

    ee_global: Tensor
    """End-effector positions (N, E, 3), world frame [m]."""

    ee_local: Tensor
    """End-effector positions (N, E, 3), base frame [m]."""

    joint_targets_rate: Tensor
    """How fast the joint targets moved since the last step (N,): ||a_t - a_(t-1)|| /
    (sqrt(J) dt) of the scaled, clipped action, 0 in the first step after a reset [rad/s]."""

    phase: Tensor
    """Phase of the target frame (N,): 0 the clip's first frame, 1 its last."""

    reset_phase: Tensor
    """Phase at which the episode began (N,)."""

    target_frames: Tensor
    """Anchored reference of this step (N, D)."""

    reset_frames: Tensor
    """Anchored reference at `reset_phase` (N, D)."""

    body_groups: NotRequired[BodyGroups]
    """Which bodies are anatomical joints, hands and feet; like the two poses, there if a term
    needs them, and not in recordings."""

    body_pose: NotRequired[Pose]
    """All bodies of the characters."""

    target_body_pose: NotRequired[Pose]
    """All bodies of the anchored reference of this step."""
