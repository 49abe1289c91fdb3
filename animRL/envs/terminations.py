"""When an episode ends: pure functions of state and reference, each (N,) bool."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from animRL.sim.base import SimState
from animRL.utils.rotations import angle_between


@dataclass(frozen=True)
class PoseLimits:
    """Largest deviations from the reference before an episode ends early."""

    height: float
    """Of the base [m]."""
    orientation: float
    """Of the base [rad]."""
    ee_height: float
    """Of any end effector [m]."""
    ee_distance: float
    """Of any end effector, in space [m]."""


def fallen(ground_contact_force: Tensor, fall_bodies: Tensor, threshold: float) -> Tensor:
    """A body that may not touch the ground does, with more than ``threshold`` [N].

    Args:
        ground_contact_force: (N, B, 3) [N].
        fall_bodies: indices of those bodies, long.
        threshold: [N].
    """
    forces = ground_contact_force[:, fall_bodies]
    return (forces.square().sum(dim=-1) > threshold**2).any(dim=-1)


def out_of_range(
    state: SimState, origin_height: Tensor, lin_vel: float, ang_vel: float, height: float
) -> Tensor:
    """The base is faster than ``lin_vel`` [m/s] or ``ang_vel`` [rad/s], or above ``height`` [m]."""
    return (
        (state.root_lin_vel.square().sum(dim=-1) > lin_vel**2)
        | (state.root_ang_vel.square().sum(dim=-1) > ang_vel**2)
        | (state.root_pos[:, 2] - origin_height > height)
        | state.diverged
    )


def pose_lost(
    base_height: Tensor,
    base_quat: Tensor,
    ee_pos: Tensor,
    reference_pos: Tensor,
    reference_quat: Tensor,
    reference_ee_pos: Tensor,
    limits: PoseLimits,
) -> Tensor:
    """The character is so far from its reference that going on teaches nothing.

    Args:
        base_height: above the environment's origin (N,) [m].
        base_quat: (N, 4).
        ee_pos: end effectors (N, E, 3), world frame [m].
        reference_pos: anchored root (N, 3) [m].
        reference_quat: anchored (N, 4).
        reference_ee_pos: anchored (N, E, 3) [m].
        limits: the largest deviations.
    """
    difference = ee_pos - reference_ee_pos
    return (
        ((base_height - reference_pos[:, 2]).abs() > limits.height)
        | (angle_between(base_quat, reference_quat) > limits.orientation)
        | (difference[..., 2].abs() > limits.ee_height).any(dim=-1)
        | (difference.square().sum(dim=-1) > limits.ee_distance**2).any(dim=-1)
    )
