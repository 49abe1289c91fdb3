"""A character of three links written inline: a trunk with two legs that swing forward and back."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from animRL.sim.character import Character
from animRL.viewer.poses import Poses

MJCF = """
<mujoco>
  <worldbody>
    <body name="trunk">
      <geom type="capsule" fromto="0 0 0 0 0 0.5" size="0.15" rgba="0.8 0.2 0.2 1"/>
      <body name="left" pos="0 0.12 0">
        <joint name="left_hip" axis="0 1 0" range="-1.5 1.5"/>
        <geom type="capsule" fromto="0 0 0 0 0 -0.8" size="0.08" rgba="0.8 0.2 0.2 1"/>
      </body>
      <body name="right" pos="0 -0.12 0">
        <joint name="right_hip" axis="0 1 0" range="-1.5 1.5"/>
        <geom type="capsule" fromto="0 0 0 0 0 -0.8" size="0.08" rgba="0.8 0.2 0.2 1"/>
      </body>
    </body>
  </worldbody>
</mujoco>
"""


def make_character(folder: Path) -> Character:
    """The character; its joints are in another order than in its file."""
    asset = folder / "three_links.xml"
    asset.write_text(MJCF)
    config = SimpleNamespace(
        name="three_links",
        asset=str(asset),
        joint_names=["right_hip", "left_hip"],
        default_joint_angles={},
        stiffness={"default": 100.0},
        damping={"default": 10.0},
        effort_limit={"default": 100.0},
        end_effectors={"left": [0.0, 0.0, -0.8], "right": [0.0, 0.0, -0.8]},
        fall_bodies=["trunk"],
        anatomical_joints=["left", "right"],
        hands=[],
        feet=["left", "right"],
        friction=1.0,
    )
    return Character.from_config(config)


def make_poses(count: int, joint_pos: tuple[float, float] = (0.0, 0.0)) -> Poses:
    """States that walk along x at 2 cm a state."""
    root_pos = np.array([0.0, 0.0, 0.9]) + 0.02 * np.arange(count)[:, None] * [1.0, 0.0, 0.0]
    root_quat = np.tile([0.0, 0.0, 0.0, 1.0], (count, 1))
    return Poses(root_pos, root_quat, np.tile(joint_pos, (count, 1)))
