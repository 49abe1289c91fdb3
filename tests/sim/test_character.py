"""Bob in figures, forward kinematics against MuJoCo and recordings, errors of bad configurations."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import mujoco
import numpy as np
import pytest
import torch
from torch import Tensor

from animRL.cfg.characters.bob_config import BobConfig
from animRL.sim.character import Character
from animRL.utils.errors import InputError
from animRL.utils.rotations import quat_normalize, quat_rotate

EXTERNAL = os.environ.get("ANIMRL_EXTERNAL_DATA")
COURSE = Path(EXTERNAL or "") / "course"
needs_course = pytest.mark.skipif(
    EXTERNAL is None, reason="ANIMRL_EXTERNAL_DATA is unset: no course data"
)
ASSETS = [
    pytest.param("robots/bob/bob.xml", id="mjcf"),
    pytest.param(str(COURSE / "bob_v3.urdf"), id="urdf", marks=needs_course),
]

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


def bob(asset: str = "robots/bob/bob.xml") -> Character:
    config = BobConfig()
    config.asset = asset
    return Character.from_config(config)


def random_pose(character: Character, count: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    root_pos = torch.randn(count, 3, generator=generator)
    root_quat = quat_normalize(torch.randn(count, 4, generator=generator))
    lower = character.joint_lower.clamp(min=-3.0)
    upper = character.joint_upper.clamp(max=3.0)
    share = torch.rand(count, len(character.joint_names), generator=generator)
    return root_pos, root_quat, lower + share * (upper - lower)


def mujoco_poses(
    character: Character, pose: tuple[Tensor, Tensor, Tensor]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions (N, B, 3), rotations xyzw (N, B, 4) and centre of mass (N, 3) by MuJoCo."""
    model = character.load_spec().compile()
    data = mujoco.MjData(model)
    columns = [model.jnt_qposadr[model.joint(n).id] for n in character.joint_names]
    positions, rotations, centres = [], [], []
    for root_pos, root_quat, joint_pos in zip(*(part.numpy() for part in pose), strict=True):
        data.qpos[:3], data.qpos[3:7] = root_pos, root_quat[[3, 0, 1, 2]]
        data.qpos[columns] = joint_pos
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        positions.append(data.xpos[1:].copy())
        rotations.append(data.xquat[1:][:, [1, 2, 3, 0]].copy())
        centres.append(data.subtree_com[1].copy())
    return np.array(positions), np.array(rotations), np.array(centres)


def assert_same_as_mujoco(character: Character) -> None:
    pose = random_pose(character, 20)
    positions, rotations, centres = mujoco_poses(character, pose)
    body_pos, body_quat = character.forward_kinematics(*pose)
    np.testing.assert_allclose(body_pos, positions, atol=1e-5)
    closeness = np.abs((body_quat.numpy() * rotations).sum(axis=-1))  # q and -q are one rotation
    np.testing.assert_allclose(closeness, 1.0, atol=1e-5)
    np.testing.assert_allclose(character.center_of_mass(body_pos, body_quat), centres, atol=1e-5)


@pytest.mark.parametrize("asset", ASSETS)
def test_bob_has_the_figures_of_bob(asset: str) -> None:
    character = bob(asset)
    model = character.load_spec().compile()
    assert (len(character.joint_names), model.nv, model.nu) == (32, 38, 0)
    assert character.body_names[0] == "pelvis"
    assert character.body_mass.sum().item() == pytest.approx(68.53, abs=0.005)
    mass = dict(zip(character.body_names, character.body_mass.tolist(), strict=True))
    assert mass["torso"] == pytest.approx(19.22168, abs=1e-4)
    assert mass["lHand_tmp"] == pytest.approx(0.35)
    joint = character.joint_names.index("joint_rShoulder_2")
    assert character.joint_lower[joint].item() == pytest.approx(-1.2)
    assert character.joint_upper[joint].item() == pytest.approx(0.3)
    assert character.default_joint_pos[joint].item() == pytest.approx(-0.13)
    assert character.default_joint_pos.count_nonzero() == 8
    assert character.stiffness.unique().tolist() == [300.0]
    assert character.damping.unique().tolist() == [50.0]
    assert character.effort.unique().tolist() == [1000.0]
    assert len(character.anatomical_joints) == 17
    assert not model.dof_armature.any() and not model.dof_damping.any()
    assert not model.dof_frictionloss.any() and not model.jnt_actfrclimited.any()


@pytest.mark.parametrize("asset", ASSETS)
def test_bob_touches_the_ground_with_30_spheres_and_never_himself(asset: str) -> None:
    spec = bob(asset).load_spec()
    spec.worldbody.add_geom(
        name="floor", type=mujoco.mjtGeom.mjGEOM_PLANE, size=[1, 1, 1], contype=1, conaffinity=0
    )
    model = spec.compile()
    data = mujoco.MjData(model)
    spheres = (model.geom_conaffinity == 1) & (model.geom_type == mujoco.mjtGeom.mjGEOM_SPHERE)
    assert spheres.sum() == 30 == (model.geom_conaffinity != 0).sum()
    assert set(model.geom_friction[spheres, 0]) == {1.0}
    data.qpos[7:] = 0.9 * model.jnt_range[1:, 1]  # curled up, limbs through each other
    data.qpos[2] = 10.0
    mujoco.mj_forward(model, data)
    assert data.ncon == 0
    data.qpos[2] = -10.0
    mujoco.mj_forward(model, data)
    assert data.ncon == 30


