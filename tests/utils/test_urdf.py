"""Meshes and fixed links of a URDF."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import mujoco
import pytest

from animRL.utils.errors import InputError
from animRL.utils.urdf import prepare_urdf

ROBOT = """
<robot name="r">
  <link name="base">
    <inertial><mass value="1"/><inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/></inertial>
    <visual><geometry><mesh filename="package://r/meshes/{mesh}"/></geometry></visual>
    <collision><geometry><{collision}/></geometry></collision>
  </link>
  <link name="tip"/>
  <joint name="weld" type="fixed">
    <parent link="base"/><child link="tip"/><origin xyz="0 0 1"/>
  </joint>
</robot>
"""
SPHERE = 'sphere radius="0.1"'
TETRAHEDRON = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n"


def load(folder: Path, mesh: str = "none.obj", collision: str = SPHERE) -> mujoco.MjModel:
    (folder / "r" / "meshes").mkdir(parents=True, exist_ok=True)
    (folder / "r" / "meshes" / "there.obj").write_text(TETRAHEDRON)
    robot = ElementTree.fromstring(ROBOT.format(mesh=mesh, collision=collision))
    before = ElementTree.tostring(robot)
    text = prepare_urdf(robot, folder / "r" / "urdf" / "r.urdf")
    assert ElementTree.tostring(robot) == before
    spec = mujoco.MjSpec.from_string(text)
    spec.worldbody.first_body().add_freejoint()
    return spec.compile()


def test_missing_visual_mesh_is_left_out_and_fixed_links_stay(tmp_path: Path) -> None:
    model = load(tmp_path)
    assert model.nmesh == 0 and model.ngeom == 1
    assert [model.body(i).name for i in range(model.nbody)] == ["world", "base", "tip"]


def test_visual_mesh_that_is_there_is_shown_and_touches_nothing(tmp_path: Path) -> None:
    model = load(tmp_path, mesh="there.obj")
    assert model.nmesh == 1 and model.ngeom == 2
    visual = model.geom_type == mujoco.mjtGeom.mjGEOM_MESH
    assert not model.geom_contype[visual].any() and not model.geom_conaffinity[visual].any()
    assert model.body("base").mass[0] == 1.0


def test_missing_collision_mesh_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"link 'base' collides with the mesh 'c\.obj'"):
        load(tmp_path, collision='mesh filename="c.obj"')
