from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from animRL.dataloader.clip import Clip, load_clip, save_clip
from animRL.motion.importers.entry import import_motion
from animRL.motion.importers.options import ImportOptions
from animRL.motion.skeleton_character import skeleton_character
from animRL.motion.trajectory import Trajectory, body_poses
from animRL.utils.errors import InputError
from tests.motion.importers.writers import (
    Bone,
    bvh_positions,
    bvh_text,
    channel_count,
    humanoid,
    in_project_axes,
    wandering,
    write,
)

MIXAMO = {
    "pelvis": "mixamorig:Hips", "spine": "mixamorig:Spine", "chest": "mixamorig:Spine1",
    "neck": "mixamorig:Neck", "head": "mixamorig:Head",
}  # fmt: skip
UNREAL = {"pelvis": "pelvis", "spine": "spine_01", "chest": "spine_02", "neck": "neck_01",
          "head": "head"}  # fmt: skip
CMU = {"pelvis": "root", "spine": "lowerback", "chest": "thorax", "neck": "lowerneck",
       "head": "head"}  # fmt: skip
for side, letter in (("left", "l"), ("right", "r")):
    parts = ("clavicle", "shoulder", "elbow", "wrist", "hip", "knee", "ankle", "toe")
    words = ("Shoulder", "Arm", "ForeArm", "Hand", "UpLeg", "Leg", "Foot", "ToeBase")
    MIXAMO |= {f"{side}_{p}": f"mixamorig:{side.title()}{w}" for p, w in zip(parts, words)}
    words = ("clavicle", "upperarm", "lowerarm", "hand", "thigh", "calf", "foot", "ball")
    UNREAL |= {f"{side}_{p}": f"{w}_{letter}" for p, w in zip(parts, words)}
    words = ("clavicle", "humerus", "radius", "hand", "femur", "tibia", "foot", "toes")
    CMU |= {f"{side}_{p}": letter + w for p, w in zip(parts, words)}

# names, unit [m], what the report calls it, up axis, forward axis, order of the rotations
FILES = [
    pytest.param(MIXAMO, 0.01, "cm", "y", "z", "ZXY", id="mixamo-cm-y-up"),
    pytest.param(UNREAL, 1.0, "m", "z", "-y", "XYZ", id="unreal-m-z-up"),
    pytest.param(CMU, 0.0254, "inch", "y", "z", "YZX", id="cmu-inch-y-up"),
]


def positions(clip: Clip) -> dict[str, np.ndarray]:
    """World positions (T, 3) of the bodies of an imported clip, by forward kinematics."""
    assert clip.skeleton is not None
    character = skeleton_character(clip.skeleton)
    places, _ = body_poses(character, Trajectory.from_clip(clip))
    return {name: places[:, i] for i, name in enumerate(character.body_names)}


@pytest.mark.parametrize(("names", "unit", "unit_name", "up", "forward", "channels"), FILES)
def test_a_skeleton_of_any_names_units_and_axes_imports(
    tmp_path: Path, names: dict, unit: float, unit_name: str, up: str, forward: str, channels: str
) -> None:
    bones = humanoid(names, unit, up, channels)
    values = wandering(bones, unit, up, seed=3)
    path = write(tmp_path / "any.bvh", bvh_text(bones, values, 1.0 / 120.0))
    imported = import_motion(path)
    report = dict(imported.report)
    assert report["format"] == "BVH"
    assert report["up axis"].startswith(f"{up} ")
    assert report["forward axis"].startswith(f"{forward} ")
    assert f"({unit_name}:" in report["unit"]
    assert {role: report[role] for role in names} == names
    assert all("lowest foot joint" in text for text in imported.warnings)  # they swing in the air
    assert imported.clip.frame_duration == pytest.approx(1.0 / 120.0, abs=1e-7)
    expected = bvh_positions(bones, values)
    found = positions(imported.clip)
    assert set(found) == set(expected)
    for name, places in expected.items():
        np.testing.assert_allclose(found[name], in_project_axes(places, up, unit), atol=1e-5)


def test_the_saved_clip_moves_as_the_file_does(tmp_path: Path) -> None:
    bones = humanoid(MIXAMO, 0.01, "y", "ZYX")
    values = wandering(bones, 0.01, "y", seed=5)
    save_clip(
        import_motion(write(tmp_path / "a.bvh", bvh_text(bones, values, 0.01))).clip,
        tmp_path / "a.txt",
    )
    found = positions(load_clip(tmp_path / "a.txt"))
    for name, places in bvh_positions(bones, values).items():
        np.testing.assert_allclose(found[name], in_project_axes(places, "y", 0.01), atol=1e-5)


