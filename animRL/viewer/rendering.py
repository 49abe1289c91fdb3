"""Pictures and videos of a character beside its reference, from states alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from animRL.utils.errors import InputError
from animRL.viewer.camera import Camera, beside, camera_for, follow, heading
from animRL.viewer.captions import Colour, annotate
from animRL.viewer.files import write_gif, write_mp4, write_png
from animRL.viewer.opengl import STICK_FIGURE, choose_backend, warn_stick_figure
from animRL.viewer.poses import Pose, Poses
from animRL.viewer.scene import MujocoScene
from animRL.viewer.stick_figure import StickScene

if TYPE_CHECKING:
    from animRL.sim.character import Character

Picture = NDArray[np.uint8]
BESIDE = 1.2
"""Distance [m] to the left of the character at which the reference walks."""
_SMOOTH_FPS = 30.0


class SceneRenderer:
    """Draws one state of a character, with or without its reference, into a picture.

    Use it as a context manager, or close it. ``backend`` says what draws in the end: one of
    `opengl.GL_PLATFORMS`, or ``matplotlib`` (a stick figure) where no OpenGL works.

    Raises:
        InputError: if width or height is odd or not positive, or the backend is unknown.
    """

    def __init__(
        self, character: Character, width: int = 640, height: int = 480, backend: str = "auto"
    ) -> None:
        if min(width, height) < 2 or width % 2 or height % 2:
            raise InputError(f"picture size {width}x{height}: both must be even and positive")
        self.size = (width, height)
        self.backend = choose_backend(backend)
        self._scene = self._open(character)

    def render(
        self, pose: Pose, reference: Pose | None = None, camera: Camera | None = None
    ) -> Picture:
        """Return a picture (height, width, 3), by default seen from where both are in view."""
        return self._scene.draw(pose, reference, camera or camera_for(pose, reference))

    @property
    def colours(self) -> tuple[Colour, Colour]:
        """Colours of character and reference, 0 to 255."""
        return self._scene.colours

    def close(self) -> None:
        """Free what draws; calling it twice does no harm."""
        self._scene.close()

    def __enter__(self) -> SceneRenderer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self, character: Character) -> MujocoScene | StickScene:
        if self.backend != STICK_FIGURE:
            try:
                return MujocoScene(character, *self.size, self.backend)
            except (ImportError, RuntimeError, OSError) as error:
                reason = str(error).splitlines()[0] if str(error) else type(error).__name__
                warn_stick_figure(f"OpenGL by {self.backend} failed ({reason})")
                self.backend = STICK_FIGURE
        return StickScene(character, *self.size)


@dataclass(frozen=True)
class Look:
    """How a film is drawn: size (width, height) [px], where the reference stands, and by what.

    With ``overlay`` the translucent reference stands in the character's place, else `BESIDE`
    it. ``labels`` name the two figures in a legend.
    """

    size: tuple[int, int] = (960, 540)
    overlay: bool = False
    labels: tuple[str, str] | None = ("policy", "reference")
    backend: str = "auto"


def render_video(
    path: str | Path,
    character: Character,
    poses: Poses,
    reference_poses: Poses | None,
    dt: float,
    *,
    fps: float | None = None,
    captions: Sequence[str] | None = None,
    look: Look = Look(),
) -> int:
    """Write an MP4 of states dt [s] apart, in real time, and return its number of frames.

    fps None takes every n-th state, with the smallest n that gives at most 30 frames a second.
    A caption a state (T) is shown in a corner. Nothing half-written stays under the path.

    Raises:
        InputError: if the numbers of poses, reference poses and captions differ.
        VideoError: if the file could not be written.
    """
    film = _Film(poses, reference_poses, captions, dt, look)
    rate = even_rate(dt) if fps is None else fps
    indices = frame_indices(len(poses), dt, rate)
    with SceneRenderer(character, *look.size, backend=look.backend) as renderer:
        write_mp4(path, film.pictures(renderer, indices), look.size, rate)
    return len(indices)


def render_gif(
    path: str | Path,
    character: Character,
    poses: Poses,
    reference_poses: Poses | None,
    dt: float,
    *,
    fps: float = 20.0,
    look: Look = Look(size=(480, 320)),
    max_bytes: int = 3_000_000,
) -> None:
    """Write an endlessly looping GIF of states dt [s] apart, scaled down to max_bytes.

    Raises:
        InputError: if the numbers of poses and reference poses differ.
    """
    film = _Film(poses, reference_poses, None, dt, look)
    with SceneRenderer(character, *look.size, backend=look.backend) as renderer:
        pictures = list(film.pictures(renderer, frame_indices(len(poses), dt, fps)))
    write_gif(path, pictures, fps, max_bytes)


def film_strip(
    path: str | Path,
    character: Character,
    poses: Poses,
    reference_poses: Poses | None,
    dt: float,
    *,
    count: int = 6,
    look: Look = Look(size=(360, 420), labels=None),
) -> None:
    """Write a PNG of count states, evenly spread in time, side by side.

    Raises:
        InputError: if the numbers of poses and reference poses differ, or count is below 1.
    """
    if count < 1:
        raise InputError(f"film strip of {count} pictures: at least 1 is needed")
    times = [f"{index * dt:.2f} s" for index in range(len(poses))]
    film = _Film(poses, reference_poses, times, dt, look)
    indices = np.linspace(0, len(poses) - 1, count).round().astype(int)
    with SceneRenderer(character, *look.size, backend=look.backend) as renderer:
        write_png(path, np.concatenate(list(film.pictures(renderer, indices)), axis=1))


def even_rate(dt: float) -> float:
    """Frames a second of every n-th state, with the smallest n that gives at most 30."""
    return 1.0 / (dt * max(1.0, np.ceil(round(1.0 / (dt * _SMOOTH_FPS), 6))))


def frame_indices(count: int, dt: float, fps: float) -> NDArray[np.int64]:
    """Index of the state nearest in time for each frame, for count states dt [s] apart."""
    if not fps > 0.0:
        raise InputError(f"{fps} frames a second: must be positive")
    frames = int(np.floor((count - 1) * dt * fps + 1e-6)) + 1
    return np.minimum(np.round(np.arange(frames) / (fps * dt)).astype(int), count - 1)


class _Film:
    """States, where the reference stands among them, cameras and captions, ready to draw."""

    def __init__(
        self,
        poses: Poses,
        reference: Poses | None,
        captions: Sequence[str] | None,
        dt: float,
        look: Look,
    ) -> None:
        if not dt > 0.0:
            raise InputError(f"dt {dt} s between poses must be positive")
        for what, others in (("reference poses", reference), ("captions", captions)):
            if others is not None and len(others) != len(poses):
                raise InputError(f"{len(others)} {what} for {len(poses)} poses: must be as many")
        if reference is not None and not look.overlay:
            offset = beside(heading(poses, dt), BESIDE)
            reference = Poses(reference.root_pos + offset, reference.root_quat, reference.joint_pos)
        self._poses, self._reference, self._captions = poses, reference, captions
        self._cameras = follow(poses, reference, dt)
        self._labels = None if reference is None else look.labels

    def pictures(
        self, renderer: SceneRenderer, indices: Sequence[int] | NDArray[np.int64]
    ) -> Iterator[Picture]:
        """Draw the states of these indices one after the other."""
        legend = dict(zip(self._labels, renderer.colours)) if self._labels else None
        for index in indices:
            reference = None if self._reference is None else self._reference[index]
            picture = renderer.render(self._poses[index], reference, self._cameras[index])
            caption = "" if self._captions is None else self._captions[index]
            yield annotate(picture, caption, legend)
