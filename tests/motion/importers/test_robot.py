"""CSV and npz of joint angles, on models written by the tests."""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np
import pytest

from animRL.cfg.characters.bob_config import BobConfig
from animRL.motion.importers.entry import import_motion
from animRL.motion.importers.options import ImportOptions
from animRL.motion.skeleton_character import skeleton_character
from animRL.motion.trajectory import Trajectory, body_poses
from animRL.sim.character import Character
from animRL.utils.errors import InputError

# Hinges beside their bodies' origins, turned bodies, two hinges on one body, a mesh that is
# not there, a reference angle, a drive and a sensor: what robots' models hold.
MODEL = """<mujoco model="walker">
  <compiler angle="degree"/>
  <asset><mesh name="shell" file="shell.stl"/></asset>
  <worldbody>
    <geom type="plane" size="1 1 1"/>
    <body name="pelvis" pos="0 0 0.8"><freejoint/>
      <geom type="mesh" mesh="shell"/>
      <body name="left_thigh" pos="0 0.1 0" euler="10 0 20">
        <joint name="left_hip_roll_joint" axis="1 0 0" pos="0 0 0.03"/>
        <joint name="left_hip_pitch_joint" axis="0 1 0" pos="0 0 0.03"/>
        <geom type="capsule" size="0.03" fromto="0 0 0 0 0 -0.4"/>
        <body name="left_shin" pos="0 0 -0.4">
          <joint name="left_knee_joint" axis="0 1 0" ref="15"/>
          <geom type="capsule" size="0.03" fromto="0 0 0 0 0 -0.4"/>
          <body name="left_foot" pos="0 0 -0.4"><geom size="0.03"/></body>
        </body>
      </body>
      <body name="right_thigh" pos="0 -0.1 0">
        <joint name="right_knee_joint" axis="0 1 0" pos="0.02 0 0"/>
        <geom type="capsule" size="0.03" fromto="0 0 0 0 0 -0.4"/>
      </body>
    </body>
  </worldbody>
  <actuator><motor joint="left_knee_joint"/></actuator>
  <sensor><jointpos joint="left_knee_joint"/></sensor>
</mujoco>"""
JOINTS = ("left_hip_roll_joint", "left_hip_pitch_joint", "left_knee_joint", "right_knee_joint")
URDF = """<robot name="arm">
  <link name="base"><visual><geometry><mesh filename="none.dae"/></geometry></visual></link>
  <link name="upper"><collision><geometry><mesh filename="none.stl"/></geometry></collision></link>
  <link name="hand"/>
  <joint name="shoulder" type="revolute"><parent link="base"/><child link="upper"/>
    <origin xyz="0 0 0.3" rpy="0.3 0 0"/><axis xyz="0 1 0"/>
    <limit lower="-1" upper="1" effort="1" velocity="1"/></joint>
  <joint name="wrist" type="fixed"><parent link="upper"/><child link="hand"/>
    <origin xyz="0 0 0.4"/></joint>
</robot>"""
FRAMES = 12


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "walker.xml"
    path.write_text(MODEL)
    return path


def rows(joints: int = 4, seed: int = 0) -> np.ndarray:
    """Rows (T, 7 + J) of a body that stands and turns about z."""
    time = np.linspace(0.0, 1.0, FRAMES)[:, None]
    phase = np.random.default_rng(seed).uniform(0.0, 6.0, (1, joints))
    root = np.concatenate([time, 0.2 * time, 0.0 * time + 0.8], axis=1)
    quat = np.concatenate([0 * time, 0 * time, np.sin(0.3 * time), np.cos(0.3 * time)], axis=1)
    return np.concatenate([root, quat, 0.4 * np.sin(5.0 * time + phase)], axis=1)


def csv(path: Path, values: np.ndarray, header: str | None = None) -> Path:
    lines = [header] if header else []
    lines += [",".join(f"{value:.10g}" for value in row) for row in values]
    path.write_text("\n".join(lines) + "\n")
    return path


