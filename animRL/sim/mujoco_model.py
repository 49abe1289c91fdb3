"""The MuJoCo model of a character with drives on flat ground, for every MuJoCo engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mujoco
import numpy as np
from torch import Tensor

from animRL.utils.errors import InputError

if TYPE_CHECKING:
    from animRL.sim.character import Character

GROUND = "ground"

_INTEGRATORS = {
    "discrete": mujoco.mjtIntegrator.mjINT_DISCRETE,
    "implicitfast": mujoco.mjtIntegrator.mjINT_IMPLICITFAST,
    "Euler": mujoco.mjtIntegrator.mjINT_EULER,
}
_SOLVERS = {"Newton": mujoco.mjtSolver.mjSOL_NEWTON, "CG": mujoco.mjtSolver.mjSOL_CG}

_CONES = {"pyramidal": mujoco.mjtCone.mjCONE_PYRAMIDAL, "elliptic": mujoco.mjtCone.mjCONE_ELLIPTIC}
_JACOBIANS = {
    "sparse": mujoco.mjtJacobian.mjJAC_SPARSE,
    "dense": mujoco.mjtJacobian.mjJAC_DENSE,
    "auto": mujoco.mjtJacobian.mjJAC_AUTO,
}

# How many contacts a shape can have with a plane; boxes, cylinders and meshes at most four.
_PLANE_CONTACTS = {
    int(mujoco.mjtGeom.mjGEOM_SPHERE): 1,
    int(mujoco.mjtGeom.mjGEOM_ELLIPSOID): 1,
    int(mujoco.mjtGeom.mjGEOM_CAPSULE): 2,
}
_MOST_PLANE_CONTACTS = 4


def build_model(character: Character, engine_cfg: Any, physics_dt: float) -> mujoco.MjModel:
    """Compile the character with position drives, ground and ground-force sensors.

    Joint ``i`` of the character is driven by actuator ``i``: torque = stiffness x (target -
    angle) - damping x velocity. The effort limit is kept by ``target_reach``, not by a force
    range: a saturated actuator loses its implicit damping, and of 256 starts with full-range
    random targets 42 blew up that way. Each body that can touch the ground has a sensor of the
    net contact force, see ``ground_force_bodies``.

    Args:
        character: whose drives (stiffness, damping, effort, by joint) are used.
        engine_cfg: ``integrator``, ``solver``, ``cone``, ``jacobian``, ``iterations``,
            ``ls_iterations``, ``armature``.
        physics_dt: time step [s].
    """
    spec = character.load_spec()
    option = spec.option
    option.timestep = physics_dt
    option.integrator = _choice("integrator", engine_cfg.integrator, _INTEGRATORS)
    option.solver = _choice("solver", engine_cfg.solver, _SOLVERS)
    option.cone = _choice("cone", engine_cfg.cone, _CONES)
    option.jacobian = _choice("jacobian", engine_cfg.jacobian, _JACOBIANS)
    option.iterations = engine_cfg.iterations
    option.ls_iterations = engine_cfg.ls_iterations
    spec.worldbody.add_geom(
        name=GROUND, type=mujoco.mjtGeom.mjGEOM_PLANE, size=[0.0, 0.0, 1.0],
        contype=1, conaffinity=0, friction=[character.friction, 0.005, 0.0001],
    )  # fmt: skip
    _add_drives(spec, character, engine_cfg.armature)
    for name in ground_force_bodies(spec):
        _add_ground_sensor(spec, name)
    return spec.compile()


def target_reach(character: Character) -> Tensor:
    """How far (J,) [rad] a target may lie from its joint before the spring exceeds its effort."""
    return character.effort / character.stiffness


def ground_force_bodies(spec: mujoco.MjSpec) -> list[str]:
    """Names of the bodies with a geom that can touch the ground, in the order of the sensors."""
    return [
        body.name for body in spec.bodies[1:] if any(geom.conaffinity & 1 for geom in body.geoms)
    ]


def ground_force_columns(model: mujoco.MjModel, character: Character) -> list[int]:
    """Which body of the character each ground-force sensor tells of, in the sensors' order."""
    bodies = tuple(model.body(i).name for i in range(1, model.nbody))
    assert bodies == character.body_names  # so that body b is row 1 + b, after the world
    return [character.body_index(name) for name in ground_force_bodies(character.load_spec())]


