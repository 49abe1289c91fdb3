from __future__ import annotations

from pathlib import Path

import pytest

from animRL.cfg.characters.bob_config import BobConfig
from animRL.motion.anatomy import (
    ROLES,
    checked_role_map,
    guess_roles,
    read_role_map,
    roles_of_character,
    with_role_map,
)
from animRL.sim.character import Character
from animRL.utils.errors import InputError

LIMBS = ("clavicle", "shoulder", "elbow", "wrist", "hip", "knee", "ankle", "toe")
# For each convention: names of pelvis, spine, chest, neck, head, then of the left limbs above,
# "-" where it has none, and what turns a left name into a right one.
CONVENTIONS = [
    pytest.param(
        "mixamorig:Hips mixamorig:Spine mixamorig:Spine2 mixamorig:Neck mixamorig:Head",
        "mixamorig:LeftShoulder mixamorig:LeftArm mixamorig:LeftForeArm mixamorig:LeftHand "
        "mixamorig:LeftUpLeg mixamorig:LeftLeg mixamorig:LeftFoot mixamorig:LeftToeBase",
        ("Left", "Right"), id="mixamo",
    ),
    pytest.param(
        "Hips Spine Spine2 Neck Head",
        "LeftShoulder LeftArm LeftForeArm LeftHand LeftUpLeg LeftLeg LeftFoot LeftToe",
        ("Left", "Right"), id="lafan1",
    ),
    pytest.param(
        "root lowerback thorax lowerneck head",
        "lclavicle lhumerus lradius lhand lfemur ltibia lfoot ltoes",
        ("l", "r"), id="cmu-asf",
    ),
    pytest.param(
        "Pelvis Spine1 Spine3 Neck Head",
        "L_Collar L_Shoulder L_Elbow L_Wrist L_Hip L_Knee L_Ankle L_Foot",
        ("L_", "R_"), id="smpl",
    ),
    pytest.param(
        "root - chest neck -",
        "- left_shoulder left_elbow left_wrist left_hip left_knee left_ankle -",
        ("left", "right"), id="deepmimic",
    ),
    pytest.param(
        "root spine0 spine1 neck head",
        "- left_shoulder left_forearm left_hand left_upper_leg left_leg left_foot left_toe",
        ("left", "right"), id="deepmimic-dog",
    ),
    pytest.param(
        "pelvis lumbar torso neck -",
        "lScapula lUpperArm lLowerArm lHand lUpperLeg lLowerLeg lFoot -",
        ("l", "r"), id="bob",
    ),
    pytest.param(
        "pelvis spine_01 spine_03 neck_01 head",
        "clavicle_l upperarm_l lowerarm_l hand_l thigh_l calf_l foot_l ball_l",
        ("_l", "_r"), id="unreal",
    ),
    pytest.param(
        "Bip01_Pelvis Bip01_Spine Bip01_Spine1 Bip01_Neck Bip01_Head",
        "Bip01_L_Clavicle Bip01_L_UpperArm Bip01_L_Forearm Bip01_L_Hand Bip01_L_Thigh "
        "Bip01_L_Calf Bip01_L_Foot Bip01_L_Toe0",
        ("_L_", "_R_"), id="biped",
    ),
    pytest.param(
        "Hips Chest Chest2 Neck Head",
        "LeftCollar LeftShoulder LeftElbow LeftWrist LeftHip LeftKnee LeftAnkle LeftToe",
        ("Left", "Right"), id="bvh-classic",
    ),
    pytest.param(
        "hip abdomen chest neck head",
        "lCollar lShldr lForeArm lHand lThigh lShin lFoot lToe",
        ("l", "r"), id="daz",
    ),
    pytest.param(
        "pelvis - torso_link - head_link",
        "- left_shoulder_yaw_link left_elbow_link left_wrist_yaw_link left_hip_yaw_link "
        "left_knee_link left_ankle_roll_link -",
        ("left", "right"), id="robot",
    ),
]  # fmt: skip
TRUNK = ("pelvis", "spine", "chest", "neck", "head")


