"""How well a character does what a skeleton did, and which joint limits stood in the way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from animRL.motion.ground import contact_spheres, sphere_centres, sphere_heights
from animRL.motion.retarget.figure import SIDES, Figure
from animRL.motion.retarget.floor import Footing
from animRL.motion.retarget.source import BodyMotion
from animRL.motion.rotations import Array
from animRL.motion.runs import runs
from animRL.motion.trajectory import Trajectory, body_poses, velocities

ERROR_LIMIT = 0.06
"""A body farther from its goal [m] asks for the joint limit that keeps it there."""
WORTH_NAMING = 0.1
"""A joint at its limit in a smaller share of those frames is not named."""
AT_LIMIT = 0.02
"""A joint nearer to its limit [rad] is at it."""
TOUCHING = 0.005
"""A point lower over the ground [m] touches it."""
ALIGNMENT = (
    "to where the source's pose, limb by limb at this character's lengths, with the path scaled "
    "by the legs and set on the ground, puts them; one mean offset over all frames and rows removed"
)


@dataclass(frozen=True)
class Row:
    """Distance of one body from its goal [m], and what held it back.

    ``limits`` has, if the mean or any frame is over `ERROR_LIMIT`, the joints that lead to the
    body and are at a limit in those frames: (joint, its limit [rad], share of those frames).
    """

    what: str
    body: str
    mean: float
    max: float
    over: float
    """Share of the frames over `ERROR_LIMIT`."""
    limits: tuple[tuple[str, float, float], ...]
    held: float
    """Share of the frames over `ERROR_LIMIT` in which a foot or hand is held on the ground."""


@dataclass(frozen=True)
class Report:
    """What ``retarget`` has to say about its result."""

    rows: tuple[Row, ...]
    mean: float
    """Mean of the rows' means [m]."""
    uniform: float
    """Mean distance of the same bodies if the source were just scaled as a whole [m]: by the ratio
    of the legs, relative to the root. It tells how far apart the two builds are."""
    offset: Array
    """The mean offset (3,) removed [m]."""
    fastest: tuple[str, float, int]
    """Joint, largest speed [rad/s], frame."""
    slide: float
    """Farthest that a point slides while it touches the ground in a stance [m]."""
    lowest: float
    """Lowest point of the character over the ground [m]."""
    stances: dict[str, int]
    """Role -> number of its stances."""


def report_of(
    figures: tuple[Figure, Figure], motion: BodyMotion, stood: Footing, trajectory: Trajectory
) -> Report:
    """Compare a result with its goals.

    Args:
        figures: source and target.
        motion: what the source does, (T, B).
        stood: goals on the ground, and what was held there.
        trajectory: the target's T poses.
    """
    source, target = figures
    pos, quat = body_poses(target.character, trajectory)
    roles = [role for role in _judged() if role in stood.goals.pos]
    errors = np.stack([pos[:, target.bodies[r]] - stood.goals.pos[r] for r in roles])
    offset = errors.mean(axis=(0, 1))
    distances = np.linalg.norm(errors - offset, axis=-1)
    rows = tuple(
        _row(target, role, distance, stood, trajectory)
        for role, distance in zip(roles, distances, strict=True)
    )
    joint_speed = np.abs(velocities(trajectory).joint)
    frame, joint = np.unravel_index(joint_speed.argmax(), joint_speed.shape)
    spheres = contact_spheres(target.character)
    centres = sphere_centres(spheres, pos, quat)
    heights = sphere_heights(spheres, centres)
    return Report(
        rows=rows,
        mean=float(np.mean([row.mean for row in rows])),
        uniform=_uniform(source, target, motion, pos, roles),
        offset=offset,
        fastest=(
            target.character.joint_names[joint], float(joint_speed.max()), int(frame),
        ),
        slide=_slide(target, stood, spheres.body, centres, heights),
        lowest=float(heights.min()) if heights.size else float("nan"),
        stances={
            role: len(list(runs(np.any(planted.touching, axis=1))))
            for role, (planted, _) in stood.planted.items()
        },
    )  # fmt: skip


def table(report: Report) -> str:
    """The report as text for a terminal."""
    lines = [f"  {'distance [cm]':<14}{'body':<12}{'mean':>6}{'max':>7}  over 6 cm"]
    for row in report.rows:
        lines.append(
            f"  {row.what:<14}{row.body:<12}{100 * row.mean:6.1f}{100 * row.max:7.1f}"
            f"  {_why(row)}".rstrip()
        )
    lines.append(f"  {'all':<26}{100 * report.mean:6.1f}")
    lines.append(f"  ({ALIGNMENT})")
    stances = ", ".join(f"{count} {role}" for role, count in report.stances.items() if count)
    name, speed, frame = report.fastest
    lines += [
        f"  scaled as a whole, the source would be {100 * report.uniform:.1f} cm away",
        f"  stances: {stances or 'none'}; slide up to {100 * report.slide:.2f} cm, lowest point "
        f"{100 * report.lowest:+.2f} cm",
        f"  fastest joint: {name}, {speed:.1f} rad/s in frame {frame}",
    ]
    return "\n".join(lines)


