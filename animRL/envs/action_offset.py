"""The pose that action 0 asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from animRL.dataloader.clip import Clip
from animRL.utils.errors import InputError

if TYPE_CHECKING:
    from animRL.dataloader.motion_loader import MotionLoader
    from animRL.envs.reference import Reference
    from animRL.sim.character import Character

InverseDynamics = Callable[[Clip, "Character", bool], np.ndarray]
"""(Clip, Character, loop) -> the torques (T, J) that the motion takes at each frame [N m]."""


class ActionOffset:
    """Joint targets (N, J) for action 0, from the configuration's ``control.action_offset``.

    With stiffness kp and damping kd of the drives, which lag a moving target by kd / kp seconds
    and give way to a torque by torque / kp:

    - "default": the character's default pose;
    - "reference": q + kd / kp x dq, with angles q and velocities dq of the target frame;
    - "feedforward": that + torque / kp, with the torque that the clip's motion takes in the
      middle of the control step that leads to the target frame, by inverse dynamics.
    """

    def __init__(
        self,
        kind: str,
        character: Character,
        motions: MotionLoader,
        inverse_dynamics: InverseDynamics | None = None,
    ) -> None:
        """Prepare the offset; "feedforward" works out the torques of all ``motions``.

        Raises:
            InputError: for "feedforward" without inverse dynamics.
        """
        self.kind, self.character, self.motions = kind, character, motions
        self._drive_lag = character.damping / character.stiffness
        if kind == "feedforward":
            if inverse_dynamics is None:
                raise InputError(
                    "control.action_offset: 'feedforward' needs inverse dynamics, which this "
                    "environment was built without; valid: 'default', 'reference'"
                )
            motions.add_joint_torques(lambda clip, loop: inverse_dynamics(clip, character, loop))

    def __call__(self, reference: Reference) -> Tensor:
        """The pose (N, J) [rad] that action 0 asks for."""
        if self.kind == "default":
            return self.character.default_joint_pos
        frames, motions = reference.target_frames, self.motions
        pose = motions.get_joint_pose(frames) + self._drive_lag * motions.get_joint_vel(frames)
        if self.kind == "reference":
            return pose
        middle = reference.phase - 0.5 * motions.phase_step(reference.clip_ids)
        torque = motions.get_joint_torque_at_phase(middle, reference.clip_ids)
        return pose + torque / self.character.stiffness
