"""Bob in figures: the project's model, the course's, and what was recorded with it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import mujoco
import numpy as np
import pytest
import torch

from animRL.cfg.characters.bob_config import BobConfig
from animRL.sim.character import Character
from tests.sim.kinematics_oracle import assert_same_as_mujoco

EXTERNAL = os.environ.get("ANIMRL_EXTERNAL_DATA")
COURSE = Path(EXTERNAL or "") / "course"
needs_course = pytest.mark.skipif(
    EXTERNAL is None, reason="ANIMRL_EXTERNAL_DATA is unset: no course data"
)
ASSETS = [
    pytest.param("robots/bob/bob.xml", id="mjcf"),
    pytest.param(str(COURSE / "bob_v3.urdf"), id="urdf", marks=needs_course),
]


def bob(asset: str = "robots/bob/bob.xml") -> Character:
    config = BobConfig()
    config.asset = asset
    return Character.from_config(config)


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
        ends = character.end_effector_pos(root[:, :3], root[:, 3:7], joint_pos)
        torch.testing.assert_close(ends, recorded.view_as(ends), atol=1e-5, rtol=0.0)


@needs_course
def test_bobs_own_model_equals_the_courses() -> None:
    ours, theirs = (bob(a.values[0]).load_spec().compile() for a in ASSETS)
    for i in range(1, ours.nbody):
        a, b = ours.body(i), theirs.body(ours.body(i).name)
        for field in ("mass", "ipos", "pos", "quat"):
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
