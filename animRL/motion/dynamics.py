"""What a motion asks of the ground: inverse dynamics, and the contact forces that could give it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import mujoco
import numpy as np

from animRL.motion.extras import require
from animRL.motion.model import CharacterModel
from animRL.motion.rotations import Array
from animRL.motion.trajectory import Trajectory, extended

if TYPE_CHECKING:
    from animRL.sim.character import Character

GRAVITY = 9.81
# Edges of the pyramid inscribed in the friction cone: with 8 it reaches 92 % of the friction.
CONE_EDGES = 8
# Price of a unit of force against a unit of what is missing, both in the body's weight: picks one
# of many distributions of force and changes what is missing by less than a thousandth.
FORCE_PRICE = 1e-3


@dataclass(frozen=True)
class Wrench:
    """What the ground has to exert at T frames, world frame.

    ``force`` (T, 3) [N]; ``moment`` (T, 3) [N m] about ``centre`` (T, 3), the centre of mass [m];
    ``generalised`` (T, 6 + J): by inverse dynamics, what would be needed at the root's free joint
    and at the joints [N, N m] if nothing touched the ground, in the character's order.
    """

    force: Array
    moment: Array
    centre: Array
    generalised: Array


def root_wrench(character: Character, trajectory: Trajectory) -> Wrench:
    """Work out what must act from outside for the motion to happen.

    Force and moment are the changes of the body's momentum and of its angular momentum about the
    centre of mass, so that over a loop they add up to the weight and to nothing, at any frame
    rate. Second-order differences; a loop's go on over its seam, other clips repeat the
    acceleration next to their ends.
    """
    if trajectory.loop:
        inner = root_wrench(character, extended(trajectory, 1))
        return Wrench(*(v[1:-1] for v in vars(inner).values()))
    tool = CharacterModel(character)
    tool.model.opt.gravity[:] = (0.0, 0.0, -GRAVITY)
    qpos = tool.to_qpos(trajectory)
    momentum, spin = _momenta(tool, qpos, trajectory.dt)
    generalised, centre = _inverse_dynamics(tool, qpos, trajectory.dt)
    weight = np.array([0.0, 0.0, tool.model.body_subtreemass[1] * GRAVITY])
    force, moment = (_rate_at_frames(p, trajectory.dt) for p in (momentum, spin))
    return Wrench(force + weight, moment, centre, generalised)


def _inverse_dynamics(tool: CharacterModel, qpos: Array, dt: float) -> tuple[Array, Array]:
    """Generalised forces (T, 6 + J), the joints in the character's order, and centres of mass."""
    model, data = tool.model, mujoco.MjData(tool.model)
    velocity, acceleration = finite_differences(tool, qpos, dt)
    forces, centre = np.empty((len(qpos), model.nv)), np.empty((len(qpos), 3))
    for row in range(len(qpos)):
        data.qpos[:], data.qvel[:], data.qacc[:] = qpos[row], velocity[row], acceleration[row]
        mujoco.mj_inverse(model, data)
        forces[row], centre[row] = data.qfrc_inverse, data.subtree_com[1]
    return forces[:, np.concatenate([np.arange(6), tool.dof_columns])], centre


def _momenta(tool: CharacterModel, qpos: Array, dt: float) -> tuple[Array, Array]:
    """Momentum, and angular momentum about the centre of mass, between frames (T - 1, 3) each."""
    model, data = tool.model, mujoco.MjData(tool.model)
    centre = np.empty((len(qpos), 3))
    for row, position in enumerate(qpos):
        data.qpos[:] = position
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        centre[row] = data.subtree_com[1]
    change = tool.difference(qpos[:-1], qpos[1:])
    spin = np.empty((len(change), 3))
    for row, tangent in enumerate(change):
        data.qpos[:] = qpos[row]
        mujoco.mj_integratePos(model, data.qpos, tangent, 0.5)
        data.qvel[:] = tangent / dt
        mujoco.mj_fwdPosition(model, data)
        mujoco.mj_fwdVelocity(model, data)
        mujoco.mj_subtreeVel(model, data)
        spin[row] = data.subtree_angmom[1]
    return model.body_subtreemass[1] * np.diff(centre, axis=0) / dt, spin


