"""A motion's description: a short TOML file of keyframes and of what stands on the ground when."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from animRL.utils.errors import InputError
from animRL.utils.input_files import read_bytes
from animRL.utils.names import known_names

ROOT_CHANNELS = ("x", "y", "z", "yaw", "pitch", "roll")
PARTS = ("left_foot", "right_foot", "left_hand", "right_hand")
EDGES = ("heel", "toes")
PLANTS = (*PARTS, *(f"{side}_{edge}" for side in ("left", "right") for edge in EDGES))
_MOTION_KEYS = (
    "frame_rate", "loop", "mirror_second_half", "cycle", "weights", "duration",
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
    ``weights`` change the price of leaving the description, by channel of the root or joint;
    ``limits`` narrow the range of joints, (lowest, highest) [deg].
    """

    frame_rate: float
    duration: float
    loop: bool
    mirror_second_half: bool
    cycle: Mapping[str, float]
    weights: Mapping[str, float]
    keyframes: tuple[Keyframe, ...]
    plants: tuple[Plant, ...]
    source: str
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file. Raises InputError with the line where it is none."""
    try:
        content = read_bytes(path, 2**20, "a description in TOML")
        return tomllib.loads(content.decode("utf-8"))
    except RecursionError:
        raise InputError(f"{path}: not a description in TOML: nested too deep") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a description in TOML: {error}") from None


def parse_description(data: Mapping[str, Any], source: str) -> Description:
    """Check what was read from a description's file ``source``.

    Raises:
        InputError: one line naming the file, the field and what would be valid.
    """
    known_names(data, ("motion", "limits", "pose", "keyframe", "plant"), f"{source}: tables")
    motion = _table(data.get("motion"), f"{source}: motion")
    known_names(motion, _MOTION_KEYS, f"{source}: motion")
    poses = _table(data.get("pose", {}), f"{source}: pose")
    keyframes = [
        _keyframe(table, poses, where) for table, where in _tables(data, "keyframe", source)
    ]
    if len(keyframes) < 2 or any(
        b.time <= a.time for a, b in zip(keyframes, keyframes[1:], strict=False)
    ):
        raise InputError(f"{source}: keyframes: valid: at least two, in order of their times")
    plants = [_plant(table, where) for table, where in _tables(data, "plant", source)]
    duration = motion.get("duration", keyframes[-1].time)
    description = Description(
        frame_rate=number(motion.get("frame_rate", 50.0), f"{source}: motion.frame_rate"),
        duration=number(duration, f"{source}: motion.duration"),
        loop=_flag(motion, "loop", source),
        mirror_second_half=_flag(motion, "mirror_second_half", source),
        cycle=_numbers(motion.get("cycle", {}), ("x", "y", "yaw"), f"{source}: motion.cycle"),
        weights=_numbers(motion.get("weights", {}), None, f"{source}: motion.weights"),
        keyframes=tuple(keyframes),
        plants=tuple(plants),
        source=source,
        limits=_limits(data.get("limits", {}), f"{source}: limits"),
    )
    _check_together(description)
    return description


def _check_together(description: Description) -> None:
    """Raise InputError for numbers out of range and for what cannot be true of one motion."""
    where, duration = description.source, description.duration
    if not any("z" in keyframe.root for keyframe in description.keyframes):
        raise InputError(f"{where}: keyframes: no root.z; valid: the root's height in at least one")
    if not 1.0 <= description.frame_rate <= 1000.0:
        raise InputError(
            f"{where}: motion.frame_rate is {description.frame_rate:g}; valid: 1 to 1000 [1/s]"
        )
    if duration * description.frame_rate < 2.0:
        raise InputError(
            f"{where}: motion.duration is {duration:g}; valid: at least two frames, "
            f"{2.0 / description.frame_rate:g} s"
        )
    if description.mirror_second_half and not description.loop:
        raise InputError(f"{where}: motion.mirror_second_half: valid for a motion that loops")
    if description.cycle and not description.loop:
        raise InputError(f"{where}: motion.cycle: valid for a motion that loops")
    if "yaw" in description.cycle and set(description.cycle) != {"yaw"}:
        raise InputError(f"{where}: motion.cycle: valid: yaw alone, or x and y")
    if description.mirror_second_half and (set(description.cycle) - {"x"}):
        raise InputError(f"{where}: motion.cycle: valid with mirror_second_half: x alone")
    for name, weight in description.weights.items():
        if weight < 0.0:
            raise InputError(f"{where}: motion.weights.{name} is {weight:g}; valid: 0 or more")
    end = 0.5 * duration if description.mirror_second_half else duration
    for i, keyframe in enumerate(description.keyframes):
        if not 0.0 <= keyframe.time <= end + 1e-9:
            half = ", half of the mirrored motion" if description.mirror_second_half else ""
            raise InputError(
                f"{where}: keyframe {i + 1}: time is {keyframe.time:g}; valid: 0 to {end:g} s{half}"
            )
    for i, plant in enumerate(description.plants):
        if plant.end < 0.0 or plant.start > duration:
            raise InputError(
                f"{where}: plant {i + 1}: from {plant.start:g} to {plant.end:g}; valid: within the "
                f"motion, 0 to {duration:g} s"
            )


def _keyframe(data: Mapping[str, Any], poses: Mapping[str, Any], where: str) -> Keyframe:
    known_names(data, _KEYFRAME_KEYS, where)
    time = number(data.get("time"), f"{where}: time")
    angles: list[tuple[str, str, float]] = []
    if "pose" in data:
        known_names([str(data["pose"])], tuple(poses), f"{where}: pose")
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
    valid, longest = "[x, y, z, yaw, pitch], the last three 0 if left out", 5
    if where.endswith("hand"):
        valid, longest = "[x, y, z], the last 0 if left out", 3
    if not isinstance(value, list) or not 2 <= len(value) <= longest:
        raise InputError(f"{where} is {value!r}; valid: {valid}")
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


def _tables(data: Mapping[str, Any], name: str, source: str) -> list[tuple[Mapping[str, Any], str]]:
    """The tables of a list ``[[name]]``, each with where it stands."""
    values = data.get(name, [])
    if not isinstance(values, list):
        raise InputError(f"{source}: {name} is no list; valid: tables headed [[{name}]]")
    places = [f"{source}: {name} {i + 1}" for i in range(len(values))]
    return [(_table(v, where), where) for v, where in zip(values, places, strict=True)]


def _limits(value: Any, where: str) -> dict[str, tuple[float, float]]:
    limits = {}
    for name, pair in _table(value, where).items():
        if not isinstance(pair, list) or len(pair) != 2:
            raise InputError(f"{where}.{name} is {pair!r}; valid: [lowest, highest] in degrees")
        low, high = (number(v, f"{where}.{name}") for v in pair)
        if low > high:
            raise InputError(f"{where}.{name} is {pair!r}; valid: the lowest angle first")
        limits[name] = (low, high)
    return limits


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


def _flag(motion: Mapping[str, Any], name: str, source: str) -> bool:
    value = motion.get(name, False)
    if not isinstance(value, bool):
        raise InputError(f"{source}: motion.{name} is {value!r}; valid: true or false")
    return value