def test_at_rest_the_root_looks_along_x_with_the_left_at_y(tmp_path: Path) -> None:
    bones = humanoid(UNREAL, 1.0, "z", "XYZ")
    values = np.zeros((3, channel_count(bones)))
    values[:, 2] = 0.92
    clip = import_motion(write(tmp_path / "a.bvh", bvh_text(bones, values, 0.02))).clip
    found = positions(clip)
    np.testing.assert_allclose(clip.frames[0, clip.layout.root_rot], [0, 0, 0, 1], atol=1e-9)
    np.testing.assert_allclose(found["hand_l"][0] - found["upperarm_l"][0], [0, 0.56, 0], atol=1e-6)
    toes = found["ball_l"][0] - found["foot_l"][0]
    np.testing.assert_allclose(toes, [0.14, 0, -0.05], atol=1e-6)


def test_limbs_whose_frames_follow_the_bones_import(tmp_path: Path) -> None:
    """The zero pose is no standing pose, as in LAFAN1: all bones along their own x axis."""
    bones = [
        Bone("Hips", None, (0.0, 0.0, 0.0), "PZYX"),
        Bone("Spine", "Hips", (12.0, 0.0, 0.0), "ZYX"),
        Bone("Neck", "Spine", (40.0, 0.0, 0.0), "ZYX"),
        Bone("Head", "Neck", (12.0, 0.0, 0.0), "ZYX", (8.0, 0.0, 0.0)),
        *(
            Bone(
                f"{side}{part}",
                parent if parent == "Hips" else f"{side}{parent}",
                offset,
                "ZYX",
                end,
            )
            for side, z in (("Left", 10.0), ("Right", -10.0))
            for part, parent, offset, end in (
                ("UpLeg", "Hips", (0.0, 0.0, z), None),
                ("Leg", "UpLeg", (43.0, 0.0, 0.0), None),
                ("Foot", "Leg", (42.0, 0.0, 0.0), (6.0, 14.0, 0.0)),
            )
        ),
    ]
    values = np.zeros((20, channel_count(bones)))
    values[:, 1] = 92.0  # y up
    values[:, 3] = 90.0  # the spine's axis x turns up; then the legs are folded down by 180 degrees
    columns = {}
    column = 0
    for bone in bones:
        columns[bone.name] = column
        column += 6 if bone.parent is None else 3
    for name in ("LeftUpLeg", "RightUpLeg"):
        values[:, columns[name]] = 180.0 + 20.0 * np.sin(np.linspace(0.0, 6.0, 20))
    imported = import_motion(write(tmp_path / "bones.bvh", bvh_text(bones, values, 0.02)))
    assert "no standing pose" in dict(imported.report)["rest pose"]
    assert dict(imported.report)["up axis"].startswith("y ")
    found = positions(imported.clip)
    np.testing.assert_allclose(
        (found["Neck"] - found["Hips"])[:, 2], 0.52, atol=1e-6
    )  # upright in every frame
    expected = bvh_positions(bones, values)
    for name, places in expected.items():
        np.testing.assert_allclose(found[name][:, 2], 0.01 * places[:, 1], atol=1e-5)
    character = skeleton_character(imported.clip.skeleton)
    _, rotation = body_poses(character, Trajectory.from_clip(imported.clip))
    x, y, z, w = rotation[0, 0]  # upright, y to the left whatever way the body looks
    np.testing.assert_allclose([x, y], 0.0, atol=1e-6)
    left = found["LeftUpLeg"][0] - found["RightUpLeg"][0]
    np.testing.assert_allclose(left, 0.2 * np.array([-2 * w * z, w * w - z * z, 0.0]), atol=1e-6)


