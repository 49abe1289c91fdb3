"""An imported clip's skeleton as a character: bodies of flesh around its bones."""

from __future__ import annotations

import atexit
import shutil
import tempfile
import xml.etree.ElementTree as ElementTree
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from animRL.dataloader.skeleton import Skeleton, SkeletonJoint
from animRL.motion.anatomy import roles_of_skeleton
from animRL.motion.rotations import to_matrix
from animRL.sim.character import Character

_DENSITY = 1000.0
"""That of water, near that of the body as a whole [kg/m^3]."""
# Radius of the flesh around the bone that ends at a role, as a share of its length: rounded from
# the segment masses of Winter, Biomechanics and Motor Control of Human Movement, table 4.1
# (thigh 0.1, shank 0.0465, upper arm 0.028, forearm 0.016 of the body's mass), as cylinders.
_RADIUS_OF_LENGTH = {
    "knee": 0.17, "ankle": 0.12, "toe": 0.20, "elbow": 0.15, "wrist": 0.11, "hand": 0.25,
    "head": 0.45, "neck": 0.30, "chest": 0.38, "spine": 0.80, "hip": 0.50, "shoulder": 0.25,
    "clavicle": 0.25,
}  # fmt: skip
_OTHER_RADIUS_OF_LENGTH = 0.15
_RADIUS_LIMITS = (0.008, 0.12)
_RADIUS_OF_LEG = 0.13
"""No flesh is thicker than this share of a leg's length: about 0.11 m for a person."""
_SHORTEST_BONE = 1e-4
# Without a toe joint, how far the foot reaches forward: 0.152 of the height is the length of the
# foot, 0.246 that of the shank (Drillis and Contini 1966), three quarters lie before the ankle.
_FOOT_OF_SHANK = 0.75 * 0.152 / 0.246
_END_RADIUS = 0.02


@lru_cache(maxsize=64)
def skeleton_character(skeleton: Skeleton) -> Character:
    """Make a character whose bodies, hinges and their order are those of a skeleton.

    Capsules along the bones give it a shape and masses; only the ends of its limbs touch the
    ground. It has no joint limits, and its model lies in a temporary file until the program ends.
    """
    roles = roles_of_skeleton(skeleton)
    folder = _temporary_folder()
    handle, name = tempfile.mkstemp(suffix=".xml", dir=folder)
    path = Path(name)
    with open(handle, "w", encoding="utf-8") as file:
        file.write(_model(skeleton, roles))
    root = skeleton.joint_names[0]
    ends = end_effectors(skeleton)
    trunk = [roles[role] for role in ("pelvis", "spine", "chest", "neck", "head") if role in roles]
    return Character.from_config(
        SimpleNamespace(
            name=skeleton.name,
            asset=str(path),
            joint_names=list(skeleton.hinge_names),
            default_joint_angles={},
            stiffness={"default": 300.0},
            damping={"default": 50.0},
            effort_limit=1000.0,
            end_effectors={name: [0.0, 0.0, 0.0] for name in ends},
            fall_bodies=trunk or [root],
            anatomical_joints=[n for n in roles.values() if n != root] or _moving(skeleton),
            hands=[roles[f"{s}_wrist"] for s in ("left", "right") if f"{s}_wrist" in roles],
            feet=[roles[f"{s}_ankle"] for s in ("left", "right") if f"{s}_ankle" in roles],
            friction=1.0,
        )
    )


def end_effectors(skeleton: Skeleton) -> tuple[str, ...]:
    """Joints on which the skeleton stands: both feet, four paws, else the lowest ends at rest.

    It stands on four where at rest the ends of its arms lie as low as those of its legs.
    """
    roles = roles_of_skeleton(skeleton)
    feet = [roles[f"{side}_ankle"] for side in ("left", "right") if f"{side}_ankle" in roles]
    place = dict(zip(skeleton.joint_names, _rest_positions(skeleton), strict=True))
    if len(feet) == 2:
        toes = _ends(roles, ("toe", "ankle"))
        hands = _ends(roles, ("hand", "wrist"))
        leg = place[roles["pelvis"]][2] - place[feet[0]][2] if "pelvis" in roles else 0.0
        low = [place[name][2] - place[toes[0]][2] < 0.3 * leg for name in hands]
        return (*hands, *toes) if len(low) == 2 and all(low) else tuple(feet)
    parents = {joint.parent for joint in skeleton.joints}
    leaves = [joint.name for i, joint in enumerate(skeleton.joints) if i not in parents and i]
    if not leaves:
        return (skeleton.joint_names[0],)
    heights = [place[name][2] for name in leaves]
    limit = min(heights) + 0.1 * (max(heights) - min(heights))
    return tuple(name for name, height in zip(leaves, heights, strict=True) if height <= limit)


def _ends(roles: dict[str, str], last: tuple[str, str]) -> list[str]:
    """The last joint known of each side's limb, left first."""
    names = [roles.get(f"{s}_{last[0]}", roles.get(f"{s}_{last[1]}")) for s in ("left", "right")]
    return [name for name in names if name is not None]


def _moving(skeleton: Skeleton) -> list[str]:
    return [joint.name for joint in skeleton.joints if joint.hinges]


def _rest_positions(skeleton: Skeleton) -> np.ndarray:
    """Places (B, 3) of the joints at zero pose, the root at the origin."""
    places, frames = [np.zeros(3)], [np.eye(3)]
    for joint in skeleton.joints[1:]:
        above = frames[joint.parent]
        places.append(places[joint.parent] + above @ np.array(joint.offset))
        frames.append(above @ to_matrix(np.array(joint.rotation)))
    return np.array(places)


