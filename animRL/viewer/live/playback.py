"""What the live view plays: the contract, and bare clips."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from animRL.utils import rotations as rot
from animRL.viewer.poses import Array, Poses

if TYPE_CHECKING:
    from animRL.dataloader.motion_loader import MotionLoader
    from animRL.sim.character import Character


@dataclass(frozen=True)
class Shown:
    """N characters at one instant, and what was judged of them."""

    poses: Poses
    """The characters, N of them."""
    reference: Poses | None
    """What they were to do, N of them; None: nothing to compare with."""
    phases: Array
    """Phase (N,) in [0, 1]."""
    terms: Mapping[str, Array] = field(default_factory=dict)
    """Reward terms (N,) by name; empty: nothing is judged."""
    total: Array | None = None
    """What the terms give together (N,)."""
    down: NDArray[np.bool_] | None = None
    """Who has fallen (N,)."""
    pushes: Array | None = None
    """Forces (N, 3) at the roots, world frame [N]."""


class Playback(ABC):
    """N characters that move step by step, and what can be changed about them while they do.

    All calls come from one thread. What is not supported is told by ``can_push``, and by an empty
    ``checkpoints`` or ``kernels``. After an episode a character starts again as ``reset`` said.
    """

    character: Character
    count: int
    """Number of characters N."""
    dt: float
    """Time between two steps [s]."""
    can_push: bool = False
    """Whether ``push`` does something."""
    clips: Sequence[str] = ()
    """Names of the clips to choose from; one or more."""
    checkpoints: Sequence[str] = ()
    """Names of the checkpoints to choose from; more may come."""
    playing: str = ""
    """The one in use."""
    title: str = ""
    """What is played, in a few words."""

    @abstractmethod
    def step(self) -> Shown:
        """Go on by ``dt``."""

    @abstractmethod
    def reset(self, phase: float) -> Shown:
        """Start all characters at a phase in [0, 1], where those that end start again."""

    @abstractmethod
    def choose_clip(self, name: str) -> Shown:
        """Follow another clip from its beginning."""

    def push(self, who: int, force: Array, seconds: float) -> None:  # noqa: B027
        """Push the root of a character with a force (3,), world frame [N], for a time [s]."""

    def choose_checkpoint(self, name: str) -> None:  # noqa: B027
        """Play another of the ``checkpoints`` from now on."""

    def refresh(self) -> str | None:
        """Look for news, such as a policy that has learned on; a line to show, or None."""
        return None

    @property
    def kernels(self) -> dict[str, tuple[float, float]]:
        """Sigma and tolerance of each reward term, in the unit of its error."""
        return {}

    def set_kernel(
        self, name: str, sigma: float | None = None, tolerance: float | None = None
    ) -> Shown | None:
        """Change what is given of a kernel and judge the present instant anew; None: unjudged."""
        return None

    def forget_kernels(self) -> Shown | None:
        """Take back what `set_kernel` changed, and judge the present instant anew."""
        return None


class ClipPlayback(Playback):
    """Clips as they are, with no engine: one character, at the clip's own place."""

    def __init__(self, character: Character, motions: MotionLoader) -> None:
        """Show the first of the clips, from its beginning."""
        self.character, self.count = character.to("cpu"), 1
        self.dt, self.clips = motions.sim_frame_dt, motions.labels
        self._motions = motions
        self._clip = torch.zeros(1, dtype=torch.long)
        self._phase = 0.0
        self.reset(0.0)

    @property
    def title(self) -> str:  # type: ignore[override]
        """The clip's name."""
        return f"clip {self.clips[int(self._clip)]}"

    def step(self) -> Shown:
        """Go on by ``dt``; a loop goes on where it is, another clip begins anew."""
        self._phase += float(self._motions.phase_step(self._clip))
        if self._phase > 1.0 - 1e-6:
            if bool(self._motions.loops[self._clip]):
                self._carry_on()
                self._phase -= 1.0
            else:
                self._phase = 0.0
        return self._shown()

    def reset(self, phase: float) -> Shown:
        """Show the clip at a phase, where it stands in its file."""
        self._phase = phase
        self._turn, self._offset = torch.zeros(1), torch.zeros(1, 2)
        return self._shown()

    def choose_clip(self, name: str) -> Shown:
        """Show another clip."""
        self._clip[0] = self.clips.index(name)
        return self.reset(0.0)

    def _carry_on(self) -> None:
        """Move the clip's beginning to where its end is now."""
        offset, turn = self._motions.loop_offset[self._clip], self._motions.loop_turn[self._clip]
        self._offset = self._offset + rot.rotate_about_z(self._turn, offset)
        self._turn = self._turn + turn

    def _shown(self) -> Shown:
        motions = self._motions
        frames = motions.get_frame_at_phase(torch.tensor([max(self._phase, 0.0)]), self._clip)
        root = motions.get_root_pos(frames)
        planar = rot.rotate_about_z(self._turn, root[:, :2]) + self._offset
        turn = rot.quat_about_z(self._turn)
        rotation = rot.quat_mul(turn, motions.get_root_rot(frames))
        poses = Poses.of(
            np.concatenate([planar.numpy(), root[:, 2:].numpy()], axis=1),
            rotation, motions.get_joint_pose(frames),
        )  # fmt: skip
        return Shown(poses, None, np.array([self._phase]))
