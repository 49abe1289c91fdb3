"""The kinds of input: what is valid of each, how it is damaged, and what reads it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from animRL.cfg.characters.bob_config import BobConfig
from animRL.cfg.sizes import check_sizes
from animRL.dataloader.clip import load_clip
from animRL.dataloader.clip_files import read_clips
from animRL.dataloader.frame_layout import FrameLayout
from animRL.reward.recording import anchor_recording, load_recording
from animRL.scripts.cli import load_configurations
from animRL.scripts.early_checks import check_environment
from animRL.sim.character import Character
from animRL.tasks import make_env_cfg, make_train_cfg
from animRL.utils.paths import RESOURCES, is_file
from tests.robustness.mutations import mutated_json, mutated_xml

LEG = """<mujoco model="leg">
  <compiler angle="radian" autolimits="true" meshdir="meshes"/>
  <option timestep="0.005"/>
  <size memory="1M"/>
  <default><geom friction="1 0.1 0.1"/></default>
  <asset><mesh name="block" file="block.obj"/></asset>
  <worldbody>
    <light pos="0 0 3"/>
    <geom type="plane" size="5 5 0.1"/>
    <body name="hip" pos="0 0 1">
      <freejoint/>
      <geom type="sphere" size="0.1" mass="2"/>
      <body name="thigh" pos="0 0.1 -0.1" euler="0.3 -0.2 0.5">
        <joint name="hip_y" axis="0 1 0" range="-1 2" pos="0.02 0 0.05" ref="0.3"/>
        <geom type="capsule" fromto="0 0 0 0 0 -0.4" size="0.05" mass="1"/>
        <body name="foot" pos="0 0 -0.4" quat="1 0 0 0">
          <inertial pos="0 0 0" mass="0.5" diaginertia="0.01 0.01 0.01"/>
          <joint name="knee" type="hinge" axis="0 0.6 0.8" damping="1" armature="0.1"/>
          <geom type="mesh" mesh="block" friction="0.3"/>
          <site name="tip" pos="0 0 -0.1"/>
        </body>
      </body>
    </body>
  </worldbody>
  <contact><exclude body1="hip" body2="thigh"/></contact>
  <actuator><motor name="m" joint="knee" gear="1"/></actuator>
  <sensor><actuatorfrc actuator="m"/></sensor>
</mujoco>
"""
ARM = """<robot name="arm">
  <link name="hip">
    <inertial><origin xyz="0 0 0"/><mass value="1"/>
      <inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/></inertial>
    <visual><geometry><mesh filename="package://arm/meshes/block.obj"/></geometry></visual>
    <collision><geometry><sphere radius="0.1"/></geometry></collision>
  </link>
  <link name="foot">
    <inertial><mass value="1"/>
      <inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/></inertial>
    <collision><geometry><mesh filename="meshes/block.obj" scale="1 1 1"/></geometry></collision>
  </link>
  <joint name="knee" type="revolute">
    <parent link="hip"/><child link="foot"/><origin xyz="0 0 1" rpy="0 0 0"/>
    <axis xyz="0 1 0"/><limit lower="-1" upper="1" effort="10" velocity="1"/>
  </joint>
</robot>
"""
BLOCK = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n"
ROOT_ALONE = {
    "Name": "two", "Joints": [
        {"Name": "a", "Parent": -1, "Offset": [0.0, 0.0, 0.0]},
        {"Name": "b", "Parent": 0, "Offset": [0.0, 0.0, 1.0], "Rotation": [0.0, 0.0, 0.0, 1.0],
         "Hinges": [{"Name": "h", "Axis": [1.0, 0.0, 0.0]}], "Role": "left_knee", "Radius": 0.1},
    ],
}  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """A kind of file: its name in a folder, its damaged content by seed, and its reader."""

    file: str
    damaged: Callable[[int], bytes]
    read: Callable[[Path], Any]


def walk(frames: int = 4) -> dict[str, Any]:
    """The first frames of the walk's clip, as parsed JSON."""
    data = json.loads((RESOURCES / "datasets/bob3/Walk.txt").read_text())
    return {**data, "Frames": data["Frames"][:frames]}


def on_a_skeleton() -> dict[str, Any]:
    """A clip that brings a skeleton."""
    frame = [0.0] * 6 + [1.0, 0.1] + [0.0] * 7
    return {"Frames": [frame, frame], "FrameDuration": 0.02, "JointNames": ["h"],
            "EndEffectorNames": [], "MotionWeight": 1.0, "OutputMode": "ISAAC", "Loop": True,
            "Skeleton": ROOT_ALONE}  # fmt: skip


def run() -> dict[str, Any]:
    """What ``bob.json`` of a run of the walk holds."""
    return {"task": "walk", "train_cfg": make_train_cfg("walk").to_dict(),
            "env_cfg": make_env_cfg("walk").to_dict()}  # fmt: skip


@cache
def steps() -> list[dict[str, Any]]:
    """Three steps of two environments of the recording that ships."""
    data = json.loads((RESOURCES / "tests/walk.json").read_text())[:3]
    return [{key: value[:2] if isinstance(value, list) else value for key, value in step.items()}
            for step in data]  # fmt: skip


def leg_config(asset: Path, **changes: Any) -> SimpleNamespace:
    """The configuration of the leg, or of the arm."""
    fields = BobConfig().to_dict() | {
        "name": "leg", "asset": str(asset), "joint_names": ["knee", "hip_y"],
        "default_joint_angles": {"knee": 0.1}, "end_effectors": {"foot": [0.0, 0.0, 0.0]},
        "fall_bodies": ["hip"], "anatomical_joints": ["foot"], "hands": [], "feet": ["foot"],
    }  # fmt: skip
    if asset.suffix == ".urdf":
        fields["joint_names"] = ["knee"]
    return SimpleNamespace(**{**fields, **changes})


def read_motion(path: Path) -> None:
    """Read a clip, and for Bob."""
    load_clip(path)
    cfg = BobConfig()
    joints, ends = cfg.joint_names, list(cfg.end_effectors)
    layout = FrameLayout(len(joints), len(ends))
    if b"Skeleton" not in path.read_bytes():
        read_clips(SimpleNamespace(motion_files=[str(path)]), 0.02, layout, joints, ends)


def read_run(path: Path) -> None:
    """Read a run's configuration and check all that it names."""
    env_cfg, train_cfg = load_configurations("walk", path.parent)
    check_sizes(env_cfg, train_cfg, 16 * 2**30)
    check_environment(env_cfg)


def read_character(path: Path) -> None:
    """Build a character and compile what engines are given of it."""
    if is_file(path):
        meshes = path.parent / "meshes"
        meshes.mkdir(exist_ok=True)
        (meshes / "block.obj").write_text(BLOCK)
    Character.from_config(leg_config(path)).load_spec().compile()


def _damaged_motion(seed: int) -> bytes:
    return mutated_json(on_a_skeleton() if seed % 4 == 0 else walk(), seed)


KINDS = {
    "motion": Kind("clip.txt", _damaged_motion, read_motion),
    "run": Kind("bob.json", lambda seed: mutated_json(run(), seed), read_run),
    "recording": Kind("recording.json", lambda seed: mutated_json(steps(), seed),
                      lambda path: anchor_recording(load_recording(path))),
    "mjcf": Kind("leg.xml", lambda seed: mutated_xml(LEG, seed), read_character),
    "urdf": Kind("arm.urdf", lambda seed: mutated_xml(ARM, seed), read_character),
}  # fmt: skip
