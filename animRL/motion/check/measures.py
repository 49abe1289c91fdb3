"""What the checks read: a clip's poses on a character, their rates, contacts and forces."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from animRL.dataloader.clip import Clip
from animRL.motion.check.thresholds import Thresholds
from animRL.motion.dynamics import GRAVITY, Wrench, root_wrench
from animRL.motion.ground import ContactSpheres, contact_spheres, sphere_centres, sphere_heights
from animRL.motion.rotations import Array, invert, rotate, turn_steps
from animRL.motion.trajectory import Trajectory, Velocities, body_poses, velocities
from animRL.sim.character import Character

# Share of the weight that the ground must carry for a frame to count as supported.
SUPPORTED_SHARE = 0.5
# A support farther than this above its usual height is none: a foot on its way down [m].
SUPPORT_RANGE = 0.05


@dataclass(frozen=True, eq=False)
class Measures:
    """A clip, joints in the character's order, and all that follows from its poses.

    T frames, S contact spheres, world frame. Everything is computed when first asked for.
    """

    clip: Clip
    character: Character
    thresholds: Thresholds
    stored_order: tuple[int, ...] | None = None
    """Where each column of the file now stands, if its joints were permuted by name."""

    @cached_property
    def trajectory(self) -> Trajectory:
        """The poses; a loop only if its pose seam is closed, so that rates do not leap there."""
        poses = Trajectory.from_clip(self.clip)
        closed = bool((self.seam_mismatch <= self.thresholds.seam_pose[1]).all())
        return replace(poses, loop=poses.loop and closed and len(poses) > 2)

    @cached_property
    def seam_mismatch(self) -> Array:
        """|last - first| joint angle over the joint's range (J,), over a turn if it has none."""
        joints = self.clip.frames[:, self.clip.layout.joint_pos]
        span = (self.character.joint_upper - self.character.joint_lower).double().numpy()
        return np.abs(joints[-1] - joints[0]) / np.where(np.isfinite(span), span, 2.0 * np.pi)

    @cached_property
    def rates(self) -> Velocities:
        """Velocities by second-order differences."""
        return velocities(self.trajectory)

    @cached_property
    def base_rates(self) -> tuple[Array, Array]:
        """Linear and angular velocity of the root in its own frame, (T, 3) each."""
        inverse = invert(self.trajectory.root_quat)
        return rotate(inverse, self.rates.root_lin), rotate(inverse, self.rates.root_ang)

    @cached_property
    def end_effectors(self) -> Array:
        """End effectors by forward kinematics, base frame (T, E, 3)."""
        return end_effectors(self.character, self.trajectory.joint_pos)

    @cached_property
    def bodies(self) -> tuple[Array, Array]:
        """Positions (T, B, 3) and rotations (T, B, 4)."""
        return body_poses(self.character, self.trajectory)

    @cached_property
    def spheres(self) -> ContactSpheres:
        """Where the character can touch the ground."""
        return contact_spheres(self.character)

    @cached_property
    def centres(self) -> Array:
        """Centres of the spheres (T, S, 3)."""
        return sphere_centres(self.spheres, *self.bodies)

    @cached_property
    def heights(self) -> Array:
        """Heights of the spheres' lowest points over z = 0 (T, S)."""
        return sphere_heights(self.spheres, self.centres)

    @cached_property
    def lowest(self) -> Array:
        """Height of the character's lowest point (T,)."""
        return self.heights.min(axis=1)

    @cached_property
    def wrench(self) -> Wrench:
        """What the ground has to exert."""
        return root_wrench(self.character, self.trajectory)

    @cached_property
    def weight(self) -> float:
        """Mass x gravity [N]."""
        return float(self.character.body_mass.sum()) * GRAVITY

    @cached_property
    def window(self) -> int:
        """Odd number of frames that lasts about ``force_window``."""
        frames = round(self.thresholds.force_window / self.trajectory.dt)
        return min(max(frames // 2 * 2 + 1, 1), len(self.trajectory))

    @cached_property
    def supported(self) -> NDArray[np.bool_]:
        """Frames (T,) at which something must carry the body: it is not in free flight."""
        lift = windowed_mean(self.wrench.force[:, 2:], self.window)[:, 0]
        return lift > SUPPORTED_SHARE * self.weight

    @cached_property
    def floor(self) -> float:
        """Usual height of the lowest point while the body is supported: 0 for a good clip [m]."""
        heights = self.lowest[self.supported]
        return float(np.median(heights)) if len(heights) else 0.0

    @cached_property
    def clearance(self) -> Array:
        """Heights of the spheres (T, S) over what the motion itself treats as the ground.

        That is ``floor``, or the lowest point of the frame where it is a little higher; so that a
        clip that floats or sinks is told so once, and judged for the rest as if it did not.
        """
        low = np.where(self.supported, np.maximum(self.lowest, self.floor), self.floor)
        low = np.where(low > self.floor + SUPPORT_RANGE, self.floor, low)
        return self.heights - low[:, None]

    @cached_property
    def point_steps(self) -> Array:
        """How the spheres' lowest points move over the ground from frame to frame (T - 1, S, 2).

        The centre's way plus that of rolling: turn x (0, 0, -radius); 0 for rolling without slip.
        """
        turn = turn_steps(self.bodies[1][:, self.spheres.body])
        radius = self.spheres.radius
        rolling = np.stack([-turn[..., 1] * radius, turn[..., 0] * radius], axis=-1)
        return np.diff(self.centres[..., :2], axis=0) + rolling

    def body_name(self, sphere: int) -> str:
        """Name of the body that carries a sphere."""
        return self.character.body_names[self.spheres.body[sphere]]


def with_poses(measures: Measures, poses: Trajectory) -> Measures:
    """The measures of other poses; stored columns are those of the file, 0 for other lengths."""
    clip = measures.clip
    same = len(poses) == len(clip.frames)
    frames = clip.frames.copy() if same else np.zeros((len(poses), clip.layout.width))
    frames[:, clip.layout.root_pos] = poses.root_pos
    frames[:, clip.layout.root_rot] = poses.root_quat
    frames[:, clip.layout.joint_pos] = poses.joint_pos
    loop = clip.loop if same else poses.loop
    clip = replace(clip, frames=frames, frame_duration=poses.dt, loop=loop)
    return Measures(clip, measures.character, measures.thresholds, measures.stored_order)


def end_effectors(character: Character, joint_pos: Array) -> Array:
    """End effectors (T, E, 3) in the base frame from joint angles (T, J)."""
    count = len(joint_pos)
    upright = torch.tensor([[0.0, 0.0, 0.0, 1.0]], dtype=torch.float64).expand(count, 4)
    origin = torch.zeros(count, 3, dtype=torch.float64)
    return character.end_effector_pos(origin, upright, torch.from_numpy(joint_pos)).numpy()


def windowed_mean(values: Array, window: int) -> Array:
    """Mean of rows (T, n) over ``window`` frames (odd) about each; fewer at the ends."""
    half = window // 2
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    index = np.arange(len(values))
    first, last = np.maximum(index - half, 0), np.minimum(index + half + 1, len(values))
    return (total[last] - total[first]) / (last - first)[:, None]
