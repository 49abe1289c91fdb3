"""From a file to a clip: the pace of a walk and of keyframes, and the clips that ship."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

from animRL.cfg.characters.bob_config import BobConfig
from animRL.dataloader.clip import load_clip, save_clip
from animRL.motion.author.authoring import Pace, author_motion, paced, walk_style
from animRL.motion.author.description import Description, parse_description, read_toml
from animRL.motion.gait.gait_data import WalkStyle
from animRL.scripts.motion_commands.author import DESCRIPTIONS, described
from animRL.sim.character import Character
from animRL.utils.errors import InputError
from animRL.utils.paths import RESOURCES

CLIPS = RESOURCES / "datasets" / "bob3"

RUN = """
[motion]
frame_rate = 50
loop = true
mirror_second_half = true
duration = 0.8
cycle = { x = 2.0 }
[[keyframe]]
time = 0.0
root = { x = 0.1, z = 0.85 }
left_foot = [0.3, 0.1, 0.0, 5, 10]
[[keyframe]]
time = 0.2
[[plant]]
part = "left_foot"
from = 0.1
to = 0.3
"""


@pytest.fixture(scope="module")
def bob() -> Character:
    return Character.from_config(BobConfig())


@pytest.fixture
def run() -> Description:
    return parse_description(tomllib.loads(RUN), "run.toml")


def test_a_walk_is_as_described() -> None:
    style = walk_style({"speed": 1.2, "step_length": 0.6, "toe_lift": 5}, Pace(), "walk.toml")
    assert (style.speed, style.toe_lift, style.frames_per_cycle) == (1.2, 5.0, 50)
    assert style.stride == pytest.approx(1.2)
    assert walk_style({}, Pace(), "walk.toml") == WalkStyle()


def test_a_walks_pace_comes_before_its_description() -> None:
    values = {"speed": 1.2, "step_length": 0.6}
    style = walk_style(values, Pace(speed=0.8, step_length=0.5), "walk.toml")
    assert (style.speed, style.frames_per_cycle) == (0.8, 62)  # 1.25 s, to the nearest 40 ms
    assert walk_style(values, Pace(step_length=0.72), "walk.toml").frames_per_cycle == 60


def test_longer_steps_lower_the_hips() -> None:
    """So that the leg from the hip to a foot half a step ahead stays as long."""
    usual, long = (walk_style({"step_length": s}, Pace(), "a") for s in (0.644, 0.8))
    assert usual.pelvis_height == pytest.approx(WalkStyle().pelvis_height)
    for style, step in ((usual, 0.644), (long, 0.8)):
        leg = np.hypot(style.pelvis_height, 0.5 * step)
        assert leg == pytest.approx(np.hypot(0.844, 0.322), abs=1e-6)
    given = walk_style({"step_length": 0.8, "pelvis_height": 0.82}, Pace(), "a")
    assert given.pelvis_height == 0.82


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (3, "gait is 3; valid: a table"),
        ({"sped": 1.0}, r"gait: no 'sped' \(did you mean 'speed'\?\); available: step_length"),
        ({"speed": "fast"}, "gait.speed is 'fast'; valid: a number"),
        ({"speed": 3.0}, "gait: speed 3 m/s, step_length 0.644 m; valid: a walk of up to 2.5 m/s"),
        ({"speed": -1.0}, "gait: speed -1 m/s"),
        ({"step_length": 1.5}, r"gait: speed 1.15 m/s, step_length 1.5 m; .* 0.1 to 1.2 m"),
        ({"frames_per_cycle": 50}, "gait.frames_per_cycle cannot be set here; valid: the plain"),
        ({"foot_flat": 0.1}, "gait.foot_flat cannot be set here; valid: the plain numbers"),
        ({"frame_duration": 0.0}, "gait.frame_duration is 0; valid: 0.001 to 0.1"),
        ({"stance_share": -1.0}, "gait.stance_share is -1; valid: 0.5 to 0.8"),
        ({"load_transfer": 0.0}, "gait.load_transfer is 0; valid: 0.01 to 0.5"),
        ({"pelvis_height": 0.0}, "gait.pelvis_height is 0; valid: 0.1 to 10"),
    ],
)  # fmt: skip
def test_a_walk_that_is_none_is_one_line(values: object, message: str) -> None:
    with pytest.raises(InputError, match=f"^walk.toml: {message}") as error:
        walk_style(values, Pace(), "walk.toml")
    assert "\n" not in str(error.value)


def test_a_walk_of_another_speed_is_made(bob: Character, tmp_path: Path) -> None:
    path = tmp_path / "stroll.toml"
    path.write_text("[gait]\nspeed = 1.15\nstep_length = 0.6")
    clip = author_motion(bob, path, Pace(speed=0.9, step_length=0.5))
    way = clip.frames[-1, 0] - clip.frames[0, 0]
    assert way / clip.duration == pytest.approx(0.9)
    assert way == pytest.approx(1.0, abs=0.9 * 0.02)
    assert (clip.loop, clip.source) == (True, str(path))


def test_other_tables_beside_a_gait_are_refused(bob: Character, tmp_path: Path) -> None:
    path = tmp_path / "stroll.toml"
    path.write_text("[gait]\nspeed = 1.15\n[motion]\nloop = true")
    with pytest.raises(InputError, match="stroll.toml: tables: no 'motion'; available: gait"):
        author_motion(bob, path)


def test_the_shipped_walk_is_what_its_description_says(bob: Character, tmp_path: Path) -> None:
    save_clip(author_motion(bob, DESCRIPTIONS / "walk.toml"), tmp_path / "Walk.txt")
    assert (tmp_path / "Walk.txt").read_bytes() == (CLIPS / "Walk.txt").read_bytes()


def test_keyframes_at_their_own_pace_are_as_described(run: Description) -> None:
    assert paced(run, Pace()) is run
    same = paced(run, Pace(speed=2.5, step_length=1.0))
    assert same.duration == pytest.approx(0.8)
    assert [k.time for k in same.keyframes] == pytest.approx([0.0, 0.2])
    assert same.keyframes[0].root == pytest.approx({"x": 0.1, "z": 0.85})
    assert same.cycle == pytest.approx({"x": 2.0})


def test_keyframes_are_stretched_along_x_and_in_time(run: Description) -> None:
    """From 1 m steps at 2.5 m/s to 0.6 m at 1.5 m/s: as long, 0.6 times as far."""
    shorter = paced(run, Pace(speed=1.5, step_length=0.6))
    assert shorter.duration == pytest.approx(0.8)
    assert shorter.cycle == pytest.approx({"x": 1.2})
    assert shorter.keyframes[0].root == pytest.approx({"x": 0.06, "z": 0.85})
    assert shorter.keyframes[0].parts["left_foot"] == pytest.approx((0.18, 0.1, 0.0, 5.0, 10.0))


def test_a_speed_alone_keeps_the_steps_and_a_step_alone_the_speed(run: Description) -> None:
    faster = paced(run, Pace(speed=5.0))
    assert (faster.duration, faster.cycle["x"]) == (pytest.approx(0.4), pytest.approx(2.0))
    assert faster.keyframes[1].time == pytest.approx(0.1)
    assert (faster.plants[0].start, faster.plants[0].end) == pytest.approx((0.05, 0.15))
    longer = paced(run, Pace(step_length=1.5))
    assert (longer.duration, longer.cycle["x"]) == (pytest.approx(1.2), pytest.approx(3.0))


def test_a_paced_cycle_is_an_even_number_of_frames(run: Description) -> None:
    odd = paced(run, Pace(speed=2.7))
    frames = odd.duration * odd.frame_rate
    assert frames == pytest.approx(38)  # 37.04, so that the halves have as many


@pytest.mark.parametrize(
    "change", [("cycle = { x = 2.0 }", ""), ("x = 2.0", "x = -2.0")], ids=["in place", "backwards"]
)
def test_a_pace_is_for_what_travels_ahead(change: tuple[str, str]) -> None:
    still = parse_description(tomllib.loads(RUN.replace(*change)), "run.toml")
    with pytest.raises(InputError, match="^run.toml: speed and step_length are given; valid for"):
        paced(still, Pace(speed=2.0))


def test_every_clip_that_ships_has_its_description() -> None:
    clips = {path.stem.lower() for path in CLIPS.glob("*.txt")}
    assert {"walk", "cartwheel"} <= clips <= set(described())


def shipped_keyframes() -> list[str]:
    """Descriptions of keyframes whose clips ship."""
    found = [n for n in described() if "gait" not in read_toml(DESCRIPTIONS / f"{n}.toml")]
    return [name for name in found if (CLIPS / f"{name.capitalize()}.txt").exists()]


@pytest.mark.slow
@pytest.mark.parametrize("name", shipped_keyframes())
def test_authoring_again_gives_the_clip_that_ships(bob: Character, name: str) -> None:
    """To the last digit here; elsewhere sums are rounded otherwise.

    Noise of 1e-8 rad in the sketch moves the cartwheel by 3e-6.
    """
    again = author_motion(bob, DESCRIPTIONS / f"{name}.toml")
    clip = load_clip(CLIPS / f"{name.capitalize()}.txt")
    assert (again.joint_names, again.loop) == (clip.joint_names, clip.loop)
    assert again.frames.shape == clip.frames.shape
    layout = clip.layout
    for columns in (layout.root_pos, layout.root_rot, layout.joint_pos, layout.ee_pos):
        np.testing.assert_allclose(again.frames[:, columns], clip.frames[:, columns], atol=1e-3)
