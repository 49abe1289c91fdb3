"""A character written as URDF and read back is the same character."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import mujoco
import pytest

from animRL.cfg.characters.bob_config import BobConfig
from animRL.sim.asset import load_spec
from animRL.sim.character import Character
from animRL.sim.urdf_export import BETWEEN_MASS, differences, urdf_of
from animRL.utils.errors import InputError

# Everything that a body may have: turned and shifted frames, an anchor off the origin, a reference
# angle, two hinges in one body, none at all, no limits, every shape, inertia off the axes.
ODD = """
<mujoco model="odd">
  <compiler angle="radian" autolimits="true"/>
  <worldbody>
    <body name="base" pos="0.3 0 1" quat="0.9 0.1 0.2 0.3">
      <geom type="box" size="0.1 0.2 0.05" pos="0.01 0 0" euler="0.3 0.2 0.1" mass="3"/>
      <body name="upper" pos="0.1 0.2 0" euler="0.5 -0.3 0.8">
        <joint name="swing" axis="0 0.6 0.8" pos="0.02 -0.03 0.01" range="-1 2"/>
        <geom type="capsule" fromto="0 0 0 0.1 0 -0.3" size="0.04" mass="1"/>
        <body name="lower" pos="0 0 -0.35" quat="0.7 0 0.7 0.1">
          <joint name="bend" axis="0 1 0" ref="0.4" range="-0.5 1.5"/>
          <geom type="cylinder" size="0.03 0.1" pos="0 0 -0.1" mass="0.7"/>
          <body name="tip" pos="0 0.01 -0.2" euler="0 1.5707963 0">
            <geom type="sphere" size="0.05" mass="0.2"/>
          </body>
        </body>
      </body>
      <body name="ball" pos="-0.2 0 0.1">
        <joint name="ball_x" axis="1 0 0" range="-1 1"/>
        <joint name="ball_y" axis="0 1 0" pos="0 0 0.02"/>
        <inertial pos="0.01 0.02 0.03" mass="0.5" fullinertia="0.01 0.02 0.015 0.001 0.002 -0.001"/>
        <geom type="ellipsoid" size="0.05 0.03 0.02" contype="0" conaffinity="0" mass="0"/>
      </body>
    </body>
  </worldbody>
</mujoco>
"""


def written(folder: Path, spec: mujoco.MjSpec) -> Path:
    path = folder / "character.urdf"
    path.write_text(urdf_of(spec, {}), encoding="utf-8")
    return path


@pytest.mark.filterwarnings("error")
def test_bob_is_the_same(tmp_path: Path) -> None:
    bob = Character.from_config(BobConfig())
    path = written(tmp_path, bob.load_spec())
    found = differences(bob.load_spec(), load_spec(path, bob.friction))
    assert len(found) == 8 and all(difference.is_equal for difference in found), found
    config = BobConfig()
    config.asset = str(path)
    again = Character.from_config(config)
    assert again.joint_names == bob.joint_names
    assert float(again.body_mass.sum()) == pytest.approx(float(bob.body_mass.sum()), rel=1e-9)


@pytest.mark.filterwarnings("error")
def test_an_odd_character_is_the_same(tmp_path: Path) -> None:
    source = tmp_path / "odd.xml"
    source.write_text(ODD)
    spec = load_spec(source, 1.0)
    path = written(tmp_path, spec)
    exported = load_spec(path, 1.0)
    found = differences(spec, exported)
    assert all(difference.is_equal for difference in found), found
    masses = [float(s.compile().body_mass.sum()) for s in (spec, exported)]
    assert masses[1] - masses[0] == pytest.approx(BETWEEN_MASS)  # between the ball's two hinges
    robot = ElementTree.parse(path).getroot()
    kinds = {joint.get("name"): joint.get("type") for joint in robot.findall("joint")}
    assert kinds["swing"] == kinds["ball_x"] == "revolute" and kinds["ball_y"] == "continuous"
    assert kinds["tip__fixed"] == "fixed"


@pytest.mark.parametrize(
    ("tag", "attribute", "what"),
    [("mass", "value", "mass"), ("axis", "xyz", "axes"), ("inertia", "ixx", "inertia"),
     ("limit", "upper", "limits"), ("sphere", "radius", "collision shapes"),
     ("origin", "rpy", "rotation of bodies"), ("origin", "xyz", "position of bodies")],
)  # fmt: skip
def test_the_check_finds_what_is_changed(
    tmp_path: Path, tag: str, attribute: str, what: str
) -> None:
    bob = Character.from_config(BobConfig())
    path = written(tmp_path, bob.load_spec())
    tree = ElementTree.parse(path)
    elements = [e for j in tree.getroot().findall("joint") for e in j.iter(tag)]
    elements = elements or list(tree.getroot().iter(tag))
    values = [float(v) for v in elements[0].get(attribute, "").split()]
    change = {"axis": 0.1, "inertia": 1e-4}.get(tag, 0.01)
    elements[0].set(attribute, " ".join(str(v + change) for v in values))
    tree.write(path)
    wrong = [d.name for d in differences(bob.load_spec(), load_spec(path, 1.0)) if not d.is_equal]
    assert what in wrong


def test_a_shape_that_urdf_cannot_hold_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "egg.xml"
    source.write_text(
        '<mujoco><worldbody><body name="egg"><geom type="ellipsoid" size="1 2 3"/></body>'
        "</worldbody></mujoco>"
    )
    with pytest.raises(InputError, match=r"body 'egg' collides with a shape .*\(ellipsoid\)"):
        urdf_of(load_spec(source, 1.0))


def test_a_lost_body_is_named(tmp_path: Path) -> None:
    bob = Character.from_config(BobConfig())
    path = written(tmp_path, bob.load_spec())
    path.write_text(path.read_text().replace('"lFoot"', '"left_foot"'))
    with pytest.raises(InputError, match="the exported file lacks a part: .*lFoot"):
        differences(bob.load_spec(), load_spec(path, 1.0))
