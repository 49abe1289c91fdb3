"""From a motion in its file's terms to a clip on its own skeleton: metres, z up, x forward."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from animRL.dataloader.clip import MAX_JOINT_ANGLE
from animRL.dataloader.skeleton import IDENTITY, Hinge, Quaternion, Skeleton, SkeletonJoint, Vector
from animRL.motion.anatomy import ROLES, guess_roles, read_role_map, with_role_map
from animRL.motion.importers.axes import Axes, detect_axes, detect_scale
from animRL.motion.importers.euler import angles_of, best_order, hinge_names
from animRL.motion.importers.options import ImportedMotion, ImportOptions
from animRL.motion.importers.source import SourceJoint, SourceMotion
from animRL.motion.rotations import Array, from_matrix, transpose
from animRL.motion.skeleton_character import end_effectors, skeleton_character
from animRL.motion.trajectory import Trajectory, body_poses, seam_transform, to_clip
from animRL.utils.errors import InputError

SEAM_LIMIT = 0.02
"""Farthest [m] that a joint may lie from its place in the first pose for the seam to be closed."""
_THINNEST_SOLE = 0.005
_THICKEST_SOLE = 0.12
"""Share of a leg's length: an ankle stands at 0.039, a hip at 0.53 of the height (Winter)."""
_SOLE_PERCENTILE = 2.0
_FLOOR_WARNING = 0.15
_WORLD = "world"  # MuJoCo's own name for the ground


def assemble(motion: SourceMotion, path: Path, options: ImportOptions) -> ImportedMotion:
    """Bring a motion into metres and the project's axes, and make a clip of it.

    Raises:
        InputError: if the file's map of roles, or an option, does not fit the file.
    """
    motion = _with_options(motion, options)
    roles = motion.roles or guess_roles(motion.names, motion.parents)
    if options.role_map is not None:
        roles = with_role_map(roles, read_role_map(options.role_map, motion.names))
    axes = detect_axes(motion, roles, options.forward)
    scale, unit, doubt = detect_scale(motion, roles, options.scale)
    skeleton, joint_pos = _hinged(motion, roles, axes, scale)
    _check_turns(skeleton, joint_pos, path)
    trajectory = Trajectory(
        root_pos=scale * motion.root_pos @ axes.world.T,
        root_quat=from_matrix(axes.world @ motion.turns[:, 0] @ axes.body.T),
        joint_pos=joint_pos,
        dt=motion.dt,
    )
    sole = None if motion.sole is None else scale * motion.sole
    floor = _Floor.under(skeleton, trajectory, sole)
    trajectory = replace(trajectory, root_pos=trajectory.root_pos + [0.0, 0.0, floor.lift])
    trajectory, seam, open_seam = _with_loop(skeleton, trajectory, motion.loop)
    skeleton = floor.with_soles(skeleton)
    character = skeleton_character(skeleton)
    clip = to_clip(character, trajectory, skeleton=skeleton, source=str(path))
    clip = replace(clip, loop=None if motion.loop is None else trajectory.loop)
    report = (
        ("format", motion.format),
        ("frames", f"{len(trajectory)} at {1.0 / motion.dt:.4g} Hz, {trajectory.duration:.3f} s"),
        *axes.report,
        ("unit", unit),
        ("skeleton", f"{len(skeleton.joints)} joints, {len(skeleton.hinge_names)} hinges"),
        ("height", floor.report),
        ("seam", seam),
        *(("note", note) for note in motion.notes),
        *((role, roles[role]) for role in ROLES if role in roles),
    )
    warnings = (*motion.warnings, *axes.warnings, doubt, floor.warning, open_seam)
    return ImportedMotion(clip, report, tuple(text for text in warnings if text))


def _check_turns(skeleton: Skeleton, joint_pos: Array, path: Path) -> None:
    """Raise InputError for a joint that turns farther than a clip may hold."""
    if not joint_pos.size:
        return
    frame, joint = np.unravel_index(np.abs(joint_pos).argmax(), joint_pos.shape)
    if abs(joint_pos[frame, joint]) > MAX_JOINT_ANGLE:
        raise InputError(
            f"{path}: frame {frame}: {skeleton.hinge_names[joint]} has turned to "
            f"{joint_pos[frame, joint]:.4g} rad; valid: at most two full turns either way"
        )


def _with_options(motion: SourceMotion, options: ImportOptions) -> SourceMotion:
    if options.up is not None:
        known = motion.rest_up is not None and motion.up is None
        motion = replace(motion, up=options.up, rest_up=motion.rest_up if known else None)
    return motion


def _hinged(
    motion: SourceMotion, roles: dict[str, str], axes: Axes, scale: float
) -> tuple[Skeleton, Array]:
    """The skeleton in the project's axes, and the angles (T, H) of its hinges."""
    role_of = {name: role for role, name in roles.items()}
    body, names = axes.body, _distinct_names(motion.names)
    balls = [i for i, joint in enumerate(motion.joints) if i and joint.hinges is None]
    turns = body @ motion.turns[:, balls] @ transpose(body)
    orders = [best_order(turns[:, number]) for number in range(len(balls))]
    solved = angles_of(turns, orders)
    joints, columns, given = [], [], 0
    for index, joint in enumerate(motion.joints):
        hinges: tuple[Hinge, ...] = ()
        if index in balls:
            number = balls.index(index)
            hinges = tuple(
                Hinge(name, _vector(np.eye(3)[axis]))
                for axis, name in zip(
                    orders[number], hinge_names(names[index], orders[number]), strict=True
                )
            )
            columns.append(solved[:, number])
        elif joint.hinges:
            hinges = tuple(
                Hinge(hinge.name, _vector(body @ np.array(hinge.axis))) for hinge in joint.hinges
            )
            columns.append(motion.angles[:, given : given + len(hinges)])
            given += len(hinges)
        joints.append(
            SkeletonJoint(
                name=names[index],
                parent=joint.parent,
                offset=_vector(scale * body @ joint.offset) if index else (0.0, 0.0, 0.0),
                rotation=_rest_rotation(joint, body) if index else IDENTITY,
                hinges=hinges,
                role=role_of.get(joint.name),
            )
        )
    angles = np.concatenate(columns, axis=1) if columns else np.zeros((len(motion.root_pos), 0))
    skeleton = Skeleton(motion.name, tuple(joints))
    twice = [n for n in skeleton.hinge_names if skeleton.hinge_names.count(n) > 1]
    if twice:
        raise InputError(f"two joints lead to the same hinge '{twice[0]}'; rename one in the file")
    return skeleton, angles


