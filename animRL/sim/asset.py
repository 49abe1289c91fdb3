"""A character's asset, read by MuJoCo and checked against its configuration, without torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from animRL.utils.asset_xml import parse_asset
from animRL.utils.errors import InputError
from animRL.utils.names import known_names, values_by_name
from animRL.utils.paths import resolve_resource
from animRL.utils.urdf import prepare_urdf

if TYPE_CHECKING:
    import mujoco

GROUPS = ("end_effectors", "anatomical_joints", "fall_bodies", "hands", "feet")
"""Settings that name bodies."""
BY_JOINT = ("default_joint_angles", "stiffness", "damping", "effort_limit")
"""Settings with a number for each joint."""
# What of the file would only take memory; the largest is what MuJoCo itself takes.
_SIZES = {
    **{"memory": -1, "nuserdata": 0, "nkey": 0, "njmax": -1, "nconmax": -1},
    **dict.fromkeys(
        (f"nuser_{name}" for name in
         ("body", "jnt", "geom", "site", "cam", "tendon", "actuator", "sensor")), -1,
    ),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Asset:
    """An asset that fits its configuration."""

    path: Path
    model: mujoco.MjModel
    joint_names: tuple[str, ...]
    body_names: tuple[str, ...]
    groups: dict[str, tuple[str, ...]]
    """Names of bodies, for each of ``GROUPS``."""
    by_joint: dict[str, list[float]]
    """One number for each joint, for each of ``BY_JOINT``."""
    limits: np.ndarray
    """Lower and upper limit of each joint (J, 2) [rad]; infinite where there are none."""


def read_asset(cfg: Any) -> Asset:
    """Read the asset that a configuration (see ``cfg/characters``) names and check the two.

    Raises:
        InputError: if the asset is missing, unfit, or not a tree of hinges on one root body, or if
            a name in the configuration is not in the asset.
    """
    path = resolve_resource(cfg.asset, "character.asset")
    with _one_line(path):
        model = load_spec(path, cfg.friction).compile()
    _check_numbers(model, path)
    bodies = tuple(model.body(i).name for i in range(1, model.nbody))
    joints = _joint_names(model, cfg.joint_names, path)
    groups = {
        field: known_names(getattr(cfg, field), bodies, f"character.{field}: bodies of {path}")
        for field in GROUPS
    }
    _check_offsets(cfg.end_effectors)
    by_joint = {}
    for field in BY_JOINT:
        values = getattr(cfg, field)
        if field == "default_joint_angles":
            values = {"default": 0.0, **values}
        by_joint[field] = values_by_name(values, joints, f"character.{field}")
    asset = Asset(path, model, joints, bodies, groups, by_joint, _limits(model, joints))
    _check_pose(asset)
    return asset


def load_spec(path: Path, friction: float) -> mujoco.MjSpec:
    """Read an asset as an editable MuJoCo model; see ``Character.load_spec``.

    Raises:
        InputError: as for ``read_asset``.
    """
    import mujoco

    keep_mujoco_quiet()
    with _one_line(path):
        root = parse_asset(path)
        if root.tag == "robot":
            spec = mujoco.MjSpec.from_string(prepare_urdf(root, path))
        else:
            spec = mujoco.MjSpec.from_file(str(path))
    world = spec.worldbody
    for element in [*spec.keys, *spec.sensors, *spec.actuators, *world.geoms, *world.lights]:
        spec.delete(element)
    for name, value in _SIZES.items():
        setattr(spec, name, value)
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


def keep_mujoco_quiet() -> None:
    """Keep MuJoCo from writing MUJOCO_LOG.TXT into the working directory, and lines on stderr."""
    import mujoco

    config = mujoco.MjLogConfig.get()
    config.logto_file = False
    config.logto_console = False
    mujoco.MjLogConfig.set(config)


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
    """Turn what MuJoCo has to say about the asset into an InputError."""
    try:
        yield
    except InputError:
        raise
    except (ValueError, OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"character.asset: {path} is no valid MJCF or URDF file: {reason}"
        ) from None


def _check_numbers(model: mujoco.MjModel, path: Path) -> None:
    """Raise InputError for what physics in single precision cannot hold."""
    for field in ("body_mass", "body_inertia", "body_ipos", "body_pos", "jnt_range", "jnt_pos"):
        with np.errstate(over="ignore"):
            bad = ~np.isfinite(np.asarray(getattr(model, field)).astype(np.float32))
        if bad.any():
            raise InputError(f"character.asset: {path}: {field} is not finite or too large")


def _joint_names(model: mujoco.MjModel, names: Sequence[str], path: Path) -> tuple[str, ...]:
    """The configured names, checked to be all hinges of the model (joint 0 is the free one)."""
    found = [model.joint(i).name for i in range(1, model.njnt)]
    names = known_names(names, found, f"character.joint_names: joints of {path}")
    missing = [name for name in found if name not in names]
    if missing:
        raise InputError(f"character.joint_names: {path} also has the joints {', '.join(missing)}")
    return names


def _limits(model: mujoco.MjModel, joints: Sequence[str]) -> np.ndarray:
    ids = [model.joint(name).id for name in joints]
    free = np.asarray(model.jnt_limited[ids]) == 0
    return np.where(free[:, None], [-np.inf, np.inf], model.jnt_range[ids])


def _check_offsets(end_effectors: Mapping[str, Sequence[float]]) -> None:
    for body, offset in end_effectors.items():
        if not isinstance(offset, list | tuple) or len(offset) != 3:
            raise InputError(
                f"character.end_effectors: '{body}' has {offset!r:.60}; valid: three numbers [m]"
            )


def _check_pose(asset: Asset) -> None:
    """Raise InputError if a default angle is outside its joint's limits, in single precision."""
    angles = np.asarray(asset.by_joint["default_joint_angles"], dtype=np.float32)
    lower, upper = np.asarray(asset.limits, dtype=np.float32).T
    for i in np.flatnonzero((angles < lower) | (angles > upper)):
        raise InputError(
            f"character.default_joint_angles: '{asset.joint_names[i]}' is {angles[i]:g} rad; "
            f"valid: {lower[i]:g} to {upper[i]:g}, the limits in {asset.path}"
        )
