"""Small characters written inline, whose mechanics can be worked out by hand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

from animRL.motion.trajectory import Trajectory
from animRL.sim.character import Character
from animRL.utils.rotations import quat_mul

BOX = """
<mujoco>
  <worldbody>
    <body name="box">
      <geom type="box" size="0.2 0.1 0.05" mass="10"/>
    </body>
  </worldbody>
</mujoco>
"""

BALL = """
<mujoco>
  <worldbody>
    <body name="ball">
      <geom type="sphere" size="0.1" mass="2"/>
    </body>
  </worldbody>
</mujoco>
"""

# A trunk on a leg of three hinges, all about y, with a foot to stand on.
HOPPER = """
<mujoco>
  <compiler angle="radian" autolimits="true"/>
  <worldbody>
    <body name="trunk">
      <geom type="box" size="0.1 0.1 0.1" mass="4"/>
      <body name="thigh">
        <joint name="hip" axis="0 1 0" range="-1.5 1.5"/>
        <geom type="capsule" fromto="0 0 -0.05 0 0 -0.35" size="0.04" mass="1"/>
        <body name="shin" pos="0 0 -0.4">
          <joint name="knee" axis="0 1 0" range="0 2.4"/>
          <geom type="capsule" fromto="0 0 -0.05 0 0 -0.35" size="0.03" mass="0.6"/>
          <body name="foot" pos="0 0 -0.4">
            <joint name="ankle" axis="0 1 0" range="-1.2 1.2"/>
            <geom type="box" size="0.12 0.08 0.02" pos="0 0 -0.04" mass="0.4"/>
          </body>
        </body>
      </body>
    </body>
  </worldbody>
</mujoco>
"""

# Two arms that swing about y beside each other, a ball at the end of each; nothing else has shape.
CLAPPER = """
<mujoco>
  <compiler angle="radian"/>
  <worldbody>
    <body name="middle">
      <inertial mass="1" pos="0 0 0" diaginertia="0.1 0.1 0.1"/>
      <body name="left">
        <joint name="a" axis="0 1 0"/>
        <geom type="sphere" pos="0 0 -0.5" size="0.1" mass="1"/>
      </body>
      <body name="right">
        <joint name="b" axis="0 1 0"/>
        <geom type="sphere" pos="0 0 -0.5" size="0.1" mass="1"/>
      </body>
    </body>
  </worldbody>
</mujoco>
"""


def make_character(
    folder: Path,
    mjcf: str,
    joints: tuple[str, ...] = (),
    ends: tuple[str, ...] = (),
    default: dict[str, float] | None = None,
) -> Character:
    """A character of an MJCF text; its end effectors are the origins of the bodies ``ends``."""
    asset = folder / "small.xml"
    asset.write_text(mjcf)
    config = SimpleNamespace(
        name="small",
        asset=str(asset),
        joint_names=list(joints),
        default_joint_angles=default or {},
        stiffness={"default": 100.0},
        damping={"default": 10.0},
        effort_limit={"default": 100.0},
        end_effectors={name: [0.0, 0.0, 0.0] for name in ends},
        fall_bodies=[],
        anatomical_joints=[],
        hands=[],
        feet=[],
        friction=0.8,
    )
    return Character.from_config(config)


def rigid(root_pos: np.ndarray, dt: float, root_quat: np.ndarray | None = None) -> Trajectory:
    """A motion of a body without joints, upright if no rotation is given."""
    if root_quat is None:
        root_quat = np.tile([0.0, 0.0, 0.0, 1.0], (len(root_pos), 1))
    return Trajectory(root_pos, root_quat, np.zeros((len(root_pos), 0)), dt)


def about(axis: tuple[float, float, float], angles: np.ndarray) -> np.ndarray:
    """Quaternions (T, 4), xyzw, of turns about an axis by angles (T,) [rad]."""
    unit = np.array(axis) / np.linalg.norm(axis)
    return np.column_stack([np.outer(np.sin(0.5 * angles), unit), np.cos(0.5 * angles)])


def turned(first: np.ndarray, then: np.ndarray) -> np.ndarray:
    """Quaternions (T, 4) of one turn (T, 4) or (4,) and another after it, both about world axes."""
    return quat_mul(torch.from_numpy(then), torch.from_numpy(first)).numpy()
