"""Inverse kinematics of a whole character, limits kept: a thin wrapper of mink."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from animRL.motion.extras import require
from animRL.motion.ground import ContactSpheres, contact_spheres
from animRL.utils.errors import InputError

if TYPE_CHECKING:
    from animRL.sim.character import Character

SOLVER = "daqp"
POSTURE_COST = 0.02
"""Cost of a joint's distance from the posture [1/rad]; a target's position costs 1 [1/m]."""
DAMPING = 1e-5
RESIDUAL_DAMPING = 0.1
"""Damping for each unit of squared weighted error: what is out of reach is approached calmly."""
MAX_STEP = 0.5
"""Largest turn of a joint in one iteration [rad]: beyond it the linear model misleads."""
GROUND_REACH = 0.3
"""What is higher over the ground [m] does not reach it in one iteration."""
STEP_TOLERANCE = 1e-4
"""An iteration that moves no joint by more [rad or m] is the last."""


@dataclass(frozen=True)
class BodyTarget:
    """Where a point of a body, or its rotation, is wanted.

    A cost is one number for all three axes or one an axis: world axes for the position [1/m], the
    body's axes for the rotation [1/rad]. What is None costs nothing.
    """

    body: str
    position: ArrayLike | None = None
    """World position (3,) of the point [m]."""
    rotation: ArrayLike | None = None
    """World rotation (4,) of the body, unit, xyzw."""
    offset: ArrayLike = (0.0, 0.0, 0.0)
    """The point (3,) in the body's frame [m]."""
    position_cost: float | Sequence[float] = 1.0
    orientation_cost: float | Sequence[float] = 0.1


