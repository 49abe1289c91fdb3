"""Motion files written by the tests, and forward kinematics of their own to compare with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np


def turn(axis: str, angle: np.ndarray) -> np.ndarray:
    """Matrices (..., 3, 3) about x, y or z, written out from the definition."""
    c, s, zero, one = np.cos(angle), np.sin(angle), 0.0 * angle, 0.0 * angle + 1.0
    rows = {
        "x": [[one, zero, zero], [zero, c, -s], [zero, s, c]],
        "y": [[c, zero, s], [zero, one, zero], [-s, zero, c]],
        "z": [[c, -s, zero], [s, c, zero], [zero, zero, one]],
    }[axis]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


@dataclass(frozen=True)
class Bone:
    """A joint of a file to be written: offset in the file's unit, channels as BVH names them."""

    name: str
    parent: str | None
    offset: tuple[float, float, float]
    channels: str = "ZXY"
    """Axes of the rotations in their order; a leading "P" puts positions first."""
    end: tuple[float, float, float] | None = None


def bvh_text(bones: list[Bone], values: np.ndarray, frame_time: float) -> str:
    """A BVH file; values (T, channels) in the order in which the bones are listed, depth first."""
    lines = ["HIERARCHY"]

    def write(bone: Bone, depth: int) -> None:
        pad = "\t" * depth
        names = []
        for letter in bone.channels:
            if letter == "P":
                names += ["Xposition", "Yposition", "Zposition"]
            else:
                names.append(f"{letter}rotation")
        lines.append(f"{pad}{'ROOT' if bone.parent is None else 'JOINT'} {bone.name}")
        lines.append(f"{pad}{{")
        lines.append(f"{pad}\tOFFSET " + " ".join(f"{v:.6f}" for v in bone.offset))
        lines.append(f"{pad}\tCHANNELS {len(names)} {' '.join(names)}")
        for child in bones:
            if child.parent == bone.name:
                write(child, depth + 1)
        if bone.end is not None:
            end = " ".join(f"{v:.6f}" for v in bone.end)
            lines.append(f"{pad}\tEnd Site\n{pad}\t{{\n{pad}\t\tOFFSET {end}\n{pad}\t}}")
        lines.append(f"{pad}}}")

    write(bones[0], 0)
    lines += ["MOTION", f"Frames: {len(values)}", f"Frame Time: {frame_time:.7f}"]
    lines += [" ".join(f"{v:.8f}" for v in row) for row in values]
    return "\n".join(lines) + "\n"


def channel_count(bones: list[Bone]) -> int:
    return sum(3 if letter == "P" else 1 for bone in bones for letter in bone.channels)


def bvh_positions(bones: list[Bone], values: np.ndarray) -> dict[str, np.ndarray]:
    """World positions (T, 3) of joints and of end sites, in the file's axes and unit."""
    column = 0
    frames: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    found: dict[str, np.ndarray] = {}
    for bone in bones:
        place = np.tile(np.array(bone.offset), (len(values), 1))
        local = np.tile(np.eye(3), (len(values), 1, 1))
        for letter in bone.channels:
            if letter == "P":
                place = values[:, column : column + 3]
                column += 3
            else:
                local = local @ turn(letter.lower(), np.radians(values[:, column]))
                column += 1
        if bone.parent is not None:
            above, rotation = frames[bone.parent]
            place = above + np.einsum("tij,tj->ti", rotation, place)
            local = rotation @ local
        frames[bone.name] = (place, local)
        found[bone.name] = place
        if bone.end is not None:
            found[f"{bone.name}_end"] = place + local @ np.array(bone.end)
    return found


def humanoid(names: dict[str, str], unit: float, up: str, channels: str) -> list[Bone]:
    """A person 1.7 m tall in a T-pose, looking along z if y is up, along -y if z is.

    Args:
        names: role -> name of the joint in the file.
        unit: metres of one unit.
        up: y or z.
        channels: order of rotations.
    """
    at = {  # parent's role, place in metres as forward, left, up
        "pelvis": (None, (0.0, 0.0, 0.0)),
        "spine": ("pelvis", (0.0, 0.0, 0.12)),
        "chest": ("spine", (0.0, 0.0, 0.20)),
        "neck": ("chest", (0.0, 0.0, 0.22)),
        "head": ("neck", (0.02, 0.0, 0.10)),
    }
    for side, sign in (("left", 1.0), ("right", -1.0)):
        at |= {
            f"{side}_clavicle": ("chest", (0.0, 0.04 * sign, 0.18)),
            f"{side}_shoulder": (f"{side}_clavicle", (0.0, 0.15 * sign, 0.0)),
            f"{side}_elbow": (f"{side}_shoulder", (0.0, 0.30 * sign, 0.0)),
            f"{side}_wrist": (f"{side}_elbow", (0.0, 0.26 * sign, 0.0)),
            f"{side}_hip": ("pelvis", (0.0, 0.09 * sign, -0.03)),
            f"{side}_knee": (f"{side}_hip", (0.0, 0.0, -0.42)),
            f"{side}_ankle": (f"{side}_knee", (0.0, 0.0, -0.41)),
            f"{side}_toe": (f"{side}_ankle", (0.14, 0.0, -0.05)),
        }

    def turned(place: tuple[float, float, float]) -> tuple[float, float, float]:
        forward, left, above = (value / unit for value in place)
        return (left, above, forward) if up == "y" else (left, -forward, above)

    bones: list[Bone] = []

    def add(role: str) -> None:
        parent, place = at[role]
        children = [other for other, (above, _) in at.items() if above == role]
        bones.append(
            Bone(
                names[role],
                None if parent is None else names[parent],
                turned(place),
                f"P{channels}" if parent is None else channels,
                None if children else turned((0.06, 0.0, 0.0)),
            )
        )
        for child in children:
            add(child)

    add("pelvis")
    return bones


def in_project_axes(points: np.ndarray, up: str, unit: float) -> np.ndarray:
    """Points (..., 3) of such a file as x forward, y left, z up, in metres."""
    x, y, z = np.moveaxis(points * unit, -1, 0)
    return np.stack([z, x, y] if up == "y" else [-y, x, z], axis=-1)


def wandering(bones: list[Bone], unit: float, up: str, seed: int, frames: int = 40) -> np.ndarray:
    """Channel values (T, C): smooth random turns, large ones, while the body stays upright."""
    rng = np.random.default_rng(seed)
    time = np.linspace(0.0, 2.0, frames)[:, None]

    def waves(count: int, size: float) -> np.ndarray:
        phase, rate = rng.uniform(0.0, 6.3, (2, 1, count))
        return size * np.sin(rate * time + phase)

    columns = []
    for bone in bones:
        for letter in bone.channels:
            if letter == "P":
                height = 1 if up == "y" else 2
                place = waves(3, 0.3 / unit)
                place[:, height] = (0.92 + waves(1, 0.02)[:, 0]) / unit
                columns.append(place)
            else:
                columns.append(waves(1, 15.0 if bone.parent is None else 60.0))
    return np.concatenate(columns, axis=1)


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path
