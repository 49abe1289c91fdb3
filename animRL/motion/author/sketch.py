"""A description drawn: keyframes posed, splined and sampled, plants as contacts."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from animRL.motion.author.description import ROOT_CHANNELS, Description, Keyframe, Plant
from animRL.motion.author.placing import LimbPlacer, limb_bodies
from animRL.motion.author.problem import Sketch
from animRL.motion.edit.mirror import joint_mirror
from animRL.motion.extras import require
from animRL.motion.ground import ContactSpheres, contact_spheres
from animRL.motion.rotations import Array, from_rotvec, multiply
from animRL.motion.trajectory import Trajectory
from animRL.sim.character import Character
from animRL.utils.errors import InputError
from animRL.utils.names import known_names

ROOT_PRICE = 0.3
"""Price of leaving the sketch by 1 m at the root, against 1 rad at a joint."""
_MIRRORED_ROOT = (1.0, -1.0, 1.0, -1.0, 1.0, -1.0)
"""What a reflection in y = 0 does to x, y, z, yaw, pitch, roll."""
_ANGLES = ("yaw", "pitch", "roll")
_FREEDOMS = ("x", "y", "z", "roll", "pitch", "yaw")
"""The root's degrees of freedom in a ``Sketch``, which turns about x, y, z: other than channels."""

Knots = list[dict[float, float]]
"""For each of the 6 + J channels (root, joints): value [m, rad] by time [s]."""


def draw(character: Character, description: Description) -> Sketch:
    """Sample a description at its frame rate.

    Each channel (x, y, z, yaw, pitch, roll of the root; joints) is a monotone cubic spline
    through the keyframes that name it (Fritsch and Carlson 1980), so that nothing swings beyond
    a key. Where a keyframe places hands or feet, inverse kinematics finds those limbs' joints.

    Raises:
        InputError: for joints or parts that the character has not.
    """
    artist = _Artist(character, description)
    count = round(description.duration * description.frame_rate) + 1
    times = np.linspace(0.0, description.duration, count)
    values = artist.sample(artist.knots(), times)
    weight = np.ones_like(values)
    weight[:, :3] = ROOT_PRICE
    for name, factor in description.weights.items():
        weight[:, artist.freedoms(name, f"{description.source}: motion.weights")] *= factor
    trajectory = Trajectory(
        values[:, :3], root_rotation(values[:, 3:6]), values[:, 6:], times[1], description.loop
    )
    return Sketch(trajectory, artist.planted(times), weight, artist.limits())


def root_rotation(angles: Array) -> Array:
    """Quaternions (T, 4), xyzw, of yaw, pitch, roll (T, 3) [rad]: Rz(yaw) Ry(pitch) Rx(roll)."""
    axes = np.eye(3)[::-1]
    return multiply(*(from_rotvec(angles[:, i : i + 1] * axes[i]) for i in range(3)))


