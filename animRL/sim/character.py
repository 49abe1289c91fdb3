"""A character without an engine: names, limits, drives, masses, forward kinematics."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from animRL.utils.errors import InputError
from animRL.utils.kinematic_tree import KinematicTree, Node
from animRL.utils.names import known_names, values_by_name
from animRL.utils.paths import resolve_resource
from animRL.utils.rotations import quat_rotate
from animRL.utils.urdf import prepare_urdf

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
        path = resolve_resource(cfg.asset, "character.asset")
        with _one_line(path):
            model = _load_spec(path, cfg.friction).compile()
        bodies = tuple(model.body(i).name for i in range(1, model.nbody))
        joints = _joint_names(model, cfg.joint_names, path)
        lower, upper = _limits(model, joints)
        groups = {
            field: known_names(getattr(cfg, field), bodies, f"character.{field}: bodies of {path}")
            for field in ("end_effectors", "anatomical_joints", "fall_bodies", "hands", "feet")
        }
        ends = groups.pop("end_effectors")

        def by_joint(field: str) -> Tensor:
            values = getattr(cfg, field)
            if field == "default_joint_angles":
                values = {"default": 0.0, **values}
            return torch.tensor(values_by_name(values, joints, f"character.{field}"))

        character = cls(
            name=cfg.name,
            asset_path=path,
            joint_names=joints,
            body_names=bodies,
            end_effector_names=ends,
            friction=float(cfg.friction),
            joint_lower=lower,
            joint_upper=upper,
            default_joint_pos=by_joint("default_joint_angles"),
            stiffness=by_joint("stiffness"),
            damping=by_joint("damping"),
            effort=by_joint("effort_limit"),
            body_mass=torch.as_tensor(model.body_mass[1:], dtype=torch.float32),
            body_parents=tuple(int(parent) - 1 for parent in model.body_parentid[1:]),
            body_com=torch.as_tensor(model.body_ipos[1:], dtype=torch.float32),
            end_effector_offsets=_offsets(cfg.end_effectors),
            tree=_tree(model, joints, bodies),
            end_effector_tree=_tree(model, joints, ends),
            **groups,
        )
        _check_pose(character)
        return character.to(device)

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
        return _load_spec(self.asset_path, self.friction)


def _load_spec(path: Path, friction: float) -> mujoco.MjSpec:
    import mujoco

    with _one_line(path):
        root = ElementTree.parse(path).getroot()
        if root.tag == "robot":
            spec = mujoco.MjSpec.from_string(prepare_urdf(root, path))
        else:
            spec = mujoco.MjSpec.from_file(str(path))
    world = spec.worldbody
    for element in [*spec.keys, *spec.sensors, *spec.actuators, *world.geoms, *world.lights]:
        spec.delete(element)
    _check_bodies(spec, path)
    root_body = spec.bodies[1]
    if not root_body.joints:
        root_body.add_freejoint()
    for joint in spec.joints:
        joint.actfrclimited = mujoco.mjtLimited.mjLIMITED_FALSE  # effort is the configuration's
    for geom in spec.geoms:
        if geom.contype or geom.conaffinity:
            geom.contype, geom.conaffinity = 0, 1
            geom.friction[0] = friction
    return spec


def _check_bodies(spec: mujoco.MjSpec, path: Path) -> None:
    """Raise InputError unless the model is one named tree of hinges on a free root."""
    import mujoco

    where = f"character.asset: {path}:"
    if unnamed := [body.parent.name for body in spec.bodies[1:] if not body.name]:
        raise InputError(f"{where} every body needs a name; a child of '{unnamed[0]}' has none")
    roots = [body.name for body in spec.worldbody.bodies]
    if len(roots) != 1:
        raise InputError(f"{where} one root body is needed; found {', '.join(roots) or 'none'}")
    for body in spec.bodies[1:]:
        kind, valid = "hinge", mujoco.mjtJoint.mjJNT_HINGE
        if body.name == roots[0]:
            kind, valid = "free", mujoco.mjtJoint.mjJNT_FREE
        for joint in body.joints:
            if joint.type != valid:
                raise InputError(
                    f"{where} joint '{joint.name}' of '{body.name}' is not {kind}; valid: hinges, "
                    "and a free joint on the root"
                )


@contextmanager
def _one_line(path: Path) -> Iterator[None]:
    """Turn what a parser or MuJoCo has to say about the asset into an InputError."""
    try:
        yield
    except InputError:
        raise
    except (ElementTree.ParseError, ValueError, OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"character.asset: {path} is no valid MJCF or URDF file: {reason}"
        ) from None


def _joint_names(model: mujoco.MjModel, names: Sequence[str], path: Path) -> tuple[str, ...]:
    """The configured names, checked to be all hinges of the model (joint 0 is the free one)."""
    found = [model.joint(i).name for i in range(1, model.njnt)]
    names = known_names(names, found, f"character.joint_names: joints of {path}")
    missing = [name for name in found if name not in names]
    if missing:
        raise InputError(f"character.joint_names: {path} also has the joints {', '.join(missing)}")
    return names


def _limits(model: mujoco.MjModel, joints: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Lower and upper limits, two tensors (J,); infinite where there are none."""
    ids = [model.joint(name).id for name in joints]
    limits = torch.as_tensor(model.jnt_range[ids], dtype=torch.float32)
    free = torch.as_tensor(model.jnt_limited[ids]) == 0
    return limits[:, 0].masked_fill(free, -torch.inf), limits[:, 1].masked_fill(free, torch.inf)


def _offsets(end_effectors: Mapping[str, Sequence[float]]) -> Tensor:
    for body, offset in end_effectors.items():
        if len(offset) != 3:
            raise InputError(
                f"character.end_effectors: '{body}' has {offset}; valid: three numbers [m]"
            )
    return torch.tensor(list(end_effectors.values()), dtype=torch.float32).reshape(-1, 3)


def _check_pose(character: Character) -> None:
    """Raise InputError if a default angle is outside its joint's limits."""
    lower, upper = character.joint_lower, character.joint_upper
    angles = character.default_joint_pos
    for i in torch.nonzero((angles < lower) | (angles > upper)).flatten().tolist():
        raise InputError(
            f"character.default_joint_angles: '{character.joint_names[i]}' is {angles[i]:g} rad; "
            f"valid: {lower[i]:g} to {upper[i]:g}, the limits in {character.asset_path}"
        )


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
