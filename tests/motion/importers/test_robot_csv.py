"""Rows of root and joints: told by their place, or by their names in any order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from animRL.motion.importers.options import ImportOptions
from animRL.motion.importers.robot import AngleMotion
from animRL.motion.importers.robot_csv import DEFAULT_FPS, looks_like_csv, read_csv
from animRL.utils.errors import InputError

ROOT = "x,y,z,qx,qy,qz,qw"
ROWS = np.random.default_rng(0).normal(size=(6, 9))
ROWS[:, 3:7] /= np.linalg.norm(ROWS[:, 3:7], axis=1, keepdims=True)


def read(folder: Path, values: np.ndarray, header: str | None = None, **options) -> AngleMotion:
    lines = [header] if header else []
    lines += [",".join(f"{value:.12g}" for value in row) for row in values]
    (folder / "a.csv").write_text("\n".join(lines))
    return read_csv(folder / "a.csv", ImportOptions(**options))


def test_without_a_header_the_root_comes_first(tmp_path: Path) -> None:
    motion = read(tmp_path, ROWS)
    np.testing.assert_allclose(motion.root_pos, ROWS[:, :3])
    np.testing.assert_allclose(motion.root_quat, ROWS[:, 3:7])
    np.testing.assert_allclose(motion.joint_pos, ROWS[:, 7:])
    assert motion.joint_names is None and motion.dt == pytest.approx(1.0 / DEFAULT_FPS)
    assert "assumed" in motion.notes[0]


@pytest.mark.parametrize(
    "header",
    [
        f"{ROOT},knee,hip",
        "root_pos_x,root_pos_y,root_pos_z,root_rot_x,root_rot_y,root_rot_z,root_rot_w,knee,hip",
        "root_translateX,root_translateY,root_translateZ,quat_x,quat_y,quat_z,quat_w,knee,hip",
    ],
)
def test_with_a_header_the_columns_may_stand_in_any_order(tmp_path: Path, header: str) -> None:
    order = np.random.default_rng(1).permutation(9)
    shuffled = ",".join(np.array(header.split(","))[order])
    motion = read(tmp_path, ROWS[:, order], shuffled, fps=50.0)
    np.testing.assert_allclose(motion.root_pos, ROWS[:, :3])
    np.testing.assert_allclose(motion.root_quat, ROWS[:, 3:7])
    assert motion.joint_names is not None and set(motion.joint_names) == {"knee", "hip"}
    knee = motion.joint_names.index("knee")
    np.testing.assert_allclose(motion.joint_pos[:, knee], ROWS[:, 7])
    assert motion.dt == pytest.approx(0.02) and not motion.notes


def test_times_give_the_rate_and_must_be_even(tmp_path: Path) -> None:
    header, times = f"time,frame,{ROOT},knee,hip", 0.01 * np.arange(6.0)
    table = np.column_stack([times, np.arange(6), ROWS])
    motion = read(tmp_path, table, header)
    assert motion.dt == pytest.approx(0.01) and motion.joint_names == ("knee", "hip")
    table[4:, 0] += 0.005
    with pytest.raises(InputError, match=r"steps by 0.015 s after frame 3, .*valid: even steps"):
        read(tmp_path, table, header)
    assert read(tmp_path, table, header, fps=100.0).dt == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (ROOT.replace("qw", "w_") + ",knee,hip", "no column 'qw' of the root"),
        (f"{ROOT},root_x,hip", "names 'x' of the root twice"),
    ],
)
def test_a_header_that_leaves_the_root_open_is_refused(
    tmp_path: Path, header: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path, ROWS, header)


def test_what_looks_like_rows() -> None:
    assert looks_like_csv("1,2,3,4,5,6,7") and looks_like_csv(f"{ROOT}\n1,2,3,4,5,6,7\n")
    for text in ("", "1,2,3,4,5,6", f"{ROOT}\n1,2,3\n", f"{ROOT}\na,b,c,d,e,f,g"):
        assert not looks_like_csv(text)
