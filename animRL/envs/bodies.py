"""Where all bodies of characters and references are, for the reward terms that ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor
from torch.nn.functional import pad

from animRL.dataloader.frame_layout import FrameLayout
from animRL.reward.imitation import BodyGroups, Pose
from animRL.reward.task_data import TaskData
from animRL.sim.base import SimState

if TYPE_CHECKING:
    from animRL.sim.character import Character


def with_bodies(data: TaskData, state: SimState, groups: BodyGroups) -> TaskData:
    """Return the data with the keys ``body_groups``, ``body_pose`` and ``target_body_pose``.

    The reference's bodies are those of its anchored frame by forward kinematics.
    """
    layout = FrameLayout(data["num_dof"], data["num_ee"])
    return {
        **data,
        "body_groups": groups,
        "body_pose": Pose(state.body_pos, state.body_quat, state.joint_vel),
        "target_body_pose": reference_pose(
            groups.character, layout, data["target_frames"], data["env_origins"]
        ),
    }


def reference_pose(
    character: Character, layout: FrameLayout, frames: Tensor, origins: Tensor
) -> Pose:
    """Where the bodies of references are.

    Args:
        character: whose bodies.
        layout: of the frames.
        frames: anchored frames (N, F).
        origins: of the environments (N, 3), world frame [m]; their heights are added.
    """
    root = frames[:, layout.root_pos] + pad(origins[:, 2:], (2, 0))
    bodies = character.forward_kinematics(
        root, frames[:, layout.root_rot], frames[:, layout.joint_pos]
    )
    return Pose(*bodies, frames[:, layout.joint_vel])