def _rest_rotation(joint: SourceJoint, body: Array) -> Quaternion:
    if np.array_equal(joint.rest, np.eye(3)):
        return IDENTITY
    x, y, z, w = from_matrix(body @ joint.rest @ body.T)
    return float(x), float(y), float(z), float(w)


def _vector(values: Array) -> Vector:
    x, y, z = (float(value) + 0.0 for value in values)
    return x, y, z


def _distinct_names(names: tuple[str, ...]) -> list[str]:
    return [f"{name}_joint" if name == _WORLD else name for name in names]


@dataclass(frozen=True)
class _Floor:
    """How high a motion lies over the ground, and how thick the soles are that would touch it."""

    lift: float
    soles: dict[str, float]
    report: str
    warning: str | None

    @classmethod
    def under(cls, skeleton: Skeleton, trajectory: Trajectory, sole: float | None) -> _Floor:
        """Measure it; with ``sole`` [m], set the lowest foot joint that high over the ground."""
        character = skeleton_character(skeleton)
        height = body_poses(character, trajectory)[0][:, :, 2]
        lowest = {
            name: float(np.percentile(height[:, character.body_index(name)], _SOLE_PERCENTILE))
            for name in _limb_ends(skeleton)
        }
        ground = min(lowest.values())
        moved = 0.0 if sole is None else sole - ground
        lowest = {name: value + moved for name, value in lowest.items()}
        level, root = ground + moved, float(np.median(trajectory.root_pos[:, 2])) + moved
        text = f"root {root:.3f} m in the middle, lowest foot joint {level:.3f} m"
        if moved:
            text += f" (set on the floor: moved by {moved:+.3f} m)"
        warning = None
        if not -0.05 <= level <= _FLOOR_WARNING:
            warning = (
                f"the lowest foot joint is {level:.3f} m over the ground: the floor is not at 0, "
                "or the unit is wrong (--scale); motion.py edit puts a clip on the floor"
            )
        return cls(moved, _soles(skeleton, lowest), text, warning)

    def with_soles(self, skeleton: Skeleton) -> Skeleton:
        """The skeleton with the radii of the joints that touch the ground."""
        joints = tuple(
            replace(joint, radius=self.soles.get(joint.name, 0.0)) for joint in skeleton.joints
        )
        return replace(skeleton, joints=joints)


def _soles(skeleton: Skeleton, lowest: dict[str, float]) -> dict[str, float]:
    """How far the ground is from the joints that come near it [m], alike on both sides.

    A joint that stays too high has a sole of unknown thickness and is left out.
    """
    joints = {joint.name: joint for joint in skeleton.joints}
    roles = skeleton.roles
    bones = [joints[roles[r]].offset for r in ("left_knee", "left_ankle") if r in roles]
    leg = sum(float(np.linalg.norm(offset)) for offset in bones) or 1.0
    part = {name: (joints[name].role or name).split("_", 1)[-1] for name in lowest}
    height = {
        name: min(lowest[other] for other in lowest if part[other] == part[name]) for name in lowest
    }
    return {
        name: max(value, _THINNEST_SOLE)
        for name, value in height.items()
        if value <= _THICKEST_SOLE * leg
    }


def _limb_ends(skeleton: Skeleton) -> list[str]:
    roles = skeleton.roles
    ends = [name for role, name in roles.items() if role.endswith(("ankle", "toe"))]
    return list(dict.fromkeys([*ends, *end_effectors(skeleton)]))


def _with_loop(
    skeleton: Skeleton, trajectory: Trajectory, word: bool | None
) -> tuple[Trajectory, str, str | None]:
    """Mark the motion as a loop if its file says so and its seam is closed; what was measured."""
    onward = seam_transform(trajectory)
    first = onward.apply(trajectory.frames(slice(0, 1)))
    character = skeleton_character(skeleton)
    start, _ = body_poses(character, first)
    end, _ = body_poses(character, trajectory.frames(slice(-1, None)))
    apart = np.linalg.norm(start[0] - end[0], axis=1)
    worst = int(apart.argmax())
    where = f"{100.0 * apart[worst]:.2f} cm at {character.body_names[worst]}"
    says = {None: "the file does not say", True: "the file says it loops", False: "no loop"}[word]
    if word and apart[worst] <= SEAM_LIMIT:
        return replace(trajectory, loop=True), f"closes within {where}; a loop", None
    if apart[worst] <= SEAM_LIMIT:
        return trajectory, f"closes within {where} ({says})", None
    text = f"open by {where} ({says})"
    warning = None
    if word:
        warning = (
            f"the file says that it loops, but the seam is open by {where}: not a loop "
            "(retarget or edit --loop closes it)"
        )
    return trajectory, text, warning