def worst_case(model: mujoco.MjModel) -> tuple[int, int]:
    """Most contacts with the ground, and most constraint rows, that one simulation can have.

    A row for each direction of each contact's friction cone, and one for each joint at a limit.
    Nothing collides but a geom with the ground, so a geom's contacts are those with a plane.
    """
    contacts = rows = 0
    ground = model.geom(GROUND).id
    for geom in range(model.ngeom):
        if not model.geom_conaffinity[geom] & 1:
            continue
        count = _PLANE_CONTACTS.get(int(model.geom_type[geom]), _MOST_PLANE_CONTACTS)
        # Of two geoms of one priority, MuJoCo takes the larger dimension.
        dimensions = int(max(model.geom_condim[geom], model.geom_condim[ground]))
        if model.opt.cone == mujoco.mjtCone.mjCONE_PYRAMIDAL and dimensions > 1:
            dimensions = 2 * (dimensions - 1)
        contacts, rows = contacts + count, rows + count * dimensions
    limits = int((model.jnt_limited != 0).sum())
    friction = int((model.dof_frictionloss > 0.0).sum())
    return max(contacts, 1), max(rows + limits + friction, 1)


def array_sizes(model: mujoco.MjModel, engine_cfg: Any) -> tuple[int, int]:
    """Contacts and constraint rows for which MuJoCo Warp makes room in each world.

    Raises:
        InputError: if constraints might not fit: mujoco-warp 4.0.0 with the integrator `discrete`
            then reads rows that were never written (`regularize_constraint`), and can crash.
    """
    contacts, rows = worst_case(model)
    if engine_cfg.njmax is not None and engine_cfg.njmax < rows:
        raise InputError(
            f"sim.warp.njmax is {engine_cfg.njmax}; valid: {rows} or more, the rows of all "
            "contacts and joint limits at once, or none for just that"
        )
    return engine_cfg.nconmax or contacts, engine_cfg.njmax or rows


def _add_drives(spec: mujoco.MjSpec, character: Character, armature: float) -> None:
    for index, name in enumerate(character.joint_names):
        spec.joint(name).armature = armature
        stiffness, damping = float(character.stiffness[index]), float(character.damping[index])
        actuator = spec.add_actuator(
            name=name, target=name, trntype=mujoco.mjtTrn.mjTRN_JOINT,
            forcelimited=False, ctrllimited=False,
        )  # fmt: skip
        actuator.set_to_position(kp=stiffness, kv=damping)


def _add_ground_sensor(spec: mujoco.MjSpec, body: str) -> None:
    """Add a contact sensor: net force between the ground and one body, world frame."""
    spec.add_sensor(
        name=f"ground_force_{body}",
        type=mujoco.mjtSensor.mjSENS_CONTACT,
        objtype=mujoco.mjtObj.mjOBJ_BODY, objname=body,
        reftype=mujoco.mjtObj.mjOBJ_GEOM, refname=GROUND,
        intprm=[1 << int(mujoco.mjtConDataField.mjCONDATA_FORCE), 3, 1],
    )  # fmt: skip


def _choice(field: str, value: str, table: dict[str, Any]) -> Any:
    if value not in table:
        raise InputError(f"sim.<engine>.{field} is {value!r}; valid: {', '.join(table)}")
    return table[value]


def joint_addresses(
    model: mujoco.MjModel, joint_names: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Columns of qpos and of qvel of the named joints, two integer arrays (J,)."""
    ids = [model.joint(name).id for name in joint_names]
    return model.jnt_qposadr[ids].astype(int), model.jnt_dofadr[ids].astype(int)
