"""Pictures and videos are of the right size and show what they are told to."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from animRL.sim.character import Character
from animRL.utils.errors import InputError
from animRL.viewer import opengl, rendering
from animRL.viewer.camera import beside
from animRL.viewer.files import VideoError
from animRL.viewer.opengl import STICK_FIGURE, choose_backend
from animRL.viewer.poses import Poses
from animRL.viewer.rendering import (
    Look,
    SceneRenderer,
    even_rate,
    film_strip,
    frame_indices,
    render_gif,
    render_video,
)
from tests.viewer.three_links import make_character, make_poses

SIZE = (160, 120)
STICK = Look(size=SIZE, backend=STICK_FIGURE)


@pytest.fixture(scope="module")
def character(tmp_path_factory: pytest.TempPathFactory) -> Character:
    return make_character(tmp_path_factory.mktemp("asset"))


@pytest.fixture(scope="module", params=["OpenGL", STICK_FIGURE])
def renderer(request: pytest.FixtureRequest, character: Character):
    backend = STICK_FIGURE
    if request.param == "OpenGL" and (backend := choose_backend()) == STICK_FIGURE:
        pytest.skip("no OpenGL works on this machine")
    with SceneRenderer(character, *SIZE, backend=backend) as drawing:
        assert drawing.backend == backend
        yield drawing


def test_picture_has_the_size_asked_for_and_is_not_blank(renderer: SceneRenderer):
    picture = renderer.render(make_poses(1)[0])
    assert picture.shape == (SIZE[1], SIZE[0], 3)
    assert picture.dtype == np.uint8
    assert picture.std() > 10.0


def test_same_state_gives_the_same_picture_and_another_pose_another(renderer: SceneRenderer):
    standing, striding = make_poses(1)[0], make_poses(1, (0.6, -0.6))[0]
    first = renderer.render(standing)
    other = renderer.render(striding)
    again = renderer.render(standing)
    np.testing.assert_array_equal(first, again)
    assert (first != other).any(axis=2).sum() > 50


def test_joints_are_set_by_name(renderer: SceneRenderer):
    # Joints are (right, left). The camera stands on the right, so the legs cannot be mixed up:
    # swapping them must change the picture.
    right_forward, left_forward = make_poses(1, (-0.8, 0.0))[0], make_poses(1, (0.0, -0.8))[0]
    assert (renderer.render(right_forward) != renderer.render(left_forward)).sum() > 50


def test_character_and_reference_are_both_in_the_picture(renderer: SceneRenderer):
    pose = make_poses(1)[0]
    reference = pose.moved(beside(0.0, rendering.BESIDE))
    camera = rendering.camera_for(pose, reference)
    both = renderer.render(pose, reference, camera).astype(int)
    alone = renderer.render(pose, None, camera).astype(int)
    added = np.abs(both - alone).sum(axis=2) > 30
    assert added.sum() > 100, "the reference is not visible"
    red = (alone[..., 0] - alone[..., 2] > 40).sum()
    assert red > 100, "the character is not visible"
    assert (both[..., 0] - both[..., 2] > 40).sum() > 0.8 * red, "the reference hides it"
    columns = np.flatnonzero(added.any(axis=0))
    rows = np.flatnonzero(added.any(axis=1))
    assert columns.min() > 0 and columns.max() < SIZE[0] - 1
    assert rows.min() > 0 and rows.max() < SIZE[1] - 1


def test_drawing_leaves_the_state_and_the_environment_alone(renderer: SceneRenderer):
    poses = make_poses(2)
    before = {key: value for key, value in os.environ.items() if key == "MUJOCO_GL"}
    copies = [array.copy() for array in (poses.root_pos, poses.root_quat, poses.joint_pos)]
    renderer.render(poses[0], poses[1])
    for array, copy in zip((poses.root_pos, poses.root_quat, poses.joint_pos), copies, strict=True):
        np.testing.assert_array_equal(array, copy)
    assert before == {key: value for key, value in os.environ.items() if key == "MUJOCO_GL"}


def test_video_decodes_to_as_many_frames_as_there_are(character: Character, tmp_path: Path):
    path = tmp_path / "videos" / "animation.mp4"
    poses = make_poses(3)
    written = render_video(
        path, character, poses, poses, 0.04, captions=["a", "b", "c"], look=STICK
    )
    count, seconds = imageio_ffmpeg.count_frames_and_secs(str(path))
    assert written == count == 3
    assert seconds == pytest.approx(3 * 0.04, abs=0.01)
    assert [file.name for file in path.parent.iterdir()] == ["animation.mp4"]
    reader = imageio_ffmpeg.read_frames(str(path))
    header = next(reader)
    assert header["size"] == SIZE
    assert header["codec"] == "h264"
    assert header["pix_fmt"].startswith("yuv420p")
    frame = np.frombuffer(next(reader), dtype=np.uint8)
    assert frame.std() > 10.0
    reader.close()


def test_without_ffmpeg_there_is_one_line_and_no_file(
    character: Character, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "animation.mp4"
    path.write_text("from before")
    for program in ("/bin/false", str(tmp_path / "absent")):
        monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", lambda program=program: program)
        with pytest.raises(VideoError) as caught:
            render_video(path, character, make_poses(3), None, 0.02, look=STICK)
        assert "\n" not in str(caught.value)
    assert path.read_text() == "from before"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_while_drawing_leaves_no_file(
    character: Character, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: object):
        raise MemoryError

    monkeypatch.setattr(rendering, "annotate", fail)
    with pytest.raises(MemoryError):
        render_video(tmp_path / "animation.mp4", character, make_poses(3), None, 0.02, look=STICK)
    assert list(tmp_path.iterdir()) == []


def test_gif_loops_for_ever_and_keeps_to_its_size(character: Character, tmp_path: Path):
    path = tmp_path / "walk.gif"
    render_gif(path, character, make_poses(5), None, 0.05, fps=20.0, look=STICK)
    with Image.open(path) as image:
        assert image.n_frames == 5
        assert image.size == SIZE
        assert image.info["loop"] == 0
        assert image.info["duration"] == 50
    large = Look(size=(320, 240), backend=STICK_FIGURE)
    render_gif(path, character, make_poses(5), None, 0.05, look=large, max_bytes=1)
    with Image.open(path) as image:
        assert image.width <= 160


def test_film_strip_puts_pictures_side_by_side(character: Character, tmp_path: Path):
    path = tmp_path / "strip.png"
    film_strip(path, character, make_poses(9), None, 0.02, count=3, look=STICK)
    with Image.open(path) as image:
        assert image.size == (3 * SIZE[0], SIZE[1])
        pictures = np.split(np.asarray(image), 3, axis=1)
    assert (pictures[0] != pictures[1]).any()


def test_frames_show_real_time():
    assert even_rate(0.02) == pytest.approx(25.0)
    assert even_rate(1.0 / 30.0) == pytest.approx(30.0)
    assert even_rate(0.1) == pytest.approx(10.0)
    np.testing.assert_array_equal(frame_indices(5, 0.02, 25.0), [0, 2, 4])
    np.testing.assert_array_equal(frame_indices(3, 0.1, 20.0), [0, 0, 1, 2, 2])


def test_broken_opengl_costs_one_warning_and_gives_a_stick_figure(
    character: Character, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    monkeypatch.setattr(opengl, "_works", lambda platform: False)
    opengl.warn_stick_figure.cache_clear()
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            with SceneRenderer(character, *SIZE) as drawing:
                assert drawing.backend == STICK_FIGURE
                assert drawing.render(make_poses(1)[0]).std() > 10.0
    opengl.warn_stick_figure.cache_clear()
    assert len(caplog.messages) == 1
    assert "stick figure" in caplog.messages[0] and "\n" not in caplog.messages[0]


def test_the_variable_mujoco_gl_decides(monkeypatch: pytest.MonkeyPatch):
    tried = []
    monkeypatch.setattr(opengl, "_works", lambda platform: tried.append(platform) or True)
    monkeypatch.setenv("MUJOCO_GL", "osmesa")
    assert choose_backend() == "osmesa"
    monkeypatch.setenv("MUJOCO_GL", "disabled")
    assert choose_backend() == STICK_FIGURE
    assert tried == ["osmesa"]


def test_a_platform_that_ends_its_process_does_not_work(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(opengl.sys, "executable", "/bin/false")
    assert not opengl._works.__wrapped__("egl")


def test_states_that_are_not_finite_show_the_last_good_one():
    poses = make_poses(4)
    root_pos = poses.root_pos.copy()
    root_pos[0], root_pos[2:] = np.nan, np.inf
    shown = Poses(root_pos, poses.root_quat, poses.joint_pos)
    np.testing.assert_array_equal(shown.root_pos, poses.root_pos[[1, 1, 1, 1]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: SceneRenderer(c, 161, 120), "even"),
        (lambda c: SceneRenderer(c, 160, 120, backend="vulkan"), "valid: auto, egl"),
        (lambda c: render_video("x.mp4", c, make_poses(3), make_poses(2), 0.02), "2 reference"),
        (
            lambda c: render_video("x.mp4", c, make_poses(3), None, 0.02, captions=["a"]),
            "1 captions for 3",
        ),
        (lambda c: render_video("x.mp4", c, make_poses(3), None, 0.0, fps=25.0), "positive"),
        (lambda c: render_video("x.mp4", c, make_poses(3), None, 0.02, fps=0.0), "positive"),
        (lambda c: film_strip("x.png", c, make_poses(3), None, 0.02, count=0), "at least 1"),
        (lambda c: Poses(np.zeros((2, 3)), np.zeros((2, 3)), np.zeros((2, 2))), "root_quat"),
        (lambda c: Poses(np.full((2, 3), np.nan), np.ones((2, 4)), np.zeros((2, 2))), "finite"),
    ],
)
def test_bad_input_is_one_line(character: Character, call, message: str):
    with pytest.raises(InputError, match=message) as caught:
        call(character)
    assert "\n" not in str(caught.value)
