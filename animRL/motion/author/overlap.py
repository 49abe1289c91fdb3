"""Limbs kept out of each other and of the trunk."""

from __future__ import annotations

import mujoco
import numpy as np

from animRL.motion.author.system import NormalEquations
from animRL.motion.body_shapes import BodyShapes
from animRL.motion.rotations import Array

_TOUCHING = 1e-9
"""Shapes this near to just touching [m] have no line between their nearest points to part along."""


def add_overlap(
    system: NormalEquations, shapes: BodyShapes, qpos: Array, gap: float, price: float
) -> None:
    """Keep the pairs of shapes of ``shapes`` ``gap`` [m] apart at positions (n, nq)."""
    model, data = shapes.tool.model, shapes.data
    ends = np.empty(6)
    by_first, by_second = np.empty((3, model.nv)), np.empty((3, model.nv))
    for t in range(len(qpos)):
        near = shapes.depths(qpos[t], gap=gap)
        if near and system.derivatives:
            mujoco.mj_comPos(model, data)
        for pair, depth in near:
            residual = np.array([price * (depth + gap)])
            if not system.derivatives:
                system.add(residual, {})
                continue
            a, b = (int(geom) for geom in shapes.geoms[pair])
            distance = mujoco.mj_geomDistance(model, data, a, b, gap, ends)
            if abs(distance) < _TOUCHING:
                system.add(residual, {})
                continue
            normal = (ends[3:] - ends[:3]) / distance
            mujoco.mj_jac(model, data, by_first, None, ends[:3], model.geom_bodyid[a])
            mujoco.mj_jac(model, data, by_second, None, ends[3:], model.geom_bodyid[b])
            row = -price * normal @ (by_second - by_first)
            system.add(residual, {t: row[None]})
