"""Where a character can touch the ground: its collision geometry as spheres."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from animRL.motion.rotations import Array, rotate

if TYPE_CHECKING:
    import mujoco

    from animRL.sim.character import Character


@dataclass(frozen=True)
class ContactSpheres:
    """S spheres: body (S,) by its number, centre (S, 3) in the body's frame [m], radius (S,)."""

    body: NDArray[np.int64]
    centre: Array
    radius: Array

    def __len__(self) -> int:
        return len(self.body)

    def of(self, body: int) -> NDArray[np.int64]:
        """Numbers of the spheres of one body."""
        return np.flatnonzero(self.body == body)


def contact_spheres(character: Character) -> ContactSpheres:
    """Read the geometry that can touch a ground off the character's asset.

    Capsules and cylinders become the spheres at their ends, boxes their corners; an ellipsoid, or
    the box around a mesh, a sphere of its mean half-axis.
    """
    spheres: list[tuple[int, Array, float]] = []
    model = character.load_spec().compile()
    for number, name in enumerate(character.body_names):
        spheres += [(number, c, r) for c, r in _body_spheres(model, name)]
    return ContactSpheres(
        np.array([s[0] for s in spheres], dtype=np.int64),
        np.array([s[1] for s in spheres]).reshape(-1, 3),
        np.array([s[2] for s in spheres]),
    )


def sphere_centres(spheres: ContactSpheres, body_pos: Array, body_quat: Array) -> Array:
    """World centres (T, S, 3) from the bodies' poses (T, B, 3) and (T, B, 4)."""
    return body_pos[:, spheres.body] + rotate(body_quat[:, spheres.body], spheres.centre)


def sphere_heights(spheres: ContactSpheres, centres: Array) -> Array:
    """Heights (T, S) of the spheres' lowest points over the ground z = 0 [m]."""
    return centres[..., 2] - spheres.radius


def _body_spheres(model: mujoco.MjModel, body: str) -> list[tuple[Array, float]]:
    import mujoco

    kinds = mujoco.mjtGeom
    found: list[tuple[Array, float]] = []
    first, count = model.body(body).geomadr[0], model.body(body).geomnum[0]
    for geom in range(first, first + count):
        if not (model.geom_contype[geom] or model.geom_conaffinity[geom]):
            continue
        size, place = model.geom_size[geom], np.array(model.geom_pos[geom])
        flat = np.empty(9)
        mujoco.mju_quat2Mat(flat, model.geom_quat[geom])
        matrix = flat.reshape(3, 3)
        kind = kinds(int(model.geom_type[geom]))
        if kind == kinds.mjGEOM_SPHERE:
            found.append((place, float(size[0])))
        elif kind in (kinds.mjGEOM_CAPSULE, kinds.mjGEOM_CYLINDER):
            found += [(place + s * size[1] * matrix[:, 2], float(size[0])) for s in (-1.0, 1.0)]
        elif kind == kinds.mjGEOM_BOX:
            corners = product((-1.0, 1.0), repeat=3)
            found += [(place + matrix @ (np.array(c) * size), 0.0) for c in corners]
        else:
            found.append((place, float(np.mean(size))))
    return found