def by_mujoco(values: np.ndarray, points: dict[str, tuple[float, float, float]]) -> dict:
    """World places (T, 3) of points of the model's bodies, by MuJoCo's own kinematics."""
    text = MODEL.replace('<asset><mesh name="shell" file="shell.stl"/></asset>', "")
    text = text.replace('<geom type="mesh" mesh="shell"/>', '<geom size="0.1"/>')
    model = mujoco.MjModel.from_xml_string(text)
    data = mujoco.MjData(model)
    found: dict[str, list[np.ndarray]] = {name: [] for name in points}
    for row in values:
        data.qpos[:] = np.concatenate([row[:3], row[[6, 3, 4, 5]], row[7:]])
        mujoco.mj_kinematics(model, data)
        for name, point in points.items():
            frame = data.body(name).xmat.reshape(3, 3)
            found[name].append(data.body(name).xpos + frame @ np.array(point))
    return {name: np.array(places) for name, places in found.items()}


# The skeleton's joints stand where the hinges are.
HINGE_POINTS = {
    "pelvis": (0.0, 0.0, 0.0), "left_thigh": (0.0, 0.0, 0.03), "left_shin": (0.0, 0.0, 0.0),
    "left_foot": (0.0, 0.0, 0.0), "right_thigh": (0.02, 0.0, 0.0),
}  # fmt: skip


def assert_moves_as_the_model(clip, values: np.ndarray) -> None:
    character = skeleton_character(clip.skeleton)
    places, _ = body_poses(character, Trajectory.from_clip(clip))
    for name, expected in by_mujoco(values, HINGE_POINTS).items():
        np.testing.assert_allclose(
            places[:, character.body_names.index(name)], expected, atol=1e-5, err_msg=name
        )


def test_a_csv_moves_as_the_robots_model_does(tmp_path: Path, model: Path) -> None:
    values = rows()
    imported = import_motion(csv(tmp_path / "a.csv", values), options=ImportOptions(skeleton=model))
    report = imported.report
    assert ("format", "CSV of root and joint angles") in report
    assert any("30 frames a second assumed" in value for _, value in report)
    assert imported.clip.joint_names == JOINTS
    assert_moves_as_the_model(imported.clip, values)


def test_a_header_gives_order_and_time(tmp_path: Path, model: Path) -> None:
    values = rows()
    time = np.arange(FRAMES)[:, None] / 50.0
    shuffled = np.concatenate([values[:, [9, 7, 10, 8]], time, values[:, :7]], axis=1)
    header = ",".join([JOINTS[2], "left_hip_roll_dof", JOINTS[3], JOINTS[1], "Time",
                       *("root_x", "root_y", "root_z"), *("root_qx", "root_qy"),
                       *("root_qz", "root_qw")])  # fmt: skip
    imported = import_motion(
        csv(tmp_path / "a.csv", shuffled, header), options=ImportOptions(skeleton=model)
    )
    assert imported.clip.frame_duration == pytest.approx(0.02)
    assert_moves_as_the_model(imported.clip, values)


@pytest.mark.parametrize("layout", ["angles", "names", "qpos", "wxyz"])
def test_npz_layouts_of_joint_angles(tmp_path: Path, model: Path, layout: str) -> None:
    values = rows()
    pos, quat, angles = values[:, :3], values[:, 3:7], values[:, 7:]
    arrays = {
        "angles": {"root_pos": pos, "root_rot": quat, "dof_pos": angles, "fps": 50},
        "names": {"root_pos": pos, "root_quat": quat, "joint_pos": angles[:, ::-1],
                  "joint_names": np.array(JOINTS[::-1]), "dt": 0.02},
        "qpos": {"qpos": np.concatenate([pos, quat[:, [3, 0, 1, 2]], angles], axis=1), "fps": 50.0},
        "wxyz": {"root_pos": pos, "root_quat": quat[:, [3, 0, 1, 2]], "joint_pos": angles,
                 "fps": np.array([50]), "quat_order": "wxyz"},
    }[layout]  # fmt: skip
    np.savez(tmp_path / "a.npz", **arrays)
    imported = import_motion(tmp_path / "a.npz", options=ImportOptions(skeleton=model))
    assert imported.clip.frame_duration == pytest.approx(0.02)
    assert_moves_as_the_model(imported.clip, values)


