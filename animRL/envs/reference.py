"""The moving reference: phase, target frame and where the clip is anchored in the world."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from animRL.envs.rows import like, put_rows
from animRL.utils import rotations as rot

if TYPE_CHECKING:
    from animRL.dataloader.motion_loader import MotionLoader

# A phase this close to 1 is the end of the clip: float32 rounding over a thousand steps.
END_OF_CLIP = 1.0 - 1e-5
_STATE = (
    *("clip_ids", "phase", "reset_phase", "turn", "offset", "drift"),
    *("target_frames", "reset_frames"),
)


class Reference:
    """The reference of N environments; the one place where phase, anchor and target change.

    Anchoring turns a clip about z by ``turn`` (N,) [rad] and then moves it in x and y by
    ``offset`` (N, 2) [m], so that its frame at the reset phase meets the character's heading and
    planar position. Heights are not changed, and velocities and end effectors are in the base
    frame, so only the first seven columns of a frame depend on the anchor.
    """

    def __init__(self, motions: MotionLoader, num_envs: int) -> None:
        """Start all environments at phase 0 of clip 0, not yet anchored."""
        device = motions.device
        self.motions = motions
        self.clip_ids = torch.zeros(num_envs, dtype=torch.long, device=device)
        self.phase = torch.zeros(num_envs, device=device)
        self.reset_phase = torch.zeros(num_envs, device=device)
        self.turn = torch.zeros(num_envs, device=device)
        self.offset = torch.zeros(num_envs, 2, device=device)
        self.drift = torch.zeros(num_envs, device=device)
        """Planar distance (N,) [m] that was forgiven at the loops since the reset."""
        self.target_frames = motions.get_frame_at_phase(self.phase)
        """Anchored frames (N, D) by which the next state is judged."""
        self.reset_frames = self.target_frames.clone()
        """Anchored frames (N, D) at the reset phase."""

    def raw_frames(self, phase: Tensor, clip_ids: Tensor) -> Tensor:
        """Frames (n, D) of the clips as they are in the files."""
        return self.motions.get_frame_at_phase(phase, clip_ids)

    def reset(
        self,
        where: Tensor,
        clip_ids: Tensor,
        phase: Tensor,
        frames: Tensor,
        root_xy: Tensor,
        root_quat: Tensor,
    ) -> None:
        """Start some environments at ``phase`` (n,) and anchor them to the character there.

        Args:
            where: their numbers (n,), or a mask (N,), and n is then N; see ``put_rows``.
            clip_ids: clip of each (n,).
            phase: reset phase (n,) in [0, 1].
            frames: frames (n, D) of those clips at that phase, see ``raw_frames``.
            root_xy: planar position of the character's root (n, 2), world frame [m].
            root_quat: rotation of the character's root (n, 4).
        """
        difference = rot.quat_mul(root_quat, rot.quat_conjugate(self.motions.get_root_rot(frames)))
        turn = rot.twist_about_z(difference)
        offset = root_xy - rot.rotate_about_z(turn, frames[:, :2])
        anchored = anchor(frames, turn, offset)
        self.clip_ids = put_rows(self.clip_ids, where, clip_ids)
        self.phase = put_rows(self.phase, where, phase)
        self.reset_phase = put_rows(self.reset_phase, where, phase)
        self.turn = put_rows(self.turn, where, turn)
        self.offset = put_rows(self.offset, where, offset)
        self.drift = put_rows(self.drift, where, 0.0)
        self.target_frames = put_rows(self.target_frames, where, anchored)
        self.reset_frames = put_rows(self.reset_frames, where, anchored)

    def advance(self, root_xy: Tensor) -> None:
        """Move every phase one control step on and fetch the new target frames.

        A looping clip that passes its end goes on by the planar transform from its first root
        frame to its last; the reference then takes over the character's planar lead or lag, as
        DeepMimic synchronises the root at each cycle, because the policy cannot see it.

        Args:
            root_xy: planar root position (N, 2) of the states that the present target judged.
        """
        phase = self.phase + self.motions.phase_step(self.clip_ids)
        loops = self.motions.loops[self.clip_ids]
        wrapped = loops & (phase >= END_OF_CLIP)
        turn = self.turn + self.motions.loop_turn[self.clip_ids]
        step = rot.rotate_about_z(self.turn, self.motions.loop_offset[self.clip_ids])
        lead = root_xy - self.target_frames[:, :2]
        self.turn = torch.where(wrapped, turn, self.turn)
        self.offset = torch.where(wrapped.unsqueeze(-1), self.offset + step + lead, self.offset)
        self.drift = self.drift + wrapped * lead.norm(dim=-1)
        self.phase = torch.where(wrapped, phase - 1.0, phase).clamp(0.0, 1.0)
        self.target_frames = anchor(
            self.raw_frames(self.phase, self.clip_ids), self.turn, self.offset
        )

    def state_dict(self) -> dict[str, Tensor]:
        """Where every environment is in its clip and how that is anchored."""
        return {name: getattr(self, name) for name in _STATE}

    def load_state_dict(self, saved: Mapping[str, Tensor]) -> None:
        """Go back to a ``state_dict``.

        Raises:
            ValueError: if it is one of other environments or clips.
        """
        values = {name: like(saved[name], getattr(self, name), name) for name in _STATE}
        clips = values["clip_ids"]
        if bool(((clips < 0) | (clips >= self.motions.num_motions)).any()):
            raise ValueError(f"clip_ids names clips that are not among {self.motions.num_motions}")
        for name, value in values.items():
            setattr(self, name, value)

    def finished(self) -> Tensor:
        """Environments (N,) whose clip does not loop and has been judged to its end (bool)."""
        return (self.phase >= END_OF_CLIP) & ~self.motions.loops[self.clip_ids]


def anchor(frames: Tensor, turn: Tensor, offset: Tensor) -> Tensor:
    """Turn frames (N, D) about z by ``turn`` (N,) [rad], then move by ``offset`` (N, 2) [m]."""
    xy = rot.rotate_about_z(turn, frames[:, :2]) + offset
    rotation = rot.quat_mul(rot.quat_about_z(turn), frames[:, 3:7])
    return torch.cat([xy, frames[:, 2:3], rotation, frames[:, 7:]], dim=-1)
