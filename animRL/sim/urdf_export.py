"""A character as a URDF file, for engines and programs that read nothing else; and its check.

A link's frame is its body's. A hinge that is not at its body's origin, and all but the last of
several hinges of one body, get a link of their own between the body and its parent, named
``<body>__<joint>``; the one that carries the body holds it by a fixed joint. Of a chain of
several, PhysX and MuJoCo want each to weigh something: see ``BETWEEN_MASS``.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from typing import NamedTuple

import mujoco
import numpy as np
from scipy.spatial.transform import Rotation

from animRL.utils.errors import InputError

BETWEEN_MASS, BETWEEN_INERTIA = 1e-3, 1e-6
"""Of a link between two hinges of one body [kg], [kg m^2]; it is added."""
EFFORT, JOINT_SPEED = 1000.0, 500.0
"""Largest torque [N m] where none is given, and speed [rad/s]; URDF asks for both. They are those
of the course's model; PhysX brakes a joint beyond the speed."""
_HINGE = int(mujoco.mjtJoint.mjJNT_HINGE)
_UNLIMITED = 1e9  # in place of a limit [rad]
_SPHERE, _CAPSULE, _CYLINDER, _BOX = (
    int(getattr(mujoco.mjtGeom, f"mjGEOM_{name}"))
    for name in ("SPHERE", "CAPSULE", "CYLINDER", "BOX")
)


class Placed(NamedTuple):
    """Where something is in a frame."""

    pos: np.ndarray
    turn: Rotation


class Difference(NamedTuple):
    """How far an exported character is from its original."""

    name: str
    largest: float
    unit: str
    bound: float

    @property
    def is_equal(self) -> bool:
        """Whether that is no more than rounding."""
        return self.largest <= self.bound


def urdf_of(spec: mujoco.MjSpec, effort: Mapping[str, float] | None = None) -> str:
    """The text of a character's URDF.

    Visible shapes that collide with nothing are written where URDF knows their kind (spheres,
    capsules as two spheres and a cylinder, cylinders, boxes); others are left out.

    Args:
        spec: see ``Character.load_spec``.
        effort: largest torque of joints by name [N m].

    Raises:
        InputError: if something collides whose shape URDF does not know.
    """
    model = spec.compile()
    robot = ElementTree.Element("robot", name=spec.modelname or "character")
    for number in range(1, model.nbody):
        body = model.body(number)
        hinges = _hinges(model, number)
        if number > 1:
            parent = model.body(int(model.body_parentid[number])).name
            place = Placed(model.body_pos[number], _turn(model.body_quat[number]))
            _add_joints(robot, model, body.name, parent, place, hinges, effort or {})
        _add_link(robot, model, number)
    ElementTree.indent(robot)
    return '<?xml version="1.0"?>\n' + ElementTree.tostring(robot, encoding="unicode") + "\n"


def differences(spec: mujoco.MjSpec, exported: mujoco.MjSpec, poses: int = 32) -> list[Difference]:
    """Compare a character with what MuJoCo reads from its URDF, body by body, by their names.

    Args:
        spec: the original.
        exported: the other, as ``load_spec`` reads it from the URDF.
        poses: random poses, within the joints' limits, of the forward kinematics.

    Raises:
        InputError: if a body or joint has no counterpart.
    """
    one, two = spec.compile(), exported.compile()
    bodies = [one.body(i).name for i in range(1, one.nbody)]
    joints = [one.joint(i).name for i in range(one.njnt) if one.jnt_type[i] == _HINGE]
    try:
        pairs = [(one.body(name).id, two.body(name).id) for name in bodies]
        hinges = [(one.joint(name).id, two.joint(name).id) for name in joints]
    except KeyError as error:
        raise InputError(
            f"the exported file lacks a part: {' '.join(str(error).split())}"
        ) from None
    a, b = (list(numbers) for numbers in zip(*pairs))
    found = [
        Difference("mass", _gap(one.body_mass[a], two.body_mass[b]), "kg", 1e-9),
        Difference("centre of mass", _gap(one.body_ipos[a], two.body_ipos[b]), "m", 1e-9),
        Difference("inertia", _gap(_inertias(one, a), _inertias(two, b)), "kg m^2", 1e-9),
        Difference("collision shapes", _shape_gap(one, two, pairs), "m", 1e-9),
    ]
    if hinges:
        c, d = (list(numbers) for numbers in zip(*hinges))
        limits = [
            np.where(model.jnt_limited[numbers][:, None] == 1, model.jnt_range[numbers], _UNLIMITED)
            for model, numbers in ((one, c), (two, d))
        ]
        found.append(Difference("limits", _gap(*limits), "rad", 1e-9))
    for name, gap, unit in zip(
        ("axes", "position of bodies", "rotation of bodies"),
        _kinematic_gaps(one, two, pairs, hinges, poses), ("1", "m", "1"),
    ):  # fmt: skip
        found.append(Difference(name, gap, unit, 1e-7))
    return found


