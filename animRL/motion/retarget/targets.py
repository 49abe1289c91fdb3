"""Where a character's bodies belong when it does what a skeleton of other proportions does."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from animRL.motion.retarget.figure import SIDES, Figure
from animRL.motion.retarget.source import BodyMotion
from animRL.motion.rotations import IDENTITY, Array, between, invert, multiply, rotate, unit

LIMBS = (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist"))
MIN_LENGTH = 1e-3
"""A segment of the source that is shorter [m] has no direction."""


@dataclass(frozen=True)
class Goals:
    """World positions (T, 3) [m] and rotations (T, 4), xyzw, of the target's bodies, by role."""

    pos: dict[str, Array]
    quat: dict[str, Array]
    dt: float

    def __len__(self) -> int:
        return len(self.pos["pelvis"])

    def raised(self, height: float | Array) -> Goals:
        """The same, higher by a number or by one a frame (T,) [m]."""
        up = np.zeros((len(self), 3))
        up[:, 2] = height
        return replace(self, pos={role: pos + up for role, pos in self.pos.items()})

    def frames(self, index: slice) -> Goals:
        """A part of the frames."""
        return Goals(
            {role: pos[index] for role, pos in self.pos.items()},
            {role: quat[index] for role, quat in self.quat.items()},
            self.dt,
        )


def goals_of(motion: BodyMotion, source: Figure, target: Figure) -> Goals:
    """Build the target's pose from the source's, from the hips outwards.

    The path of the middle between the hips is scaled by the ratio of the legs (thigh and shank).
    Trunk points lie as far along the trunk as at rest, and scaled; arms and legs are laid in the
    direction of the source's segments, with the target's lengths. Rotations are those of the
    source's bodies relative to rest; for limbs, whose rest poses differ (arms down or sideways),
    relative to the source's rest direction.

    The ground is that of the source, scaled: soles are not laid on it here.
    """
    builder = _Builder(motion, source, target)
    builder.trunk()
    for side in SIDES:
        builder.limb([f"{side}_{part}" for part in LIMBS[0]], "pelvis")
        arm = [f"{side}_{part}" for part in LIMBS[1]]
        if all(role in source and role in target for role in arm):
            builder.limb(arm, "chest" if "chest" in target else "pelvis")
    return Goals(builder.pos, builder.quat, motion.dt)