class _Artist:
    """Turns the words of a description into channels and contacts of one character."""

    def __init__(self, character: Character, description: Description) -> None:
        self._character, self._description = character, description
        self._names = [name.removeprefix("joint_") for name in character.joint_names]
        self._mirror = joint_mirror(character)
        self._spheres: ContactSpheres = contact_spheres(character)
        self._bodies = limb_bodies(character)

    def freedoms(self, name: str, where: str) -> list[int]:
        """Degrees of freedom of a root's channel, a joint, or a name that both sides share."""
        if name in _FREEDOMS:
            return [_FREEDOMS.index(name)]
        found = [n for n in (name, f"l{name}", f"r{name}") if n in self._names]
        if not found:
            known_names([name], (*ROOT_CHANNELS, *self._names), where)
        return [6 + self._names.index(n) for n in found]

    def knots(self) -> Knots:
        """Knots of all channels over the whole duration."""
        knots: Knots = [{} for _ in range(6 + len(self._names))]
        for number, keyframe in enumerate(self._description.keyframes):
            where = f"{self._description.source}: keyframe {number + 1}"
            for name, value in keyframe.root.items():
                value = np.radians(value) if name in _ANGLES else value
                knots[ROOT_CHANNELS.index(name)][keyframe.time] = float(value)
            for joint, angle in self._angles(keyframe, where).items():
                knots[6 + joint][keyframe.time] = angle
        defaults = [0.0] * 6 + self._character.default_joint_pos.tolist()
        for channel, value in zip(knots, defaults, strict=True):
            if not channel:
                channel[0.0] = value
        self._place_limbs(knots)
        return self._with_mirrored_half(knots) if self._description.mirror_second_half else knots

    def sample(self, knots: Knots, times: Array) -> Array:
        """Values (T, 6 + J) of the channels' splines at times (T,)."""
        return np.column_stack([self._spline(i, knots[i], times) for i in range(len(knots))])

    def limits(self) -> Array:
        """Lower and upper limits (2, J) [rad] of the joints, narrowed as described.

        Of a name that both sides share, the range is the left one's; the right one mirrors it.
        """
        character, source = self._character, self._description.source
        limits = torch.stack([character.joint_lower, character.joint_upper]).double().numpy()
        for name, (low, high) in self._description.limits.items():
            for column in self.freedoms(name, f"{source}: limits"):
                if column < 6:
                    raise InputError(f"{source}: limits.{name}; valid: joints")
                joint = column - 6
                mirrored = self._names[joint] == f"r{name}" and self._mirror.sign[joint] < 0.0
                pair = np.radians([-high, -low] if mirrored else [low, high])
                limits[:, joint] = np.clip(pair, *limits[:, joint])
        return limits

    def planted(self, times: Array) -> NDArray[np.bool_]:
        """Which contact spheres stand on the ground at times (T,), as (T, S)."""
        period = self._description.duration
        touching = np.zeros((len(times), len(self._spheres)), dtype=bool)
        half = 1e-6 * times[1]
        for plant in self._plants():
            rows = np.zeros(len(times), dtype=bool)
            for shift in (-period, 0.0, period) if self._description.loop else (0.0,):
                start, end = plant.start + shift - half, plant.end + shift + half
                rows |= (times >= start) & (times <= end)
            touching[np.ix_(rows, self._part_spheres(plant.part))] = True
        return touching

    def _angles(self, keyframe: Keyframe, where: str) -> dict[int, float]:
        """Angles [rad] of a keyframe by joint."""
        found: dict[int, float] = {}
        for side, name, degrees in keyframe.angles:
            prefix = {"joints": "", "right": "r"}.get(side, "l")
            known_names([prefix + name], self._names, f"{where}: {side}")
            joint = self._names.index(prefix + name)
            found[joint] = float(np.radians(degrees))
            if side == "both":
                other = int(self._mirror.partner[joint])
                found[other] = float(self._mirror.sign[other] * found[joint])
        return found

    def _place_limbs(self, knots: Knots) -> None:
        """Let the limbs' joints meet the places that keyframes give to hands and feet."""
        placed = [k for k in self._description.keyframes if k.parts]
        if not placed:
            return
        times = np.array([k.time for k in placed])
        whole = self._with_mirrored_half(knots) if self._description.mirror_second_half else knots
        poses = self.sample(whole, times)
        placer = LimbPlacer(self._character, self._bodies, self._spheres)
        for keyframe, pose in zip(placed, poses, strict=True):
            quat = root_rotation(pose[None, 3:6])[0]
            where = f"{self._description.source}: keyframe at {keyframe.time:g} s"
            angles = placer.place(pose[:3], quat, pose[6:], keyframe.parts, where)
            for joint, angle in angles.items():
                knots[6 + joint][keyframe.time] = angle

    def _with_mirrored_half(self, knots: Knots) -> Knots:
        half = 0.5 * self._description.duration
        cycle = self._description.cycle
        pairs = [(i, i, sign) for i, sign in enumerate(_MIRRORED_ROOT)]
        pairs += [
            (6 + joint, 6 + int(partner), float(sign))
            for joint, (partner, sign) in enumerate(
                zip(self._mirror.partner, self._mirror.sign, strict=True)
            )
        ]
        mirrored: Knots = []
        for channel, source, sign in pairs:
            onward = 0.5 * cycle.get("x", 0.0) if channel == 0 else 0.0
            first = {t: v for t, v in knots[channel].items() if t < half - 1e-9}
            second = {
                t + half: sign * v + onward for t, v in knots[source].items() if t < half - 1e-9
            }
            mirrored.append(first | second)
        return mirrored

    def _plants(self) -> list[Plant]:
        plants = list(self._description.plants)
        if self._description.mirror_second_half:
            half = 0.5 * self._description.duration
            for plant in self._description.plants:
                side, _, rest = plant.part.partition("_")
                other = {"left": "right", "right": "left"}[side]
                plants.append(Plant(f"{other}_{rest}", plant.start + half, plant.end + half))
        return plants

    def _part_spheres(self, part: str) -> NDArray[np.int64]:
        """The contact spheres of a foot, its heel or toes, or of the tip of a hand."""
        side, _, kind = part.partition("_")
        body = self._bodies[part if kind in ("foot", "hand") else f"{side}_foot"]
        spheres = self._spheres.of(self._character.body_index(body))
        if not len(spheres):
            raise InputError(f"{self._description.source}: {body} has nothing to touch the ground")
        ahead, down = self._spheres.centre[spheres, 0], self._spheres.centre[spheres, 2]
        if kind == "hand":
            return spheres[down <= down.min() + 1e-6]
        if kind == "foot":
            return spheres
        edge = ahead.max() if kind == "toes" else ahead.min()
        return spheres[np.abs(ahead - edge) < 1e-6]

    def _spline(self, channel: int, knots: dict[float, float], times: Array) -> Array:
        description = self._description
        points = sorted(knots.items())
        if description.loop:
            period = description.duration
            inside = [(t, v) for t, v in points if t < period - 1e-9]
            name = ROOT_CHANNELS[channel] if channel < len(ROOT_CHANNELS) else ""
            step = description.cycle.get(name, 0.0)
            step = float(np.radians(step)) if name == "yaw" else step
            points = [
                (t + cycle * period, v + cycle * step)
                for cycle in (-2, -1, 0, 1, 2)
                for t, v in inside
            ]
        if len(points) == 1:
            return np.full(len(times), points[0][1])
        x, y = np.array(points).T
        spline = require("scipy.interpolate").PchipInterpolator(x, y)
        return spline(np.clip(times, x[0], x[-1]))
