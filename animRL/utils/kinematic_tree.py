"""Forward kinematics of a tree of hinges, batched over environments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from animRL.utils.rotations import quat_mul


@dataclass(frozen=True)
class Node:
    """One frame of the tree, placed in its parent's frame and turned by at most one hinge."""

    parent: int
    """Index of the parent node, smaller than its own; -1 for the root."""
    pos: Sequence[float]
    """Origin in the parent's frame, hinge at its reference angle [m]."""
    quat: Sequence[float]
    """Rotation in the parent's frame, hinge at its reference angle, xyzw."""
    joint: int = -1
    """Column of the joint angles, or -1 for a fixed frame."""
    axis: Sequence[float] = (0.0, 0.0, 0.0)
    """Unit axis of the hinge in this frame."""
    anchor: Sequence[float] = (0.0, 0.0, 0.0)
    """A point on the hinge's axis, in this frame [m]."""
    reference: float = 0.0
    """Angle of the hinge at which the frame stands as placed [rad]."""


@dataclass(frozen=True, eq=False)
class KinematicTree:
    """The nodes of a tree sorted by depth, so that each depth is computed in one batch.

    A body with several hinges is written as several nodes at one place, the last of which is the
    body. K is the number of nodes without the root. Inside, the batch comes last: every operation
    then runs over contiguous memory, several times faster on a CPU.
    """

    pos: Tensor
    """(K, 3)."""
    still: Tensor
    """Right products with each node's placement, (K, 4, 4); see ``_right_product``."""
    turning: Tensor
    """Right products with each placement times its axis as a pure quaternion, (K, 4, 4)."""
    joint: Tensor
    """Rows of the angles with a zero appended, (K,)."""
    anchor: Tensor | None
    """(K, 3), or None where every hinge passes through its frame's origin."""
    reference: Tensor
    """(K,)."""
    parents: tuple[Tensor, ...]
    """For each depth, the places of its nodes' parents among the nodes one depth above."""
    order: Tensor
    """Place of each requested node in the sorted order, the root first."""

    @classmethod
    def build(cls, nodes: Sequence[Node], num_joints: int, outputs: Sequence[int]) -> KinematicTree:
        """Sort nodes (parents before children, nodes[0] the root) by depth.

        Nodes on no way from the root to an output are left out.

        Args:
            nodes: the whole tree.
            num_joints: the number of joint angles.
            outputs: nodes whose poses ``forward`` returns, in that order.
        """
        nodes, outputs = _pruned(nodes, outputs)
        depth = [0] * len(nodes)
        for index, node in enumerate(nodes[1:], start=1):
            depth[index] = depth[node.parent] + 1
        levels = [
            [i for i in range(len(nodes)) if depth[i] == level] for level in range(max(depth) + 1)
        ]
        parents = [
            torch.tensor([above.index(nodes[i].parent) for i in level])
            for above, level in zip(levels[:-1], levels[1:], strict=True)
        ]
        rows = [i for level in levels for i in level]
        moved = [nodes[i] for i in rows[1:]]
        quat = torch.tensor([list(n.quat) for n in moved]).reshape(-1, 4)
        axis = torch.tensor([[*n.axis, 0.0] for n in moved]).reshape(-1, 4)
        anchor = torch.tensor([list(n.anchor) for n in moved]).reshape(-1, 3)
        return cls(
            pos=torch.tensor([list(n.pos) for n in moved]).reshape(-1, 3),
            still=_right_product(quat),
            turning=_right_product(quat_mul(quat, axis)),
            joint=torch.tensor([n.joint if n.joint >= 0 else num_joints for n in moved]).long(),
            anchor=anchor if bool(anchor.any()) else None,
            reference=torch.tensor([n.reference for n in moved]),
            parents=tuple(parents),
            order=torch.tensor([rows.index(i) for i in outputs]),
        )

    def to(self, device: torch.device | str) -> KinematicTree:
        """Return the same tree on another device."""
        moved: dict[str, Any] = {
            f.name: getattr(self, f.name).to(device)
            for f in fields(self)
            if isinstance(getattr(self, f.name), Tensor)
        }
        return replace(self, **moved, parents=tuple(p.to(device) for p in self.parents))

    def forward(
        self, root_pos: Tensor, root_quat: Tensor, joint_pos: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Poses of the requested nodes: positions (N, B, 3) and rotations (N, B, 4), xyzw.

        Args:
            root_pos: (N, 3) [m].
            root_quat: (N, 4), unit, xyzw.
            joint_pos: (N, J) [rad]; its type of number is that of the result.
        """
        turns = self._turns(joint_pos)
        quats = [root_quat.T.unsqueeze(0)]
        from_parents = []
        for parent, turn in zip(self.parents, self._by_depth(turns), strict=True):
            from_parents.append(quats[-1].index_select(0, parent))
            quats.append((turn * from_parents[-1].unsqueeze(1)).sum(dim=2))
        steps = self._steps(turns, from_parents)
        positions = [root_pos.T.unsqueeze(0)]
        for parent, step in zip(self.parents, self._by_depth(steps), strict=True):
            positions.append(positions[-1].index_select(0, parent) + step)
        return self._requested(positions), self._requested(quats)

    def _turns(self, joint_pos: Tensor) -> Tensor:
        """Right products (K, 4, 4, N) with each node's rotation in its parent.

        Placement x (axis sin(angle/2), cos(angle/2)) = cos(angle/2) placement + sin(angle/2)
        (placement x axis), both of which are constant.
        """
        angles = torch.cat([joint_pos.T, joint_pos.new_zeros(1, joint_pos.shape[0])])
        still, turning, reference = (
            t.to(joint_pos.dtype) for t in (self.still, self.turning, self.reference)
        )
        half = 0.5 * (angles.index_select(0, self.joint) - reference.unsqueeze(1))
        half = half[:, None, None, :]
        return torch.addcmul(still.unsqueeze(3) * half.cos(), turning.unsqueeze(3), half.sin())

    def _steps(self, turns: Tensor, from_parents: list[Tensor]) -> Tensor:
        """From each parent's origin to the node's, world frame, (K, 3, N)."""
        pos = self.pos.to(turns.dtype).unsqueeze(2)
        if self.anchor is not None:
            anchor = self.anchor.to(turns.dtype).unsqueeze(2)
            placement = self.still[:, :, 3].to(turns.dtype).unsqueeze(2)
            pos = pos + _rotate(placement, anchor) - _rotate(turns[:, :, 3], anchor)
        return _rotate(torch.cat(from_parents), pos) if from_parents else pos

    def _by_depth(self, values: Tensor) -> tuple[Tensor, ...]:
        return values.split([len(parent) for parent in self.parents])

    def _requested(self, levels: list[Tensor]) -> Tensor:
        """Join the depths (k, C, N) and return (N, B, C)."""
        return torch.cat(levels).index_select(0, self.order).permute(2, 0, 1).contiguous()


def _pruned(nodes: Sequence[Node], outputs: Sequence[int]) -> tuple[list[Node], list[int]]:
    """Return the ways from the root to the outputs, and the outputs' places among them."""
    needed = {0}
    for output in outputs:
        while output not in needed:
            needed.add(output)
            output = nodes[output].parent
    kept = sorted(needed)
    place = {node: index for index, node in enumerate(kept)}
    pruned = [replace(nodes[i], parent=place.get(nodes[i].parent, -1)) for i in kept]
    return pruned, [place[output] for output in outputs]


def _right_product(quat: Tensor) -> Tensor:
    """Matrices (K, 4, 4) that multiply a quaternion from the right: q x quat = matrix q."""
    x, y, z, w = quat.unbind(dim=-1)
    rows = [[w, z, -y, x], [-z, w, x, y], [y, -x, w, z], [-x, -y, -z, w]]
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def _rotate(quat: Tensor, v: Tensor) -> Tensor:
    """Rotate v (K, 3, N or 1) by unit quaternions (K, 4, N or 1)."""
    qx, qy, qz, qw = quat.unbind(dim=1)
    x, y, z = v.unbind(dim=1)
    tx, ty, tz = 2.0 * (qy * z - qz * y), 2.0 * (qz * x - qx * z), 2.0 * (qx * y - qy * x)
    return torch.stack(
        [
            x + qw * tx + qy * tz - qz * ty,
            y + qw * ty + qz * tx - qx * tz,
            z + qw * tz + qx * ty - qy * tx,
        ],
        dim=1,
    )
