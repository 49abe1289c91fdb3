"""Stick figures by matplotlib, for machines on which no OpenGL works."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from animRL.utils.rotations import quat_rotate
from animRL.viewer.camera import FIELD_OF_VIEW, Camera
from animRL.viewer.captions import Colour
from animRL.viewer.poses import Array, Pose

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Rectangle

    from animRL.sim.character import Character

CHARACTER_COLOUR, REFERENCE_COLOUR = "#c0562b", "#5b9bd5"
_GROUND_COLOUR, _GRID_COLOUR, _SKY_COLOUR = "#d9dfe4", "#aab4bd", "#e8eff6"
_SHADOW_COLOUR = "#9aa5ae"
_GRID_REACH = 12
"""Cells of 1 m that the ground reaches from the point looked at."""
_NEAR = 0.2
_FLESH_DENSITY = 1000.0
"""[kg/m^3] of the ball that stands for a head, hand or foot."""
_DPI = 100


class StickScene:
    """Draws states as lines between the origins of bodies; used like MujocoScene."""

    def __init__(self, character: Character, width: int, height: int) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self._character = character.to("cpu")
        self._bones = _bones(character)
        self._tips = _tips(character, self._bones)
        self._size = (width, height)
        figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI)
        self._canvas = FigureCanvasAgg(figure)
        self._axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))

    @property
    def colours(self) -> tuple[Colour, Colour]:
        """Colours of character and reference, 0 to 255, for a legend."""
        return _rgb(CHARACTER_COLOUR), _rgb(REFERENCE_COLOUR)

    def draw(self, pose: Pose, reference: Pose | None, camera: Camera) -> NDArray[np.uint8]:
        """Return a picture (height, width, 3) of the state, with the reference if given."""
        width, height = self._size
        axes = self._axes
        axes.clear()
        axes.set_axis_off()
        axes.set_xlim(-width / height, width / height)
        axes.set_ylim(-1.0, 1.0)
        axes.add_patch(_rectangle(width / height, -1.0, 1.0, _SKY_COLOUR))
        axes.add_patch(_rectangle(width / height, -1.0, _horizon(camera), _GROUND_COLOUR))
        self._draw_grid(camera)
        if reference is not None:
            self._draw_figure(reference, camera, REFERENCE_COLOUR, layer=3)
        self._draw_figure(pose, camera, CHARACTER_COLOUR, layer=4)
        self._canvas.draw()
        return np.asarray(self._canvas.buffer_rgba())[..., :3].copy()

    def close(self) -> None:
        """Release the figure's artists."""
        self._axes.clear()

    def _draw_grid(self, camera: Camera) -> None:
        centre = np.round(camera.lookat[:2])
        marks = np.arange(-_GRID_REACH, _GRID_REACH + 1)
        ends = np.array([-_GRID_REACH, _GRID_REACH])
        for mark in marks:
            for line in ((np.full(2, mark), ends), (ends, np.full(2, mark))):
                points = np.stack([*line, np.zeros(2)], axis=1) + [*centre, 0.0]
                _draw_line(self._axes, points, camera, _GRID_COLOUR, 0.8)

    def _draw_figure(self, pose: Pose, camera: Camera, colour: str, layer: int) -> None:
        origins, rotations = self._character.forward_kinematics(
            *(
                torch.as_tensor(part, dtype=torch.float32).unsqueeze(0)
                for part in (pose.root_pos, pose.root_quat, pose.joint_pos)
            )
        )
        points = origins[0].numpy().astype(np.float64)
        lines = [points[list(bone)] for bone in self._bones]
        discs = []
        for body, offset, radius in self._tips:
            tip = points[body] + quat_rotate(rotations[0, body], offset).numpy()
            lines.append(np.stack([points[body], tip]))
            discs.append((tip, radius))
        thickness = 0.025 * self._size[1] * 72.0 / _DPI
        for line in lines:
            _draw_line(self._axes, line * [1.0, 1.0, 0.0], camera, _SHADOW_COLOUR, thickness)
        for line in lines:
            _draw_line(self._axes, line, camera, colour, thickness, layer)
        for tip, radius in discs:
            _draw_disc(self._axes, tip, radius, camera, colour, layer)


def project(points: Array, camera: Camera) -> tuple[Array, Array]:
    """Perspective picture of points (P, 3): x, y (P, 2), y in [-1, 1], and depth (P,) [m]."""
    azimuth, elevation = np.radians([camera.azimuth, camera.elevation])
    forward = np.array(
        [
            np.cos(elevation) * np.cos(azimuth),
            np.cos(elevation) * np.sin(azimuth),
            np.sin(elevation),
        ]
    )
    right = np.array([np.sin(azimuth), -np.cos(azimuth), 0.0])
    up = np.cross(right, forward)
    relative = points - (np.array(camera.lookat) - camera.distance * forward)
    depth = relative @ forward
    scale = 1.0 / (np.maximum(depth, _NEAR) * np.tan(np.radians(0.5 * FIELD_OF_VIEW)))
    return np.stack([relative @ right * scale, relative @ up * scale], axis=1), depth


def _rgb(colour: str) -> Colour:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return red, green, blue


def _bones(character: Character) -> list[tuple[int, int]]:
    """Pairs (parent, child) of indices of bodies whose origins lie apart."""
    number = {name: index for index, name in enumerate(character.body_names)}
    return [
        (number[body.parent.name], number[body.name])
        for body in character.load_spec().bodies
        if body.name in number and body.parent is not None and body.parent.name in number
    ]


def _tips(character: Character, bones: list[tuple[int, int]]) -> list[tuple[int, Tensor, float]]:
    """Bodies that end a chain: index, end (3,) in their frame, radius of a ball of their mass.

    The end lies twice as far as the centre of mass, as in a homogeneous rod.
    """
    parents = {parent for parent, _ in bones}
    ends = [index for index in range(len(character.body_names)) if index not in parents]
    return [
        (
            index,
            2.0 * character.body_com[index].cpu().float(),
            (0.75 * float(character.body_mass[index]) / (np.pi * _FLESH_DENSITY)) ** (1.0 / 3.0),
        )
        for index in ends
    ]


def _draw_disc(
    axes: Axes, point: Array, radius: float, camera: Camera, colour: str, layer: int
) -> None:
    from matplotlib.patches import Circle

    flat, depth = project(point[None], camera)
    if depth[0] > _NEAR:
        scaled = radius / (depth[0] * np.tan(np.radians(0.5 * FIELD_OF_VIEW)))
        axes.add_patch(Circle((flat[0, 0], flat[0, 1]), scaled, color=colour, zorder=layer))


def _draw_line(
    axes: Axes, points: Array, camera: Camera, colour: str, width: float, layer: int = 2
) -> None:
    # Cut into short pieces, of which those behind the camera are left out.
    fine = points[0] + np.linspace(0.0, 1.0, 9)[:, None] * (points[1] - points[0])
    flat, depth = project(fine, camera)
    flat[depth <= _NEAR] = np.nan
    axes.plot(
        flat[:, 0], flat[:, 1], color=colour, linewidth=width, zorder=layer, solid_capstyle="round"
    )


def _horizon(camera: Camera) -> float:
    """Height in the picture, in [-1, 1], at which an endless ground would end."""
    height = -np.tan(np.radians(camera.elevation)) / np.tan(np.radians(0.5 * FIELD_OF_VIEW))
    return float(np.clip(height, -1.0, 1.0))


def _rectangle(half_width: float, bottom: float, top: float, colour: str) -> Rectangle:
    from matplotlib.patches import Rectangle

    return Rectangle((-half_width, bottom), 2 * half_width, top - bottom, color=colour)