@lru_cache(maxsize=1)
def _temporary_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="animRL_skeletons_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _model(skeleton: Skeleton, roles: dict[str, str]) -> str:
    """The skeleton as MJCF."""
    role_of = {name: role for role, name in roles.items()}
    model = ElementTree.Element("mujoco", model=skeleton.name or "skeleton")
    ElementTree.SubElement(model, "compiler", angle="radian", autolimits="false")
    default = ElementTree.SubElement(model, "default")
    ElementTree.SubElement(
        default, "geom", density=f"{_DENSITY:g}", contype="0", conaffinity="0",
        rgba="0.55 0.62 0.72 1",
    )  # fmt: skip
    bodies = [ElementTree.SubElement(model, "worldbody")]
    for joint in skeleton.joints:
        bodies.append(_add_body(bodies[joint.parent + 1], joint))
    touching = set(end_effectors(skeleton)) | {
        name for role, name in roles.items() if role.endswith(("wrist", "hand", "toe", "ankle"))
    }
    thickest = _thickest(skeleton, roles)
    for index, joint in enumerate(skeleton.joints):
        children = [child for child in skeleton.joints if child.parent == index]
        body = bodies[index + 1]
        radii = [
            _add_bone(body, child, role_of.get(child.name, ""), thickest) for child in children
        ]
        role = role_of.get(joint.name, "")
        if joint.name in touching:
            _add_sphere(body, joint.radius or _END_RADIUS, touches=True)
        elif role == "head" or (role == "neck" and not children):
            _add_head(body, joint, 0.9 * thickest)
        elif not any(radii):
            _add_sphere(body, _END_RADIUS, touches=False)
        if role.endswith("ankle") and not any(radii):
            _add_foot(body, joint)
    return ElementTree.tostring(model, encoding="unicode")


def _add_body(parent: ElementTree.Element, joint: SkeletonJoint) -> ElementTree.Element:
    x, y, z, w = joint.rotation
    place = joint.offset if joint.parent >= 0 else (0.0, 0.0, 0.0)
    body = ElementTree.SubElement(
        parent, "body", name=joint.name, pos=_text(place), quat=_text((w, x, y, z)),
    )  # fmt: skip
    if joint.parent < 0:
        ElementTree.SubElement(body, "freejoint")
    for hinge in joint.hinges:
        ElementTree.SubElement(body, "joint", name=hinge.name, type="hinge", axis=_text(hinge.axis))
    return body


def _thickest(skeleton: Skeleton, roles: dict[str, str]) -> float:
    """The largest radius of flesh [m], from the length of a leg where there is one."""
    joints = {joint.name: joint for joint in skeleton.joints}
    leg = [joints[roles[r]] for r in ("left_knee", "left_ankle", "left_toe") if r in roles]
    if len(leg) < 2:
        return _RADIUS_LIMITS[1]
    length = sum(float(np.linalg.norm(joint.offset)) for joint in leg)
    return min(_RADIUS_LIMITS[1], _RADIUS_OF_LEG * length)


def _add_bone(body: ElementTree.Element, child: SkeletonJoint, role: str, thickest: float) -> float:
    """Put flesh from a body's origin to a child's; its radius, or 0 if the two are one point."""
    length = float(np.linalg.norm(child.offset))
    if length < _SHORTEST_BONE:
        return 0.0
    place = role.removeprefix("left_").removeprefix("right_")
    share = _RADIUS_OF_LENGTH.get(place, _OTHER_RADIUS_OF_LENGTH)
    radius = float(np.clip(share * length, _RADIUS_LIMITS[0], thickest))
    ElementTree.SubElement(
        body, "geom", type="capsule", fromto=_text((0.0, 0.0, 0.0, *child.offset)),
        size=f"{radius:.5g}",
    )  # fmt: skip
    return radius


def _add_sphere(body: ElementTree.Element, radius: float, touches: bool) -> None:
    mask = {"contype": "1", "conaffinity": "1"} if touches else {}
    ElementTree.SubElement(body, "geom", {"type": "sphere", "size": f"{radius:.5g}", **mask})


def _add_head(body: ElementTree.Element, joint: SkeletonJoint, radius: float) -> None:
    """A head on top of its joint, in the direction of the neck."""
    length = max(float(np.linalg.norm(joint.offset)), _SHORTEST_BONE)
    centre = np.array(joint.offset) * radius / length
    ElementTree.SubElement(
        body, "geom", type="sphere", pos=_text(tuple(centre)), size=f"{radius:.5g}"
    )


def _add_foot(body: ElementTree.Element, joint: SkeletonJoint) -> None:
    """A foot in front of an ankle that has no toe joint, for the eye and for its mass."""
    length = _FOOT_OF_SHANK * float(np.linalg.norm(joint.offset))
    radius = max(0.5 * (joint.radius or _END_RADIUS), 0.012)
    height = -(joint.radius or _END_RADIUS) + radius
    ElementTree.SubElement(
        body, "geom", type="capsule", fromto=_text((0.0, 0.0, height, length, 0.0, height)),
        size=f"{radius:.5g}",
    )  # fmt: skip


def _text(values: tuple[float, ...]) -> str:
    return " ".join(f"{value:.9g}" for value in values)