def test_npz_of_rotations_on_its_own_skeleton(tmp_path: Path) -> None:
    """A three-link arm, y up: hand arithmetic."""
    turned = np.tile([0.0, 0.0, 0.0, 1.0], (3, 3, 1))
    turned[1, 1] = [0.0, 0.0, np.sqrt(0.5), np.sqrt(0.5)]  # the second link by 90 degrees about z
    np.savez(
        tmp_path / "a.npz", names=np.array(["base", "link", "tip"]), parents=[-1, 0, 1],
        offsets=np.array([[0, 0, 0], [0, 1.0, 0], [0, 0.5, 0]]), rotations=turned,
        root_pos=np.zeros((3, 3)), dt=0.1,
    )  # fmt: skip
    options = ImportOptions(up="y", forward="z", scale=1.0)
    clip = import_motion(tmp_path / "a.npz", options=options).clip
    character = skeleton_character(clip.skeleton)
    places, _ = body_poses(character, Trajectory.from_clip(clip))
    np.testing.assert_allclose(places[0], [[0, 0, 0], [0, 0, 1], [0, 0, 1.5]], atol=1e-6)
    # file's -x is 0.5 away; x of the file is left of a body that looks along z: our y
    np.testing.assert_allclose(places[1, 2], [0.0, -0.5, 1.0], atol=1e-6)


def test_rows_of_a_characters_own_joints_need_no_model(tmp_path: Path) -> None:
    bob = Character.from_config(BobConfig())
    values = rows(joints=len(bob.joint_names))
    path = csv(tmp_path / "a.csv", values)
    clip = import_motion(path, options=ImportOptions(character=bob, fps=50.0)).clip
    assert clip.skeleton is None and clip.joint_names == bob.joint_names
    assert clip.end_effector_names == bob.end_effector_names
    np.testing.assert_allclose(clip.frames[:, :39], values, atol=1e-9)


def test_a_urdf_with_products_of_inertia_is_read(tmp_path: Path) -> None:
    inertia = '<inertia ixx="0.02" ixy="0.001" ixz="0" iyy="0.02" iyz="0" izz="0.01"/>'
    link = f'<link name="hand"><inertial><mass value="1"/>{inertia}</inertial></link>'
    (tmp_path / "arm.urdf").write_text(URDF.replace('<link name="hand"/>', link))
    values = rows(joints=1)
    options = ImportOptions(skeleton=tmp_path / "arm.urdf")
    clip = import_motion(csv(tmp_path / "a.csv", values), options=options).clip
    np.testing.assert_allclose(clip.frames[:, 7], values[:, 7], atol=1e-9)


def test_a_bad_number_in_the_first_row_is_no_header(tmp_path: Path, model: Path) -> None:
    path = csv(tmp_path / "a.csv", rows())
    path.write_text("x" + path.read_text())
    with pytest.raises(InputError, match="line 1: 'x"):
        import_motion(path, options=ImportOptions(skeleton=model))


def test_a_urdf_without_its_meshes_is_enough(tmp_path: Path) -> None:
    (tmp_path / "arm.urdf").write_text(URDF)
    values = rows(joints=1)
    values[:, 3:7] = [0.0, 0.0, 0.0, 1.0]
    clip = import_motion(
        csv(tmp_path / "a.csv", values), options=ImportOptions(skeleton=tmp_path / "arm.urdf")
    ).clip
    character = skeleton_character(clip.skeleton)
    places, _ = body_poses(character, Trajectory.from_clip(clip))
    angle, tilt = values[:, 7], 0.3
    in_upper = 0.4 * np.stack([np.sin(angle), 0.0 * angle, np.cos(angle)], axis=1)
    hand = np.stack(
        [in_upper[:, 0], -np.sin(tilt) * in_upper[:, 2], np.cos(tilt) * in_upper[:, 2]], axis=1
    )
    expected = values[:, :3] + [0.0, 0.0, 0.3] + hand
    np.testing.assert_allclose(places[:, character.body_names.index("hand")], expected, atol=1e-5)


def test_quaternions_in_the_other_order_are_suspected(tmp_path: Path, model: Path) -> None:
    values = rows()
    values[:, 3:7] = values[:, [6, 3, 4, 5]]
    imported = import_motion(csv(tmp_path / "a.csv", values), options=ImportOptions(skeleton=model))
    assert any("w first" in text for text in imported.warnings)


def damaged(path: Path, old: str, new: str) -> Path:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return path


