"""What of a character can touch the ground: shapes of a small one, and the feet of Bob."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from animRL.cfg.characters.bob_config import BobConfig
from animRL.motion.ground import ContactSpheres, contact_spheres, sphere_centres, sphere_heights
from animRL.motion.trajectory import body_poses
from animRL.sim.character import Character
from tests.motion.small_characters import about, make_character, rigid

SHAPES = """
<mujoco>
  <worldbody>
    <body name="root">
      <geom type="sphere" pos="0 0 0.3" size="0.1"/>
      <geom type="sphere" pos="0 0 9" size="0.1" contype="0" conaffinity="0"/>
      <body name="tail" pos="-0.2 0 0">
        <geom type="capsule" fromto="0 0 0 -0.4 0 0" size="0.05"/>
        <body name="block" pos="-0.4 0 0">
          <geom type="box" pos="0.1 0 0" size="0.3 0.2 0.1" euler="0 0 90"/>
        </body>
        <body name="egg">
          <geom type="ellipsoid" size="0.1 0.2 0.3"/>
        </body>
        <body name="drum">
          <geom type="cylinder" size="0.1 0.4"/>
        </body>
      </body>
    </body>
  </worldbody>
</mujoco>
"""


@pytest.fixture
def shapes(tmp_path: Path) -> Character:
    return make_character(tmp_path, SHAPES)


def of_body(character: Character, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Centres and radii on a body, lowest values of x, then y, then z first."""
    spheres = contact_spheres(character)
    rows = spheres.of(character.body_index(name))
    order = rows[np.lexsort(spheres.centre[rows].T[::-1])]
    return spheres.centre[order].round(9), spheres.radius[order]


def test_a_sphere_is_itself_and_what_meets_nothing_is_left_out(shapes: Character) -> None:
    centre, radius = of_body(shapes, "root")
    np.testing.assert_allclose(centre, [[0.0, 0.0, 0.3]])
    np.testing.assert_allclose(radius, [0.1])


def test_a_capsule_is_the_spheres_at_its_ends(shapes: Character) -> None:
    centre, radius = of_body(shapes, "tail")
    np.testing.assert_allclose(centre, [[-0.4, 0.0, 0.0], [0.0, 0.0, 0.0]], atol=1e-9)
    np.testing.assert_allclose(radius, [0.05, 0.05])


def test_a_box_is_its_corners(shapes: Character) -> None:
    """Turned by 90 degrees about z, it is 0.4 m long along x and 0.6 m along y."""
    centre, radius = of_body(shapes, "block")
    corners = [(x, y, z) for x in (-0.1, 0.3) for y in (-0.3, 0.3) for z in (-0.1, 0.1)]
    np.testing.assert_allclose(centre, corners, atol=1e-9)
    np.testing.assert_array_equal(radius, np.zeros(8))


def test_ellipsoid_and_cylinder(shapes: Character) -> None:
    centre, radius = of_body(shapes, "egg")
    np.testing.assert_allclose((*centre[0], *radius), [0.0, 0.0, 0.0, 0.2], atol=1e-12)
    centre, radius = of_body(shapes, "drum")
    np.testing.assert_allclose(centre, [[0.0, 0.0, -0.4], [0.0, 0.0, 0.4]], atol=1e-12)
    np.testing.assert_allclose(radius, [0.1, 0.1])


def test_heights_of_a_tilted_body(shapes: Character) -> None:
    """Lying on its back 1 m up: what was ahead points down, what was above points ahead."""
    spheres = contact_spheres(shapes)
    pose = rigid(np.array([[0.0, 0.0, 1.0]]), 0.1, about((0, 1, 0), np.array([0.5 * np.pi])))
    centres = sphere_centres(spheres, *body_poses(shapes, pose))
    heights = sphere_heights(spheres, centres)
    assert heights.shape == (1, len(spheres)) == (1, 14)
    np.testing.assert_allclose(centres[0, 0], [0.3, 0.0, 1.0], atol=1e-6)
    tail = spheres.of(shapes.body_index("tail"))
    assert sorted(heights[0, tail].tolist()) == pytest.approx([1.15, 1.55], abs=1e-6)
    block = spheres.of(shapes.body_index("block"))
    assert sorted(heights[0, block].tolist()) == pytest.approx([1.3] * 4 + [1.7] * 4, abs=1e-6)


def test_a_character_that_touches_nothing_has_no_spheres(tmp_path: Path) -> None:
    ghost = SHAPES.replace("<geom", '<geom contype="0" conaffinity="0"').replace(
        'size="0.1" contype="0" conaffinity="0"/>', 'size="0.1"/>'
    )
    assert len(contact_spheres(make_character(tmp_path, ghost))) == 0


def test_bobs_feet_stand_on_six_spheres_each() -> None:
    bob = Character.from_config(BobConfig())
    spheres: ContactSpheres = contact_spheres(bob)
    for foot, side in (("lFoot", 1.0), ("rFoot", -1.0)):
        rows = spheres.of(bob.body_index(foot))
        assert len(rows) == 6
        np.testing.assert_allclose(spheres.radius[rows], 0.01)
        outer = side * spheres.centre[rows, 1]
        np.testing.assert_allclose(sorted(outer), [-0.03] * 3 + [0.03] * 3, atol=1e-9)
