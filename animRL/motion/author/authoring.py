"""From a description's file to a clip."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from animRL.dataloader.clip import Clip
from animRL.motion.author.description import (
    Description,
    Keyframe,
    Plant,
    number,
    parse_description,
    read_toml,
)
from animRL.motion.author.problem import PhysicalMotion
from animRL.motion.author.sketch import draw
from animRL.motion.gait.gait_data import WalkStyle
from animRL.motion.gait.walk import author_walk
from animRL.motion.trajectory import to_clip
from animRL.sim.character import Character
from animRL.utils.errors import InputError
from animRL.utils.names import known_names

Track = Callable[[range], Iterable[int]]

_BEARABLE = {
    "frame_duration": (0.001, 0.1),
    "stance_share": (0.5, 0.8),
    "load_transfer": (0.01, 0.5),
    "pelvis_height": (0.1, 10.0),
}
"""Ranges of a walk's numbers outside of which its formulas mean nothing: a walk has a phase of
double support, which is when the load passes from foot to foot."""


@dataclass(frozen=True)
class Pace:
    """How fast a gait goes: speed [m/s] and length of a step [m]; None: as described."""

    speed: float | None = None
    step_length: float | None = None

    @property
    def given(self) -> bool:
        """Whether it says anything."""
        return self.speed is not None or self.step_length is not None


def author_motion(
    character: Character, path: Path, pace: Pace = Pace(), track: Track = lambda steps: steps
) -> Clip:
    """Make the clip that a description describes: keyframes, or a gait of published figures.

    ``track`` may watch over the steps of the optimisation.

    Raises:
        InputError: for a description that is not valid or asks too much of the character.
    """
    data, source = read_toml(path), str(path)
    if "gait" in data:
        known_names(data, ("gait",), f"{source}: tables")
        return replace(
            author_walk(character, walk_style(data["gait"], pace, source)), source=source
        )
    description = paced(parse_description(data, source), pace)
    motion = PhysicalMotion(character, draw(character, description)).solve(track=track)
    return to_clip(character, motion, source=source)


def walk_style(values: Any, pace: Pace, source: str) -> WalkStyle:
    """The style of a walk: speed, length of a step, and any other field of ``WalkStyle``.

    The frame duration is kept; the cycle is the even number of frames nearest to two steps.

    Raises:
        InputError: for names that a walk has not, and numbers that no walk has.
    """
    if not isinstance(values, Mapping):
        raise InputError(f"{source}: gait is {values!r}; valid: a table")
    changes = {f.name: f for f in fields(WalkStyle)}
    known_names(values, ("step_length", *changes), f"{source}: gait")
    style = WalkStyle()
    lists = {name for name in changes if isinstance(getattr(style, name), tuple)}
    settings: dict[str, Any] = {}
    for name, value in values.items():
        if name in lists or name == "frames_per_cycle":
            raise InputError(f"{source}: gait.{name} cannot be set here; valid: the plain numbers")
        settings[name] = number(value, f"{source}: gait.{name}")
        low, high = _BEARABLE.get(name, (-math.inf, math.inf))
        if not low <= settings[name] <= high:
            raise InputError(
                f"{source}: gait.{name} is {settings[name]:g}; valid: {low:g} to {high:g}"
            )
    step_length = pace.step_length or settings.pop("step_length", 0.5 * style.stride)
    settings.pop("step_length", None)
    if pace.speed is not None:
        settings["speed"] = pace.speed
    style = replace(style, **settings)
    if not (0.0 < style.speed <= 2.5 and 0.1 <= step_length <= 1.2):
        raise InputError(
            f"{source}: gait: speed {style.speed:g} m/s, step_length {step_length:g} m; valid: a "
            "walk of up to 2.5 m/s and steps of 0.1 to 1.2 m"
        )
    if "pelvis_height" not in values:
        style = replace(style, pelvis_height=_hip_height(step_length))
    frames = 2 * max(round(step_length / style.speed / style.frame_duration), 1)
    return replace(style, frames_per_cycle=frames)


def _hip_height(step_length: float) -> float:
    """Height of the hips [m] at which a longer step needs no longer leg than the usual one."""
    usual = WalkStyle()
    reach = usual.pelvis_height**2 + (0.25 * usual.stride) ** 2
    return min(usual.pelvis_height, math.sqrt(max(reach - (0.5 * step_length) ** 2, 0.0)))


def paced(description: Description, pace: Pace) -> Description:
    """Stretch a cyclic motion in time and along x, so that it goes at another pace.

    Raises:
        InputError: if the motion does not travel along x in a loop.
    """
    if not pace.given:
        return description
    way = description.cycle.get("x", 0.0)
    if not description.loop or way <= 0.0:
        raise InputError(
            f"{description.source}: speed and step_length are given; valid for a gait: a loop "
            "with cycle.x above 0"
        )
    step_length = pace.step_length or 0.5 * way
    speed = pace.speed or way / description.duration
    length, time = 2.0 * step_length / way, 2.0 * step_length / (speed * description.duration)
    frames = 2 * max(round(0.5 * time * description.duration * description.frame_rate), 1)
    duration = frames / description.frame_rate
    time = duration / description.duration
    return replace(
        description,
        duration=duration,
        cycle={**description.cycle, "x": way * length},
        keyframes=tuple(_stretched(k, time, length) for k in description.keyframes),
        plants=tuple(Plant(p.part, p.start * time, p.end * time) for p in description.plants),
    )


def _stretched(keyframe: Keyframe, time: float, length: float) -> Keyframe:
    root = dict(keyframe.root)
    if "x" in root:
        root["x"] *= length
    parts = {name: (place[0] * length, *place[1:]) for name, place in keyframe.parts.items()}
    return replace(keyframe, time=keyframe.time * time, root=root, parts=parts)
