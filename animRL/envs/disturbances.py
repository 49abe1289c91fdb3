"""Pushes at the character's root, to learn to bear them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from animRL.envs.rows import like
from animRL.sim.base import PhysParams, SimBackend
from animRL.utils.errors import InputError

_STATE = ("_wait", "_left", "force")


class Pushes:
    """Horizontal pushes of random direction, force and time, in each environment on its own.

    A push lasts ``push_duration`` [s] and has a force uniform between 0 and ``push_force`` [N], as
    in the robustness tests of Peng et al. 2018 (0.2 s at the pelvis). The time from one to
    the next is uniform between half and one and a half times ``push_interval`` [s]; pushes go on
    over the ends of episodes, and the first ones are spread over an interval. Nothing here makes
    the host wait for the device.
    """

    def __init__(self, cfg: Any, backend: SimBackend) -> None:
        """Take up the settings of ``disturbances``; with an interval of 0 nobody is pushed.

        Raises:
            InputError: if the engine cannot push.
        """
        self.backend, self.enabled = backend, cfg.push_interval > 0.0
        if not self.enabled:
            return
        if "push_force" not in backend.caps:
            raise InputError(
                f"disturbances.push_interval: {type(backend).__name__} cannot push; valid: 0, or "
                "another engine"
            )
        self.largest = float(cfg.push_force)
        self.duration = max(1, round(cfg.push_duration / backend.dt))
        self.interval = max(self.duration, round(cfg.push_interval / backend.dt))
        self._everyone = torch.arange(backend.num_envs, device=backend.device)
        self._wait = self._uniform_steps(0.0, 1.0)
        self._left = torch.zeros_like(self._wait)
        self.force = torch.zeros(backend.num_envs, 3, device=backend.device)
        """What acts in this control step (N, 3), world frame [N]."""

    def apply(self) -> None:
        """Push in the control step that follows."""
        if not self.enabled:
            return
        begins = self._wait == 0
        self.force = torch.where(begins.unsqueeze(-1), self._drawn(), self.force)
        self._left = torch.where(begins, self.duration, self._left)
        self._wait = torch.where(begins, self._uniform_steps(0.5, 1.5), self._wait) - 1
        self.force = torch.where((self._left > 0).unsqueeze(-1), self.force, 0.0)
        self._left = (self._left - 1).clamp(min=0)
        self.backend.set_params(self._everyone, PhysParams(push_force=self.force))

    def state_dict(self) -> dict[str, Tensor]:
        """When each environment is pushed next, and what pushes it now; nothing without pushes."""
        return {name: getattr(self, name) for name in _STATE} if self.enabled else {}

    def load_state_dict(self, saved: Mapping[str, Tensor]) -> None:
        """Go back to a ``state_dict``; without one, or without pushes, nothing changes.

        Raises:
            ValueError: if it is one of other environments.
        """
        if self.enabled and saved:
            for name in _STATE:
                setattr(self, name, like(saved[name], getattr(self, name), name))

    def _drawn(self) -> Tensor:
        """A force (N, 3) for everybody."""
        angle, share = torch.rand(2, len(self._everyone), device=self.backend.device)
        size, angle = self.largest * share, 2.0 * math.pi * angle
        return torch.stack([size * angle.cos(), size * angle.sin(), torch.zeros_like(size)], -1)

    def _uniform_steps(self, low: float, high: float) -> Tensor:
        """Control steps (N,), uniform between shares of the interval, at least one push long."""
        share = torch.rand(len(self._everyone), device=self.backend.device)
        steps = (self.interval * (low + (high - low) * share)).long()
        return steps.clamp(min=self.duration if low > 0.0 else 0)
