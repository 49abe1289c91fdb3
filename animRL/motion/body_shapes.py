"""The visible shape of a character, and which parts of it may not pass through each other."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from animRL.motion.model import CharacterModel
from animRL.motion.rotations import Array
from animRL.motion.trajectory import Trajectory
from animRL.sim.character import Character

# Eyes, brows and buttons are part of something larger [m].
SMALLEST_GEOM = 0.02
# Shapes this near each other in the default pose are joined by flesh that is not drawn [m]; the
# second number is for limbs of one body, as the thighs and the shoulders.
REST_GAPS = (0.01, 0.03)
_VISIBLE_GROUPS = (0, 1, 2)
_KINDS = mujoco.mjtGeom
_SOLID = {
    int(kind)
    for kind in (
        _KINDS.mjGEOM_SPHERE, _KINDS.mjGEOM_CAPSULE, _KINDS.mjGEOM_ELLIPSOID,
        _KINDS.mjGEOM_CYLINDER, _KINDS.mjGEOM_BOX, _KINDS.mjGEOM_MESH,
    )
}  # fmt: skip


class BodyShapes:
    """The geoms of a character and the pairs of them that may not overlap."""

    def __init__(self, character: Character) -> None:
        self.tool = CharacterModel(character)
        self.data = mujoco.MjData(self.tool.model)
        model = self.tool.model
        large = [
            geom for geom in range(model.ngeom)
            if int(model.geom_type[geom]) in _SOLID and model.geom_rbound[geom] >= SMALLEST_GEOM
        ]  # fmt: skip
        visible = [geom for geom in large if model.geom_group[geom] in _VISIBLE_GROUPS]
        self.geoms = np.array(visible or large, dtype=int)
        self.bodies = model.geom_bodyid[self.geoms]
        self.pairs = self._pairs(character)

    def _pairs(self, character: Character) -> NDArray[np.int64]:
        """Places in ``geoms`` of pairs (P, 2) on bodies that neither join nor touch at rest."""
        model = self.tool.model
        solid = set(self.bodies.tolist())

        parents = {body: _solid_parent(model, body, solid) for body in solid}
        first, second = np.triu_indices(len(self.geoms), 1)
        pairs = np.column_stack([first, second])
        pairs = pairs[self.bodies[first] != self.bodies[second]]
        rest = Trajectory(
            np.zeros((1, 3)), np.array([[0.0, 0.0, 0.0, 1.0]]),
            character.default_joint_pos.double().numpy()[None], 1.0,
        )  # fmt: skip
        joined = set()
        for pair, depth in self.depths(self.tool.to_qpos(rest)[0], pairs, max(REST_GAPS)):
            a, b = self.bodies[pair]
            if -depth < REST_GAPS[parents[a] == parents[b]]:
                joined.add((a, b))
        apart = []
        for pair in pairs:
            a, b = self.bodies[pair]
            if (a, b) not in joined and parents[a] != b and parents[b] != a:
                apart.append(pair)
        return np.array(apart, dtype=np.int64).reshape(-1, 2)

    def depths(
        self, qpos: Array, pairs: NDArray[np.int64] | None = None, gap: float = 0.0
    ) -> list[tuple[NDArray[np.int64], float]]:
        """Pairs nearer than ``gap`` at a pose (nq,), and how deep they overlap [m]."""
        pairs = self.pairs if pairs is None else pairs
        model, data = self.tool.model, self.data
        data.qpos[:] = qpos
        mujoco.mj_kinematics(model, data)
        centre, radius = data.geom_xpos[self.geoms], model.geom_rbound[self.geoms]
        apart = np.linalg.norm(centre[pairs[:, 0]] - centre[pairs[:, 1]], axis=1)
        near = pairs[apart < radius[pairs[:, 0]] + radius[pairs[:, 1]] + gap]
        found = []
        for pair in near:
            a, b = self.geoms[pair]
            distance = mujoco.mj_geomDistance(model, data, int(a), int(b), gap, None)
            if distance < gap:
                found.append((pair, -distance))
        return found


def _solid_parent(model: mujoco.MjModel, body: int, solid: set[int]) -> int:
    """The nearest body towards the root that has a shape; 0 for none."""
    body = int(model.body_parentid[body])
    while body and body not in solid:
        body = int(model.body_parentid[body])
    return body
