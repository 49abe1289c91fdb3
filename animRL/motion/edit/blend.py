"""One motion after another, cross-faded."""

from __future__ import annotations

import numpy as np

from animRL.motion.edit.timing import at_rate
from animRL.motion.rotations import slerp
from animRL.motion.trajectory import PlanarTransform, Trajectory
from animRL.utils.errors import InputError


def append(first: Trajectory, second: Trajectory, seconds: float) -> Trajectory:
    """Go from one motion over to another within a time [s]; the result does not loop.

    The second is turned about z and moved over the ground so that in the middle of the cross-fade
    its root stands where the first one's does and faces the same way. The weight of the second
    rises by the minimum-jerk polynomial 10 s^3 - 15 s^4 + 6 s^5 (Flash and Hogan 1985), so that
    neither speed nor acceleration jumps. It is sampled at the first one's rate.

    Raises:
        InputError: if the motions have different joints, or one is shorter than the cross-fade.
    """
    if first.joint_pos.shape[1] != second.joint_pos.shape[1]:
        raise InputError(
            f"blend: {first.joint_pos.shape[1]} and {second.joint_pos.shape[1]} joints; valid: "
            "two motions of one character"
        )
    if abs(second.dt - first.dt) > 1e-9:
        second = at_rate(second, 1.0 / first.dt)
    shorter = min(first.duration, second.duration)
    steps = round(seconds / first.dt) if np.isfinite(seconds) else -1
    if not 1 <= steps < min(len(first), len(second)):
        raise InputError(
            f"blend over {seconds:g} s; valid: from {first.dt:g} s, a frame, to {shorter:g} s, the "
            "shorter of the two"
        )
    start, middle = len(first) - 1 - steps, steps // 2
    second = PlanarTransform.between(
        second.root_pos[middle], second.root_quat[middle],
        first.root_pos[start + middle], first.root_quat[start + middle],
    ).apply(second)  # fmt: skip
    share = np.linspace(0.0, 1.0, steps + 1)[:, None]
    weight = share**3 * (10.0 - 15.0 * share + 6.0 * share**2)
    old, new = first.frames(slice(start, None)), second.frames(slice(0, steps + 1))
    quat = slerp(old.root_quat, new.root_quat, weight[:, 0])
    mixed = Trajectory(
        (1.0 - weight) * old.root_pos + weight * new.root_pos,
        quat,
        (1.0 - weight) * old.joint_pos + weight * new.joint_pos,
        first.dt,
    )
    before, after = slice(0, start), slice(steps + 1, None)
    return Trajectory(
        np.concatenate([first.root_pos[before], mixed.root_pos, second.root_pos[after]]),
        np.concatenate([first.root_quat[before], mixed.root_quat, second.root_quat[after]]),
        np.concatenate([first.joint_pos[before], mixed.joint_pos, second.joint_pos[after]]),
        first.dt,
    )
