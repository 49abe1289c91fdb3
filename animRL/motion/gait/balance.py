"""Balance of a periodic walk: where the ground must press, and the pelvis's sway that fits it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from animRL.motion.dynamics import GRAVITY
from animRL.motion.gait.gait_data import WalkStyle
from animRL.motion.gait.leg import LegGeometry
from animRL.motion.gait.minimum_jerk import Knot, MinimumJerkCurve
from animRL.motion.gait.walk_cycle import WalkCycle, walk_cycle
from animRL.motion.rotations import from_matrix, rotate
from animRL.sim.character import Character

# Harmonics of the cycle kept in the sway: beyond, a miss of 1 cm would move it by under 0.01 mm.
HARMONICS = 20
PASSES = 8
# Height of the centre of mass of an upright person of 1.77 m, and how far it lies ahead of the
# hips with the trunk leaning [m]: where the search for the sway starts, not where it ends.
PENDULUM_HEIGHT = 0.95
MASS_LEAD = 0.025


@dataclass(frozen=True)
class GroundReaction:
    """What the ground must do at M phases: zero-moment point (M, 2) [m], force / weight (M,)."""

    zero_moment_point: np.ndarray
    load: np.ndarray


def body_poses(character: Character, cycle: WalkCycle) -> tuple[np.ndarray, np.ndarray]:
    """World positions (M, B, 3) and rotations (M, B, 4) of the bodies over a cycle."""
    joints = np.column_stack([cycle.joints[name] for name in character.joint_names])
    position, rotation = character.forward_kinematics(
        torch.from_numpy(cycle.root_pos),
        torch.from_numpy(from_matrix(cycle.root_rot)),
        torch.from_numpy(joints),
    )
    return position.numpy(), rotation.numpy()


def ground_reaction(character: Character, style: WalkStyle, cycle: WalkCycle) -> GroundReaction:
    """What carries the character through a cycle, its bodies taken as points of mass.

    The zero-moment point as by Vukobratovic and Borovac, Zero-Moment Point: Thirty-Five Years of
    its Life, 2004, on the ground z = 0.
    """
    position, rotation = body_poses(character, cycle)
    centre = position + rotate(rotation, character.body_com.double().numpy())
    count = len(centre)
    advance = np.arange(count)[:, None] * style.stride / count
    periodic = centre - np.stack([advance, 0.0 * advance, 0.0 * advance], axis=-1)
    step = style.cycle_seconds / count
    acceleration = np.roll(periodic, -1, axis=0) - 2.0 * periodic + np.roll(periodic, 1, axis=0)
    acceleration /= step**2
    mass = character.body_mass.double().numpy()
    force = mass * (acceleration[..., 2] + GRAVITY)
    total = force.sum(axis=1)
    push = mass[:, None] * acceleration[..., :2]
    moment = force[..., None] * centre[..., :2] - push * centre[..., 2:]
    return GroundReaction(moment.sum(axis=1) / total[:, None], total / (mass.sum() * GRAVITY))


def wanted_zero_moment_point(style: WalkStyle, count: int) -> np.ndarray:
    """The zero-moment point (M, 2) to be had: along one foot, and over to the next as it lands."""
    half = count // 2
    phase = np.arange(half) / count
    path = MinimumJerkCurve([Knot(p, x) for p, x in style.pressure_path])
    ahead = np.column_stack([path(phase), np.full(half, style.pressure_side)])
    behind = np.column_stack([path(phase + 0.5), np.full(half, style.pressure_side)])
    width = 0.5 * style.step_width
    left = ahead + [0.0, width]
    right = (behind + [0.0, width]) * [1.0, -1.0] - [0.5 * style.stride, 0.0]
    share = np.clip(phase / style.load_transfer, 0.0, 1.0)
    load = (share**3 * (10.0 - 15.0 * share + 6.0 * share**2))[:, None]
    first = load * left + (1.0 - load) * right
    return np.concatenate([first, first * [1.0, -1.0] + [0.5 * style.stride, 0.0]])


def _first_sway(wanted: np.ndarray, style: WalkStyle, gain: np.ndarray) -> np.ndarray:
    """Sway (M, 2) of a lone point of mass over the wanted zero-moment point (M, 2)."""
    count = len(wanted)
    periodic = wanted - np.outer(np.arange(count) / count, [style.stride, 0.0])
    sway = np.fft.irfft(gain[:, None] * np.fft.rfft(periodic, axis=0), count, axis=0)
    return sway - [MASS_LEAD, 0.0]


def balanced_cycle(
    character: Character, style: WalkStyle, leg: LegGeometry, count: int
) -> WalkCycle:
    """The cycle at M = ``count`` phases whose pelvis sways so that the wanted point is met.

    A pendulum's height z turns a sway s into s - (z / g) s'' of the zero-moment point (Kajita et
    al., Biped Walking Pattern Generation by Using Preview Control, 2003); solved by harmonics and
    repeated for what the limbs add.
    """
    wanted = wanted_zero_moment_point(style, count)
    frequency = 2.0 * np.pi * np.fft.rfftfreq(count, style.cycle_seconds / count)
    gain = 1.0 / (1.0 + PENDULUM_HEIGHT / GRAVITY * frequency**2)
    gain[HARMONICS + 1 :] = 0.0
    sway = _first_sway(wanted, style, gain)
    for _ in range(PASSES):
        cycle = walk_cycle(style, leg, sway)
        miss = wanted - ground_reaction(character, style, cycle).zero_moment_point
        sway = sway + np.fft.irfft(gain[:, None] * np.fft.rfft(miss, axis=0), count, axis=0)
    return walk_cycle(style, leg, sway)