class InverseKinematics:
    """Solves for a pose of root and joints that comes nearest to targets, within joint limits.

    Args:
        character: joints are given and returned in its order.
        posture_cost: pull of every joint, or of each (J,), towards the posture [1/rad].
        damping: resistance of every degree of freedom to change in one iteration
            (Levenberg-Marquardt); it does not change where the iteration ends.
        ground: keep the collision geometry above the ground z = 0.

    Raises:
        InputError: if mink is not installed.
    """

    def __init__(
        self,
        character: Character,
        posture_cost: float | Sequence[float] | NDArray[np.float64] = POSTURE_COST,
        damping: float = DAMPING,
        ground: bool = False,
    ) -> None:
        mink = require("mink")
        self.character = character
        self._model = character.load_spec().compile()
        joints = [self._model.joint(name).id for name in character.joint_names]
        self._columns = self._model.jnt_qposadr[joints]
        limited = self._model.jnt_limited[joints] != 0
        self.lower = np.where(limited, self._model.jnt_range[joints, 0], -np.inf)
        self.upper = np.where(limited, self._model.jnt_range[joints, 1], np.inf)
        costs = np.zeros(self._model.nv)
        costs[self._model.jnt_dofadr[joints]] = posture_cost
        self._damping = damping
        self._configuration = mink.Configuration(self._model)
        self._limits: list[Any] = [mink.ConfigurationLimit(self._model)]
        if ground:
            self._limits.append(_GroundLimit(self._model, contact_spheres(character)))
        self._posture = mink.PostureTask(self._model, costs)
        self._default = character.default_joint_pos.double().cpu().numpy()

    def solve(
        self,
        root_pos: ArrayLike,
        root_quat: ArrayLike,
        joint_pos: ArrayLike,
        targets: Sequence[BodyTarget],
        *,
        posture: ArrayLike | None = None,
        iterations: int = 50,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return root position (3,), root rotation (4,) xyzw and joint angles (J,).

        The pose given is where the iteration starts: near the solution, it takes few steps.

        Args:
            root_pos: (3,) [m], world.
            root_quat: (4,), unit, xyzw.
            joint_pos: (J,) [rad], moved inside the limits first.
            targets: what to reach; of several that conflict, the costs decide.
            posture: angles (J,) [rad] to stay near, by default the character's default pose.
            iterations: largest number of Gauss-Newton steps.

        Raises:
            InputError: if a target names a body that the character has not, or has no valid shape.
        """
        mink = require("mink")
        task: Any = _TargetTask(self._model, [self._checked(target) for target in targets])
        configuration = self._configuration
        configuration.update(self._qpos(root_pos, root_quat, joint_pos))
        wanted = self._default if posture is None else posture
        self._posture.set_target(self._qpos(root_pos, root_quat, wanted))
        for _ in range(iterations):
            step = mink.solve_ik(
                configuration, [task, self._posture], 1.0, SOLVER, self._damping,
                limits=self._limits,
            )  # fmt: skip
            size = float(np.abs(step).max())
            configuration.integrate_inplace(step * min(1.0, MAX_STEP / max(size, 1e-12)), 1.0)
            if size < STEP_TOLERANCE:
                break
        qpos = configuration.q
        joints = np.clip(qpos[self._columns], self.lower, self.upper)
        return qpos[:3].copy(), qpos[[4, 5, 6, 3]], joints

    def _qpos(
        self, root_pos: ArrayLike, root_quat: ArrayLike, joint_pos: ArrayLike
    ) -> NDArray[np.float64]:
        """Return MuJoCo's configuration (7 + J,), joints inside their limits."""
        quat = np.asarray(root_quat, dtype=np.float64)
        qpos = np.zeros(self._model.nq)
        qpos[:3] = root_pos
        qpos[3:7] = quat[[3, 0, 1, 2]] / np.linalg.norm(quat)
        qpos[self._columns] = np.clip(joint_pos, self.lower, self.upper)
        return qpos

    def _checked(self, target: BodyTarget) -> _Target:
        self.character.body_index(target.body)
        arrays: dict[str, NDArray[np.float64] | None] = {}
        for field, size in (("position", 3), ("rotation", 4), ("offset", 3)):
            value = getattr(target, field)
            array = None if value is None else np.asarray(value, dtype=np.float64)
            if array is not None and (array.shape != (size,) or not np.isfinite(array).all()):
                raise InputError(
                    f"target of {target.body}: {field} is {value}; valid: {size} finite numbers"
                )
            arrays[field] = array
        rotation = arrays["rotation"]
        offset = arrays["offset"]
        return _Target(
            body=self._model.body(target.body).id,
            position=arrays["position"],
            # MuJoCo's wxyz from here on
            rotation=None if rotation is None else rotation[[3, 0, 1, 2]],
            offset=np.zeros(3) if offset is None else offset,
            position_cost=np.broadcast_to(np.asarray(target.position_cost, float), 3),
            orientation_cost=np.broadcast_to(np.asarray(target.orientation_cost, float), 3),
        )


@dataclass(frozen=True)
class _Target:
    """A checked BodyTarget, with MuJoCo's number of the body and its order wxyz."""

    body: int
    position: NDArray[np.float64] | None
    rotation: NDArray[np.float64] | None
    offset: NDArray[np.float64]
    position_cost: NDArray[np.float64]
    orientation_cost: NDArray[np.float64]


class _TargetTask:
    """All targets as one task of mink's.

    mink's own FrameTask weighs positions along the body's axes and bends the way to a position by
    the error of the rotation; a point in world axes does neither.
    """

    def __init__(self, model: Any, targets: Sequence[_Target]) -> None:
        self._model = model
        self._targets = targets

    def compute_qp_residual(
        self, configuration: Any
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
        """Return weighted Jacobian (k, nv), weighted way to go (k,) and damping."""
        import mujoco

        data, count = configuration.data, self._model.nv
        jacobians, errors = [np.zeros((0, count))], [np.zeros(0)]
        for target in self._targets:
            rotation = data.xmat[target.body].reshape(3, 3)
            point = data.xpos[target.body] + rotation @ target.offset
            move, turn = np.empty((3, count)), np.empty((3, count))
            mujoco.mj_jac(self._model, data, move, turn, point, target.body)
            if target.position is not None:
                jacobians.append(target.position_cost[:, None] * move)
                errors.append(target.position_cost * (target.position - point))
            if target.rotation is not None:
                way = np.empty(3)
                mujoco.mju_subQuat(way, target.rotation, data.xquat[target.body])
                jacobians.append(target.orientation_cost[:, None] * (rotation.T @ turn))
                errors.append(target.orientation_cost * way)
        error = np.concatenate(errors)
        return np.concatenate(jacobians), error, RESIDUAL_DAMPING * float(error @ error)


class _GroundLimit:
    """A limit of mink's: no sphere of the collision geometry goes below z = 0."""

    def __init__(self, model: Any, spheres: ContactSpheres) -> None:
        self._model = model
        self._bodies = spheres.body + 1  # MuJoCo's body 0 is the world
        self._centres, self._radii = spheres.centre, spheres.radius

    def compute_qp_inequalities(self, configuration: Any, dt: float) -> Any:
        """Return G, h with G step <= h: no sphere sinks by more than its height."""
        import mujoco

        mink = require("mink")
        data = configuration.data
        rotations = data.xmat[self._bodies].reshape(-1, 3, 3)
        points = data.xpos[self._bodies] + np.einsum("sij,sj->si", rotations, self._centres)
        heights = points[:, 2] - self._radii
        near = np.flatnonzero(heights < GROUND_REACH)
        if len(near) == 0:
            return mink.Constraint()
        rows = np.empty((len(near), self._model.nv))
        move = np.empty((3, self._model.nv))
        for row, sphere in zip(rows, near, strict=True):
            mujoco.mj_jac(self._model, data, move, None, points[sphere], self._bodies[sphere])
            row[:] = -move[2]
        return mink.Constraint(G=rows, h=heights[near])
