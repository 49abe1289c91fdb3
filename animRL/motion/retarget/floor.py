"""How a motion of other proportions stands on the ground: heights kept, feet and hands planted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from animRL.motion.ground import ContactSpheres, contact_spheres
from animRL.motion.retarget.contacts import ContactLimits, contacts, speeds
from animRL.motion.retarget.figure import SIDES, Figure
from animRL.motion.retarget.plants import hold_point, lay, plant
from animRL.motion.retarget.soles import Hold, Planted, Sole
from animRL.motion.retarget.source import BodyMotion
from animRL.motion.retarget.targets import Goals
from animRL.motion.rotations import Array, continuous, rotate

NEAR, FAR = 0.10, 0.45
"""A joint lower than the first [m] keeps its height over the ground; above the second, none."""
LOWEST = 0.06
"""A joint so much higher than the lowest one [m] counts e times less for that."""
FREE = 0.05
"""Share of the plain scaling where no joint is near the ground."""
HAND = ContactLimits(height=(0.03, 0.06), speed=(0.7, 1.5), shortest=0.08)
"""A hand on the ground, judged by its wrist, which moves more than a sole does."""
FOOT = ContactLimits()
HAND_REACH = 0.15
"""A wrist whose lowest still place is higher over the ground [m] never touches it."""
GRIP = 0.03
"""Half the width of a palm [m], by which a hand on the ground is kept from rolling over."""
EDGE_COST = 8.0
"""Cost of the height of a standing foot [1/m]."""
FOOT_REACH = 0.15
"""A sole that is never within so much of the source's lowest joint [m] never stands."""
LEVEL_WIDTH = 0.04
"""Heights of a foot within so much of its lowest [m] count as standing."""


@dataclass(frozen=True)
class Footing:
    """Goals that stand on the ground, as they were before feet and hands were held still.

    ``planted`` has, for each role that touches the ground at times, its pose and the points held.
    """

    goals: Goals
    planted: dict[str, tuple[Planted, Hold]]

    @property
    def held_goals(self) -> Goals:
        """The goals with the poses of what is held."""
        pos, quat = dict(self.goals.pos), dict(self.goals.quat)
        for role, (planted, _) in self.planted.items():
            pos[role], quat[role] = planted.pos, planted.quat
        return Goals(pos, quat, self.goals.dt)

    @property
    def holds(self) -> list[Hold]:
        """The points held."""
        return [hold for _, hold in self.planted.values()]

    def frames(self, index: slice) -> Footing:
        """A part of the frames."""
        planted = {
            role: (part.frames(index), hold.frames(index))
            for role, (part, hold) in self.planted.items()
        }
        return Footing(self.goals.frames(index), planted)


def footing(goals: Goals, motion: BodyMotion, source: Figure, target: Figure) -> Footing:
    """Lay goals on the ground z = 0 and plant the feet and hands that touch it.

    The soles of a standing foot give the ground's height, each foot's its own, since measured
    motions stand up to some centimetres askew. Where hands or knees are near the ground, the whole
    body is raised or lowered so that they keep the source's height, scaled: longer arms would
    otherwise reach through it.
    """
    spheres = contact_spheres(target.character)
    ratio = target.leg / source.leg
    soles = {side: sole_of(target, spheres, f"{side}_ankle") for side in SIDES}
    highest = ratio * float(motion.pos[..., 2].min()) + FOOT_REACH
    levels = {side: _level(goals, f"{side}_ankle", sole, highest) for side, sole in soles.items()}
    known = [level for level in levels.values() if level is not None]
    level = float(np.mean(known)) if known else 0.0
    heights = {role: ratio * motion.pos[:, body, 2] - level for role, body in source.bodies.items()}
    raised = goals.raised(-level)
    raised = raised.raised(_height_change(raised, heights))
    planted: dict[str, tuple[Planted, Hold]] = {}
    for side, sole in soles.items():
        role, own = f"{side}_ankle", levels[side]
        shift = np.array([0.0, 0.0, (level if own is None else own) - level])
        if own is not None:
            pos = raised.pos[role] - shift
            foot = plant(pos, raised.quat[role], sole, goals.dt, FOOT)
            # Its midline alone, and not firmly in height: a foot without an inversion joint leans
            # with the leg, and stands on its edge. The ground itself keeps it up.
            planted[role] = foot, foot.hold(role, sole.midline, EDGE_COST)
        role = f"{side}_wrist"
        if role in goals.pos:
            wrist = ratio * motion.pos[:, source.bodies[role]] - [0.0, 0.0, level]
            hand = _hand(raised, role, wrist)
            if hand is not None:
                planted[role] = hand, hand.hold(role, np.zeros((1, 3)))
    return Footing(raised, planted)