def warnings(report: Report) -> list[str]:
    """One line for each body that on average is farther than `ERROR_LIMIT` from its goal."""
    return [
        f"{row.what} ({row.body}) is {100 * row.mean:.0f} cm from where it belongs on average"
        for row in report.rows
        if row.mean > ERROR_LIMIT
    ]


def _why(row: Row) -> str:
    if row.over == 0.0:
        return ""
    reasons = [
        f"{name} at {limit:+.2f} in {100 * share:.0f} %" for name, limit, share in row.limits
    ]
    if row.held > 0.0:
        reasons.append(f"feet or hands held on the ground in {100 * row.held:.0f} %")
    text = f"{100 * row.over:.0f} % of frames"
    return f"{text}; of these {', '.join(reasons)}" if reasons else f"{text}; no joint at its limit"


def _judged() -> list[str]:
    ends = [f"{side}_{part}" for part in ("wrist", "ankle") for side in SIDES]
    return [*ends, "neck", "head"]


def _row(target: Figure, role: str, distance: Array, stood: Footing, trajectory: Trajectory) -> Row:
    body = target.bodies[role]
    over = distance > ERROR_LIMIT
    held = 0.0
    limits: tuple[tuple[str, float, float], ...] = ()
    if over.any():
        limits = _limits(target, body, trajectory.joint_pos[over])
        holds = [part.held for part, _ in stood.planted.values()]
        if role in stood.planted:  # led there from its goal, too
            moved = stood.planted[role][0].pos - stood.goals.pos[role]
            holds.append(np.linalg.norm(moved, axis=1) / ERROR_LIMIT)
        if holds:
            held = float((np.max(holds, axis=0)[over] > 0.5).mean())
    what = role.replace("_", " ").replace("wrist", "hand").replace("ankle", "foot")
    return Row(
        what="head (neck)" if role == "neck" else what,
        body=target.character.body_names[body],
        mean=float(distance.mean()),
        max=float(distance.max()),
        over=float(over.mean()),
        limits=limits,
        held=held,
    )


def _limits(target: Figure, body: int, joint_pos: Array) -> tuple[tuple[str, float, float], ...]:
    """Joints on the way from the root to a body that are at a limit, the most frequent first."""
    character = target.character
    model = character.load_spec().compile()
    ways = []
    number = model.body(character.body_names[body]).id
    while number > 0:
        first = int(model.body_jntadr[number])
        ways += [model.joint(first + i).name for i in range(int(model.body_jntnum[number]))]
        number = int(model.body_parentid[number])
    found = []
    for index, name in enumerate(character.joint_names):
        if name not in ways:
            continue
        for bound in (float(character.joint_lower[index]), float(character.joint_upper[index])):
            share = float((np.abs(joint_pos[:, index] - bound) < AT_LIMIT).mean())
            if share >= WORTH_NAMING:
                found.append((name, bound, share))
    return tuple(sorted(found, key=lambda item: -item[2])[:4])


def _uniform(
    source: Figure, target: Figure, motion: BodyMotion, pos: Array, roles: list[str]
) -> float:
    """Mean distance from the source scaled as a whole, both relative to the middle of the hips."""

    def relative(figure: Figure, places: Array, role: str) -> Array:
        hips = [places[:, figure.bodies[f"{side}_hip"]] for side in SIDES]
        return np.asarray(places[:, figure.bodies[role]] - 0.5 * (hips[0] + hips[1]))

    ratio = target.leg / source.leg
    known = [role for role in roles if role in source]
    return float(
        np.mean([
            np.linalg.norm(
                relative(target, pos, role) - ratio * relative(source, motion.pos, role), axis=-1
            ).mean()
            for role in known
        ])
    )  # fmt: skip


def _slide(
    target: Figure, stood: Footing, bodies: NDArray[np.int64], centres: Array, heights: Array
) -> float:
    """Farthest planar way of a point of a foot or hand from where it first touched [m]."""
    worst = 0.0
    for role, (planted, _) in stood.planted.items():
        for stance in runs(np.any(planted.touching, axis=1)):
            for sphere in np.flatnonzero(np.isin(bodies, target.descendants(target.bodies[role]))):
                for run in runs(heights[stance, sphere] < TOUCHING):
                    way = centres[stance, sphere, :2][run]
                    worst = max(worst, float(np.linalg.norm(way - way[0], axis=1).max()))
    return worst