def test_bob_stands_upright_facing_x_with_his_left_side_at_y() -> None:
    character = bob()
    body_pos, _ = character.forward_kinematics(
        torch.tensor([[0.0, 0.0, 0.9]]), torch.tensor([[0.0, 0.0, 0.0, 1.0]]), torch.zeros(1, 32)
    )
    place = dict(zip(character.body_names, body_pos[0].tolist(), strict=True))
    assert place["lFoot"] == pytest.approx([0.0, 0.1125, 0.9 - 0.45 - 0.39375], abs=1e-6)
    assert place["rFoot"][1] == pytest.approx(-0.1125)
    assert place["neck"][2] == pytest.approx(0.9 + 0.1125 + 0.225 + 0.28125)
    assert place["lHand"] == pytest.approx([0.0, 0.16875, 0.84375], abs=1e-6)


def test_visual_geoms_weigh_nothing_and_touch_nothing() -> None:
    model = bob().load_spec().compile()
    visual = model.geom_group == 1
    assert visual.sum() > 50
    assert not model.geom_contype[visual].any() and not model.geom_conaffinity[visual].any()
    assert (model.geom_group[~visual] == 3).all()
    model_mass = sum(model.body_mass)
    assert model_mass == pytest.approx(68.533, abs=0.001)


def test_joint_order_is_that_of_the_clips() -> None:
    names = [name.removeprefix("joint_") for name in BobConfig().joint_names]
    assert names[:6] == ["lHip_1", "lHip_2", "lHip_torsion", "lKnee", "lAnkle_1", "lowerback_x"]
    assert names[9:12] == ["upperback_z", "lScapula_y", "lShoulder_1"]
    assert names[17:20] == ["lWrist_z", "lowerneck_y", "rScapula_y"]
    assert names[26:] == ["rWrist_z", "rHip_1", "rHip_2", "rHip_torsion", "rKnee", "rAnkle_1"]


@pytest.mark.parametrize("asset", ASSETS)
def test_forward_kinematics_of_bob_is_mujocos(asset: str) -> None:
    assert_same_as_mujoco(bob(asset))


@needs_course
@pytest.mark.parametrize("asset", ASSETS)
def test_forward_kinematics_meets_the_recorded_end_effectors(asset: str) -> None:
    character = bob(asset)
    files = sorted((COURSE / "recordings").glob("*.json"))
    assert files
    for file in files:
        steps = json.loads(file.read_text())
        root, joint_pos, recorded = (
            torch.tensor([step[key] for step in steps]).flatten(0, 1)
            for key in ("root_states", "dof_pos", "ee_global")
        )
        poses = character.forward_kinematics(root[:, :3], root[:, 3:7], joint_pos)
        ends = character.end_effector_pos(*poses)
        torch.testing.assert_close(ends, recorded.view_as(ends), atol=1e-5, rtol=0.0)


@needs_course
def test_bobs_own_model_equals_the_courses() -> None:
    ours, theirs = (bob(a.values[0]).load_spec().compile() for a in ASSETS)
    for i in range(1, ours.nbody):
        a, b = ours.body(i), theirs.body(ours.body(i).name)
        for field in ("mass", "inertia", "ipos", "pos", "quat"):
            np.testing.assert_allclose(
                getattr(a, field), getattr(b, field), rtol=1e-5, atol=1e-9, err_msg=a.name
            )
        # Principal axes may come in another order, the inertia tensor may not.
        tensors = []
        for model, body in ((ours, a), (theirs, b)):
            axes = np.zeros(9)
            mujoco.mju_quat2Mat(axes, model.body_iquat[body.id])
            axes = axes.reshape(3, 3)
            tensors.append(axes @ np.diag(body.inertia) @ axes.T)
        np.testing.assert_allclose(*tensors, rtol=1e-5, atol=1e-9, err_msg=a.name)
    for i in range(1, ours.njnt):
        a, b = ours.joint(i), theirs.joint(ours.joint(i).name)
        assert ours.body(a.bodyid[0]).name == theirs.body(b.bodyid[0]).name
        for field in ("axis", "pos", "range"):
            np.testing.assert_allclose(getattr(a, field), getattr(b, field), atol=1e-9)
    assert spheres(ours) == spheres(theirs)


def spheres(model: mujoco.MjModel) -> set[tuple[object, ...]]:
    return {
        (model.body(geom.bodyid[0]).name, *(geom.pos.round(6) + 0.0), geom.size[0].round(6))
        for geom in map(model.geom, range(model.ngeom))
        if geom.conaffinity[0]
    }


def test_leg_of_several_hinges_is_mujocos(tmp_path: Path) -> None:
    character = Character.from_config(leg_config(tmp_path))
    assert character.body_names == ("hip", "thigh", "shin", "foot")
    assert character.stiffness.tolist() == [50.0, 100.0, 100.0]
    assert character.joint_upper.tolist() == [torch.inf, 0.5, 2.0]
    assert_same_as_mujoco(character)
    poses = character.forward_kinematics(*random_pose(character, 5))
    end = poses[0][:, 3] + quat_rotate(poses[1][:, 3], torch.tensor([0.1, 0.0, -0.02]))
    torch.testing.assert_close(character.end_effector_pos(*poses)[:, 0], end)


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
    assert meta.end_effector_pos(*on_meta).device.type == "meta"


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
