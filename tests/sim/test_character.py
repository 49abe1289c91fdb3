"""A three-link character: forward kinematics, what is left of an asset, bad configurations."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import mujoco
import pytest
import torch

from animRL.sim.character import Character
from animRL.utils.errors import InputError
from animRL.utils.rotations import quat_rotate
from tests.sim.kinematics_oracle import assert_same_as_mujoco, random_pose

# A hip of two hinges, one of them off its body's origin and with a reference angle, a turned knee
# and a fixed foot; besides, what does not belong to a character: floor, light, motor, sensor, key.
LEG = """
<mujoco model="leg">
  <compiler angle="radian" autolimits="true"/>
  <worldbody>
    <light pos="0 0 3"/>
    <geom type="plane" size="5 5 0.1"/>
    <body name="hip" pos="0 0 1">
      <geom type="sphere" size="0.1" mass="2"/>
      <body name="thigh" pos="0 0.1 -0.1" euler="0.3 -0.2 0.5">
        <joint name="hip_y" axis="0 1 0" range="-1 2" pos="0.02 0 0.05" ref="0.3"/>
        <joint name="hip_x" axis="1 0 0" range="-0.5 0.5" pos="0 0.01 0"/>
        <geom type="capsule" fromto="0 0 0 0 0 -0.4" size="0.05" mass="1"/>
        <body name="shin" pos="0 0 -0.4" euler="0 0 1">
          <joint name="knee" axis="0 0.6 0.8"/>
          <geom type="capsule" fromto="0 0 0 0 0 -0.4" size="0.04" mass="0.5"/>
          <body name="foot" pos="0.05 0 -0.4" euler="0 0.4 0">
            <geom type="box" size="0.1 0.04 0.02" mass="0.1" friction="0.3"/>
          </body>
        </body>
      </body>
    </body>
  </worldbody>
  <actuator><motor name="m" joint="knee"/></actuator>
  <sensor><actuatorfrc actuator="m"/></sensor>
  <keyframe><key qpos="0 0 0"/></keyframe>
</mujoco>
"""


def leg_config(folder: Path, text: str = LEG, **changes: object) -> SimpleNamespace:
    asset = folder / "leg.xml"
    asset.write_text(text)
    fields: dict[str, object] = {
        "name": "leg",
        "asset": str(asset),
        "joint_names": ["knee", "hip_x", "hip_y"],
        "default_joint_angles": {"knee": 0.5},
        "stiffness": {"default": 100.0, "knee": 50.0},
        "damping": {"default": 10.0},
        "effort_limit": 200.0,
        "end_effectors": {"foot": [0.1, 0.0, -0.02]},
        "fall_bodies": ["hip"],
        "anatomical_joints": ["thigh", "shin"],
        "hands": [],
        "feet": ["foot"],
        "friction": 0.7,
    }
    return SimpleNamespace(**fields | changes)


def test_leg_of_several_hinges_is_mujocos(tmp_path: Path) -> None:
    character = Character.from_config(leg_config(tmp_path))
    assert character.body_names == ("hip", "thigh", "shin", "foot")
    assert character.stiffness.tolist() == [50.0, 100.0, 100.0]
    assert character.joint_upper.tolist() == [torch.inf, 0.5, 2.0]
    assert_same_as_mujoco(character)
    pose = random_pose(character, 5)
    poses = character.forward_kinematics(*pose)
    end = poses[0][:, 3] + quat_rotate(poses[1][:, 3], torch.tensor([0.1, 0.0, -0.02]))
    torch.testing.assert_close(character.end_effector_pos(*pose)[:, 0], end)


def test_only_the_character_is_left_of_an_asset(tmp_path: Path) -> None:
    model = Character.from_config(leg_config(tmp_path)).load_spec().compile()
    assert (model.nu, model.nsensor, model.nkey, model.nlight, model.ngeom) == (0, 0, 0, 0, 4)
    assert model.jnt_type[0] == mujoco.mjtJoint.mjJNT_FREE and model.nv == 9
    assert set(model.geom_friction[:, 0]) == {0.7}


def test_forward_kinematics_keeps_double_precision_and_moves_with_its_device(
    tmp_path: Path,
) -> None:
    character = Character.from_config(leg_config(tmp_path))
    pose = random_pose(character, 3)
    double = character.forward_kinematics(*(part.double() for part in pose))
    single = character.to("cpu").forward_kinematics(*pose)
    assert double[0].dtype == torch.float64
    torch.testing.assert_close(double[0].float(), single[0])
    meta = character.to("meta")
    on_meta = meta.forward_kinematics(*(part.to("meta") for part in pose))
    assert meta.center_of_mass(*on_meta).shape == (3, 3)
    assert meta.end_effector_pos(*(part.to("meta") for part in pose)).device.type == "meta"


def test_body_index_tells_what_there_is(tmp_path: Path) -> None:
    character = Character.from_config(leg_config(tmp_path))
    assert character.body_indices(["foot", "hip"]).tolist() == [3, 0]
    with pytest.raises(InputError, match="no 'toe'.*available: hip, thigh, shin, foot"):
        character.body_index("toe")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"asset": "nothing.xml"}, "character.asset.*nothing.xml.*not exist"),
        ({"joint_names": ["knee", "hip_x", "hip"]}, "joint_names.*no 'hip'.*hip_y.*available"),
        ({"joint_names": ["knee", "hip_x"]}, "joint_names.*also has the joints hip_y"),
        ({"joint_names": ["knee", "hip_x", "hip_y", "knee"]}, "joint_names.*'knee'.*twice"),
        ({"end_effectors": {"toe": [0.0, 0.0, 0.0]}}, "end_effectors.*'toe'.*available: hip"),
        ({"end_effectors": {"foot": [0.0, 0.0]}}, "end_effectors.*'foot'.*three numbers"),
        ({"fall_bodies": ["head"]}, "fall_bodies.*'head'.*available: hip"),
        ({"anatomical_joints": ["head"]}, "anatomical_joints.*'head'"),
        ({"feet": ["head"]}, "feet.*'head'"),
        ({"default_joint_angles": {"kne": 0.1}}, "default_joint_angles.*'kne'.*mean 'knee'"),
        ({"default_joint_angles": {"hip_y": 2.5}}, "default_joint_angles.*'hip_y' is 2.5.*-1 to 2"),
        ({"stiffness": {"default": 1.0, "kne": 2.0}}, "stiffness.*'kne'"),
        ({"damping": {"knee": 1.0}}, "damping.*no value for 'hip_x'"),
        ({"effort_limit": {"hand": 1.0}}, "effort_limit.*'hand'"),
    ],
)
def test_wrong_configuration_is_told_in_one_line(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        Character.from_config(leg_config(tmp_path, **changes))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name="knee" axis', 'name="knee" type="slide" axis', "'knee' of 'shin' is not hinge"),
        ('<body name="hip" pos', '<body name="b"/><body name="hip" pos', "one root body.*b, hip"),
        ('name="shin" ', "", "every body needs a name; a child of 'thigh'"),
        ('mass="2"', 'mass="-2"', "leg.xml is no valid MJCF"),
        ("</mujoco>", "", "leg.xml is no valid MJCF"),
    ],
)
def test_unfit_asset_is_told_in_one_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        Character.from_config(leg_config(tmp_path, LEG.replace(old, new)))
    assert "\n" not in str(caught.value)
