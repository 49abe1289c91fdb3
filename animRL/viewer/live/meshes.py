"""A character's visible shapes as triangles, for a page that draws them itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from animRL.viewer.poses import Array
from animRL.viewer.scene import CHARACTER, build_model

if TYPE_CHECKING:
    import mujoco
    import trimesh

    from animRL.sim.character import Character

_SECTIONS = 16
"""Corners around a cylinder or a capsule."""
_SUBDIVISIONS = 2
"""Of a sphere; each makes four triangles of one."""
_ROUGHNESS = 0.75


@dataclass(frozen=True)
class BodyMesh:
    """The shapes of one body, in its frame [m]."""

    body: int
    """Number of the body among ``character.body_names``."""
    parts: list[tuple[trimesh.Trimesh, Array]]
    """Triangles and their colour (4,), 0 to 1, sRGB and opacity."""

    def glb(self) -> bytes:
        """The parts with their colours as a binary glTF file."""
        import trimesh

        scene = trimesh.Scene()
        for mesh, rgba in self.parts:
            coloured = mesh.copy()
            factor = [*_linear(rgba[:3]), float(rgba[3])]
            material = trimesh.visual.material.PBRMaterial(
                baseColorFactor=np.round(255 * np.array(factor)).astype(np.uint8),
                metallicFactor=0.0, roughnessFactor=_ROUGHNESS,
            )  # fmt: skip
            coloured.visual = trimesh.visual.TextureVisuals(material=material)
            scene.add_geometry(coloured)
        exported: Any = scene.export(file_type="glb")
        return bytes(exported)

    def together(self) -> tuple[Array, NDArray[np.uint32]]:
        """Vertices (V, 3) and faces (F, 3) of all parts."""
        import trimesh

        whole: Any = trimesh.util.concatenate([mesh for mesh, _ in self.parts])
        return np.asarray(whole.vertices), np.asarray(whole.faces, dtype=np.uint32)


def body_meshes(character: Character) -> list[BodyMesh]:
    """The shapes of a character that pictures show, body by body; bodies with none are left out."""
    model = build_model(character, 2, 2)
    meshes = []
    for number, name in enumerate(character.body_names):
        body = model.body(CHARACTER + name)
        first, count = int(body.geomadr[0]), int(body.geomnum[0])
        by_colour: dict[tuple[float, ...], list[trimesh.Trimesh]] = {}
        for geom in range(first, first + count):
            shape = _shape(model, geom) if model.geom_group[geom] == 0 else None
            if shape is not None:
                by_colour.setdefault(_colour(model, geom), []).append(shape)
        if by_colour:
            meshes.append(BodyMesh(number, [_merged(*item) for item in by_colour.items()]))
    return meshes


def _merged(colour: tuple[float, ...], shapes: list[Any]) -> tuple[trimesh.Trimesh, Array]:
    import trimesh

    merged: Any = trimesh.util.concatenate(shapes)
    return merged, np.array(colour)


def _shape(model: mujoco.MjModel, geom: int) -> trimesh.Trimesh | None:
    """Triangles of a geometry in its body's frame; None for a plane and the like."""
    import mujoco
    from trimesh import Trimesh, creation

    kinds, size = mujoco.mjtGeom, model.geom_size[geom]
    kind = kinds(int(model.geom_type[geom]))
    if kind == kinds.mjGEOM_SPHERE:
        shape = creation.icosphere(_SUBDIVISIONS, float(size[0]))
    elif kind == kinds.mjGEOM_ELLIPSOID:
        shape = creation.icosphere(_SUBDIVISIONS)
        shape.apply_scale(size)
    elif kind == kinds.mjGEOM_CAPSULE:
        half = float(size[1])
        shape = creation.capsule(2.0 * half, float(size[0]), count=[_SECTIONS, _SECTIONS])
        shape.apply_translation(-shape.bounds.mean(axis=0))
    elif kind == kinds.mjGEOM_CYLINDER:
        shape = creation.cylinder(float(size[0]), 2.0 * float(size[1]), sections=_SECTIONS)
    elif kind == kinds.mjGEOM_BOX:
        shape = creation.box(2.0 * size)
    elif kind == kinds.mjGEOM_MESH:
        mesh = model.mesh(int(model.geom_dataid[geom]))
        corners = model.mesh_vert[mesh.vertadr[0] : mesh.vertadr[0] + mesh.vertnum[0]]
        faces = model.mesh_face[mesh.faceadr[0] : mesh.faceadr[0] + mesh.facenum[0]]
        shape = Trimesh(corners.copy(), faces.copy())
    else:
        return None
    place, flat = np.eye(4), np.empty(9)
    mujoco.mju_quat2Mat(flat, model.geom_quat[geom])
    place[:3, :3], place[:3, 3] = flat.reshape(3, 3), model.geom_pos[geom]
    return shape.apply_transform(place)


def _colour(model: mujoco.MjModel, geom: int) -> tuple[float, ...]:
    material = int(model.geom_matid[geom])
    rgba = model.geom_rgba[geom] if material < 0 else model.mat_rgba[material]
    return tuple(round(float(part), 4) for part in rgba)


def _linear(rgb: Array) -> list[float]:
    """From sRGB, as MuJoCo's colours are meant, to the linear light that glTF files hold."""
    low, high = rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4
    return [float(part) for part in np.where(rgb <= 0.04045, low, high)]