def test_options_override_what_is_detected(tmp_path: Path) -> None:
    bones = humanoid(MIXAMO, 0.01, "y", "ZXY")
    path = write(tmp_path / "a.bvh", bvh_text(bones, wandering(bones, 0.01, "y", 1), 0.02))
    role_map = write(tmp_path / "map.json", '{"chest": "mixamorig:Spine", "head": null}')
    imported = import_motion(
        path, options=ImportOptions(scale=0.02, forward="x", fps=25.0, role_map=role_map)
    )
    report = dict(imported.report)
    assert report["unit"] == "0.02 m (given)"
    assert report["forward axis"] == "x at rest (given)"
    assert report["chest"] == "mixamorig:Spine" and "head" not in report
    assert imported.clip.frame_duration == pytest.approx(0.04)
    doubled, plain = positions(imported.clip), positions(import_motion(path).clip)
    apart = [
        np.linalg.norm(p["mixamorig:LeftHand"] - p["mixamorig:RightFoot"], axis=1)
        for p in (doubled, plain)
    ]
    np.testing.assert_allclose(apart[0], 2.0 * apart[1], rtol=1e-5)


def test_positions_that_stretch_a_bone_are_replaced_by_their_mean(tmp_path: Path) -> None:
    bones = humanoid(MIXAMO, 0.01, "y", "ZXY")
    index = next(i for i, bone in enumerate(bones) if bone.name == "mixamorig:LeftLeg")
    bones[index] = replace(bones[index], channels="PZXY")
    values = np.zeros((4, channel_count(bones)))
    values[:, 1] = 92.0
    column = sum(3 if c == "P" else 1 for bone in bones[:index] for c in bone.channels)
    values[:, column + 1] = [-40.0, -44.0, -40.0, -44.0]
    imported = import_motion(write(tmp_path / "a.bvh", bvh_text(bones, values, 0.02)))
    assert len(imported.warnings) == 1 and "LeftLeg" in imported.warnings[0]
    found = positions(imported.clip)
    length = np.linalg.norm(found["mixamorig:LeftLeg"] - found["mixamorig:LeftUpLeg"], axis=1)
    np.testing.assert_allclose(length, 0.42, atol=1e-6)


def short_file() -> str:
    bones = humanoid(MIXAMO, 0.01, "y", "ZXY")
    values = np.zeros((3, channel_count(bones)))
    values[:, 1] = 92.0
    return bvh_text(bones, values, 0.02)


