"""A motion's description: a short TOML file of keyframes and of what stands on the ground when."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from animRL.utils.errors import InputError
from animRL.utils.names import known_names

ROOT_CHANNELS = ("x", "y", "z", "yaw", "pitch", "roll")
PARTS = ("left_foot", "right_foot", "left_hand", "right_hand")
EDGES = ("heel", "toes")
PLANTS = (*PARTS, *(f"{side}_{edge}" for side in ("left", "right") for edge in EDGES))
_MOTION_KEYS = (
    "name", "frame_rate", "loop", "mirror_second_half", "cycle", "weights", "duration",
)  # fmt: skip
SIDES = ("both", "joints", "left", "right")
_KEYFRAME_KEYS = ("time", "root", "pose", *SIDES, *PARTS)


@dataclass(frozen=True)
class Keyframe:
    """What a description says of one moment.

    ``root``: some of x, y, z [m], yaw, pitch, roll [deg] (turns about z, y, x, in this order from
    the world). ``angles``: (side, joint, angle [deg]) of which later ones hold; the side is
    ``left``, ``right``, ``both`` (the right one mirrors the left) or ``joints`` (of the middle).
    ``parts``: where the sole of a foot or the tip of a hand is, (x, y, z) [m] and a foot's yaw and
    pitch [deg].
    """

    time: float
    root: Mapping[str, float] = field(default_factory=dict)
    angles: tuple[tuple[str, str, float], ...] = ()
    parts: Mapping[str, tuple[float, float, float, float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Plant:
    """A part that stands still on the ground from one time to another [s]."""

    part: str
    start: float
    end: float


@dataclass(frozen=True)
class Description:
    """A motion as its author describes it.

    A looping motion repeats after ``duration`` [s], moved on by ``cycle`` (x, y [m], yaw [deg]);
    with ``mirror_second_half`` its second half is the first one with left and right exchanged.
    ``weights`` change the price of leaving the description, by channel of the root or joint.
    """

    name: str
    frame_rate: float
    duration: float
    loop: bool
    mirror_second_half: bool
    cycle: Mapping[str, float]
    weights: Mapping[str, float]
    keyframes: tuple[Keyframe, ...]
    plants: tuple[Plant, ...]
    source: str


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file. Raises InputError with the line where it is none."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a description in TOML: {error}") from None


def load_description(path: Path) -> Description:
    """Read and check a description of keyframes, see ``parse_description``."""
    return parse_description(read_toml(path), str(path), path.stem)


def parse_description(data: Mapping[str, Any], source: str, name: str) -> Description:
    """Check what was read from a description's file ``source``; ``name`` if it has none itself.

    Raises:
        InputError: one line naming the file, the field and what would be valid.
    """
    known_names(data, ("motion", "pose", "keyframe", "plant"), f"{source}: tables")
    motion = _table(data.get("motion"), f"{source}: motion")
    known_names(motion, _MOTION_KEYS, f"{source}: motion")
    poses = _table(data.get("pose", {}), f"{source}: pose")
    keyframes = [
        _keyframe(_table(k, f"{source}: keyframe {i + 1}"), poses, f"{source}: keyframe {i + 1}")
        for i, k in enumerate(data.get("keyframe", []))
    ]
    if len(keyframes) < 2 or any(
        b.time <= a.time for a, b in zip(keyframes, keyframes[1:], strict=False)
    ):
        raise InputError(f"{source}: keyframes: valid: at least two, in order of their times")
    duration = motion.get("duration", keyframes[-1].time)
    plants = [
        _plant(_table(p, f"{source}: plant {i + 1}"), f"{source}: plant {i + 1}")
        for i, p in enumerate(data.get("plant", []))
    ]
    cycle = _numbers(motion.get("cycle", {}), ("x", "y", "yaw"), f"{source}: motion.cycle")
    loop, mirror = bool(motion.get("loop", False)), bool(motion.get("mirror_second_half", False))
    if mirror and not loop:
        raise InputError(f"{source}: motion.mirror_second_half: valid for a motion that loops")
    return Description(
        name=str(motion.get("name", name)),
        frame_rate=_positive(motion.get("frame_rate", 50.0), f"{source}: motion.frame_rate"),
        duration=_positive(duration, f"{source}: motion.duration"),
        loop=loop,
        mirror_second_half=mirror,
        cycle=cycle,
        weights=_numbers(motion.get("weights", {}), None, f"{source}: motion.weights"),
        keyframes=tuple(keyframes),
        plants=tuple(plants),
        source=source,
    )


def _keyframe(data: Mapping[str, Any], poses: Mapping[str, Any], where: str) -> Keyframe:
    known_names(data, _KEYFRAME_KEYS, where)
    time = number(data.get("time"), f"{where}: time")
    angles: list[tuple[str, str, float]] = []
    if "pose" in data:
        known_names([data["pose"]], tuple(poses), f"{where}: pose")
        pose = _table(poses[data["pose"]], f"{where}: pose {data['pose']}")
        known_names(pose, SIDES, f"{where}: pose {data['pose']}")
        angles += _angles(pose, f"{where}: pose {data['pose']}")
    angles += _angles(data, where)
    parts = {name: _part(data[name], f"{where}: {name}") for name in PARTS if name in data}
    root = _numbers(data.get("root", {}), ROOT_CHANNELS, f"{where}: root")
    return Keyframe(time, root, tuple(angles), parts)


def _angles(data: Mapping[str, Any], where: str) -> list[tuple[str, str, float]]:
    """Angles from the tables of the sides, ``both`` first."""
    return [
        (side, name, angle)
        for side in SIDES
        for name, angle in _numbers(data.get(side, {}), None, f"{where}: {side}").items()
    ]


def _part(value: Any, where: str) -> tuple[float, float, float, float, float]:
    if not isinstance(value, list) or not 2 <= len(value) <= 5:
        raise InputError(f"{where} is {value!r}; valid: [x, y, z, yaw, pitch], the last three 0")
    numbers = [number(v, where) for v in value] + [0.0] * (5 - len(value))
    return (numbers[0], numbers[1], numbers[2], numbers[3], numbers[4])


def _plant(data: Mapping[str, Any], where: str) -> Plant:
    known_names(data, ("part", "from", "to"), where)
    known_names([str(data.get("part"))], PLANTS, f"{where}: part")
    start, end = (
        number(data.get("from"), f"{where}: from"),
        number(data.get("to"), f"{where}: to"),
    )
    if end <= start:
        raise InputError(f"{where}: to is {end}; valid: after from ({start})")
    return Plant(str(data["part"]), start, end)


def _table(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{where} is missing or no table")
    return value


def _numbers(value: Any, names: tuple[str, ...] | None, where: str) -> dict[str, float]:
    table = _table(value, where)
    if names is not None:
        known_names(table, names, where)
    return {name: number(value, f"{where}.{name}") for name, value in table.items()}


def number(value: Any, where: str) -> float:
    """A finite number as read from TOML. Raises InputError naming where it stands."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"{where} is {value!r}; valid: a number")
    return float(value)


def _positive(value: Any, where: str) -> float:
    found = number(value, where)
    if found <= 0.0:
        raise InputError(f"{where} is {found:g}; valid: above 0")
    return found
