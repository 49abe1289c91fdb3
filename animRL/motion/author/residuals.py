"""What a motion is asked for, as residuals of its frames and their derivatives."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from animRL.motion.author.system import NormalEquations
from animRL.motion.author.timeline import Rates, Timeline
from animRL.motion.dynamics import cone_forces, shares_in_cone
from animRL.motion.ground import ContactSpheres
from animRL.motion.model import CharacterModel
from animRL.motion.rotations import Array

# Step of the finite differences of inverse dynamics: half of the digits, for second differences.
FINITE_STEP = 1e-6


@dataclass(frozen=True)
class Contacts:
    """Planted spheres of one frame: numbers (P,), radii (P,), centres (P, 3).

    ``rotation`` (P, 3, 3) is that of their bodies; ``by_centre`` and ``by_point`` (P, 3, nv) are
    the derivatives of the centre, and of the body's point that touches the ground.
    """

    sphere: NDArray[np.int64]
    radius: Array
    centre: Array
    rotation: Array
    by_centre: Array
    by_point: Array


def add_pose(
    system: NormalEquations, tool: CharacterModel, qpos: Array, sketch: Array, price: Array
) -> None:
    """Stay near the sketched positions (n, nq), at a price (n, nv)."""
    error = tool.difference(sketch, qpos)
    for t in range(len(qpos)):
        system.add(price[t] * error[t], {t: np.diag(price[t])})


def add_jerk(system: NormalEquations, timeline: Timeline, rates: Rates, price: Array) -> None:
    """Move smoothly: third differences of the poses cost ``price`` a unit."""
    scale = price / timeline.dt**2
    jerk = scale * (rates.half[2:] - 2.0 * rates.half[1:-1] + rates.half[:-2])
    scale /= timeline.dt
    first = 0 if timeline.loop else -1  # a loop's seam is counted once
    for t in range(first, timeline.count):
        (_, b0, a0), (_, b1, a1) = rates.around(t)
        b2, a2 = rates.before[t + 3], rates.after[t + 3]
        derivatives = {t - 1: -b0, t: a0 + 2.0 * b1, t + 1: -2.0 * a1 - b2, t + 2: a2}
        system.add(jerk[t + 1], {f: scale[:, None] * d for f, d in derivatives.items()})


def add_limits(
    system: NormalEquations, tool: CharacterModel, qpos: Array, limits: Array, price: float
) -> None:
    """Keep the joints inside their limits (2, J)."""
    angles = qpos[:, tool.qpos_columns]
    beyond = np.maximum(angles - limits[1], 0.0) + np.minimum(angles - limits[0], 0.0)
    for t, joint in zip(*np.nonzero(beyond), strict=True):
        row = np.zeros((1, tool.model.nv))
        row[0, tool.dof_columns[joint]] = price
        system.add(price * beyond[t, joint : joint + 1], {int(t): row})


def add_ground(
    system: NormalEquations,
    timeline: Timeline,
    qpos: Array,
    spheres: ContactSpheres,
    planted: NDArray[np.bool_],
    prices: tuple[float, float],
) -> list[Contacts]:
    """Keep planted spheres (n, S) on the ground and all others above; return the planted ones.

    Prices: of a metre off the ground of what is planted, and of a metre below it of what is not.
    """
    model, data = timeline.tool.model, mujoco.MjData(timeline.tool.model)
    bodies = timeline.tool.body_ids[spheres.body]
    found = []
    for t in range(timeline.count):
        data.qpos[:] = qpos[t]
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        rotation = data.xmat[bodies].reshape(-1, 3, 3).copy()
        centre = data.xpos[bodies] + np.einsum("sij,sj->si", rotation, spheres.centre)
        height = centre[:, 2] - spheres.radius
        concerned = np.flatnonzero(planted[t] | (height < 0.0))
        by_centre = np.zeros((len(concerned), 3, model.nv))
        by_point = by_centre.copy()
        for row, sphere in enumerate(concerned):
            body, point = bodies[sphere], centre[sphere] - [0.0, 0.0, spheres.radius[sphere]]
            mujoco.mj_jac(model, data, by_centre[row], None, centre[sphere], body)
            mujoco.mj_jac(model, data, by_point[row], None, point, body)
            price = prices[0] if planted[t, sphere] else prices[1]
            system.add(price * height[sphere : sphere + 1], {t: price * by_centre[row, 2:3]})
        kept = planted[t, concerned]
        stands = concerned[kept]
        found.append(
            Contacts(
                stands, spheres.radius[stands], centre[stands], rotation[stands],
                by_centre[kept], by_point[kept],
            )
        )  # fmt: skip
    return found


def add_slip(
    system: NormalEquations, timeline: Timeline, contacts: list[Contacts], price: float
) -> None:
    """Let planted spheres roll, not slip, from frame to frame, over a loop's seam too."""
    for t in range(timeline.count if timeline.loop else timeline.count - 1):
        now, then = contacts[t], contacts[(t + 1) % timeline.count]
        over_seam = t + 1 == timeline.count and timeline.turn is not None
        _, i, j = np.intersect1d(now.sphere, then.sphere, return_indices=True)
        for a, b in zip(i, j, strict=True):
            centre, rotation, derivative = then.centre[b], then.rotation[b], then.by_point[b]
            if over_seam and timeline.turn is not None:
                centre, rotation = timeline.next_cycle(centre), timeline.turn @ rotation
                derivative = timeline.turn @ derivative
                derivative[:, :3] = np.eye(3)  # the system turns the root's own tangents
            spin = rotation @ now.rotation[a].T
            rolled = (
                0.5 * now.radius[a] * np.array([spin[2, 0] - spin[0, 2], spin[2, 1] - spin[1, 2]])
            )
            system.add(
                price * ((centre - now.centre[a])[:2] + rolled),
                {t: -price * now.by_point[a][:2], t + 1: price * derivative[:2]},
            )


