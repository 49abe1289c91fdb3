"""All motion clips of a task in one tensor, interpolated for many environments at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from animRL.dataloader.clip import Clip
from animRL.dataloader.clip_files import read_clips
from animRL.dataloader.frame_layout import FrameLayout
from animRL.utils import rotations as rot

EndEffectorKinematics = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Root position (T, 3), root rotation (T, 4), joint angles (T, J) -> end effectors (T, E, 3)."""
JointTorques = Callable[[Clip, bool], np.ndarray]
"""A clip, and whether it loops -> the torques (T, J) that its motion takes at each frame [N m]."""


class MotionLoader:
    """Motion clips on a device, looked up by phase with no loop over environments or clips.

    A clip of T frames lasts (T - 1) x frame duration seconds; phase 0 is its first frame and
    phase 1 its last, whatever its frame rate. Frames are those of the files (not anchored).
    """

    def __init__(
        self,
        device: str | torch.device,
        cfg: Any,
        sim_frame_dt: float,
        num_joints: int,
        num_ee: int,
        joint_names: Sequence[str] | None = None,
        ee_names: Sequence[str] | None = None,
        forward_kinematics: EndEffectorKinematics | None = None,
    ) -> None:
        """Load the clips named by ``cfg.motion_files`` (a path, a pattern, or a list of them).

        ``cfg.loop`` (None: each file's own word, absent: no loop), ``cfg.height_offset`` [m] is
        added to every root height, ``cfg.refill_end_effectors``: with ``forward_kinematics``
        given, the end-effector columns are computed from the joints instead of taken from the
        file. With names given, files with other names are refused and another order is permuted.

        Raises:
            InputError: for a file that cannot be used, in one line.
        """
        self.device = torch.device(device)
        self.sim_frame_dt = sim_frame_dt
        self.layout = FrameLayout(num_joints, num_ee)
        clips = read_clips(cfg, sim_frame_dt, self.layout, joint_names, ee_names)
        loops = [bool(c.loop) if cfg.loop is None else bool(cfg.loop) for c in clips]
        clips = [_raised(c, cfg.height_offset) for c in clips]
        if forward_kinematics is not None and cfg.refill_end_effectors:
            clips = [_refilled(c, forward_kinematics) for c in clips]
        self.clips: tuple[Clip, ...] = tuple(clips)
        self._to_tensors(clips, loops)

    def _to_tensors(self, clips: list[Clip], loops: list[bool]) -> None:
        lengths = torch.tensor([len(c.frames) for c in clips])
        starts = torch.cumsum(lengths, 0) - lengths
        frames = torch.cat([torch.from_numpy(_continuous(c).frames).float() for c in clips])
        self.frames = frames.to(self.device)
        self.trajectory_lens = torch.tensor([c.duration for c in clips], device=self.device)
        """Length of each clip (M,) [s]."""
        self.loops = torch.tensor(loops, device=self.device)
        """Whether each clip loops (M,)."""
        weights = torch.tensor([c.motion_weight for c in clips], device=self.device)
        self.weights = weights / weights.sum()
        self._torques: Tensor | None = None
        self._starts = starts.to(self.device)
        self._last = (lengths - 1).to(self.device)
        first, last = self.frames[self._starts], self.frames[self._starts + self._last]
        turn = rot.quat_mul(self.get_root_rot(last), rot.quat_conjugate(self.get_root_rot(first)))
        self.loop_turn = rot.twist_about_z(turn)
        """Turn about z from the first root frame of a clip to its last (M,) [rad]."""
        self.loop_offset = last[:, :2] - rot.rotate_about_z(self.loop_turn, first[:, :2])
        """Planar move (M, 2) [m] that, after that turn, takes the first root frame to the last."""

    @property
    def num_motions(self) -> int:
        """Number of clips M."""
        return len(self.clips)

    @property
    def names(self) -> tuple[str, ...]:
        """File of each clip."""
        return tuple(c.source for c in self.clips)

    @property
    def labels(self) -> tuple[str, ...]:
        """A short name of each clip: its file's without folder and suffix where that is unique."""
        stems = [Path(name).stem for name in self.names]
        return tuple(
            stem if stems.count(stem) == 1 else name for stem, name in zip(stems, self.names)
        )

    def phase_step(self, clip_ids: Tensor | None = None) -> Tensor:
        """Phase that passes in one control step, (N,) for ``clip_ids`` (N,), else (M,)."""
        steps = self.sim_frame_dt / self.trajectory_lens
        return steps if clip_ids is None else steps[clip_ids]

    def sample_clips(self, count: int) -> Tensor:
        """Draw clip indices (count,) in proportion to the clips' ``MotionWeight``."""
        if self.num_motions == 1:
            return torch.zeros(count, dtype=torch.long, device=self.device)
        return torch.multinomial(self.weights, count, replacement=True)

    def add_joint_torques(self, torques_of: JointTorques) -> None:
        """Work out the torques of every frame of every clip, for ``get_joint_torque_at_phase``.

        Raises:
            ValueError: if ``torques_of`` does not give (T, J) numbers.
        """
        torques = [torques_of(c, bool(loop)) for c, loop in zip(self.clips, self.loops.tolist())]
        for clip, values in zip(self.clips, torques):
            if values.shape != (expected := (len(clip.frames), self.layout.num_joints)):
                raise ValueError(f"{clip.source}: torques of shape {values.shape}, not {expected}")
        self._torques = torch.from_numpy(np.concatenate(torques)).float().to(self.device)

    def get_joint_torque_at_phase(self, phase: Tensor, clip_ids: Tensor) -> Tensor:
        """Interpolate the torques (N, J) [N m] of clips (N,) at phases (N,) in (-1, 1].

        A phase below 0 is that of the cycle before, for a clip that loops, else its first frame.

        Raises:
            ValueError: if ``add_joint_torques`` was not called.
        """
        if self._torques is None:
            raise ValueError("the clips have no torques; call add_joint_torques first")
        before = self.loops[clip_ids] & (phase < 0.0)
        index, weight = self._between(torch.where(before, phase + 1.0, phase), clip_ids)
        return torch.lerp(self._torques[index], self._torques[index + 1], weight)

    def get_frame_at_phase(self, phase: Tensor, clip_ids: Tensor | None = None) -> Tensor:
        """Interpolate frames (N, D) at phases (N,) in [0, 1]; ``clip_ids`` (N,), default clip 0.

        Everything is interpolated linearly but the root rotation, which is by slerp.
        """
        index, weight = self._between(phase, clip_ids)
        a, b = self.frames[index], self.frames[index + 1]
        blended = torch.lerp(a, b, weight)
        root = self.layout.root_rot
        rotation = rot.quat_slerp(a[:, root], b[:, root], weight)
        return torch.cat([blended[:, : root.start], rotation, blended[:, root.stop :]], dim=-1)

    def _between(self, phase: Tensor, clip_ids: Tensor | None) -> tuple[Tensor, Tensor]:
        """Row (N,) of the frame before each phase (N,), and how far on the next one is (N, 1)."""
        if clip_ids is None:
            last, start = self._last[0], self._starts[0]
        else:
            last, start = self._last[clip_ids], self._starts[clip_ids]
        position = phase.clamp(0.0, 1.0) * last
        lower = torch.minimum(position.long(), last - 1)
        return start + lower, (position - lower).unsqueeze(-1)

    def get_root_pos(self, frames: Tensor) -> Tensor:
        """Root position (N, 3), world frame [m]."""
        return frames[:, self.layout.root_pos]

    def get_root_rot(self, frames: Tensor) -> Tensor:
        """Root rotation (N, 4), xyzw."""
        return frames[:, self.layout.root_rot]

    def get_joint_pose(self, frames: Tensor) -> Tensor:
        """Joint angles (N, J) [rad]."""
        return frames[:, self.layout.joint_pos]

    def get_joint_vel(self, frames: Tensor) -> Tensor:
        """Joint velocities (N, J) [rad/s]."""
        return frames[:, self.layout.joint_vel]

    def get_linear_vel(self, frames: Tensor) -> Tensor:
        """Root linear velocity (N, 3), base frame [m/s]."""
        return frames[:, self.layout.root_lin_vel]

    def get_angular_vel(self, frames: Tensor) -> Tensor:
        """Root angular velocity (N, 3), base frame [rad/s]."""
        return frames[:, self.layout.root_ang_vel]

    def get_ee_pos_local(self, frames: Tensor) -> Tensor:
        """End-effector positions (N, E, 3), base frame [m]."""
        return frames[:, self.layout.ee_pos].unflatten(-1, (-1, 3))

    def get_ee_pos_global(self, frames: Tensor) -> Tensor:
        """End-effector positions (N, E, 3), in the frame of the root position [m]."""
        rotation = self.get_root_rot(frames).unsqueeze(1)
        local = self.get_ee_pos_local(frames)
        return self.get_root_pos(frames).unsqueeze(1) + rot.quat_rotate(rotation, local)