@pytest.mark.parametrize(("trunk", "left", "sides"), CONVENTIONS)
def test_names_of_every_convention_are_understood(
    trunk: str, left: str, sides: tuple[str, str]
) -> None:
    expected = dict(zip(TRUNK, trunk.split(), strict=True))
    for limb, name in zip(LIMBS, left.split(), strict=True):
        right = name.replace(*sides, 1)
        assert right != name or name == "-"
        expected |= {f"left_{limb}": name, f"right_{limb}": right}
    expected = {role: name for role, name in expected.items() if name != "-"}
    names, parents = chain(expected)
    assert guess_roles(names, parents) == {
        role: expected[role] for role in ROLES if role in expected
    }


def chain(names: dict[str, str]) -> tuple[list[str], list[int]]:
    """Names and parents of a body that has these roles."""
    above = {"spine": ["pelvis"], "chest": ["spine", "pelvis"], "neck": ["chest"],
             "head": ["neck", "chest"]}  # fmt: skip
    for side in ("left", "right"):
        for start, limb in (("chest", LIMBS[:4]), ("pelvis", LIMBS[4:])):
            for number, role in enumerate(limb):
                before = [f"{side}_{r}" for r in reversed(limb[:number])]
                above[f"{side}_{role}"] = [*before, start]
    order = [role for role in ROLES if role in names]
    parents = [
        order.index(next(r for r in above[role] if r in names)) if role in above else -1
        for role in order
    ]
    return [names[role] for role in order], parents


def test_twist_bones_and_the_hip_joint_of_cmu_are_passed_over() -> None:
    names = "Hips LHipJoint LeftUpLeg LeftUpLegTwist LeftLeg LeftFoot".split()
    roles = guess_roles(names, [-1, 0, 1, 2, 2, 4])
    assert roles["left_hip"] == "LeftUpLeg" and roles["left_knee"] == "LeftLeg"


def test_of_several_bodies_at_one_place_the_last_is_taken() -> None:
    names = "pelvis left_hip_pitch_link left_hip_roll_link left_hip_yaw_link".split()
    assert guess_roles(names, [-1, 0, 1, 2])["left_hip"] == "left_hip_yaw_link"


def test_names_that_mean_nothing_get_no_role() -> None:
    assert guess_roles(["a", "Joint_1", "tail", "left", "L5", "T12"]) == {}
    assert guess_roles([]) == {}


def test_bob_is_understood() -> None:
    roles = roles_of_character(Character.from_config(BobConfig()))
    assert roles["left_hip"] == "lUpperLeg" and roles["chest"] == "torso"
    assert roles["right_clavicle"] == "rScapula" and roles["pelvis"] == "pelvis"
    assert len(roles) == 18


NAMES = ("Hips", "LeftUpLeg", "LeftLeg")


def test_a_map_overrides_what_is_guessed() -> None:
    guessed = {"pelvis": "Hips", "left_hip": "LeftUpLeg", "left_knee": "LeftLeg"}
    given = {"left_hip": "LeftLeg", "pelvis": None}
    assert with_role_map(guessed, given) == {"left_hip": "LeftLeg"}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"left_hips": "LeftUpLeg"}, r"no role 'left_hips' \(did you mean left_hip"),
        ({"left_hip": "LeftUpperLeg"}, r"left_hip: no joint 'LeftUpperLeg' \(did you mean Left"),
        ({"left_hip": 3}, "no joint 3"),
        ({"left_hip": "LeftLeg", "left_knee": "LeftLeg"}, "'LeftLeg' has two roles"),
    ],
)
def test_a_wrong_map_is_one_line(data: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        checked_role_map(data, NAMES, "map.json")


@pytest.mark.parametrize(
    ("text", "message"), [("[1]", "no map; valid"), ("{", "not JSON"), (None, "cannot be read")]
)
def test_a_map_file_that_is_none_is_one_line(
    tmp_path: Path, text: str | None, message: str
) -> None:
    path = tmp_path / "map.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_role_map(path, NAMES)
