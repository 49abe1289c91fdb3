"""A walk of the project's own making: from published figures of human gait to a motion clip."""

from __future__ import annotations

import numpy as np
import torch

from animRL.dataloader.clip import Clip
from animRL.dataloader.frame_layout import FrameLayout
from animRL.motion.gait.balance import balanced_cycle
from animRL.motion.gait.gait_data import WalkStyle
from animRL.motion.gait.leg import LegGeometry
from animRL.motion.gait.walk_cycle import WalkCycle
from animRL.motion.rotations import from_matrix, invert, multiply, rotate, to_rotvec
from animRL.sim.character import Character
from animRL.utils.errors import InputError

# Phases computed for each frame: fine enough for derivatives by central differences.
PHASES_PER_FRAME = 10


def author_walk(character: Character, style: WalkStyle | None = None) -> Clip:
    """Make a periodic, straight, left-right symmetric walk for a character built like Bob.

    Frame 0 is the contact of the left heel at the origin; the last frame repeats the first pose,
    one stride ahead.

    Raises:
        InputError: if the character lacks Bob's joints or the style asks too much of its legs.
    """
    style = style or WalkStyle()
    if style.frames_per_cycle % 2:
        raise InputError(f"walk style: frames_per_cycle {style.frames_per_cycle}; valid: even")
    cycle = balanced_cycle(
        character, style, leg_geometry(character), style.frames_per_cycle * PHASES_PER_FRAME
    )
    frames = _frames(character, style, cycle)[::PHASES_PER_FRAME]
    last = frames[:1].copy()
    last[:, 0] += style.stride
    return Clip(
        frames=np.concatenate([frames, last]),
        frame_duration=style.frame_duration,
        joint_names=character.joint_names,
        end_effector_names=character.end_effector_names,
        loop=True,
    )


def leg_geometry(character: Character) -> LegGeometry:
    """Measure the left leg and its foot's contact spheres in the character's asset.

    Raises:
        InputError: if a body of the left leg is missing.
    """
    bodies = character.body_indices(["pelvis", "lUpperLeg", "lLowerLeg", "lFoot"])
    upright = torch.tensor([[0.0, 0.0, 0.0, 1.0]], dtype=torch.float64)
    zero = torch.zeros(1, len(character.joint_names), dtype=torch.float64)
    position, _ = character.forward_kinematics(upright[:, :3], upright, zero)
    pelvis, hip, knee, ankle = position[0, bodies].numpy()
    foot = character.load_spec().body("lFoot")
    spheres = [(np.array(geom.pos), float(geom.size[0])) for geom in foot.geoms if geom.conaffinity]
    outer = max(centre[1] for centre, _ in spheres)
    rim = sorted((c for c, _ in spheres if c[1] >= outer - 1e-6), key=lambda c: c[0])
    return LegGeometry(
        hip=hip - pelvis,
        thigh=float(np.linalg.norm(knee - hip)),
        shank=float(np.linalg.norm(ankle - knee)),
        heel=rim[0],
        toe=rim[-1],
        radius=spheres[0][1],
    )


def _frames(character: Character, style: WalkStyle, cycle: WalkCycle) -> np.ndarray:
    """Frames (M, D) at all phases of a cycle, velocities by central differences."""
    layout = FrameLayout(len(character.joint_names), len(character.end_effector_names))
    count = len(cycle.root_pos)
    step = style.cycle_seconds / count
    root = torch.from_numpy(cycle.root_pos)
    quat = from_matrix(cycle.root_rot)
    joints = np.column_stack([cycle.joints[name] for name in character.joint_names])
    places = character.end_effector_pos(root, torch.from_numpy(quat), torch.from_numpy(joints))
    reach = (places - root[:, None]).numpy()
    ends = rotate(invert(quat)[:, None], reach).reshape(count, -1)
    periodic = cycle.root_pos - np.outer(np.arange(count) / count, [style.stride, 0.0, 0.0])
    velocity = _rate(periodic, step) + [style.speed, 0.0, 0.0]
    before = invert(np.roll(quat, 1, axis=0))
    turn = multiply(before, np.roll(quat, -1, axis=0))
    frames = np.empty((count, layout.width))
    frames[:, layout.root_pos] = cycle.root_pos - [cycle.root_pos[0, 0], 0.0, 0.0]
    frames[:, layout.root_rot] = quat
    frames[:, layout.joint_pos] = joints
    frames[:, layout.ee_pos] = ends
    frames[:, layout.root_lin_vel] = rotate(invert(quat), velocity)
    # The turn from one sample before to one after, seen from the first: to be seen from the middle.
    rate = to_rotvec(turn) / (2.0 * step)
    half = multiply(before, quat)
    frames[:, layout.root_ang_vel] = rotate(invert(half), rate)
    frames[:, layout.joint_vel] = _rate(joints, step)
    frames[:, layout.ee_vel] = _rate(ends, step)
    return frames


def _rate(samples: np.ndarray, step: float) -> np.ndarray:
    """Derivative (M, n) of periodic samples by central differences."""
    return (np.roll(samples, -1, axis=0) - np.roll(samples, 1, axis=0)) / (2.0 * step)
