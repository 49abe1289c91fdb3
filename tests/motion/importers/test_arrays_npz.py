"""Archives of angles and of rotations: the same motion, however it is laid out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from animRL.motion.importers.arrays_npz import read_npz
from animRL.motion.importers.options import ImportOptions
from animRL.motion.importers.robot import AngleMotion
from animRL.motion.importers.source import SourceMotion
from animRL.motion.rotations import from_matrix
from animRL.utils.errors import InputError

FRAMES = 5
RANDOM = np.random.default_rng(0)
PLACE, ANGLES = RANDOM.normal(size=(FRAMES, 3)), RANDOM.normal(size=(FRAMES, 2))
QUAT = RANDOM.normal(size=(FRAMES, 4))
QUAT /= np.linalg.norm(QUAT, axis=1, keepdims=True)
WXYZ = QUAT[:, [3, 0, 1, 2]]
TREE = {
    "names": np.array(["root", "arm"]), "parents": np.array([-1, 0]),
    "offsets": np.array([[0.0, 0.0, 0.0], [0.0, 0.3, 0.0]]), "root_pos": PLACE, "fps": 50,
    "rotations": np.stack([QUAT, QUAT[::-1]], axis=1),
}  # fmt: skip


def read(folder: Path, arrays: dict, **options: float) -> AngleMotion | SourceMotion:
    np.savez(folder / "a.npz", **arrays)
    return read_npz(folder / "a.npz", ImportOptions(**options))


@pytest.mark.parametrize(
    "arrays",
    [
        {"root_pos": PLACE, "root_quat": QUAT, "joint_pos": ANGLES, "fps": 50},
        {"root_pos": PLACE, "root_rot": WXYZ, "dof_pos": ANGLES, "dt": 0.02, "quat_order": "wxyz"},
        {"qpos": np.hstack([PLACE, WXYZ, ANGLES]), "fps": 50},
    ],
)
def test_every_layout_of_angles_is_the_same_motion(tmp_path: Path, arrays: dict) -> None:
    motion = read(tmp_path, arrays)
    assert isinstance(motion, AngleMotion) and motion.dt == pytest.approx(0.02)
    np.testing.assert_allclose(motion.root_pos, PLACE)
    np.testing.assert_allclose(motion.root_quat, QUAT)
    np.testing.assert_allclose(motion.joint_pos, ANGLES)
    assert read(tmp_path, arrays, fps=25.0).dt == pytest.approx(0.04)


@pytest.mark.parametrize("order", ["xyzw", "wxyz"])
def test_rotations_on_the_files_own_skeleton(tmp_path: Path, order: str) -> None:
    rotations = TREE["rotations"] if order == "xyzw" else np.roll(TREE["rotations"], 1, axis=-1)
    motion = read(tmp_path, TREE | {"rotations": rotations, "quat_order": order})
    assert isinstance(motion, SourceMotion)
    assert [(joint.name, joint.parent) for joint in motion.joints] == [("root", -1), ("arm", 0)]
    np.testing.assert_allclose(motion.joints[1].offset, [0.0, 0.3, 0.0])
    same = np.abs((from_matrix(motion.turns) * TREE["rotations"]).sum(axis=-1))
    np.testing.assert_allclose(same, 1.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"parents": np.array([0, 0])}, r"parents\[0\] is 0; valid: -1 for the root"),
        ({"parents": np.array([-1, 1])}, r"parents\[1\] is 1; valid: a joint before it, 0 to 0"),
        ({"offsets": np.zeros((3, 3))}, r"offsets has shape \(3, 3\); valid: \(2, 3\)"),
        ({"names": None}, "no array 'names'"),
        ({"rotations": TREE["rotations"][:1], "root_pos": PLACE[:1]}, r"1 frame\(s\)"),
        ({"rotations": None}, "no known layout.*SMPL poses .*trans"),
    ],
)
def test_a_damaged_tree_is_one_line(tmp_path: Path, change: dict, message: str) -> None:
    arrays = {k: v for k, v in (TREE | change).items() if v is not None}
    with pytest.raises(InputError, match=message) as error:
        read(tmp_path, arrays)
    assert "a.npz" in str(error.value) and "\n" not in str(error.value)
