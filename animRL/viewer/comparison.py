"""One motion, or two side by side: a film strip with the time under each picture, and a film.

The two may be of different characters; each is drawn by its own renderer and followed by its own
camera, both from the same distance, so that their sizes can be compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from animRL.utils.errors import InputError
from animRL.utils.rotations import quat_rotate
from animRL.viewer.camera import FIELD_OF_VIEW, Camera, follow
from animRL.viewer.captions import annotate, font
from animRL.viewer.poses import Array, Poses
from animRL.viewer.rendering import Picture, SceneRenderer

if TYPE_CHECKING:
    from animRL.sim.character import Character

_AIR = 1.06
"""Distance beyond that at which the character touches the edge of the picture."""
_CUBE = np.array(list(product((-1.0, 1.0), repeat=3)))
_GAP = 4
"""White pixels between pictures."""
_INK, _PAPER = (28, 36, 46), (255, 255, 255)


@dataclass(frozen=True)
class Take:
    """A motion to be shown: T poses dt [s] apart of a character, under a name."""

    name: str
    character: Character
    poses: Poses
    dt: float

    @property
    def duration(self) -> float:
        """From the first pose to the last [s]."""
        return (len(self.poses) - 1) * self.dt

    def index(self, time: float) -> int:
        """The pose nearest to a time [s]; past the end the last one."""
        return int(np.clip(round(time / self.dt), 0, len(self.poses) - 1))


def cameras(takes: Sequence[Take], size: tuple[int, int]) -> list[list[Camera]]:
    """For each take a camera a pose, all from the distance from which the largest fits into size.

    Each follows the middle of its character smoothly, always looking the same way and at the same
    height.
    """
    outlines = [_outline(take) for take in takes]
    top = max(float(points[..., 2].max()) for points in outlines)
    bottom = min(0.0, *(float(points[..., 2].min()) for points in outlines))
    paths = []
    height = 0.5 * (bottom + top)
    for take, points in zip(takes, outlines, strict=True):
        # The middle of the body, which for an animal on four legs is far from its root.
        path = follow(replace(take.poses, root_pos=points.mean(axis=1)), None, take.dt)
        paths.append([replace(c, lookat=(c.lookat[0], c.lookat[1], height)) for c in path])
    distance = max(_distance(o, p, size) for o, p in zip(outlines, paths, strict=True))
    return [[replace(camera, distance=distance) for camera in path] for path in paths]


def _outline(take: Take) -> Array:
    """World positions (T, P, 3) of the corners of a box around each body's geometry."""
    character, poses = take.character.to("cpu"), take.poses
    body, corner = _boxes(character)
    position, rotation = character.forward_kinematics(
        *(torch.from_numpy(a) for a in (poses.root_pos, poses.root_quat, poses.joint_pos))
    )
    return (position[:, body] + quat_rotate(rotation[:, body], torch.from_numpy(corner))).numpy()


def _boxes(character: Character) -> tuple[list[int], Array]:
    """Body (P,) and place in its frame (P, 3) of the corners of boxes around bodies.

    A body without geometry counts with its origin.
    """
    import mujoco

    model = character.load_spec().compile()
    bodies: list[int] = []
    corners: list[Array] = []
    for number, name in enumerate(character.body_names):
        first, count = int(model.body(name).geomadr[0]), int(model.body(name).geomnum[0])
        points = [np.zeros((1, 3))]
        for geom in range(first, first + count):
            matrix = np.empty(9)
            mujoco.mju_quat2Mat(matrix, model.geom_quat[geom])
            centre, half = model.geom_aabb[geom, :3], model.geom_aabb[geom, 3:]
            points.append((centre + _CUBE * half) @ matrix.reshape(3, 3).T + model.geom_pos[geom])
        low, high = np.min(np.concatenate(points), 0), np.max(np.concatenate(points), 0)
        box = 0.5 * (low + high) + 0.5 * _CUBE * (high - low)
        corners.append(box if count else np.zeros((1, 3)))
        bodies += [number] * len(corners[-1])
    return bodies, np.concatenate(corners)


def _distance(points: Array, path: Sequence[Camera], size: tuple[int, int]) -> float:
    """Distance [m] from which all points (T, P, 3) are in the picture of their camera (T)."""
    azimuth, elevation = np.radians([path[0].azimuth, path[0].elevation])
    right = np.array([np.sin(azimuth), -np.cos(azimuth), 0.0])
    flat = np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
    forward = np.cos(elevation) * flat + np.array([0.0, 0.0, np.sin(elevation)])
    relative = points - np.array([camera.lookat for camera in path])[:, None]
    half = np.tan(np.radians(0.5 * FIELD_OF_VIEW))
    across = np.abs(relative @ right) / (half * size[0] / size[1])
    upright = np.abs(relative @ np.cross(right, forward)) / half
    needed = np.maximum(across, upright) - relative @ forward
    return _AIR * float(max(needed.max(), 0.1))


