"""An engine without physics: the character goes exactly where it is put; for tests and viewing."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from animRL.sim.base import ResetState, SimBackend, SimState

if TYPE_CHECKING:
    from animRL.sim.character import Character


class KinematicBackend(SimBackend):
    """Joints follow their targets exactly; the root coasts, or goes where ``follow`` says."""

    def __init__(
        self, character: Character, num_envs: int, dt: float, device: str | torch.device = "cpu"
    ) -> None:
        """Start all environments at the origin in the default pose."""
        self.num_envs, self.dt, self.device = num_envs, dt, torch.device(device)
        self.character = character.to(self.device)
        self.caps = frozenset()
        zeros = torch.zeros(num_envs, 3, device=self.device)
        upright = torch.tensor([0.0, 0.0, 0.0, 1.0], device=self.device)
        joints = self.character.default_joint_pos
        self._current = ResetState(
            root_pos=zeros, root_quat=upright.expand(num_envs, 4), root_lin_vel=zeros,
            root_ang_vel=zeros, joint_pos=joints.expand(num_envs, -1),
            joint_vel=torch.zeros_like(joints).expand(num_envs, -1),
        )  # fmt: skip
        self._next: ResetState | None = None
        self._state: SimState | None = None

    def follow(self, state: ResetState) -> None:
        """Make the next ``step`` end in ``state`` (all N environments), whatever its targets."""
        self._next = state

    def state(self) -> SimState:
        """Return the state; bodies by forward kinematics, no contact forces."""
        if self._state is None:
            now, bodies = self._current, len(self.character.body_names)
            self._state = SimState(
                **{f.name: getattr(now, f.name) for f in fields(now)},
                ground_contact_force=torch.zeros(self.num_envs, bodies, 3, device=self.device),
                diverged=torch.zeros(self.num_envs, dtype=torch.bool, device=self.device),
                bodies=self.character.forward_kinematics,
            )
        return self._state

    def step(self, joint_targets: Tensor) -> None:
        """Move the joints to their targets (N, J) and the root on with its velocity."""
        now = self._current
        if self._next is not None:
            self._current, self._next = self._next, None
        else:
            self._current = ResetState(
                root_pos=now.root_pos + self.dt * now.root_lin_vel,
                root_quat=now.root_quat,
                root_lin_vel=now.root_lin_vel,
                root_ang_vel=torch.zeros_like(now.root_ang_vel),
                joint_pos=joint_targets,
                joint_vel=(joint_targets - now.joint_pos) / self.dt,
            )
        self._state = None

    def reset(self, env_ids: Tensor, state: ResetState) -> None:
        """Put environments (n,) into ``state``."""
        merged = {}
        for field in fields(state):
            values = getattr(self._current, field.name).clone()
            values[env_ids] = getattr(state, field.name)
            merged[field.name] = values
        self._current = ResetState(**merged)
        self._state = None

    def reset_where(self, mask: Tensor, state: ResetState) -> None:
        """Put environments in ``mask`` (N,) into their rows of ``state``."""
        self._current = ResetState(
            **{
                f.name: torch.where(
                    mask.unsqueeze(-1), getattr(state, f.name), getattr(self._current, f.name)
                )
                for f in fields(state)
            }
        )
        self._state = None

    def save_state(self) -> dict[str, Any]:
        """Return the root and joint states."""
        return {f.name: getattr(self._current, f.name).clone() for f in fields(self._current)}

    def load_state(self, saved: dict[str, Any]) -> None:
        """Go back to a saved state."""
        self._current = ResetState(**{name: value.clone() for name, value in saved.items()})
        self._next = self._state = None