class _Builder:
    """Lays one part of the body after the other."""

    def __init__(self, motion: BodyMotion, source: Figure, target: Figure) -> None:
        self._motion, self._source, self._target = motion, source, target
        self.pos: dict[str, Array] = {}
        self.quat: dict[str, Array] = {}
        # From the source's rest pose to each frame, as turns in the world.
        self._turns = multiply(motion.quat, invert(source.rest_quat))

    def trunk(self) -> None:
        """Lay pelvis, chest, neck and head."""
        source, target = self._source, self._target
        hips = [self._motion.pos[:, source.bodies[f"{side}_hip"]] for side in SIDES]
        centre = 0.5 * (hips[0] + hips[1]) * (target.leg / source.leg)
        turn = self._turn("pelvis")
        self.pos["pelvis"] = centre - rotate(turn, target.hip_centre)
        self._rest_turned("pelvis", turn, IDENTITY)
        roles = [role for role in ("chest", "neck") if role in source and role in target]
        for role in roles:
            self._rest_turned(role, self._turn(role), IDENTITY)
            self.pos[role] = self._trunk_point(role, roles[-1], centre)
        if "head" in source and "head" in target and "neck" in self.pos:
            self._rest_turned("head", self._turn("head"), IDENTITY)
            self._lay("neck", "head")

    def limb(self, roles: list[str], carrier: str) -> None:
        """Lay a limb from its root, which the trunk carries, to hand or foot."""
        root, middle, end = roles
        body = self._source.carrier(root)
        turn = self._turns[:, body]
        # How far the source's shoulder has left its place in the chest (clavicles).
        pos = self._motion.pos
        now = rotate(invert(turn), pos[:, self._source.bodies[root]] - pos[:, body])
        rest = self._source.rest_pos[self._source.bodies[root]] - self._source.rest_pos[body]
        swing = between(np.broadcast_to(rest, now.shape), now)
        if np.linalg.norm(rest) < MIN_LENGTH:
            swing = np.broadcast_to(IDENTITY, swing.shape)
        base = carrier if carrier in self.pos else "pelvis"
        span = rotate(multiply(turn, swing), self._target.span(base, root))
        self.pos[root] = self.pos[base] + span
        self._lay(root, middle)
        self._lay(middle, end)
        for role, child in ((root, middle), (middle, end)):
            self._rest_turned(role, self._turn(role), self._alignment(role, child))
        self._end(middle, end)

    def _end(self, middle: str, end: str) -> None:
        """Turn a hand along its own fingers, or the forearm's direction; a foot by its sole."""
        side, _, part = end.partition("_")
        if part == "ankle":
            alignment = IDENTITY
        else:
            fingers = f"{side}_hand"
            known = fingers in self._source and fingers in self._target
            alignment = self._alignment(end, fingers) if known else self._alignment(middle, end)
        self._rest_turned(end, self._turn(end), alignment)

    def _lay(self, start: str, end: str) -> None:
        """Put a segment's end in the source's direction, at the target's length."""
        bodies, pos = self._source.bodies, self._motion.pos
        way = pos[:, bodies[end]] - pos[:, bodies[start]]
        self.pos[end] = self.pos[start] + unit(way) * self._target.length(start, end)

    def _trunk_point(self, role: str, top: str, centre: Array) -> Array:
        """Place a point as far up the trunk as at rest, of which both figures have the top."""
        source, target = self._source, self._target
        own = _arc(target, target.trunk_to(top))
        chain = source.trunk_to(top)
        lengths = np.array(list(_arc(source, chain).values()))
        scale = own[top] / lengths[-1]
        knots, fraction = lengths / lengths[-1], own[role] / own[top]
        now = _along(knots, _trunk_curve(source, chain, self._motion.pos), fraction)
        rest = _along(knots, _trunk_curve(source, chain, source.rest_pos[None]), fraction)[0]
        # What the straight comparison leaves over at rest: the two spines' different bend.
        left = target.span("pelvis", role) - target.hip_centre - scale * rest
        below = chain[max(int(np.searchsorted(knots, fraction - 1e-9)) - 1, 0)]
        return centre + scale * now + rotate(self._turn(below), left)

    def _turn(self, role: str) -> Array:
        return self._turns[:, self._source.bodies[role]]

    def _alignment(self, role: str, child: str) -> Array:
        """The smallest turn that takes the target's segment at rest to the source's at rest."""
        return between(self._target.span(role, child), self._source.span(role, child))

    def _rest_turned(self, role: str, turn: Array, alignment: Array) -> None:
        rest = self._target.rest_quat[self._target.bodies[role]]
        self.quat[role] = multiply(turn, alignment, rest)


def _trunk_curve(figure: Figure, roles: list[str], pos: Array) -> Array:
    """Points (T, n, 3) of the trunk relative to the middle of the hips, the first of them."""
    hips = 0.5 * (pos[:, figure.bodies["left_hip"]] + pos[:, figure.bodies["right_hip"]])
    points = [np.zeros_like(hips)]
    points += [pos[:, figure.bodies[role]] - hips for role in roles[1:]]
    return np.stack(points, axis=1)


def _arc(figure: Figure, roles: list[str]) -> dict[str, float]:
    """Length of the trunk at rest from the middle of the hips up to each role [m]."""
    points = _trunk_curve(figure, roles, figure.rest_pos[None])[0]
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    return dict(zip(roles, np.concatenate([[0.0], np.cumsum(steps)]), strict=True))


def _along(knots: Array, curve: Array, fraction: float) -> Array:
    """The point (T, 3) at a share of a curve's (T, n, 3) length at rest."""
    upper = int(np.clip(np.searchsorted(knots, fraction), 1, len(knots) - 1))
    width = knots[upper] - knots[upper - 1]
    share = (fraction - knots[upper - 1]) / max(width, 1e-12)
    return curve[:, upper - 1] + share * (curve[:, upper] - curve[:, upper - 1])