def film_strip(
    takes: Sequence[Take],
    count: int = 9,
    size: tuple[int, int] = (280, 360),
    backend: str = "auto",
) -> Iterator[tuple[int, int, Picture]]:
    """Draw count moments of each take, evenly spread over the longest: (row, column, picture).

    Where a shorter one is over the picture is white.
    One picture at a time, so that a caller can show progress; `compose_strip` puts them together.

    Raises:
        InputError: if there is no take, or count is below 1.
    """
    if not takes or count < 1:
        raise InputError(f"film strip of {count} pictures of {len(takes)} motions: at least 1")
    moments = strip_moments(takes, count)
    views = cameras(takes, size)
    for row, take in enumerate(takes):
        with SceneRenderer(take.character, *size, backend=backend) as renderer:
            for column, moment in enumerate(moments):
                if moment > take.duration + 0.5 * float(moments[-1]) / count:
                    picture = np.full((size[1], size[0], 3), 255, dtype=np.uint8)  # it is over
                else:
                    index = take.index(moment)
                    picture = renderer.render(take.poses[index], None, views[row][index])
                yield row, column, picture


def strip_moments(takes: Sequence[Take], count: int) -> Array:
    """The times (count,) [s] that a film strip shows."""
    return np.linspace(0.0, max(take.duration for take in takes), count, dtype=np.float64)


def compose_strip(takes: Sequence[Take], pictures: NDArray[np.uint8]) -> Picture:
    """Lay out pictures (rows, columns, height, width, 3): names over rows, times under columns."""
    rows, columns, height, width, _ = pictures.shape
    line = max(18, height // 14)
    step = line + height + _GAP
    sheet = Image.new("RGB", (columns * (width + _GAP) - _GAP, rows * step + line), _PAPER)
    draw = ImageDraw.Draw(sheet)
    letters = font(round(0.72 * line))
    for row, take in enumerate(takes):
        draw.text((_GAP, row * step + line // 2), take.name, _INK, letters, anchor="lm")
        for column in range(columns):
            place = (column * (width + _GAP), row * step + line)
            sheet.paste(Image.fromarray(pictures[row, column]), place)
    for column, moment in enumerate(strip_moments(takes, columns)):
        middle = column * (width + _GAP) + width // 2
        draw.text((middle, rows * step + line // 2 - _GAP), f"{moment:.2f} s", _INK, letters, "mm")
    return np.asarray(sheet)


def film(
    takes: Sequence[Take],
    size: tuple[int, int] = (960, 540),
    fps: float = 30.0,
    speed: float = 1.0,
    backend: str = "auto",
) -> Iterator[Picture]:
    """Draw the takes side by side, at speed times real time, as pictures of size (width, height).

    A take that ends earlier waits in its last pose. There are `film_length` pictures.

    Raises:
        InputError: if there is no take, fps or speed is not positive, or size does not divide into
            even widths.
    """
    if not takes:
        raise InputError("a film of no motion: at least 1 is needed")
    panel = (size[0] // len(takes), size[1])
    if panel[0] * len(takes) != size[0]:
        raise InputError(f"picture size {size[0]}x{size[1]}: the width must be even")
    count = film_length(takes, fps, speed)
    views = cameras(takes, panel)
    with ExitStack() as stack:
        renderers = [
            stack.enter_context(SceneRenderer(take.character, *panel, backend=backend))
            for take in takes
        ]
        for number in range(count):
            time = number * speed / fps
            pictures = []
            for take, renderer, path in zip(takes, renderers, views, strict=True):
                index = take.index(time)
                picture = renderer.render(take.poses[index], None, path[index])
                caption = f"{take.name}   {min(time, take.duration):.2f} s"
                pictures.append(annotate(picture, caption))
            yield np.concatenate(pictures, axis=1)


def film_length(takes: Sequence[Take], fps: float, speed: float = 1.0) -> int:
    """Number of pictures of a film."""
    if not (fps > 0.0 and speed > 0.0):
        raise InputError(f"{fps:g} frames a second at speed {speed:g}: both must be positive")
    return int(np.floor(max(take.duration for take in takes) * fps / speed + 1e-6)) + 1
