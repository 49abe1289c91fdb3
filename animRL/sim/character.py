"""A character without an engine: names, limits, drives, masses, forward kinematics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from animRL.sim.asset import load_spec, read_asset
from animRL.utils.kinematic_tree import KinematicTree, Node
from animRL.utils.names import known_names
from animRL.utils.rotations import quat_rotate

if TYPE_CHECKING:
    import mujoco


@dataclass(frozen=True, eq=False)
class Character:
    """What is known of a character without an engine: names, limits, drives, masses, tree.

    J joints are in the character's own order, that of clips, observations and actions; B bodies
    have parents before children, the root first, the world left out. Angles in rad, lengths in m.
    """

    name: str
    asset_path: Path
    joint_names: tuple[str, ...]
    body_names: tuple[str, ...]
    end_effector_names: tuple[str, ...]
    """Names of the bodies that carry the E end effectors."""
    anatomical_joints: tuple[str, ...]
    """Bodies whose origin is a joint of the anatomy; position errors are measured there."""
    fall_bodies: tuple[str, ...]
    """Bodies that may not touch the ground."""
    hands: tuple[str, ...]
    feet: tuple[str, ...]
    friction: float
    """Sliding friction on the ground."""
    joint_lower: Tensor
    """(J,) [rad]; -inf for a joint without limits."""
    joint_upper: Tensor
    """(J,) [rad]; inf for a joint without limits."""
    default_joint_pos: Tensor
    """(J,) [rad]."""
    stiffness: Tensor
    """(J,) [N m/rad]."""
    damping: Tensor
    """(J,) [N m s/rad]."""
    effort: Tensor
    """Largest torque of each drive (J,) [N m]."""
    body_mass: Tensor
    """(B,) [kg]."""
    body_parents: tuple[int, ...]
    """Index of each body's parent (B,); -1 for the root."""
    body_com: Tensor
    """Centre of mass of each body in its frame (B, 3)."""
    end_effector_offsets: Tensor
    """Each end effector in its body's frame (E, 3)."""
    tree: KinematicTree
    end_effector_tree: KinematicTree
    """The part of the tree that leads to the end effectors' bodies."""

    @classmethod
    def from_config(cls, cfg: Any, device: torch.device | str = "cpu") -> Character:
        """Read the asset that a configuration (see ``cfg/characters``) names and check the two.

        Raises:
            InputError: if the asset is missing or not a tree of hinges on one root body, or if a
                name in the configuration is not in the asset.
        """
        asset = read_asset(cfg)
        model, joints, bodies = asset.model, asset.joint_names, asset.body_names
        groups = dict(asset.groups)
        ends = groups.pop("end_effectors")
        limits = torch.as_tensor(asset.limits, dtype=torch.float32)
        offsets = torch.tensor(list(cfg.end_effectors.values()), dtype=torch.float32)
        numbers = {field: torch.tensor(values) for field, values in asset.by_joint.items()}
        return cls(
            name=cfg.name,
            asset_path=asset.path,
            joint_names=joints,
            body_names=bodies,
            end_effector_names=ends,
            friction=float(cfg.friction),
            joint_lower=limits[:, 0],
            joint_upper=limits[:, 1],
            default_joint_pos=numbers["default_joint_angles"],
            stiffness=numbers["stiffness"],
            damping=numbers["damping"],
            effort=numbers["effort_limit"],
            body_mass=torch.as_tensor(model.body_mass[1:], dtype=torch.float32),
            body_parents=tuple(int(parent) - 1 for parent in model.body_parentid[1:]),
            body_com=torch.as_tensor(model.body_ipos[1:], dtype=torch.float32),
            end_effector_offsets=offsets.reshape(-1, 3),
            tree=_tree(model, joints, bodies),
            end_effector_tree=_tree(model, joints, ends),
            **groups,
        ).to(device)

    def to(self, device: torch.device | str) -> Character:
        """Return the same character with its tensors on another device."""
        moved: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Tensor | KinematicTree):
                moved[field.name] = value.to(device)
        return replace(self, **moved)

    def body_index(self, name: str) -> int:
        """Number of a body. Raises InputError with the names there are."""
        known_names([name], self.body_names, f"bodies of {self.asset_path}")
        return self.body_names.index(name)

    def body_indices(self, names: Iterable[str]) -> Tensor:
        """Numbers (n,) of several bodies. Raises InputError with the names there are."""
        numbers = [self.body_index(name) for name in names]
        return torch.tensor(numbers, dtype=torch.long, device=self.body_mass.device)

    def forward_kinematics(
        self, root_pos: Tensor, root_quat: Tensor, joint_pos: Tensor
    ) -> tuple[Tensor, Tensor]:
        """World positions (N, B, 3) and rotations (N, B, 4) of all bodies.

        Args:
            root_pos: origin of the root (N, 3) [m].
            root_quat: rotation of the root (N, 4), unit, xyzw.
            joint_pos: angles (N, J) [rad].
        """
        return self.tree.forward(root_pos, root_quat, joint_pos)

    def end_effector_pos(self, root_pos: Tensor, root_quat: Tensor, joint_pos: Tensor) -> Tensor:
        """World positions (N, E, 3) of the end effectors; takes what forward_kinematics does."""
        pos, quat = self.end_effector_tree.forward(root_pos, root_quat, joint_pos)
        return pos + quat_rotate(quat, self.end_effector_offsets.to(pos.dtype))

    def center_of_mass(self, body_pos: Tensor, body_quat: Tensor) -> Tensor:
        """World position (N, 3) of the centre of mass, from the poses of all bodies."""
        centres = body_pos + quat_rotate(body_quat, self.body_com.to(body_quat.dtype))
        weights = (self.body_mass / self.body_mass.sum()).to(centres.dtype)
        return (weights.unsqueeze(-1) * centres).sum(dim=-2)

    def load_spec(self) -> mujoco.MjSpec:
        """Read the asset anew as an editable MuJoCo model.

        The root has a free joint; there is no ground, light, actuator, sensor or keyframe. Geoms
        that collide do so only with geoms of ``contype`` 1: with a ground, not with each other.
        """
        return load_spec(self.asset_path, self.friction)


def _tree(model: mujoco.MjModel, joints: Sequence[str], outputs: Sequence[str]) -> KinematicTree:
    """The ways to some bodies; a body with several hinges is a chain of nodes, the last its own."""
    nodes = [Node(-1, [0.0] * 3, [0.0, 0.0, 0.0, 1.0])]
    node_of_body = {1: 0}
    for body in range(2, model.nbody):
        node = node_of_body[int(model.body_parentid[body])]
        pos, quat = model.body_pos[body].tolist(), model.body_quat[body].tolist()
        quat = [*quat[1:], quat[0]]
        first = int(model.body_jntadr[body])
        for joint in range(first, first + int(model.body_jntnum[body])):
            nodes.append(
                Node(
                    parent=node, pos=pos, quat=quat,
                    joint=joints.index(model.joint(joint).name),
                    axis=model.jnt_axis[joint].tolist(),
                    anchor=model.jnt_pos[joint].tolist(),
                    reference=float(model.qpos0[model.jnt_qposadr[joint]]),
                )
            )  # fmt: skip
            node, pos, quat = len(nodes) - 1, [0.0] * 3, [0.0, 0.0, 0.0, 1.0]
        if model.body_jntnum[body] == 0:
            nodes.append(Node(node, pos, quat))
            node = len(nodes) - 1
        node_of_body[body] = node
    wanted = [node_of_body[model.body(name).id] for name in outputs]
    return KinematicTree.build(nodes, len(joints), wanted)