DAMAGED = [
    pytest.param(lambda t: t[: len(t) // 3], "cut short|MOTION|OFFSET|CHANNELS", id="cut early"),
    pytest.param(
        lambda t: t[: t.rindex("\n", 0, -5) + 1], "2 frames where Frames says 3", id="row cut"
    ),
    pytest.param(lambda t: t[:-40], "numbers; valid: ", id="last row cut"),
    pytest.param(lambda t: t.replace("92.00000000", "nan", 1), "is 'nan'; valid: finite", id="nan"),
    pytest.param(lambda t: t.replace("92.00000000", "9z", 1), "is '9z'; valid: finite", id="word"),
    pytest.param(lambda t: t.replace("Frames: 3", "Frames: 9"), "Frames says 9", id="count"),
    pytest.param(lambda t: t.replace("Frames: 3", "Frames: x"), "a whole number", id="no count"),
    pytest.param(lambda t: t.replace("Time: 0.02", "Time: 0.00"), "is 0 s a frame", id="time 0"),
    pytest.param(lambda t: t.replace("Time: 0.02", "Time: 33.3"), "at most 1", id="milliseconds"),
    pytest.param(lambda t: t.replace("Frame Time", "Rate"), "no 'Frame Time:'", id="no time"),
    pytest.param(
        lambda t: t.replace("Zrotation", "Wrotation", 1), "line 5: channel 'wrot", id="axis"
    ),
    pytest.param(
        lambda t: t.replace("CHANNELS 3", "CHANNELS 4", 1), "another number", id="channels"
    ),
    pytest.param(lambda t: t.replace("OFFSET", "OFSET", 1), "line 4: 'OFSET'", id="keyword"),
    pytest.param(lambda t: t.replace("RightArm", "LeftArm", 1), "second joint named", id="twice"),
    pytest.param(lambda t: t.replace("\t}\n", "", 1), "before the hierarchy is closed", id="brace"),
    pytest.param(
        lambda t: t.replace("\t\tOFFSET 0.0", "\t\tOFFSET a", 1), "three numbers", id="offset"
    ),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGED)
def test_a_damaged_file_is_one_line(tmp_path: Path, damage, message: str) -> None:
    path = write(tmp_path / "bad.bvh", damage(short_file()))
    with pytest.raises(InputError, match=message) as error:
        import_motion(path)
    assert "bad.bvh" in str(error.value) and "\n" not in str(error.value)


def test_a_minute_at_120_hz_with_60_joints_takes_seconds(tmp_path: Path) -> None:
    bones = humanoid(MIXAMO, 0.01, "y", "ZXY")
    hands = ("mixamorig:LeftHand", "mixamorig:RightHand")
    for hand in hands:
        place = next(i for i, bone in enumerate(bones) if bone.name == hand)
        bones[place] = replace(bones[place], end=None)
        fingers = [
            Bone(f"{hand}{finger}{part}", hand if part == 1 else f"{hand}{finger}{part - 1}",
                 (3.0, 0.0, float(number)))
            for number, finger in enumerate(("Thumb", "Index", "Middle", "Ring", "Pinky"))
            for part in (1, 2, 3, 4)
        ]  # fmt: skip
        bones[place + 1 : place + 1] = fingers
    values = wandering(bones, 0.01, "y", seed=2, frames=7200)
    path = write(tmp_path / "long.bvh", bvh_text(bones, values, 1.0 / 120.0))
    start = time.perf_counter()
    clip = import_motion(path).clip
    took = time.perf_counter() - start
    assert len(clip.frames) == 7200 and len(bones) == 61
    assert took < 25.0


def test_a_unit_that_cannot_be_known_is_called_a_guess(tmp_path: Path) -> None:
    bones = [
        Bone("a", None, (0.0, 0.0, 0.0), "PZXY"),
        Bone("b", "a", (0.0, 9.0, 0.0), end=(1, 2, 3)),
    ]
    imported = import_motion(write(tmp_path / "a.bvh", bvh_text(bones, np.zeros((3, 9)), 0.02)))
    assert "guess" in dict(imported.report)["unit"]
    assert any("--scale" in text for text in imported.warnings)
    given = import_motion(tmp_path / "a.bvh", options=ImportOptions(scale=0.1))
    np.testing.assert_allclose(positions(given.clip)["b"][0], [0.0, 0.0, 0.9], atol=1e-6)


@pytest.mark.parametrize(("up", "rest_up"), [("z", "y"), ("y", "y")])
def test_a_lying_body_and_a_world_of_other_axes_are_told_apart(
    tmp_path: Path, up: str, rest_up: str
) -> None:
    """Legs along z: a body that stands in a world with z up, or lies in one with y up."""
    bones = humanoid(MIXAMO, 0.01, rest_up, "XYZ")
    values = np.zeros((5, channel_count(bones)))
    values[:, 3] = 90.0  # about x: the rest pose's up, y, turns to z
    height = 2 if up == "z" else 1
    values[:, :3] = 300.0
    values[:, height] = 92.0 if up == "z" else 12.0
    imported = import_motion(write(tmp_path / "a.bvh", bvh_text(bones, values, 0.02)))
    assert dict(imported.report)["up axis"].startswith(up)
    found = positions(imported.clip)
    tall = (found["mixamorig:Head"] - found["mixamorig:LeftFoot"])[0]
    assert (tall[2] > 1.0) == (up == "z")


def test_swapped_names_are_suspected(tmp_path: Path) -> None:
    other = {"Left": "Right", "Right": "Left"}
    names = {
        role: re.sub("Left|Right", lambda found: other[found.group()], name)
        for role, name in MIXAMO.items()
    }
    bones = humanoid(names, 0.01, "y", "XYZ")
    values = np.zeros((5, channel_count(bones)))
    values[:, 1] = 92.0
    imported = import_motion(write(tmp_path / "a.bvh", bvh_text(bones, values, 0.02)))
    assert any("left and right may be swapped" in text for text in imported.warnings)


def test_a_body_named_world_is_no_trouble(tmp_path: Path) -> None:
    bones = humanoid({**MIXAMO, "pelvis": "world"}, 0.01, "y", "XYZ")
    values = np.zeros((3, channel_count(bones)))
    values[:, 1] = 92.0
    clip = import_motion(write(tmp_path / "a.bvh", bvh_text(bones, values, 0.02))).clip
    assert clip.skeleton is not None and clip.skeleton.joints[0].name == "world_joint"


def test_a_joint_that_spins_on_and_on_is_one_line(tmp_path: Path) -> None:
    bones = humanoid(MIXAMO, 0.01, "y", "XYZ")
    values = np.zeros((200, channel_count(bones)))
    values[:, 1] = 92.0
    values[:, 6] = np.linspace(0.0, 3600.0, 200)
    with pytest.raises(InputError, match="Spine_y has turned to .* two full turns"):
        import_motion(write(tmp_path / "a.bvh", bvh_text(bones, values, 0.02)))
