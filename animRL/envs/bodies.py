"""Where all bodies of characters and references are, for the reward terms that ask."""

from __future__ import annotations

from torch.nn.functional import pad

from animRL.dataloader.frame_layout import FrameLayout
from animRL.reward.imitation import BodyGroups, Pose
from animRL.reward.task_data import TaskData
from animRL.sim.base import SimState


def with_bodies(data: TaskData, state: SimState, groups: BodyGroups) -> TaskData:
    """Return the data with the keys ``body_groups``, ``body_pose`` and ``target_body_pose``.

    The reference's bodies are those of its anchored frame by forward kinematics.
    """
    frames, layout = data["target_frames"], FrameLayout(data["num_dof"], data["num_ee"])
    root = frames[:, layout.root_pos] + pad(data["env_origins"][:, 2:], (2, 0))
    bodies = groups.character.forward_kinematics(
        root, frames[:, layout.root_rot], frames[:, layout.joint_pos]
    )
    return {
        **data,
        "body_groups": groups,
        "body_pose": Pose(state.body_pos, state.body_quat, state.joint_vel),
        "target_body_pose": Pose(*bodies, frames[:, layout.joint_vel]),
    }