def hands_laid(stood: Footing, target: Figure, bodies: tuple[Array, Array]) -> Footing:
    """Hold the points of the hands that came to lie on the ground in a first solution.

    Where a hand bends at the wrist depends on the character's joints; so it is first let down by
    its wrist alone, and then held by what has come to touch.

    Args:
        stood: goals and what is held.
        target: the character.
        bodies: positions (T, B, 3) and rotations (T, B, 4) of its bodies in that solution.
    """
    spheres = contact_spheres(target.character)
    planted = dict(stood.planted)
    for role, (hand, _) in stood.planted.items():
        if not role.endswith("wrist"):
            continue
        sole, body = sole_of(target, spheres, role), target.bodies[role]
        pose = stood.goals.pos[role], stood.goals.quat[role]
        solved = bodies[0][:, body], continuous(bodies[1][:, body])
        hand = lay(pose, solved, hand.touching[:, 0], sole, stood.goals.dt)
        planted[role] = hand, hand.hold(role, sole.steadied(GRIP))
    return Footing(stood.goals, planted)


def sole_of(figure: Figure, spheres: ContactSpheres, role: str) -> Sole:
    """The spheres of a body and of what hangs from it, as they lie at rest."""
    body = figure.bodies[role]
    found = [(other, i) for other in figure.descendants(body) for i in spheres.of(other)]
    points = [figure.in_frame(body, other, spheres.centre[i][None])[0] for other, i in found]
    radius = [float(spheres.radius[i]) for _, i in found]
    if not points:  # a body without collision geometry touches with its origin
        points, radius = [np.zeros(3)], [0.0]
    return Sole(np.array(points), np.array(radius), figure.rest_quat[body])


def _level(goals: Goals, role: str, sole: Sole, highest: float) -> float | None:
    """Height of the ground under a foot [m]: where its sole is when it is low and still.

    None if that is above ``highest``: then the foot never stands.
    """
    centres = goals.pos[role][:, None] + rotate(goals.quat[role][:, None], sole.points)
    heights = centres[..., 2] - sole.radius
    still = speeds(centres, goals.dt) < FOOT.speed[0]
    low = np.where(still, heights, np.inf).min(axis=1)
    low = low[np.isfinite(low)]
    if len(low) == 0:
        return None
    level = float(np.median(low[low < np.percentile(low, 5.0) + LEVEL_WIDTH]))
    return level if level < highest else None


def _height_change(goals: Goals, heights: dict[str, Array]) -> Array:
    """How much higher (T,) the body has to be for its low joints to keep their height [m].

    ``heights`` are those (T,) of the source's joints over the ground, scaled, by role [m].
    """
    roles = [role for role in goals.pos if role in heights]
    wanted = np.stack([heights[role] for role in roles], axis=1)
    have = np.stack([goals.pos[role][:, 2] for role in roles], axis=1)
    share = np.clip((FAR - wanted) / (FAR - NEAR), 0.0, 1.0)
    weights = share**2 * (3.0 - 2.0 * share)
    weights *= np.exp((wanted.min(axis=1, keepdims=True) - wanted) / LOWEST)
    # The pelvis is scaled as the path is: it stands for "no change" where nothing is near.
    return (weights * (wanted - have)).sum(axis=1) / (weights.sum(axis=1) + FREE)


def _hand(goals: Goals, role: str, wrist: Array) -> Planted | None:
    """Hold the wrist where the source's rests on the ground; None if it never does.

    ``wrist`` (T, 3) is the source's, scaled, over the ground [m].
    """
    moving = speeds(wrist[:, None], goals.dt)
    low = wrist[moving[:, 0] < HAND.speed[0], 2]
    if len(low) == 0 or np.percentile(low, 2.0) > HAND_REACH:
        return None
    level = float(np.percentile(low, 2.0))
    mask = contacts(wrist[:, None, 2] - level, moving, goals.dt, HAND)[:, 0]
    if not mask.any():
        return None
    return hold_point(goals.pos[role], goals.quat[role], mask, level, goals.dt)
