"""Film strips and films of one or two takes: sizes, who is where, nobody out of the picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from animRL.cfg.characters.bob_config import BobConfig
from animRL.sim.character import Character
from animRL.utils.errors import InputError
from animRL.viewer.comparison import (
    Take,
    cameras,
    compose_strip,
    film,
    film_length,
    film_strip,
    strip_moments,
)
from animRL.viewer.opengl import STICK_FIGURE, choose_backend
from animRL.viewer.poses import Poses
from animRL.viewer.rendering import SceneRenderer
from tests.viewer.three_links import make_character, make_poses

SIZE = (96, 120)


@pytest.fixture(scope="module")
def legs(tmp_path_factory: pytest.TempPathFactory) -> Character:
    return make_character(tmp_path_factory.mktemp("asset"))


@pytest.fixture(scope="module")
def bob() -> Character:
    return Character.from_config(BobConfig())


def walking(character: Character, count: int = 21, dt: float = 0.05) -> Take:
    return Take("walking.txt", character, make_poses(count), dt)


def lying(character: Character, reach: float = 0.0) -> Take:
    """A body on its side, 2 m long with the legs up against it, moving off fast."""
    count = 20
    root_pos = np.array([0.0, 0.0, 0.3]) + reach * np.arange(count)[:, None] * [1.0, 0.0, 0.0]
    quat = np.tile([0.0, np.sin(0.7), 0.0, np.cos(0.7)], (count, 1))
    return Take("lying", character, Poses(root_pos, quat, np.zeros((count, 2))), 0.05)


def drawn(takes: list[Take], count: int) -> np.ndarray:
    pictures = np.zeros((len(takes), count, SIZE[1], SIZE[0], 3), dtype=np.uint8)
    for row, column, picture in film_strip(takes, count, SIZE, STICK_FIGURE):
        pictures[row, column] = picture
    return pictures


def test_the_nearest_pose_is_shown_and_the_last_one_waits(legs: Character) -> None:
    take = walking(legs)
    assert take.duration == pytest.approx(1.0)
    assert [take.index(t) for t in (0.0, 0.07, 0.08, 1.0, 5.0)] == [0, 1, 2, 20, 20]


def test_moments_are_spread_over_the_longest(legs: Character) -> None:
    moments = strip_moments([walking(legs, 11), walking(legs, 21)], 5)
    np.testing.assert_allclose(moments, [0.0, 0.25, 0.5, 0.75, 1.0])


@pytest.mark.parametrize("size", [(96, 120), (300, 100)])
@pytest.mark.parametrize("reach", [0.0, 0.3])
def test_nobody_leaves_the_picture_or_is_lost_in_it(
    legs: Character, size: tuple[int, int], reach: float
) -> None:
    """Drawn big, the figure fills most of the picture but touches no edge."""
    backend = choose_backend()
    if backend == STICK_FIGURE:
        pytest.skip("no OpenGL works on this machine")
    for take in (walking(legs), lying(legs, reach)):
        (path,) = cameras([take], size)
        with SceneRenderer(legs, *size, backend=backend) as renderer:
            for index in (0, len(take.poses) // 2, len(take.poses) - 1):
                picture = renderer.render(take.poses[index], None, path[index]).astype(int)
                red = picture[..., 0] > picture[..., 2] + 40  # the links are red
                rows, columns = np.flatnonzero(red.any(axis=1)), np.flatnonzero(red.any(axis=0))
                assert rows[0] > 0 and rows[-1] < size[1] - 1
                assert columns[0] > 0 and columns[-1] < size[0] - 1
                assert max(np.ptp(rows) / size[1], np.ptp(columns) / size[0]) > 0.4


def test_two_characters_are_seen_from_the_same_distance(legs: Character, bob: Character) -> None:
    count = 11
    standing = Poses(
        np.tile([3.0, 4.0, 0.9], (count, 1)), np.tile([0.0, 0.0, 0.0, 1.0], (count, 1)),
        np.zeros((count, 32)),
    )  # fmt: skip
    first, second = cameras([Take("bob", bob, standing, 0.05), walking(legs)], SIZE)
    assert first[0].distance == second[0].distance
    assert first[0].lookat[2] == second[0].lookat[2]
    # Each camera follows its own.
    assert np.hypot(first[0].lookat[0] - 3.0, first[0].lookat[1] - 4.0) < 0.2
    assert np.hypot(second[0].lookat[0], second[0].lookat[1]) < 0.2
    alone = cameras([Take("bob", bob, standing, 0.05)], SIZE)[0]
    assert alone[0].distance <= first[0].distance


def test_a_strip_has_a_row_a_take_and_shows_the_motion(legs: Character) -> None:
    takes = [walking(legs), walking(legs, 9)]
    pictures = drawn(takes, 4)
    assert not np.array_equal(pictures[0, 0], pictures[0, 3])
    assert np.array_equal(pictures[0, 0], pictures[1, 0])
    # The second ends after 0.4 s; at 0.67 s and 1 s there is nothing to show.
    assert pictures[1, 1].std() > 5.0
    assert (pictures[1, 2:] == 255).all()
    sheet = compose_strip(takes, pictures)
    assert sheet.shape[1] == 4 * 96 + 3 * 4
    assert sheet.shape[0] > 2 * 120
    for column in range(4):  # a time under each picture
        assert (sheet[-18:, column * 100 : column * 100 + 96] < 128).any()
    assert (sheet[:18, :60] < 128).any()  # a name over the row


def test_a_film_lasts_as_long_as_its_longest_take(legs: Character) -> None:
    takes = [walking(legs), walking(legs, 9)]
    assert film_length(takes, 20.0) == 21
    assert film_length(takes, 20.0, speed=0.5) == 41
    pictures = list(film(takes, (192, 120), 20.0, backend=STICK_FIGURE))
    assert len(pictures) == 21
    assert all(picture.shape == (120, 192, 3) for picture in pictures)
    # The right one waits in its last pose from 0.4 s on.
    assert np.array_equal(pictures[12][:, 96:], pictures[20][:, 96:])
    assert not np.array_equal(pictures[12][:, :96], pictures[20][:, :96])


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda legs: list(film_strip([], 3)), "at least 1"),
        (lambda legs: list(film_strip([walking(legs)], 0)), "at least 1"),
        (lambda legs: list(film([], SIZE)), "at least 1"),
        (lambda legs: list(film([walking(legs)] * 2, (97, 120))), "even"),
        (lambda legs: film_length([walking(legs)], 0.0), "must be positive"),
        (lambda legs: film_length([walking(legs)], 30.0, -1.0), "must be positive"),
    ],
)
def test_what_cannot_be_drawn_is_refused(legs: Character, draw, message: str) -> None:
    with pytest.raises(InputError, match=message):
        draw(legs)


def test_drawing_changes_no_pose(legs: Character, tmp_path: Path) -> None:
    take = walking(legs)
    before = take.poses.root_pos.copy()
    drawn([take], 3)
    np.testing.assert_array_equal(take.poses.root_pos, before)
