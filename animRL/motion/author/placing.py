"""Hands and feet put where a keyframe wants them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from animRL.motion.ground import ContactSpheres
from animRL.motion.inverse_kinematics import BodyTarget, InverseKinematics
from animRL.motion.rotations import Array, about_z, from_rotvec, multiply, rotate
from animRL.sim.character import Character
from animRL.utils.errors import InputError

_FIRM, _LOOSE = 10.0, 0.003
"""Cost of moving the rest of the body, and the limb itself, while a limb is placed [1/rad]."""
_BENT = 0.2
"""How far towards the middle of its joints' ranges a limb starts to look for its place."""
REACHED = 0.06
"""A limb's end this near its place [m] is there: the rest is left to the optimisation."""


def limb_bodies(character: Character) -> dict[str, str]:
    """The bodies of left and right foot and hand, by which side of the root they lie on.

    Raises:
        InputError: if the character has not two of each.
    """
    origin = torch.zeros(1, 3, dtype=torch.float64)
    upright = torch.tensor([[0.0, 0.0, 0.0, 1.0]], dtype=torch.float64)
    zero = torch.zeros(1, len(character.joint_names), dtype=torch.float64)
    position, _ = character.forward_kinematics(origin, upright, zero)
    found: dict[str, str] = {}
    for part, group in (("foot", "feet"), ("hand", "hands")):
        names: tuple[str, ...] = getattr(character, group)
        sides = {float(position[0, character.body_index(n), 1]) > 0.0: n for n in names}
        if len(names) != 2 or len(sides) != 2:
            raise InputError(
                f"character.{group}: {', '.join(names) or 'none'}; valid: a left and a right one"
            )
        found |= {f"left_{part}": sides[True], f"right_{part}": sides[False]}
    return found


class LimbPlacer:
    """Finds the joints of limbs whose ends are to be somewhere, the rest of the body held.

    Args:
        character: whose joints are found.
        bodies: the body of each part, see ``limb_bodies``.
        spheres: its contact geometry: a foot stands on it, a hand touches with its lowest sphere.
    """

    def __init__(
        self, character: Character, bodies: Mapping[str, str], spheres: ContactSpheres
    ) -> None:
        self._character, self._bodies, self._spheres = character, bodies, spheres
        self._chains = {part: self._chain(body) for part, body in bodies.items()}

    def place(
        self,
        root_pos: Array,
        root_quat: Array,
        joint_pos: Array,
        parts: Mapping[str, tuple[float, float, float, float, float]],
        where: str,
    ) -> dict[int, float]:
        """Return the angles [rad], by joint, of the limbs whose ends are placed.

        Root position (3,), rotation (4,) xyzw and joints (J,) are held but for those limbs; a
        part's place is x, y, z of its lowest point [m] and a foot's yaw and pitch [deg].

        Raises:
            InputError: naming ``where`` and the distance, if a place is out of reach.
        """
        free = [joint for part in parts for joint in self._chains[part]]
        cost = np.full(len(joint_pos), _FIRM)
        cost[free] = _LOOSE
        root = self._character.body_names[0]
        targets = [BodyTarget(root, root_pos, root_quat, (0.0, 0.0, 0.0), 100.0, 100.0)]
        targets += [self._target(part, place) for part, place in parts.items()]
        solver = InverseKinematics(self._character, posture_cost=cost)
        towards_middle = np.zeros(len(joint_pos))
        towards_middle[free] = (0.5 * (solver.lower + solver.upper) - joint_pos)[free]
        best, nearest, worst = joint_pos, np.inf, ""
        for bend in (_BENT, 1.0):  # a straight limb does not know which way to bend
            start = joint_pos + bend * towards_middle
            pose = solver.solve(
                root_pos, root_quat, start, targets, posture=joint_pos, iterations=100
            )
            misses = self._misses(pose, targets[1:])
            if max(misses) < nearest:
                best, nearest = pose[2], max(misses)
                worst = list(parts)[misses.index(nearest)]
            if nearest < REACHED:
                return {joint: float(best[joint]) for joint in free}
        raise InputError(
            f"{where}: {worst}: {nearest:.3f} m out of reach; valid: places that the limb reaches "
            "from the root's pose"
        )

    def _misses(self, pose: tuple[Array, Array, Array], targets: list[BodyTarget]) -> list[float]:
        """Distances [m] between the targets and where a pose brings their points."""
        batch = [torch.from_numpy(np.array(part))[None] for part in pose]
        position, rotation = self._character.forward_kinematics(batch[0], batch[1], batch[2])
        distances = []
        for target in targets:
            body = self._character.body_index(target.body)
            offset = rotate(rotation[0, body].numpy(), np.asarray(target.offset))
            point = position[0, body].numpy() + offset
            distances.append(float(np.linalg.norm(point - np.asarray(target.position))))
        return distances

    def _target(self, part: str, place: tuple[float, float, float, float, float]) -> BodyTarget:
        body = self._bodies[part]
        spheres = self._spheres.of(self._character.body_index(body))
        centre, radius = self._spheres.centre[spheres], self._spheres.radius[spheres]
        lowest = int((centre[:, 2] - radius).argmin())
        position = np.array(place[:3])
        if part.endswith("hand"):
            position[2] += radius[lowest]
            return BodyTarget(body, position, None, centre[lowest], 10.0, 0.0)
        yaw, pitch = np.radians(place[3:])
        turn = multiply(about_z(yaw), from_rotvec(np.array([0.0, pitch, 0.0])))
        sole = (0.0, 0.0, float((centre[:, 2] - radius).min()))
        return BodyTarget(body, position, turn, sole, 10.0, 2.0)

    def _chain(self, body: str) -> list[int]:
        """The joints between the trunk and a limb's end: those that move it and not its twin."""
        count = len(self._character.joint_names)
        turned = 0.3 * torch.eye(count, dtype=torch.float64)
        angles = torch.cat([torch.zeros(1, count, dtype=torch.float64), turned])
        upright = torch.tensor([[0.0, 0.0, 0.0, 1.0]], dtype=torch.float64).expand(count + 1, 4)
        _, quat = self._character.forward_kinematics(upright[:, :3], upright, angles)
        changed = {
            other: (quat[1:, number] - quat[0, number]).abs().amax(dim=-1) > 1e-6
            for other in self._bodies.values()
            for number in [self._character.body_index(other)]
        }
        own = changed[body].clone()
        for other, moved in changed.items():
            if other != body:
                own &= ~moved
        return torch.nonzero(own).flatten().tolist()