def _hinges(model: mujoco.MjModel, body: int) -> list[int]:
    first = int(model.body_jntadr[body])
    numbers = range(first, first + int(model.body_jntnum[body]))
    return [number for number in numbers if model.jnt_type[number] == _HINGE]


def _add_joints(
    robot: ElementTree.Element,
    model: mujoco.MjModel,
    body: str,
    parent: str,
    place: Placed,
    hinges: list[int],
    effort: Mapping[str, float],
) -> None:
    """Add what is between a body and its parent: hinges, links between them, or a fixed joint."""
    for number in hinges:
        joint = model.joint(number)
        axis, anchor = model.jnt_axis[number], model.jnt_pos[number]
        reference = float(model.qpos0[model.jnt_qposadr[number]])
        # URDF counts angles from the pose in which the file is written.
        pivot = Placed(
            place.pos + place.turn.apply(anchor),
            place.turn * Rotation.from_rotvec(-reference * axis / np.linalg.norm(axis)),
        )
        alone = number == hinges[-1] and not anchor.any()
        child = body if alone else f"{body}__{joint.name}"
        _add_hinge(robot, model, number, parent, child, pivot, effort)
        if alone:
            return
        if number != hinges[-1]:
            mass, inertia = BETWEEN_MASS, BETWEEN_INERTIA * np.eye(3)
            _add_inertia(
                ElementTree.SubElement(robot, "link", name=child), mass, np.zeros(3), inertia
            )
        else:
            ElementTree.SubElement(robot, "link", name=child)
        parent, place = child, Placed(-anchor, Rotation.identity())
    fixed = ElementTree.SubElement(robot, "joint", name=f"{body}__fixed", type="fixed")
    _add_ends(fixed, parent, body, place)


def _add_hinge(
    robot: ElementTree.Element,
    model: mujoco.MjModel,
    number: int,
    parent: str,
    child: str,
    place: Placed,
    effort: Mapping[str, float],
) -> None:
    name, limited = model.joint(number).name, bool(model.jnt_limited[number])
    kind = "revolute" if limited else "continuous"
    joint = ElementTree.SubElement(robot, "joint", name=name, type=kind)
    _add_ends(joint, parent, child, place)
    ElementTree.SubElement(joint, "axis", xyz=_text(model.jnt_axis[number]))
    limit = {"effort": _text(effort.get(name, EFFORT)), "velocity": _text(JOINT_SPEED)}
    if limited:
        lower, upper = model.jnt_range[number]
        limit |= {"lower": _text(lower), "upper": _text(upper)}
    ElementTree.SubElement(joint, "limit", limit)


def _add_ends(joint: ElementTree.Element, parent: str, child: str, place: Placed) -> None:
    ElementTree.SubElement(joint, "parent", link=parent)
    ElementTree.SubElement(joint, "child", link=child)
    _add_origin(joint, place)


def _add_link(robot: ElementTree.Element, model: mujoco.MjModel, number: int) -> None:
    """Add a body: what it weighs, what collides, what can be seen of the rest."""
    link = ElementTree.SubElement(robot, "link", name=model.body(number).name)
    if model.body_mass[number] > 0.0:
        inertia = _inertias(model, [number])[0]
        _add_inertia(link, float(model.body_mass[number]), model.body_ipos[number], inertia)
    first = int(model.body_geomadr[number])
    for geom in range(first, first + int(model.body_geomnum[number])):
        collides = bool(model.geom_contype[geom] or model.geom_conaffinity[geom])
        shapes = _shapes(model, geom)
        if collides and not shapes:
            kind = mujoco.mjtGeom(int(model.geom_type[geom])).name.removeprefix("mjGEOM_").lower()
            raise InputError(
                f"body '{model.body(number).name}' collides with a shape that URDF cannot hold "
                f"({kind}); valid: spheres, capsules, cylinders, boxes"
            )
        for shape, place in shapes:
            for tag in ("collision", "visual") if collides else ("visual",):
                element = ElementTree.SubElement(link, tag)
                _add_origin(element, place)
                geometry = ElementTree.SubElement(element, "geometry")
                geometry.append(ElementTree.fromstring(ElementTree.tostring(shape)))


