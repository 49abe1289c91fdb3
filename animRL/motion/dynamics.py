"""What a motion asks of the ground: inverse dynamics, and the contact forces that could give it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import mujoco
import numpy as np

from animRL.motion.extras import require
from animRL.motion.model import CharacterModel
from animRL.motion.trajectory import Array, Trajectory, extended, rotate

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
    ``generalised`` (T, 6 + J): the same at the root's free joint, then the torques that the joints
    would need in the air [N m], in the character's order.
    """

    force: Array
    moment: Array
    centre: Array
    generalised: Array


def root_wrench(character: Character, trajectory: Trajectory) -> Wrench:
    """Work out by inverse dynamics what must act from outside for the motion to happen.

    Velocities and accelerations are second-order differences of the poses; a loop's go on over
    its seam, other clips repeat the acceleration next to their ends.
    """
    if trajectory.loop:
        inner = root_wrench(character, extended(trajectory, 1))
        return Wrench(*(v[1:-1] for v in vars(inner).values()))
    tool = CharacterModel(character)
    qpos = tool.to_qpos(trajectory)
    velocity, acceleration = finite_differences(tool, qpos, trajectory.dt)
    model, data = tool.model, mujoco.MjData(tool.model)
    model.opt.gravity[:] = (0.0, 0.0, -GRAVITY)
    forces, centre = np.empty((len(qpos), model.nv)), np.empty((len(qpos), 3))
    for row in range(len(qpos)):
        data.qpos[:], data.qvel[:], data.qacc[:] = qpos[row], velocity[row], acceleration[row]
        mujoco.mj_inverse(model, data)
        forces[row], centre[row] = data.qfrc_inverse, data.subtree_com[1]
    force = forces[:, :3]
    about_root = rotate(trajectory.root_quat, forces[:, 3:6].copy())
    moment = about_root + np.cross(trajectory.root_pos - centre, force)
    columns = np.concatenate([np.arange(6), tool.dof_columns])
    return Wrench(force, moment, centre, forces[:, columns])


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
