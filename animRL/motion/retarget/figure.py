"""A character seen as an anatomy: which body is which part, and how it stands at rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from animRL.motion.rotations import Array, invert, rotate
from animRL.utils.errors import InputError

if TYPE_CHECKING:
    from animRL.sim.character import Character

SIDES = ("left", "right")
REQUIRED = ("pelvis", *(f"{side}_{part}" for side in SIDES for part in ("hip", "knee", "ankle")))
"""Roles without which nothing can be retargeted."""
TRUNK = ("pelvis", "spine", "chest", "neck", "head")


@dataclass(frozen=True)
class Figure:
    """Bodies of a character by their role, and its rest pose: all joint angles zero.

    The rest pose has the root at the origin, x forward, z up: positions (B, 3) [m] and rotations
    (B, 4), xyzw, of all bodies.
    """

    character: Character
    bodies: dict[str, int]
    """Role -> number of the body."""
    rest_pos: Array
    rest_quat: Array

    def __contains__(self, role: str) -> bool:
        return role in self.bodies

    def span(self, start: str, end: str) -> Array:
        """Vector (3,) at rest from one role's origin to another's [m]."""
        return self.rest_pos[self.bodies[end]] - self.rest_pos[self.bodies[start]]

    def length(self, start: str, end: str) -> float:
        """Distance at rest between two roles' origins [m]."""
        return float(np.linalg.norm(self.span(start, end)))

    @property
    def hip_centre(self) -> Array:
        """Middle (3,) between the hips at rest, from the pelvis's origin [m]."""
        return 0.5 * (self.span("pelvis", "left_hip") + self.span("pelvis", "right_hip"))

    @property
    def leg(self) -> float:
        """Length of thigh and shank, mean of both legs [m]."""
        return sum(
            0.5 * (self.length(f"{s}_hip", f"{s}_knee") + self.length(f"{s}_knee", f"{s}_ankle"))
            for s in SIDES
        )

    def trunk_to(self, top: str) -> list[str]:
        """Roles of the trunk that the figure has, from the pelvis up to one of them."""
        return [role for role in TRUNK[: TRUNK.index(top) + 1] if role in self]

    def carrier(self, role: str) -> int:
        """The body of the trunk that carries a limb: the nearest ancestor with a trunk's role."""
        trunk = {self.bodies[r] for r in TRUNK if r in self}
        body = self.character.body_parents[self.bodies[role]]
        while body not in trunk and body > 0:
            body = self.character.body_parents[body]
        return max(body, 0)

    def descendants(self, body: int) -> list[int]:
        """A body and all that hang from it."""
        found = [body]
        for number, parent in enumerate(self.character.body_parents):
            if parent in found and number not in found:
                found.append(number)
        return found

    def in_frame(self, body: int, other: int, points: Array) -> Array:
        """Points (n, 3) of another body's frame in a body's frame, both at rest [m]."""
        world = self.rest_pos[other] + rotate(self.rest_quat[other], points)
        return rotate(invert(self.rest_quat[body]), world - self.rest_pos[body])


def figure_of(character: Character, roles: Mapping[str, str], what: str) -> Figure:
    """Read a figure off a character and the names of its bodies by role.

    Args:
        character: any character whose root body stands upright at rest.
        roles: role -> name of a body.
        what: how to call the character in an error.

    Raises:
        InputError: if a required role is missing, or segments of a leg have no length.
    """
    missing = [role for role in REQUIRED if role not in roles]
    if missing:
        raise InputError(
            f"{what} has no body known as {', '.join(missing)}; valid: a humanoid; name the "
            f"bodies with --map (bodies: {', '.join(character.body_names)})"
        )
    zero = torch.zeros(1, 3, dtype=torch.float64)
    upright = torch.tensor([[0.0, 0.0, 0.0, 1.0]], dtype=torch.float64)
    angles = torch.zeros(1, len(character.joint_names), dtype=torch.float64)
    pos, quat = character.forward_kinematics(zero, upright, angles)
    bodies = {role: character.body_index(name) for role, name in roles.items()}
    figure = Figure(character, bodies, pos[0].numpy(), quat[0].numpy())
    for side in SIDES:
        for start, end in (("hip", "knee"), ("knee", "ankle")):
            if figure.length(f"{side}_{start}", f"{side}_{end}") < 1e-3:
                raise InputError(
                    f"{what}: {side}_{start} and {side}_{end} are in one place at rest; "
                    "valid: segments with a length"
                )
    return figure
