"""The page's scene: ground, characters and their translucent references, in viser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from animRL.viewer.camera import FIELD_OF_VIEW, camera_for
from animRL.viewer.live.meshes import BodyMesh, body_meshes
from animRL.viewer.live.playback import Shown
from animRL.viewer.poses import Array, Pose, Poses
from animRL.viewer.scene import REFERENCE_RGBA

if TYPE_CHECKING:
    from animRL.sim.character import Character

_REFERENCE_COLOUR = tuple(round(255 * part) for part in REFERENCE_RGBA[:3])
_REFERENCE_OPACITY = 0.45
_GROUND_COLOUR, _CELL_COLOUR, _LINE_COLOUR = (206, 214, 222), (188, 197, 206), (160, 171, 182)
_ARROW_COLOUR = (214, 69, 65)
_METRES_PER_NEWTON = 1.0 / 250.0
"""Length of a push's arrow."""
_ARROW_GAP = 0.2
"""Between its tip and the root [m]: outside of the body."""
_GROUND_SIZE = 60.0
_HANDLE_RADIUS, _HANDLE_LENGTH, _HANDLE_BELOW = 0.08, 0.45, 0.1
"""A capsule inside a trunk, where it covers nothing of what is behind it: its radius, its middle
part, how far it reaches below the root [m]."""


class Stage:
    """Draws N characters with their references.

    To follow a character, the world is moved against it and not the camera with it: the camera
    stays the user's own. What moves are the figures themselves and not a node above them: the page
    decides by where they first were whether they are in view.
    """

    def __init__(self, server: Any, character: Character, count: int) -> None:
        """Put ground, light and N characters on a viser server's page."""
        self._server, self._character, self._count = server, character.to("cpu"), count
        scene = server.scene
        scene.configure_default_lights(True)
        scene.configure_environment_map("studio", environment_intensity=0.25)
        self._ground = scene.add_grid(
            "/ground", _GROUND_SIZE, _GROUND_SIZE, cell_size=0.5, section_size=1.0,
            cell_color=_CELL_COLOUR, section_color=_LINE_COLOUR, shadow_opacity=0.25,
            plane_color=_GROUND_COLOUR, plane_opacity=1.0, fade_distance=40.0,
        )  # fmt: skip
        meshes = body_meshes(self._character)
        self._bodies = [mesh.body for mesh in meshes]
        self._figures = [self._add_figure(mesh) for mesh in meshes]
        self.handles = [self._add_handle(number) for number in range(count)]
        """What is taken hold of to drag a character, one each: it is not seen."""
        self._ghosts = [self._add_ghost(mesh) for mesh in meshes]
        self._arrow = scene.add_arrows(
            "/push", np.zeros((1, 2, 3)), _ARROW_COLOUR, shaft_radius=0.025,
            head_radius=0.06, head_length=0.14, visible=False,
        )  # fmt: skip
        self._place_camera()

    def show(self, shown: Shown, centre: Array) -> None:
        """Draw an instant with the world moved so that ``centre`` (2,) [m] is in the middle."""
        with self._server.atomic():
            offset = np.array([-centre[0], -centre[1], 0.0])
            # The ground has a line a metre: as good as if it were endless.
            self._ground.position = (*(np.round(centre) - centre).tolist(), 0.0)
            self._move(self._figures, shown.poses, offset)
            for handle, place, turn in zip(
                self.handles, shown.poses.root_pos + offset, shown.poses.root_quat, strict=True
            ):
                handle.position, handle.wxyz = place, np.roll(turn, 1)
            self._move(self._ghosts, shown.reference, offset)
            self._show_push(shown, offset)

    @property
    def show_reference(self) -> bool:
        """Whether the references are drawn."""
        return bool(self._ghosts[0].visible)

    @show_reference.setter
    def show_reference(self, value: bool) -> None:
        for ghost in self._ghosts:
            ghost.visible = value

    def _add_figure(self, mesh: BodyMesh) -> Any:
        return self._server.scene.add_batched_glb(
            f"/character/{self._name(mesh)}", mesh.glb(), *self._rest(), lod="off"
        )

    def _add_ghost(self, mesh: BodyMesh) -> Any:
        vertices, faces = mesh.together()
        return self._server.scene.add_batched_meshes_simple(
            f"/reference/{self._name(mesh)}", vertices, faces, *self._rest(),
            batched_colors=_REFERENCE_COLOUR, opacity=_REFERENCE_OPACITY,
            cast_shadow=False, receive_shadow=False,
        )  # fmt: skip

    def _add_handle(self, number: int) -> Any:
        # Not the figures themselves: viser's page fails if meshes of many instances become
        # draggable before they were first drawn (mesh/BatchedMeshBase.tsx, 1.1.1).
        from trimesh import creation

        shape = creation.capsule(_HANDLE_LENGTH, _HANDLE_RADIUS, count=[8, 8])
        vertices = shape.vertices - [0.0, 0.0, _HANDLE_BELOW + shape.bounds[0, 2]]
        return self._server.scene.add_mesh_simple(
            f"/handle/{number}", vertices, shape.faces, opacity=0.0,
            cast_shadow=False, receive_shadow=False,
        )  # fmt: skip

    def _rest(self) -> tuple[Array, Array]:
        """Rotations (N, 4) wxyz and positions (N, 3) before there is a state."""
        return np.tile([1.0, 0.0, 0.0, 0.0], (self._count, 1)), np.zeros((self._count, 3))

    def _name(self, mesh: BodyMesh) -> str:
        return self._character.body_names[mesh.body]

    def _move(self, handles: list[Any], poses: Poses | None, offset: Array) -> None:
        if poses is None:
            for handle in handles:
                handle.visible = False
            return
        states = (poses.root_pos, poses.root_quat, poses.joint_pos)
        position, rotation = self._character.forward_kinematics(
            *(torch.from_numpy(part).float() for part in states)
        )
        places = position.numpy() + offset.astype(np.float32)
        turns = np.roll(rotation.numpy(), 1, axis=-1)  # xyzw to wxyz
        for handle, body in zip(handles, self._bodies, strict=True):
            handle.batched_positions = places[:, body]
            handle.batched_wxyzs = turns[:, body]

    def _show_push(self, shown: Shown, offset: Array) -> None:
        pushed = shown.pushes is not None and np.abs(shown.pushes).max() > 0.0
        if pushed:
            assert shown.pushes is not None
            size = np.linalg.norm(shown.pushes, axis=1)
            who = size > 0.0
            along = shown.pushes / np.maximum(size, 1e-9)[:, None]
            tips = shown.poses.root_pos + offset - _ARROW_GAP * along
            tails = tips - _METRES_PER_NEWTON * shown.pushes
            self._arrow.points = np.stack([tails, tips], axis=1)[who].astype(np.float32)
        if self._arrow.visible != pushed:
            self._arrow.visible = pushed

    def _place_camera(self) -> None:
        """Where films look from, for a page that has just been opened or is reset."""
        origin = Pose(np.zeros(3), np.array([0.0, 0.0, 0.0, 1.0]), np.zeros(0))
        camera = camera_for(origin)
        azimuth, elevation = np.radians([camera.azimuth, camera.elevation])
        forward = np.array([np.cos(elevation) * np.cos(azimuth),
                            np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])  # fmt: skip
        far = 1.0 + 0.25 * (self._count - 1) ** 0.5
        own, look_at = self._server.initial_camera, np.array(camera.lookat)
        own.position = tuple(look_at - far * camera.distance * forward)
        own.look_at = tuple(look_at)
        own.fov = np.radians(FIELD_OF_VIEW)