def _rate_at_frames(halves: Array, dt: float) -> Array:
    """Rates of change (T, 3) at the frames of what is known between them (T - 1, 3)."""
    if len(halves) < 2:
        return np.zeros((len(halves) + 1, 3))
    inner = np.diff(halves, axis=0) / dt
    return np.concatenate([inner[:1], inner, inner[-1:]])


def finite_differences(tool: CharacterModel, qpos: Array, dt: float) -> tuple[Array, Array]:
    """Velocities and accelerations (T, nv) of positions (T, nq), second order inside.

    One position stands still; of two, the velocity between them is that of both.
    """
    halves = tool.difference(qpos[:-1], qpos[1:]) / dt
    if len(halves) == 0:
        return np.zeros((1, halves.shape[1])), np.zeros((1, halves.shape[1]))
    if len(halves) == 1:
        return np.repeat(halves, 2, axis=0), np.zeros((2, halves.shape[1]))
    acceleration = np.diff(halves, axis=0) / dt
    acceleration = np.concatenate([acceleration[:1], acceleration, acceleration[-1:]])
    first, last = halves[0] - 0.5 * dt * acceleration[0], halves[-1] + 0.5 * dt * acceleration[-1]
    middle = 0.5 * (halves[1:] + halves[:-1])
    return np.concatenate([first[None], middle, last[None]]), acceleration


def friction_cone(points: Array, centre: Array, friction: float) -> Array:
    """Wrenches (6, K P) of unit normal forces along the K edges of the cones at P points (P, 3).

    Rows: force, and moment about ``centre`` (3,) in metres; columns edge by edge, point by point.
    """
    angle = 2.0 * np.pi * np.arange(CONE_EDGES) / CONE_EDGES
    edge = np.column_stack(
        [friction * np.cos(angle), friction * np.sin(angle), np.ones_like(angle)]
    )
    force = np.tile(edge, (len(points), 1))
    arm = np.repeat(points - centre, CONE_EDGES, axis=0)
    return np.concatenate([force.T, np.cross(arm, force).T])


def contact_forces(
    points: Array, centre: Array, force: Array, moment: Array, friction: float, weight: float
) -> tuple[Array, Array]:
    """The forces at P contact points that come nearest to a wrench, and what is missing.

    Each force lies in its friction cone about the vertical (non-negative least squares over the
    cone's edges). Points (P, 3); wrench: force (3,) [N], moment (3,) [N m] about ``centre`` (3,);
    ``weight`` of the body [N], which makes force and moment comparable: 1 m x weight counts as 1.

    Returns:
        Forces (P, 3) [N], and the missing force and moment (6,) [N, N m].
    """
    wanted = np.concatenate([force, moment])
    if len(points) == 0:
        return np.zeros((0, 3)), wanted
    cone, shares = shares_in_cone(points, centre, wanted / weight, friction, FORCE_PRICE)
    return weight * cone_forces(cone, shares), wanted - weight * (cone @ shares)


def shares_in_cone(
    points: Array, centre: Array, wanted: Array, friction: float, price: float
) -> tuple[Array, Array]:
    """The cones' edges (6, K P) and how much of each (K P,) gives most of a wrench (6,).

    Least sum of squares of what is missing and of ``price`` x the shares, which are not negative
    (Lawson and Hanson 1974). Moments are about ``centre`` (3,).
    """
    cone = friction_cone(points, centre, friction)
    columns = cone.shape[1]
    system = np.concatenate([cone, price * np.eye(columns)])
    shares, _ = require("scipy.optimize").nnls(system, np.append(wanted, np.zeros(columns)))
    return cone, shares


def cone_forces(cone: Array, shares: Array) -> Array:
    """Forces (P, 3) at the points from the shares (K P,) of their cones' edges (6, K P)."""
    forces: Array = (cone[:3] * shares).T.reshape(-1, CONE_EDGES, 3).sum(axis=1)
    return forces