def test_damaged_rows_are_one_line(tmp_path: Path, model: Path) -> None:
    path, options = tmp_path / "a.csv", ImportOptions(skeleton=model)

    def refused(message: str, values: np.ndarray | None = None, header: str | None = None) -> None:
        if values is not None:
            csv(path, values, header)
        with pytest.raises(InputError, match=message) as error:
            import_motion(path, options=options)
        assert "a.csv" in str(error.value) and "\n" not in str(error.value)

    bad = rows()
    bad[4, 8] = np.nan
    refused("line 5: column 9 is nan", bad)
    bad = rows()
    bad[2, 3:7] = 0.0
    refused(r"root rotation, frame \[2\] has length 0", bad)
    bad = rows()
    bad[3, 9] = 57.3
    refused("frame 3, joint 2 is 57.3.*degrees", bad)
    refused("5 joint angles a frame; valid: 4 for", rows(joints=5))
    refused(r"1 row\(s\) of numbers", rows()[:1])
    csv(path, rows())
    path.write_text(path.read_text()[:-15])
    refused("line 12: .* columns; valid: 11")
    damaged(csv(path, rows()), "0.8,", "high,")
    refused("line 1: 'high'; valid: numbers|no known motion format")
    root = "x,y,z,qx,qy,qz,qw"
    refused("no 'left_knee_jnt'.*did you mean 'left_knee_joint'", rows(),
            f"{root},{JOINTS[0]},{JOINTS[1]},left_knee_jnt,{JOINTS[3]}")  # fmt: skip
    refused("no joint right_knee_joint", rows()[:, :10], ",".join([root, *JOINTS[:3]]))
    refused("no column 'qw'", rows()[:, [0, 1, 2, 3, 4, 5, 7]], "x,y,z,qx,qy,qz,left_knee_joint")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fps": None}, "no 'fps' or 'dt'"),
        ({"fps": 0}, "fps is 0"),
        ({"fps": 0.5}, "2 s a frame"),
        ({"root_quat": np.zeros((FRAMES, 4))}, r"root rotation, frame \[0\] has length 0"),
        ({"root_quat": np.zeros((FRAMES, 3))}, r"root_quat has shape \(12, 3\)"),
        ({"root_quat": None}, "no array 'root_quat'"),
        ({"joint_pos": np.full((FRAMES, 4), np.nan)}, r"joint_pos\[0\]\[0\] is nan"),
        ({"joint_pos": np.full((FRAMES, 4), 90.0)}, "degrees"),
        ({"joint_pos": np.zeros((FRAMES, 3))}, "3 joint angles a frame; valid: 4"),
        ({"joint_names": np.array(["a", "b"])}, "joint_names names 2 joints; valid: 4"),
        ({"joint_names": np.array(["a"] * 4)}, "joint_names has 'a' twice"),
        ({"joint_names": np.array([1, 2, 3, 4])}, "joint_names is no list of names"),
        ({"quat_order": "zyxw"}, "quat_order is 'zyxw'; valid: xyzw, wxyz"),
        ({"joint_pos": None}, "no known layout"),
        ({"joint_pos": np.array([None] * 3)}, "joint_pos holds pickled objects"),
    ],
)
def test_damaged_archives_are_one_line(
    tmp_path: Path, model: Path, change: dict, message: str
) -> None:
    values = rows()
    arrays = {"root_pos": values[:, :3], "root_quat": values[:, 3:7], "joint_pos": values[:, 7:],
              "fps": 50} | change  # fmt: skip
    np.savez(tmp_path / "a.npz", **{k: v for k, v in arrays.items() if v is not None})
    with pytest.raises(InputError, match=message) as error:
        import_motion(tmp_path / "a.npz", options=ImportOptions(skeleton=model))
    assert "a.npz" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<mujoco><worldbody/></mujoco>", "0 bodies on the world"),
        ("<mujoco><worldbody><body name='a'><body name='b'><joint name='s' type='slide'/>"
         "</body></body></worldbody></mujoco>", "joint 's' of 'b'; valid: hinges"),
        ("<mujoco>", "no valid MJCF or URDF"),
        ("hello", "no valid MJCF or URDF"),
    ],
)  # fmt: skip
def test_a_model_that_is_no_tree_of_hinges_is_one_line(
    tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "m.xml").write_text(text)
    path = csv(tmp_path / "a.csv", rows())
    with pytest.raises(InputError, match=message) as error:
        import_motion(path, options=ImportOptions(skeleton=tmp_path / "m.xml"))
    assert "\n" not in str(error.value)


def test_angles_without_a_model_say_what_is_needed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="valid: --skeleton FILE"):
        import_motion(csv(tmp_path / "a.csv", rows()))
