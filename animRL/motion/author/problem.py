"""A sketched motion made physical: nonlinear least squares over all its frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from animRL.motion.author import residuals
from animRL.motion.author.overlap import add_overlap
from animRL.motion.author.system import NormalEquations
from animRL.motion.author.timeline import Rates, Timeline
from animRL.motion.body_shapes import BodyShapes
from animRL.motion.dynamics import GRAVITY
from animRL.motion.ground import contact_spheres
from animRL.motion.model import CharacterModel
from animRL.motion.rotations import Array
from animRL.motion.trajectory import Trajectory
from animRL.sim.character import Character

ITERATIONS = 150
"""Most steps of a stage; a cartwheel takes about 50."""
SPREADS = (0.05, 0.02)
"""Prices of force of the stages: the first finds the way, the second asks less of the balance."""
OVERLAP_GAP = 0.005
"""Distance [m] that shapes of the body keep from each other."""
# Levenberg's damping: where it begins, how it changes, and where there is no hope left.
_DAMPING, _EASE, _LEAST_DAMPING, _MOST_DAMPING = 1.0, 5.0, 1e-4, 1e8
_ENOUGH = 1e-7
"""A stage whose step gains less than this share of the cost is over: then noise of 1e-8 rad in the
sketch moves the cartwheel by 3e-6, where 1e-5 left it 5e-2 from there."""


@dataclass(frozen=True)
class Weights:
    """Prices of the residuals, as factors before squaring.

    1 rad or 1 m off the sketch costs ``pose``; a missing force of the body's weight, or moment of
    weight x 1 m, ``wrench``; 1 m of a slipping, floating or sunk contact ``contact``, of any other
    part below the ground ``clearance``, of overlap of two shapes ``overlap``; 1 rad beyond a limit
    ``limit``; 1 rad/s^3 of jerk ``jerk``, 1 m/s^3 of the root's ``root_jerk`` (dearer, so that a
    landing does not become one frame of huge force). They are set so that what is physical holds in
    the end to well under a millimetre and a thousandth of the weight, and the sketch gives way.
    """

    pose: float = 1.0
    wrench: float = 60.0
    contact: float = 1000.0
    clearance: float = 300.0
    limit: float = 100.0
    overlap: float = 50.0
    jerk: float = 1e-4
    root_jerk: float = 1.5e-3


@dataclass(frozen=True)
class Sketch:
    """A motion to be made physical: T poses, and what touches the ground when.

    ``planted`` (T, S) says which of the character's contact spheres stand on the ground;
    ``pose_weight`` (T, 6 + J) scales the price of leaving the sketch by frame and degree of
    freedom (root position, root rotation, joints in the character's order). ``limits`` (2, J)
    [rad] may be narrower than the character's, where they are given.
    """

    trajectory: Trajectory
    planted: NDArray[np.bool_]
    pose_weight: Array
    limits: Array | None = None


class PhysicalMotion:
    """Moves a sketch's poses until the ground can carry them.

    Stay near the sketch; keep planted spheres where they are and on the ground, the others above
    it; keep the joint limits; ask of the ground only what planted contacts can give inside their
    friction cones (in the air: nothing); move smoothly. Solved for all frames at once by
    Gauss-Newton steps with Levenberg's damping.
    """

    def __init__(
        self, character: Character, sketch: Sketch, weights: Weights | None = None
    ) -> None:
        tool = CharacterModel(character)
        tool.model.opt.gravity[:] = (0.0, 0.0, -GRAVITY)
        self._tool, self._weights = tool, weights or Weights()
        self._timeline = Timeline(tool, sketch.trajectory)
        count = self._timeline.count
        self._sketch = tool.to_qpos(sketch.trajectory)[:count]
        self._planted = sketch.planted[:count]
        order = np.concatenate([np.arange(6), tool.dof_columns])
        self._price = np.empty((count, tool.model.nv))
        self._price[:, order] = self._weights.pose * sketch.pose_weight[:count]
        self._spheres = contact_spheres(character)
        self._shapes = BodyShapes(character)
        own = np.stack([character.joint_lower.numpy(), character.joint_upper.numpy()])
        self._limits = own if sketch.limits is None else sketch.limits
        self._friction = character.friction
        self._body_weight = float(character.body_mass.sum()) * GRAVITY
        self._qpos = self._sketch.copy()

    def solve(
        self,
        iterations: int = ITERATIONS,
        track: Callable[[range], Iterable[int]] = lambda steps: steps,
        spreads: Sequence[float] = SPREADS,
    ) -> Trajectory:
        """Take at most so many steps a stage; ``track`` may watch over the steps of all stages."""
        stages = iter(spreads)
        damping, spread, equations = _DAMPING, 0.0, None
        taken = iterations
        for _ in track(range(iterations * len(spreads))):
            if taken >= iterations:
                following = next(stages, None)
                if following is None:
                    break
                spread, damping, taken = following, _DAMPING, 0
                equations = self._equations(self._qpos, spread, derivatives=True)
            assert equations is not None
            taken += 1
            trial = self._timeline.moved(self._qpos, equations.step(damping))
            cost = self._equations(trial, spread, derivatives=False).cost
            if cost >= equations.cost:
                damping *= _EASE
                taken = iterations if damping > _MOST_DAMPING else taken
                continue
            gain = 1.0 - cost / equations.cost
            self._qpos, damping = trial, max(damping / _EASE, _LEAST_DAMPING)
            if gain < _ENOUGH:
                taken = iterations
            else:
                equations = self._equations(self._qpos, spread, derivatives=True)
        return self._timeline.trajectory(self._qpos)

    def _equations(self, qpos: Array, spread: float, derivatives: bool) -> NormalEquations:
        timeline, weights = self._timeline, self._weights
        system = NormalEquations(timeline.count, self._tool.model.nv, timeline.turn, derivatives)
        rates = Rates.of(timeline, qpos)
        residuals.add_pose(system, self._tool, qpos, self._sketch, self._price)
        jerk = np.full(self._tool.model.nv, weights.jerk)
        jerk[:3] = weights.root_jerk
        residuals.add_jerk(system, timeline, rates, jerk)
        residuals.add_limits(system, self._tool, qpos, self._limits, weights.limit)
        contacts = residuals.add_ground(
            system, timeline, qpos, self._spheres, self._planted,
            (weights.contact, weights.clearance),
        )  # fmt: skip
        residuals.add_slip(system, timeline, contacts, weights.contact)
        add_overlap(system, self._shapes, qpos, OVERLAP_GAP, weights.overlap)
        ground = residuals.GroundForces(self._friction, self._body_weight, spread)
        residuals.add_wrench(system, timeline, qpos, rates, contacts, ground, weights.wrench)
        return system
