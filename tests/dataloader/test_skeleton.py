from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from animRL.dataloader.clip import Clip, load_clip, permuted_to, save_clip
from animRL.dataloader.skeleton import Hinge, Skeleton, SkeletonJoint
from animRL.utils.errors import InputError

SKELETON = Skeleton(
    "arm",
    (
        SkeletonJoint("base", -1, (0.0, 0.0, 0.0), role="pelvis"),
        SkeletonJoint(
            "upper", 0, (0.0, 0.1, 0.5), (0.0, 0.0, 0.6, 0.8),
            (Hinge("upper_x", (1.0, 0.0, 0.0)), Hinge("upper_y", (0.0, 1.0, 0.0))),
        ),
        SkeletonJoint("lower", 1, (0.0, 0.0, -0.3), hinges=(Hinge("lower", (0.0, 0.6, 0.8)),)),
        SkeletonJoint("tip", 2, (0.0, 0.0, -0.25), radius=0.02),
    ),
)  # fmt: skip


def clip() -> Clip:
    frames = np.zeros((3, 7 + 3 + 3 + 6 + 3 + 3))
    frames[:, 6] = 1.0
    frames[:, 7:10] = [0.1, 0.2, 0.3]
    return Clip(frames, 0.02, SKELETON.hinge_names, ("tip",), skeleton=SKELETON)


def test_names_and_roles() -> None:
    assert SKELETON.joint_names == ("base", "upper", "lower", "tip")
    assert SKELETON.hinge_names == ("upper_x", "upper_y", "lower")
    assert SKELETON.roles == {"pelvis": "base"}


def test_a_skeleton_survives_the_file(tmp_path: Path) -> None:
    save_clip(clip(), tmp_path / "a.txt")
    assert load_clip(tmp_path / "a.txt").skeleton == SKELETON
    save_clip(replace(clip(), skeleton=None), tmp_path / "b.txt")
    assert load_clip(tmp_path / "b.txt").skeleton is None
    assert "Skeleton" not in (tmp_path / "b.txt").read_text()


def test_a_permuted_clip_keeps_its_skeleton() -> None:
    moved = permuted_to(clip(), ("lower", "upper_x", "upper_y"))
    assert moved.skeleton == SKELETON
    np.testing.assert_allclose(moved.frames[0, 7:10], [0.3, 0.1, 0.2])


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ((), "arm", "Skeleton is no skeleton"),
        (("Name",), 3, "Skeleton.Name is missing or no text"),
        (("Joints",), [], "Joints has 0; valid: 1 to 1000"),
        (("Joints", 1), "upper", r"Joints\[1\] is no object"),
        (("Joints", 1, "Parent"), 1, r"Joints\[1\].Parent is 1; valid: a joint before it"),
        (("Joints", 0, "Parent"), 0, r"Joints\[0\].Parent is 0; valid: -1"),
        (("Joints", 1, "Offset"), [0, 0], r"Joints\[1\].Offset is \[0, 0\]; valid: 3 finite"),
        (("Joints", 1, "Offset", 1), float("nan"), r"Joints\[1\].Offset"),
        (("Joints", 1, "Rotation"), [0, 0, 0, 0], r"Joints\[1\].Rotation has length 0; valid: 1"),
        (("Joints", 1, "Hinges"), "x", r"Joints\[1\].Hinges is no list"),
        (("Joints", 1, "Hinges", 0, "Axis"), [1, 1, 0], r"Hinges\[0\].Axis has length 1.414"),
        (("Joints", 1, "Hinges", 0, "Name"), "", r"Hinges\[0\].Name is ''; valid: a name"),
        (("Joints", 1, "Hinges", 0, "Name"), "lower", "the hinge name 'lower' is there twice"),
        (("Joints", 1, "Hinges", 0, "Name"), "other", "other hinges than JointNames"),
        (("Joints", 1, "Name"), "base", "the joint name 'base' is there twice"),
        (("Joints", 1, "Role"), "pelvis", "the role name 'pelvis' is there twice"),
        (("Joints", 3, "Radius"), -1, r"Joints\[3\].Radius is -1"),
        (("Joints", 0, "Hinges"), [{"Name": "a", "Axis": [1, 0, 0]}], "the root moves freely"),
    ],
)
def test_a_damaged_skeleton_is_one_line(
    tmp_path: Path, path: tuple, value: object, message: str
) -> None:
    save_clip(clip(), tmp_path / "a.txt")
    data = json.loads((tmp_path / "a.txt").read_text())
    whole = copy.deepcopy(data)
    if path:
        target = data["Skeleton"]
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = value
    else:
        data["Skeleton"] = value
    assert str(data) != str(whole)
    (tmp_path / "a.txt").write_text(json.dumps(data))
    with pytest.raises(InputError, match=message) as error:
        load_clip(tmp_path / "a.txt")
    assert "a.txt" in str(error.value) and "\n" not in str(error.value)