def _raised(clip: Clip, height: float) -> Clip:
    frames = clip.frames.copy()
    frames[:, 2] += height
    return replace(clip, frames=frames)


def _continuous(clip: Clip) -> Clip:
    """Flip quaternion signs so that neighbouring frames lie in the same half space."""
    frames, columns = clip.frames.copy(), clip.layout.root_rot
    dots = (frames[1:, columns] * frames[:-1, columns]).sum(axis=1)
    frames[1:, columns] *= np.cumprod(np.where(dots < 0.0, -1.0, 1.0))[:, None]
    return replace(clip, frames=frames)


def _refilled(clip: Clip, forward_kinematics: EndEffectorKinematics) -> Clip:
    """Compute end-effector positions from the joints, and their velocities by differences."""
    layout, frames = clip.layout, clip.frames.copy()
    joints = torch.from_numpy(frames[:, layout.joint_pos]).float()
    origin, upright = torch.zeros(len(joints), 3), torch.tensor([0.0, 0.0, 0.0, 1.0])
    ends = forward_kinematics(origin, upright.expand(len(joints), 4), joints)
    positions = ends.reshape(len(joints), -1).double().numpy()
    frames[:, layout.ee_pos] = positions
    frames[:, layout.ee_vel] = np.gradient(positions, clip.frame_duration, axis=0)
    return replace(clip, frames=frames)
