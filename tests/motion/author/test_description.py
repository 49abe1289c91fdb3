"""Descriptions: what is read, and that whatever is wrong is one line with file and field."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from animRL.motion.author.description import Keyframe, Plant, parse_description, read_toml
from animRL.scripts.motion_commands.author import DESCRIPTIONS
from animRL.utils.errors import InputError

GOOD = """
[motion]
frame_rate = 20
loop = true
cycle = { x = 0.5, y = 0.1 }
weights = { z = 2, Knee = 0.5 }

[limits]
Knee = [5, 60]

[pose.stand]
both = { Knee = 10, Hip_1 = -5 }
joints = { lowerback_x = 3 }

[[keyframe]]
time = 0
pose = "stand"
root = { x = 0.0, z = 0.9, pitch = 5 }
left = { Knee = 20 }
left_foot = [0.1, 0.2]
right_hand = [1, -0.5, 0.3]

[[keyframe]]
time = 1.5
right_foot = [0.1, -0.2, 0.0, 15, 30]

[[plant]]
part = "left_toes"
from = 0.0
to = 1.0
"""


def parse(text: str):
    return parse_description(tomllib.loads(text), "nod.toml")


def test_what_is_written_is_read() -> None:
    found = parse(GOOD)
    assert (found.source, found.frame_rate) == ("nod.toml", 20.0)
    assert (found.duration, found.loop, found.mirror_second_half) == (1.5, True, False)
    assert found.cycle == {"x": 0.5, "y": 0.1}
    assert found.weights == {"z": 2.0, "Knee": 0.5}
    assert found.limits == {"Knee": (5.0, 60.0)}
    assert found.keyframes == (
        Keyframe(
            0.0,
            {"x": 0.0, "z": 0.9, "pitch": 5.0},
            (
                ("both", "Knee", 10.0), ("both", "Hip_1", -5.0), ("joints", "lowerback_x", 3.0),
                ("left", "Knee", 20.0),
            ),
            {"left_foot": (0.1, 0.2, 0.0, 0.0, 0.0), "right_hand": (1.0, -0.5, 0.3, 0.0, 0.0)},
        ),
        Keyframe(1.5, parts={"right_foot": (0.1, -0.2, 0.0, 15.0, 30.0)}),
    )  # fmt: skip
    assert found.plants == (Plant("left_toes", 0.0, 1.0),)


def test_what_is_left_out_has_a_default() -> None:
    found = parse("[motion]\n[[keyframe]]\ntime = 0\nroot = { z = 1 }\n[[keyframe]]\ntime = 2.0")
    assert (found.frame_rate, found.duration) == (50.0, 2.0)
    assert (found.loop, found.mirror_second_half) == (False, False)
    assert not (found.cycle or found.weights or found.plants or found.limits)


def test_what_ships_can_be_read() -> None:
    for path in sorted(DESCRIPTIONS.glob("*.toml")):
        data = read_toml(path)
        if "gait" not in data:
            assert parse_description(data, str(path)).keyframes


NO_LOOP = ("loop = true", "")
MIRRORED = ("loop = true", "loop = true\nmirror_second_half = true")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([("[motion]", "[movement]")], "tables: no 'movement'.*; available: motion, limits"),
        ([("[motion]", "[pose.x]")], "motion is missing or no table"),
        ([("y = 0.1", "yaw = 90")], "motion.cycle: valid: yaw alone, or x and y"),
        ([("loop =", "lop =")], r"motion: no 'lop' \(did you mean 'loop'\?\); available"),
        ([("loop = true", "loop = 'yes'")], "motion.loop is 'yes'; valid: true or false"),
        ([("loop = true", "mirror_second_half = 1")], "motion.mirror_second_half is 1; valid:"),
        ([("rate = 20", "rate = 'fast'")], "motion.frame_rate is 'fast'; valid: a number"),
        ([("rate = 20", "rate = 0")], "motion.frame_rate is 0; valid: 1 to 1000"),
        ([("rate = 20", "rate = inf")], "motion.frame_rate is inf; valid: a number"),
        ([("frame_rate = 20", "duration = true")], "motion.duration is True; valid: a number"),
        ([("rate = 20", "rate = 1")], "motion.duration is 1.5; valid: at least two frames, 2 s"),
        ([("frame_rate = 20", "duration = -1")], "motion.duration is -1; valid: at least two"),
        ([("y = 0.1 }", "z = 1 }")], "motion.cycle: no 'z'; available: x, y, yaw"),
        ([("y = 0.1 }", "y = nan }")], "motion.cycle.y is nan; valid: a number"),
        ([("{ x = 0.5, y = 0.1 }", "3")], "motion.cycle is missing or no table"),
        ([NO_LOOP], "motion.cycle: valid for a motion that loops"),
        ([MIRRORED], "motion.cycle: valid with mirror_second_half: x alone"),
        ([NO_LOOP, ("cycle = { x = 0.5, y = 0.1 }", "mirror_second_half = true")],
         "motion.mirror_second_half: valid for a motion that loops"),
        ([MIRRORED, (", y = 0.1", "")],
         "keyframe 2: time is 1.5; valid: 0 to 0.75 s, half of the mirrored motion"),
        ([("Knee = 0.5 }", "Knee = -1 }")], "motion.weights.Knee is -1; valid: 0 or more"),
        ([("Knee = [5, 60]", "Knee = 60")], r"limits.Knee is 60; valid: \[lowest, highest\]"),
        ([("Knee = [5, 60]", "Knee = [5]")], r"limits.Knee is \[5\]; valid: \[lowest, highest\]"),
        ([("[5, 60]", "[5, 'far']")], "limits.Knee is 'far'; valid: a number"),
        ([("[5, 60]", "[60, 5]")], r"limits.Knee is \[60, 5\]; valid: the lowest angle first"),
        ([("time = 1.5", "time = 0")], "keyframes: valid: at least two, in order of their times"),
        ([("time = 0", "time = -0.1")], "keyframe 1: time is -0.1; valid: 0 to 1.5 s"),
        ([("rate = 20", "rate = 20\nduration = 1.0")], "keyframe 2: time is 1.5; valid: 0 to 1 s"),
        ([("z = 0.9", "y = 0.9")], "keyframes: no root.z; valid: the root's height in at least"),
        ([("time = 0", "")], "keyframe 1: time is None; valid: a number"),
        ([("time = 0", "tme = 0")], "keyframe 1: no 'tme' .*available: time, root, pose, both"),
        ([("pitch = 5", "ptch = 5")], r"keyframe 1: root: no 'ptch' \(did you mean 'pitch'\?\)"),
        ([("pitch = 5", "pitch = 'low'")], "keyframe 1: root.pitch is 'low'; valid: a number"),
        ([('pose = "stand"', 'pose = "stnd"')], "keyframe 1: pose: no 'stnd' .*available: stand"),
        ([('pose = "stand"', "pose = 3")], "keyframe 1: pose: no '3'; available: stand"),
        ([("both = {", "boh = {")], "keyframe 1: pose stand: no 'boh' .*available: both, joints"),
        ([("left = {", "left = 3 #")], "keyframe 1: left is missing or no table"),
        ([("Knee = 20", "Knee = '20'")], "keyframe 1: left.Knee is '20'; valid: a number"),
        ([("[0.1, 0.2]", "[0.1]")], r"keyframe 1: left_foot is \[0.1\]; valid: \[x, y, z, yaw"),
        ([("[0.1, 0.2]", "'here'")], "keyframe 1: left_foot is 'here'; valid:"),
        ([("[0.1, 0.2]", "[0.1, 'y']")], "keyframe 1: left_foot is 'y'; valid: a number"),
        ([("-0.5, 0.3]", "-0.5, 0.3, 9]")], r"keyframe 1: right_hand is .*valid: \[x, y, z\]"),
        ([("left_toes", "left_tows")], r"plant 1: part: no 'left_tows' \(did you mean 'left_toes'"),
        ([("to = 1.0", "to = 0.0")], r"plant 1: to is 0.0; valid: after from \(0.0\)"),
        ([("to = 1.0", "until = 1.0")], "plant 1: no 'until'; available: part, from, to"),
        ([("from = 0.0", "from = 1.6"), ("to = 1.0", "to = 1.7")],
         "plant 1: from 1.6 to 1.7; valid: within the motion, 0 to 1.5 s"),
        ([("[[plant]]", "[plant]")], r"plant is no list; valid: tables headed \[\[plant\]\]"),
    ],
)  # fmt: skip
def test_bad_words_are_one_line(changes: list[tuple[str, str]], message: str) -> None:
    text = GOOD
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    with pytest.raises(InputError, match=f"^nod.toml: {message}") as error:
        parse(text)
    assert "\n" not in str(error.value)


def test_a_list_of_keyframes_that_is_none() -> None:
    for value in (3, {"time": 0}, ["now", "then"]):
        with pytest.raises(InputError, match="^a: keyframe"):
            parse_description({"motion": {}, "keyframe": value}, "a")


def test_files_that_are_no_toml(tmp_path: Path) -> None:
    path = tmp_path / "walk.toml"
    with pytest.raises(InputError, match=r"walk.toml: cannot be read \(No such file"):
        read_toml(path)
    with pytest.raises(InputError, match=r"cannot be read \(Is a directory\)"):
        read_toml(tmp_path)
    for content in (b"time = = 3", b"\xff\xfe\x00"):
        path.write_bytes(content)
        with pytest.raises(InputError, match="walk.toml: not a description in TOML: .+"):
            read_toml(path)
