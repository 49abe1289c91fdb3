"""The shapes that the page draws are those of the character, each at its place."""

from __future__ import annotations

import numpy as np
import pytest

from animRL.cfg.characters.bob_config import BobConfig
from animRL.sim.character import Character
from animRL.viewer.scene import build_model
from tests.viewer.three_links import make_character

trimesh = pytest.importorskip("trimesh", reason="the extra viewer is not installed")
from animRL.viewer.live.meshes import body_meshes  # noqa: E402


def test_bob_is_as_large_as_mujoco_draws_him():
    import mujoco

    bob = Character.from_config(BobConfig())
    model = build_model(bob, 2, 2)
    for mesh in body_meshes(bob):
        vertices, faces = mesh.together()
        assert faces.max() < len(vertices) and np.isfinite(vertices).all()
        body = model.body("character/" + bob.body_names[mesh.body])
        first, count = int(body.geomadr[0]), int(body.geomnum[0])
        lows, highs = [], []
        for geom in range(first, first + count):
            if model.geom_group[geom] != 0:
                continue
            matrix = np.empty(9)
            mujoco.mju_quat2Mat(matrix, model.geom_quat[geom])
            reach = np.abs(matrix.reshape(3, 3)) @ model.geom_aabb[geom, 3:]
            centre = model.geom_pos[geom] + matrix.reshape(3, 3) @ model.geom_aabb[geom, :3]
            lows.append(centre - reach)
            highs.append(centre + reach)
        assert (vertices.min(0) > np.min(lows, 0) - 1e-3).all(), "within MuJoCo's boxes"
        assert (vertices.max(0) < np.max(highs, 0) + 1e-3).all()
        size = np.max(highs, 0) - np.min(lows, 0)
        assert (np.ptp(vertices, axis=0) > 0.7 * size).all(), "and fills them"


def test_colours_are_kept_and_files_can_be_read(tmp_path):
    (_, leg, _) = body_meshes(make_character(tmp_path))
    assert [part[1].tolist() for part in leg.parts] == [[0.8, 0.2, 0.2, 1.0]]
    scene = trimesh.load(trimesh.util.wrap_as_stream(leg.glb()), file_type="glb")
    (mesh,) = scene.geometry.values()
    assert len(mesh.faces) == len(leg.together()[1])
    red, green, *_ = mesh.visual.material.baseColorFactor
    assert red == pytest.approx(255 * 0.604, abs=2), "0.8 sRGB as linear light"
    assert green == pytest.approx(255 * 0.033, abs=2)
