"""Joint angles of a robot or character, by its model: MJCF or URDF, or a character of ours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from animRL.dataloader.clip import MAX_JOINT_ANGLE
from animRL.dataloader.skeleton import Hinge
from animRL.motion.importers.assemble import assemble
from animRL.motion.importers.options import ImportedMotion, ImportOptions
from animRL.motion.importers.source import SourceJoint, SourceMotion
from animRL.motion.rotations import Array, matrix_about, to_matrix
from animRL.motion.trajectory import Trajectory, to_clip
from animRL.utils.asset_xml import parse_asset
from animRL.utils.errors import InputError
from animRL.utils.names import known_names
from animRL.utils.urdf import prepare_urdf

if TYPE_CHECKING:
    import mujoco

    from animRL.sim.character import Character


_LYING, _UPRIGHT = 0.2, 0.7


@dataclass(frozen=True, eq=False)
class AngleMotion:
    """Root (T, 3) [file's unit], (T, 4) xyzw, and joint angles (T, J) [rad] over time.

    ``joint_names`` None: the file does not name them, the model's order is taken.
    """

    format: str
    root_pos: Array
    root_quat: Array
    joint_pos: Array
    joint_names: tuple[str, ...] | None
    dt: float
    notes: tuple[str, ...] = ()


def import_angles(motion: AngleMotion, path: Path, options: ImportOptions) -> ImportedMotion:
    """Make a clip of joint angles: on the skeleton of a model, or on a character as it is.

    Raises:
        InputError: if the joints do not fit the model, or the angles are no radians.
    """
    if np.abs(motion.joint_pos).max(initial=0.0) > MAX_JOINT_ANGLE:
        frame, joint = np.unravel_index(np.abs(motion.joint_pos).argmax(), motion.joint_pos.shape)
        raise InputError(
            f"{path}: frame {frame}, joint {joint} is {motion.joint_pos[frame, joint]:.4g}; "
            "valid: radians (are these degrees?)"
        )
    root_pos = motion.root_pos * (1.0 if options.scale is None else options.scale)
    if options.skeleton is not None:
        return _on_model(replace(motion, root_pos=root_pos), path, options)
    if options.character is None:
        raise InputError(
            f"{path}: joint angles need the model they belong to; valid: --skeleton FILE "
            "(MJCF or URDF), or --character NAME"
        )
    return _on_character(replace(motion, root_pos=root_pos), path, options.character)


def _on_character(motion: AngleMotion, path: Path, character: Character) -> ImportedMotion:
    angles = _ordered(motion, character.joint_names, path, f"character {character.name}")
    trajectory = Trajectory(motion.root_pos, motion.root_quat, angles, motion.dt)
    clip = replace(to_clip(character, trajectory, source=str(path)), loop=None)
    rate = f"{len(trajectory)} at {1.0 / motion.dt:.4g} Hz, {trajectory.duration:.3f} s"
    report = (
        ("format", motion.format),
        ("frames", rate),
        ("up axis", "z (the format's)"),
        ("forward axis", "x at rest (the format's)"),
        ("skeleton", f"none: the {len(angles[0])} joints of {character.name}"),
        ("height", f"root {np.median(trajectory.root_pos[:, 2]):.3f} m in the middle"),
        *(("note", note) for note in (*motion.notes, _names_note(motion))),
    )
    return ImportedMotion(clip, report, _warnings(motion))


def _on_model(motion: AngleMotion, path: Path, options: ImportOptions) -> ImportedMotion:
    assert options.skeleton is not None
    joints = read_model(options.skeleton)
    hinges = tuple(hinge.name for joint in joints for hinge in joint.hinges or ())
    angles = _ordered(motion, hinges, path, str(options.skeleton))
    turns = np.tile(np.eye(3), (len(angles), len(joints), 1, 1))
    turns[:, 0] = to_matrix(motion.root_quat)
    source = SourceMotion(
        format=motion.format,
        name=options.skeleton.stem,
        joints=joints,
        turns=turns,
        angles=angles,
        root_pos=motion.root_pos,
        dt=motion.dt,
        up="z",
        rest_up="z",
        rest_forward="x",
        scale=1.0,
        notes=(*motion.notes, _names_note(motion), f"skeleton of {options.skeleton}"),
        warnings=_warnings(motion),
    )
    return assemble(source, path, replace(options, scale=None))


def _ordered(motion: AngleMotion, wanted: tuple[str, ...], path: Path, model: str) -> Array:
    """The angles in the model's order."""
    count = motion.joint_pos.shape[1]
    if motion.joint_names is None:
        if count != len(wanted):
            raise InputError(
                f"{path}: {count} joint angles a frame; valid: {len(wanted)} for {model}, or "
                "another model by --skeleton FILE or --character NAME"
            )
        return motion.joint_pos
    names = _plain_names(motion.joint_names, wanted)
    known_names(names, wanted, f"{path}: joint names, for {model}")
    missing = [name for name in wanted if name not in names]
    if missing:
        raise InputError(f"{path}: no joint {', '.join(missing[:5])}, which {model} has")
    return motion.joint_pos[:, [names.index(name) for name in wanted]]


def _plain_names(names: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[str, ...]:
    """The names as the model writes them, where only an ending such as _dof differs."""
    plain = []
    for name in names:
        stem = name.removesuffix("_dof").removesuffix("_joint")
        options = [name, stem, f"{stem}_joint"]
        plain.append(next((option for option in options if option in wanted), name))
    return tuple(plain)


def _names_note(motion: AngleMotion) -> str:
    if motion.joint_names is None:
        return "the file names no joints: taken in the model's order"
    return "joints ordered by name"


def _warnings(motion: AngleMotion) -> tuple[str, ...]:
    """Doubts about the order of the quaternions' numbers, told by who stands upright."""
    x, y, z, w = motion.root_quat.T
    as_read = 1.0 - 2.0 * (x * x + y * y)
    as_other = 1.0 - 2.0 * (y * y + z * z)  # the numbers read as w first
    if np.median(as_read) < _LYING and np.median(as_other) > _UPRIGHT:
        return ("the body lies down, and would stand if the quaternions were w first (wxyz)",)
    return ()


def read_model(path: Path) -> tuple[SourceJoint, ...]:
    """The bodies of an MJCF or URDF file as joints: places, hinges; shapes are not needed.

    Raises:
        InputError: if it cannot be read, or is no tree of hinges on one root body.
    """
    model = _compiled(path)
    roots = [body for body in range(1, model.nbody) if model.body_parentid[body] == 0]
    if len(roots) != 1:
        raise InputError(f"{path}: {len(roots)} bodies on the world; valid: one root body")
    joints: list[SourceJoint] = []
    shifts: list[Array] = []
    for body in range(1, model.nbody):
        above = int(model.body_parentid[body]) - 1
        offset = model.body_pos[body] - (shifts[above] if above >= 0 else 0.0)
        rest = to_matrix(np.roll(model.body_quat[body], -1))
        hinges, anchor, rest = _hinges(model, body, rest, path)
        if above < 0:
            offset, rest, anchor = np.zeros(3), np.eye(3), np.zeros(3)
        # A hinge beside the body's origin: the joint stands on the hinge instead.
        joints.append(
            SourceJoint(model.body(body).name, above, offset + rest @ anchor, hinges, rest)
        )
        shifts.append(anchor)
    return tuple(joints)


def _hinges(
    model: mujoco.MjModel, body: int, rest: Array, path: Path
) -> tuple[tuple[Hinge, ...], Array, Array]:
    """Hinges of a body, the point they share in its frame, and its rotation at angles 0."""
    import mujoco

    first, count = int(model.body_jntadr[body]), int(model.body_jntnum[body])
    hinges: list[Hinge] = []
    anchors: list[Array] = []
    for number in range(first, first + count):
        joint = model.joint(number)
        kind = int(model.jnt_type[number])
        if kind == mujoco.mjtJoint.mjJNT_FREE and body == 1:
            continue
        where = f"{path}: joint '{joint.name}' of '{model.body(body).name}'"
        if kind != mujoco.mjtJoint.mjJNT_HINGE or body == 1:
            raise InputError(f"{where}; valid: hinges, and a free joint on the root")
        zero = float(model.qpos0[model.jnt_qposadr[number]])
        if zero and hinges:
            raise InputError(f"{where} has a reference angle; valid: 0 but for a body's first")
        rest = rest @ matrix_about(np.array(model.jnt_axis[number]), np.array(-zero))
        axis = tuple(float(value) for value in model.jnt_axis[number])
        hinges.append(Hinge(joint.name, axis))  # type: ignore[arg-type]
        anchors.append(np.array(model.jnt_pos[number]))
    if anchors and max(float(np.abs(a - anchors[0]).max()) for a in anchors) > 1e-9:
        raise InputError(f"{path}: the hinges of '{model.body(body).name}' do not share a point")
    return tuple(hinges), anchors[0] if anchors else np.zeros(3), rest


def _compiled(path: Path) -> Any:
    """The kinematics of a model: shapes, meshes and drives are left out, so none can be missing."""
    import mujoco

    try:
        root = parse_asset(path, with_files=False)
        if root.tag == "robot":
            for link in root.iter("link"):
                for shape in [*link.findall("visual"), *link.findall("collision")]:
                    link.remove(shape)
            spec = mujoco.MjSpec.from_string(prepare_urdf(root, path))
        else:
            spec = mujoco.MjSpec.from_file(str(path))
        bare = [
            *(spec.keys, spec.sensors, spec.actuators, spec.tendons, spec.equalities),
            *(spec.pairs, spec.excludes, spec.geoms, spec.meshes, spec.skins, spec.flexes),
            *(spec.hfields, spec.materials, spec.textures),
        ]
        for element in [element for group in bare for element in group]:
            spec.delete(element)
        for body in spec.bodies[1:]:
            body.explicitinertial = True
            body.mass, body.inertia = 1.0, [1.0, 1.0, 1.0]
            body.fullinertia = [np.nan] * 6  # none: MuJoCo takes only one of the two
            body.ipos, body.iquat = [0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]
        return spec.compile()
    except InputError:
        raise
    except (ValueError, OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: no valid MJCF or URDF file: {reason}") from None
