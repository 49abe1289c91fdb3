"""Which columns of a motion frame hold what."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FrameLayout:
    """Named slices of one frame, in the file's order; 89 columns for Bob (J = 32, E = 2).

    Root position is in the world frame [m], root rotation xyzw, joint angles [rad]; end-effector
    positions [m] and all velocities [m/s, rad/s] of root and end effectors are in the base frame.
    """

    num_joints: int
    num_end_effectors: int

    @property
    def root_pos(self) -> slice:
        """Root position (3), world frame [m]."""
        return slice(0, 3)

    @property
    def root_rot(self) -> slice:
        """Root rotation (4), xyzw."""
        return slice(3, 7)

    @property
    def joint_pos(self) -> slice:
        """Joint angles (J) [rad]."""
        return self._after(self.root_rot, self.num_joints)

    @property
    def ee_pos(self) -> slice:
        """End-effector positions (3E), base frame [m]."""
        return self._after(self.joint_pos, 3 * self.num_end_effectors)

    @property
    def root_lin_vel(self) -> slice:
        """Root linear velocity (3), base frame [m/s]."""
        return self._after(self.ee_pos, 3)

    @property
    def root_ang_vel(self) -> slice:
        """Root angular velocity (3), base frame [rad/s]."""
        return self._after(self.root_lin_vel, 3)

    @property
    def joint_vel(self) -> slice:
        """Joint velocities (J) [rad/s]."""
        return self._after(self.root_ang_vel, self.num_joints)

    @property
    def ee_vel(self) -> slice:
        """End-effector velocities (3E), base frame [m/s]."""
        return self._after(self.joint_vel, 3 * self.num_end_effectors)

    @property
    def width(self) -> int:
        """Number of columns of a frame."""
        return self.ee_vel.stop

    @staticmethod
    def _after(previous: slice, length: int) -> slice:
        return slice(previous.stop, previous.stop + length)