def _shapes(model: mujoco.MjModel, geom: int) -> list[tuple[ElementTree.Element, Placed]]:
    """A shape in URDF's terms: one or, of a capsule, three; none if URDF does not know it."""
    place = Placed(model.geom_pos[geom], _turn(model.geom_quat[geom]))
    radius, half, _ = size = model.geom_size[geom]
    kind = int(model.geom_type[geom])
    if kind == _SPHERE:
        return [(ElementTree.Element("sphere", radius=_text(radius)), place)]
    if kind == _BOX:
        return [(ElementTree.Element("box", size=_text(2.0 * size)), place)]
    if kind not in (_CAPSULE, _CYLINDER):
        return []
    tube = ElementTree.Element("cylinder", radius=_text(radius), length=_text(2.0 * half))
    parts = [(tube, place)]
    if kind == _CAPSULE:
        for end in (-half, half):
            centre = place.pos + place.turn.apply([0.0, 0.0, end])
            ball = ElementTree.Element("sphere", radius=_text(radius))
            parts.append((ball, Placed(centre, place.turn)))
    return parts


def _add_inertia(
    link: ElementTree.Element, mass: float, centre: np.ndarray, inertia: np.ndarray
) -> None:
    element = ElementTree.SubElement(link, "inertial")
    _add_origin(element, Placed(centre, Rotation.identity()))
    ElementTree.SubElement(element, "mass", value=_text(mass))
    entries = {
        f"i{'xyz'[i]}{'xyz'[j]}": _text(inertia[i, j]) for i in range(3) for j in range(i, 3)
    }
    ElementTree.SubElement(element, "inertia", entries)


def _add_origin(element: ElementTree.Element, place: Placed) -> None:
    angles = place.turn.as_euler("xyz", suppress_warnings=True)  # fixed axes, as URDF has them
    ElementTree.SubElement(element, "origin", xyz=_text(place.pos), rpy=_text(angles))


def _turn(wxyz: np.ndarray) -> Rotation:
    return Rotation.from_quat(np.roll(wxyz, -1))


def _text(numbers: np.ndarray | float) -> str:
    """Numbers that read back as they were."""
    return " ".join(repr(float(number) + 0.0) for number in np.atleast_1d(numbers))


def _inertias(model: mujoco.MjModel, bodies: list[int]) -> np.ndarray:
    """Inertia about each centre of mass along the body's axes (n, 3, 3) [kg m^2]."""
    axes = Rotation.from_quat(np.roll(model.body_iquat[bodies], -1, axis=1)).as_matrix()
    return np.einsum("bij,bj,bkj->bik", axes, model.body_inertia[bodies], axes)


def _shape_gap(one: mujoco.MjModel, two: mujoco.MjModel, pairs: list[tuple[int, int]]) -> float:
    """How far what collides is apart: places and sizes of spheres, cylinders and boxes [m]."""
    largest = 0.0
    for pair in pairs:
        shapes = [_colliding(model, body) for model, body in zip((one, two), pair)]
        if len(shapes[0]) != len(shapes[1]):
            return float("inf")
        if len(shapes[0]):
            largest = max(largest, _gap(*shapes))
    return largest


def _colliding(model: mujoco.MjModel, body: int) -> np.ndarray:
    """A row for each shape: radius or sizes, and where it is; capsules as their parts."""
    first, rows = int(model.body_geomadr[body]), []
    for geom in range(first, first + int(model.body_geomnum[body])):
        if model.geom_contype[geom] or model.geom_conaffinity[geom]:
            for shape, place in _shapes(model, geom):
                values = shape.get("size") or f"{shape.get('radius')} {shape.get('length', 0.0)} 0"
                rows.append([*(float(v) for v in values.split()), *place.pos])
    return np.array(rows)


def _kinematic_gaps(
    one: mujoco.MjModel,
    two: mujoco.MjModel,
    pairs: list[tuple[int, int]],
    hinges: list[tuple[int, int]],
    poses: int,
) -> tuple[float, float, float]:
    """Largest differences of the hinges' axes, and of positions and rotations of all bodies."""
    random, gaps = np.random.default_rng(1), np.zeros(3)
    data = [mujoco.MjData(model) for model in (one, two)]
    for state in data:
        state.qpos[:7] = [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]  # the root, which is free
    for _ in range(poses):
        for own, other in hinges:
            low, high = one.jnt_range[own] if one.jnt_limited[own] else (-np.pi, np.pi)
            angle = random.uniform(low, high)
            data[0].qpos[one.jnt_qposadr[own]] = angle
            data[1].qpos[two.jnt_qposadr[other]] = angle
        for model, state in zip((one, two), data):
            mujoco.mj_kinematics(model, state)
        for own, other in hinges:
            gaps[0] = max(gaps[0], _gap(data[0].xaxis[own], data[1].xaxis[other]))
        for own, other in pairs:
            gaps[1] = max(gaps[1], _gap(data[0].xpos[own], data[1].xpos[other]))
            gaps[2] = max(gaps[2], _gap(data[0].xmat[own], data[1].xmat[other]))
    return float(gaps[0]), float(gaps[1]), float(gaps[2])


def _gap(one: np.ndarray, two: np.ndarray) -> float:
    return float(np.abs(np.asarray(one) - np.asarray(two)).max())
