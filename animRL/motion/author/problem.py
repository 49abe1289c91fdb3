"""What makes a sketched motion physical: residuals over its frames, and their least squares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from animRL.motion.author.system import NormalEquations
from animRL.motion.dynamics import CONE_EDGES, GRAVITY, friction_cone
from animRL.motion.extras import require
from animRL.motion.ground import ContactSpheres, contact_spheres
from animRL.motion.model import CharacterModel
from animRL.motion.trajectory import Array, PlanarTransform, Trajectory, seam_transform
from animRL.sim.character import Character


@dataclass(frozen=True)
class Weights:
    """Prices of the residuals, as factors before squaring.

    A pose off the sketch by 1 rad or 1 m costs ``pose``; a missing force of the body's weight, or
    moment of weight x 1 m, ``wrench``; 1 m of a slipping, floating or sunk contact ``contact``;
    1 m/s^3 or 1 rad/s^3 of jerk ``jerk``; 1 rad beyond a limit ``limit``.
    """

    pose: float = 1.0
    wrench: float = 60.0
    contact: float = 1000.0
    clearance: float = 300.0
    limit: float = 100.0
    jerk: float = 3e-4


@dataclass(frozen=True)
class Sketch:
    """A motion to be made physical: T poses, and what touches the ground when.

    ``planted`` (T, S) says which of the character's contact spheres stand on the ground;
    ``pose_weight`` (T, V) scales the price of leaving the sketch by frame and degree of freedom
    (root position, root rotation, joints in the character's order).
    """

    trajectory: Trajectory
    planted: NDArray[np.bool_]
    pose_weight: Array


class PhysicalMotion:
    """Moves a sketch's poses until the ground can carry them.

    Nonlinear least squares over all frames (Gauss-Newton with Levenberg's damping): stay near the
    sketch, keep planted spheres where they are on the ground and the others above it, keep the
    joint limits, ask of the ground only what planted contacts can give inside their friction
    cones (in the air: nothing), and do it smoothly. The contact forces are eliminated in each
    frame by non-negative least squares (variable projection, Golub and Pereyra 1973, with
    Kaufman's derivative).
    """

    def __init__(
        self, character: Character, sketch: Sketch, weights: Weights | None = None
    ) -> None:
        self._tool = CharacterModel(character)
        self._model = self._tool.model
        self._model.opt.gravity[:] = (0.0, 0.0, -GRAVITY)
        self._data = mujoco.MjData(self._model)
        self._spheres: ContactSpheres = contact_spheres(character)
        self._weights = weights or Weights()
        self._dt, self._loop = sketch.trajectory.dt, sketch.trajectory.loop
        self._seam = seam_transform(sketch.trajectory) if self._loop else None
        self._count = len(sketch.trajectory) - int(self._loop)
        self._reference = self._tool.to_qpos(sketch.trajectory)[: self._count]
        self._planted = sketch.planted[: self._count]
        order = np.concatenate([np.arange(6), self._tool.dof_columns])
        self._pose_weight = np.empty((self._count, self._model.nv))
        self._pose_weight[:, order] = sketch.pose_weight[: self._count]
        self._friction = character.friction
        self._body_weight = float(character.body_mass.sum()) * GRAVITY
        self._lower, self._upper = character.joint_lower.numpy(), character.joint_upper.numpy()
        self._qpos = self._reference.copy()

    def solve(
        self, iterations: int = 60, report: Callable[[int, float], None] | None = None
    ) -> Trajectory:
        """Run at most so many iterations; ``report`` is called with each one's number and cost."""
        damping = 1.0
        equations = self._equations(self._qpos, derivatives=True)
        for iteration in range(iterations):
            step = equations.step(damping)
            trial = self._moved(self._qpos, step)
            cost = self._equations(trial, derivatives=False).cost
            if report:
                report(iteration + 1, min(cost, equations.cost))
            if cost >= equations.cost:
                damping *= 5.0
                if damping > 1e8:
                    break
                continue
            gain = 1.0 - cost / equations.cost
            self._qpos, damping = trial, max(damping / 5.0, 1e-4)
            if gain < 1e-5:
                break
            equations = self._equations(self._qpos, derivatives=True)
        return self.trajectory()

    def trajectory(self) -> Trajectory:
        """The motion as it stands; a loop's first pose is repeated at its end."""
        qpos = self._qpos
        if self._loop:
            qpos = np.concatenate([qpos, self._outside(qpos, self._count)[None]])
        return self._tool.to_trajectory(qpos, self._dt, self._loop)

    def _moved(self, qpos: Array, step: Array) -> Array:
        moved = qpos.copy()
        for row, tangent in zip(moved, step, strict=True):
            mujoco.mj_integratePos(self._model, row, tangent, 1.0)
        return moved

    def _outside(self, qpos: Array, frame: int) -> Array:
        """The pose (nq,) at a frame that may lie outside of the n that are solved for."""
        if self._seam is None:
            return qpos[min(max(frame, 0), self._count - 1)]
        cycles, inside = divmod(frame, self._count)
        if not cycles:
            return qpos[inside]
        pose = self._tool.to_trajectory(qpos[inside : inside + 1], self._dt, False)
        seam: PlanarTransform = self._seam if cycles > 0 else self._seam.inverse()
        for _ in range(abs(cycles)):
            pose = seam.apply(pose)
        return self._tool.to_qpos(pose)[0]

    def _equations(self, qpos: Array, derivatives: bool) -> NormalEquations:
        turn = None
        if self._seam is not None:
            c, s = np.cos(self._seam.turn), np.sin(self._seam.turn)
            turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
        self._system = NormalEquations(self._count, self._model.nv, turn)
        self._derivatives = derivatives
        padded = np.stack([self._outside(qpos, t) for t in range(-2, self._count + 2)])
        halves = self._tool.difference(padded[:-1], padded[1:]) / self._dt  # of frames t - 2, t - 1
        links = [self._link(h) for h in halves]
        self._add_pose(qpos)
        self._add_jerk(halves)
        self._add_limits(qpos)
        points = self._add_ground(qpos)
        self._add_wrench(qpos, halves, links, points)
        return self._system

    def _jac(self, *pairs: tuple[int, Array]) -> dict[int, Array]:
        return dict(pairs) if self._derivatives else {}

    def _add_pose(self, qpos: Array) -> None:
        errors = self._tool.difference(self._reference, qpos)
        for t in range(self._count):
            price = self._weights.pose * self._pose_weight[t]
            self._system.add(price * errors[t], self._jac((t, np.diag(price))))

    def _add_jerk(self, halves: Array) -> None:
        price = self._weights.jerk
        dt3 = self._dt**3
        eye = np.eye(self._model.nv) * price / dt3
        jerk = (halves[2:] - 2.0 * halves[1:-1] + halves[:-2]) * price / self._dt**2
        first, last = (-1, self._count - 1) if self._loop else (-1, self._count)
        for t in range(first, last):  # of halves t - 1, t, t + 1: frames t - 1 to t + 2
            j = self._jac((t - 1, -eye), (t, 3.0 * eye), (t + 1, -3.0 * eye), (t + 2, eye))
            self._system.add(jerk[t + 1], j)

    def _add_limits(self, qpos: Array) -> None:
        columns, dofs, price = self._tool.qpos_columns, self._tool.dof_columns, self._weights.limit
        angles = qpos[:, columns]
        beyond = np.where(
            angles > self._upper, angles - self._upper, np.minimum(angles - self._lower, 0.0)
        )
        for t, j in zip(*np.nonzero(beyond), strict=True):
            row = np.zeros((1, self._model.nv))
            row[0, dofs[j]] = price
            self._system.add(price * beyond[t, j : j + 1], self._jac((int(t), row)))

    def _add_ground(self, qpos: Array) -> list[tuple[Array, Array]]:
        """Contacts stay where they are, others above; planted centres and derivatives by frame."""
        model, data, weights = self._model, self._data, self._weights
        spheres, kept = self._spheres, []
        held: dict[int, dict[int, tuple[Array, Array]]] = {}
        bodies = self._tool.body_ids[spheres.body]
        for t in range(self._count):
            data.qpos[:] = qpos[t]
            mujoco.mj_kinematics(model, data)
            mujoco.mj_comPos(model, data)
            rotation = data.xmat[bodies].reshape(-1, 3, 3)
            centres = data.xpos[bodies] + np.einsum("sij,sj->si", rotation, spheres.centre)
            heights = centres[:, 2] - spheres.radius
            wanted = self._planted[t] | (heights < 0.0)
            held[t] = {}
            for s in np.flatnonzero(wanted):
                jacobian = np.empty((3, model.nv))
                mujoco.mj_jac(model, data, jacobian, None, centres[s], bodies[s])
                if self._planted[t, s]:
                    price = weights.contact
                    held[t][int(s)] = (centres[s], jacobian)
                else:
                    price = weights.clearance
                self._system.add(price * heights[s : s + 1], self._jac((t, price * jacobian[2:3])))
            numbers = list(held[t])
            point = centres[numbers] * [1.0, 1.0, 0.0]
            kept.append(
                (point, np.array([held[t][s][1] for s in numbers]).reshape(-1, 3, model.nv))
            )
        for t in range(self._count if self._loop else self._count - 1):
            after = (t + 1) % self._count
            for s in held[t].keys() & held[after].keys():
                (a, ja), (b, jb) = held[t][s], held[after][s]
                if after < t and self._seam is not None:
                    c, n = np.cos(self._seam.turn), np.sin(self._seam.turn)
                    turn = np.array([[c, -n, 0.0], [n, c, 0.0], [0.0, 0.0, 1.0]])
                    b = turn @ b + [*self._seam.offset, 0.0]
                    # the system turns tangents of the root's position; the rest of the point's
                    # derivative turns here
                    jb = turn @ jb
                    jb[:, :3] = np.eye(3)
                price = weights.contact
                self._system.add(
                    price * (b - a)[:2],
                    self._jac((t, -price * ja[:2]), (t + 1, price * jb[:2])),
                )
        return kept

    def _link(self, half: Array) -> tuple[Array, Array]:
        """How a velocity between frames (nv,) changes with tangents of the frame before, after."""
        before, after = np.eye(self._model.nv), np.eye(self._model.nv)
        x, y, z = 0.5 * self._dt * half[3:6]
        cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
        before[3:6, 3:6] -= cross
        after[3:6, 3:6] += cross
        return before, after

    def _add_wrench(
        self,
        qpos: Array,
        halves: Array,
        links: list[tuple[Array, Array]],
        points: list[tuple[Array, Array]],
    ) -> None:
        model, data, dt = self._model, self._data, self._dt
        nv, weight = model.nv, self._weights.wrench / self._body_weight
        by_q, by_v, by_a = np.empty((nv, nv)), np.empty((nv, nv)), np.empty((nv, nv))
        for t in range(self._count):
            before, after = halves[t + 1], halves[t + 2]
            data.qpos[:] = qpos[t]
            data.qvel[:] = 0.5 * (before + after)
            data.qacc[:] = (after - before) / dt
            mujoco.mj_inverse(model, data)
            rotation = data.xmat[1].reshape(3, 3).copy()
            torque = data.qfrc_inverse[3:6].copy()
            wanted = np.concatenate([data.qfrc_inverse[:3], rotation @ torque])
            point, derivative = points[t]
            forces, root = self._shared(point, qpos[t, :3], wanted)
            residual = weight * root @ wanted
            if not self._derivatives:
                self._system.add(residual, {})
                continue
            mujoco.mjd_inverseFD(model, data, 1e-6, 0, by_q, by_v, by_a, None, None, None, None)
            spin = np.zeros((6, nv))
            spin[3:, 3:6] = -rotation @ _cross(torque)
            for force, jacobian in zip(forces, derivative, strict=True):
                arm = jacobian * [[1.0], [1.0], [0.0]]
                arm[:, :3] -= np.eye(3)
                spin[3:] += _cross(force) @ arm
            turned = np.eye(6)
            turned[3:, 3:] = rotation
            dq, dv, da = (turned @ by[:, :6].T for by in (by_q, by_v, by_a))
            (a0, b0), (a1, b1) = links[t + 1], links[t + 2]
            project = weight * root
            self._system.add(
                residual,
                {
                    t - 1: project @ (-0.5 / dt * dv @ a0 + da @ a0 / dt**2),
                    t: project @ (dq + spin + 0.5 / dt * dv @ (b0 - a1) - da @ (a1 + b0) / dt**2),
                    t + 1: project @ (0.5 / dt * dv @ b1 + da @ b1 / dt**2),
                },
            )

    def _shared(self, point: Array, centre: Array, wanted: Array) -> tuple[Array, Array]:
        """Contact forces (P, 3), and the root (6, 6) of what a wrench (6,) costs beside them."""
        if not len(point):
            return np.zeros((0, 3)), np.eye(6)
        cone = friction_cone(point, centre, self._friction)
        columns = cone.shape[1]
        system = np.concatenate([cone, self.eps * np.eye(columns)])
        target = np.concatenate([wanted / self._body_weight, np.zeros(columns)])
        shares, _ = require("scipy.optimize").nnls(system, target)
        active = cone[:, shares > 0.0]
        values, vectors = np.linalg.eigh(active @ active.T)
        root = vectors * np.sqrt(self.eps**2 / (np.maximum(values, 0.0) + self.eps**2)) @ vectors.T
        forces = (cone[:3] * shares).T.reshape(-1, CONE_EDGES, 3).sum(axis=1)
        return self._body_weight * forces, root


def _cross(v: Array) -> Array:
    """The matrix (3, 3) with which a vector (3,) is multiplied from the left: v x."""
    return np.array([[0.0, -v[2], v[1]], [v[2], 0.0, -v[0]], [-v[1], v[0], 0.0]])
