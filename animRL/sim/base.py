"""The contract between the task and any physics engine.

Letters: N environments, J joints (the character's order), B bodies (the character's order).
Quaternions are xyzw. Everything is in the world frame unless its name says otherwise.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from animRL.utils.errors import InputError

if TYPE_CHECKING:
    from animRL.sim.character import Character


@dataclass(frozen=True)
class SimState:
    """What an engine tells about all environments; new tensors at each call of ``state()``."""

    root_pos: Tensor
    """Origin of the root body (N, 3) [m]."""
    root_quat: Tensor
    """Root rotation (N, 4), xyzw."""
    root_lin_vel: Tensor
    """Velocity of the root body's origin (N, 3), world frame [m/s]."""
    root_ang_vel: Tensor
    """Angular velocity of the root body (N, 3), world frame [rad/s]."""
    joint_pos: Tensor
    """Joint angles (N, J) [rad]."""
    joint_vel: Tensor
    """Joint velocities (N, J) [rad/s]."""
    ground_contact_force: Tensor
    """Force of the ground on each body in the last physics step (N, B, 3) [N]; 0 after a reset."""
    diverged: Tensor
    """Environments (N,) that became non-finite, or that the engine reset by itself, since their
    last reset (bool)."""
    bodies: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
    """How to get (N, B, 3) positions and (N, B, 4) rotations of all bodies from root and joints."""

    @cached_property
    def _body_poses(self) -> tuple[Tensor, Tensor]:
        return self.bodies(self.root_pos, self.root_quat, self.joint_pos)

    @property
    def body_pos(self) -> Tensor:
        """Origins of all bodies (N, B, 3) [m]; worked out when first asked for."""
        return self._body_poses[0]

    @property
    def body_quat(self) -> Tensor:
        """Rotations of all bodies (N, B, 4), xyzw; worked out when first asked for."""
        return self._body_poses[1]


@dataclass(frozen=True)
class ResetState:
    """The state into which environments are put; everything else follows from it."""

    root_pos: Tensor
    """(n, 3) [m]."""
    root_quat: Tensor
    """(n, 4), xyzw."""
    root_lin_vel: Tensor
    """(n, 3), world frame [m/s]."""
    root_ang_vel: Tensor
    """(n, 3), world frame [rad/s]."""
    joint_pos: Tensor
    """(n, J) [rad]."""
    joint_vel: Tensor
    """(n, J) [rad/s]."""


@dataclass(frozen=True)
class PhysParams:
    """Physical parameters of some environments; None leaves a parameter as it is."""

    friction: Tensor | None = None
    """Sliding friction of the character on the ground (n,)."""
    body_mass: Tensor | None = None
    """Mass of each body (n, B) [kg]; inertias scale with it."""
    push_force: Tensor | None = None
    """Force on the root body (n, 3), world frame [N], acting until set again or reset."""


class SimBackend(ABC):
    """N independent copies of one character on flat ground (z = 0), stepped together."""

    num_envs: int
    """Number of environments N."""
    device: torch.device
    """Where all tensors of this engine lie."""
    dt: float
    """Duration of a control step [s]."""
    character: Character
    """The character: names, limits, forward kinematics."""
    caps: frozenset[str]
    """Names of the ``PhysParams`` fields that ``set_params`` accepts."""
    saves_exactly: bool = True
    """Whether ``load_state`` brings back all that shapes the next step."""

    @abstractmethod
    def state(self) -> SimState:
        """Return the current state, all of it describing the same instant."""

    @abstractmethod
    def step(self, joint_targets: Tensor) -> None:
        """Advance one control step; drives hold the targets (N, J) [rad] throughout."""

    def raw_step(self, joint_targets: Tensor) -> None:
        """Advance the physics alone, as the bare engine would; for benchmarks.

        ``state()`` is not current afterwards. An engine without a barer way takes ``step``.
        """
        self.step(joint_targets)

    @abstractmethod
    def reset(self, env_ids: Tensor, state: ResetState) -> None:
        """Put environments ``env_ids`` (n,) long, sorted and unique, into ``state``.

        ``state()`` is up to date afterwards, bodies included; other environments are untouched.
        """

    def reset_where(self, mask: Tensor, state: ResetState) -> None:
        """Reset the environments in ``mask`` (N,) bool, each into its row of ``state`` (N rows).

        For callers that must not learn how many there are: an engine on a GPU does not wait.
        """
        env_ids = mask.nonzero().flatten()
        rows = {f.name: getattr(state, f.name)[env_ids] for f in fields(state)}
        self.reset(env_ids, ResetState(**rows))

    def check(self) -> None:  # noqa: B027  engines that cannot go wrong unseen keep this
        """Raise if results since the last call are wrong in a way that ``state()`` does not show.

        May wait for the device; meant to be called once in a training iteration.

        Raises:
            InputError: naming the setting to change.
        """

    def set_params(self, env_ids: Tensor, params: PhysParams) -> None:
        """Change physical parameters of environments ``env_ids`` (n,).

        Raises:
            InputError: for a parameter that is not in ``caps``.
        """
        given = [f.name for f in fields(params) if getattr(params, f.name) is not None]
        for name in given:
            if name not in self.caps:
                valid = ", ".join(sorted(self.caps)) or "none"
                raise InputError(f"{type(self).__name__} cannot set {name}; valid: {valid}")
        self._apply_params(env_ids, params)

    def _apply_params(self, env_ids: Tensor, params: PhysParams) -> None:  # noqa: B027
        """Apply parameters already checked against ``caps``; engines without any keep this."""

    @abstractmethod
    def save_state(self) -> dict[str, Any]:
        """Return everything that shapes the next step, as tensors and plain values."""

    @abstractmethod
    def load_state(self, saved: dict[str, Any]) -> None:
        """Go back to a state from ``save_state``; exactly, if ``saves_exactly``."""

    def close(self) -> None:  # noqa: B027  engines with nothing to release keep this
        """Release what the engine holds; it may not be used afterwards."""