@dataclass(frozen=True)
class GroundForces:
    """What the ground can give: friction, the body's weight [N], and the price of force.

    ``spread`` is the price of a unit of force against a unit of what is missing: the larger, the
    more the load is drawn to the middle of the contacts, and the smoother the problem.
    """

    friction: float
    weight: float
    spread: float


def add_wrench(
    system: NormalEquations,
    timeline: Timeline,
    qpos: Array,
    rates: Rates,
    contacts: list[Contacts],
    ground: GroundForces,
    price: float,
) -> None:
    """Ask of the ground only what the planted contacts can give; in the air, nothing.

    What a frame's contact forces cannot give of the root's wrench w is w^T P w with a matrix P that
    depends on which edges of the friction cones carry load (they are eliminated: variable
    projection, Golub and Pereyra 1973, with Kaufman's derivative).
    """
    model, data = timeline.tool.model, mujoco.MjData(timeline.tool.model)
    nv, dt = model.nv, timeline.dt
    by_q, by_v, by_a = np.empty((nv, nv)), np.empty((nv, nv)), np.empty((nv, nv))
    for t in range(timeline.count):
        (v0, b0, a0), (v1, b1, a1) = rates.around(t)
        data.qpos[:], data.qvel[:], data.qacc[:] = qpos[t], 0.5 * (v0 + v1), (v1 - v0) / dt
        mujoco.mj_inverse(model, data)
        rotation = data.xmat[1].reshape(3, 3).copy()
        torque = data.qfrc_inverse[3:6].copy()
        wrench = np.concatenate([data.qfrc_inverse[:3], rotation @ torque])
        points = contacts[t].centre * [1.0, 1.0, 0.0]
        forces, root = _carried(points, qpos[t, :3], wrench, ground)
        root = price / ground.weight * root
        if not system.derivatives:
            system.add(root @ wrench, {})
            continue
        mujoco.mjd_inverseFD(model, data, FINITE_STEP, 0, by_q, by_v, by_a, *[None] * 4)
        turned = np.eye(6)
        turned[3:, 3:] = rotation
        dq, dv, da = (turned @ by[:, :6].T for by in (by_q, by_v, by_a))
        dq[3:, 3:6] -= rotation @ _cross(torque)
        for force, derivative in zip(forces, contacts[t].by_centre, strict=True):
            arm = derivative * [[1.0], [1.0], [0.0]]
            arm[:, :3] -= np.eye(3)
            dq[3:] += _cross(force) @ arm
        system.add(
            root @ wrench,
            {
                t - 1: root @ (da @ b0 / dt**2 - 0.5 * dv @ b0 / dt),
                t: root @ (dq + 0.5 * dv @ (a0 - b1) / dt - da @ (b1 + a0) / dt**2),
                t + 1: root @ (0.5 * dv @ a1 / dt + da @ a1 / dt**2),
            },
        )


def _carried(
    points: Array, centre: Array, wrench: Array, ground: GroundForces
) -> tuple[Array, Array]:
    """Contact forces (P, 3), and the square root (6, 6) of the matrix P of ``add_wrench``."""
    if not len(points):
        return np.zeros((0, 3)), np.eye(6)
    cone, shares = shares_in_cone(
        points, centre, wrench / ground.weight, ground.friction, ground.spread
    )
    active = cone[:, shares > 0.0]
    values, vectors = np.linalg.eigh(active @ active.T)
    price = ground.spread**2
    root = vectors * np.sqrt(price / (np.maximum(values, 0.0) + price)) @ vectors.T
    return ground.weight * cone_forces(cone, shares), root


def _cross(v: Array) -> Array:
    """The matrix (3, 3) that takes a vector's cross product from the left: v x."""
    return np.array([[0.0, -v[2], v[1]], [v[2], 0.0, -v[0]], [-v[1], v[0], 0.0]])
