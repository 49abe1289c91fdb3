"""Drawn descriptions: keys met, cycles closed, halves mirrored, limbs placed, spheres planted."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

from animRL.cfg.characters.bob_config import BobConfig
from animRL.motion.author.description import parse_description
from animRL.motion.author.problem import Sketch
from animRL.motion.author.sketch import ROOT_PRICE, draw, root_rotation
from animRL.motion.ground import contact_spheres
from animRL.motion.rotations import rotate
from animRL.motion.trajectory import body_poses, seam_transform, velocities
from animRL.sim.character import Character
from animRL.utils.errors import InputError
from tests.motion.small_characters import HOPPER, make_character


@pytest.fixture(scope="module")
def bob() -> Character:
    return Character.from_config(BobConfig())


def sketch_of(bob: Character, text: str) -> Sketch:
    return draw(bob, parse_description(tomllib.loads(text), "nod.toml"))


def joint(bob: Character, name: str) -> int:
    return bob.joint_names.index(f"joint_{name}")


def with_motion(words: str, keys: str = "") -> str:
    frames = f"[[keyframe]]\ntime = 0\nroot = {{ z = 0.9 }}\n{keys}\n[[keyframe]]\ntime = 0.1"
    return f"[motion]\n{words}\n{frames}"


def test_keys_are_met_and_nothing_swings_beyond_them(bob: Character) -> None:
    sketch = sketch_of(bob, """
        [motion]
        frame_rate = 20
        [[keyframe]]
        time = 0.0
        root = { x = 1.0, z = 0.9, yaw = 90 }
        left = { Knee = 10 }
        [[keyframe]]
        time = 0.5
        root = { x = 1.2 }
        left = { Knee = 80 }
        [[keyframe]]
        time = 1.0
        root = { x = 1.2, yaw = -90 }
        left = { Knee = 80 }
    """)  # fmt: skip
    motion, knee = sketch.trajectory, joint(bob, "lKnee")
    assert (len(motion), motion.dt, motion.loop) == (21, 0.05, False)
    np.testing.assert_allclose(motion.root_pos[[0, 10, 20], 0], [1.0, 1.2, 1.2], atol=1e-12)
    np.testing.assert_allclose(
        np.degrees(motion.joint_pos[[0, 10, 20], knee]), [10, 80, 80], atol=1e-9
    )
    assert (np.diff(motion.joint_pos[:11, knee]) > 0.0).all()
    np.testing.assert_allclose(motion.joint_pos[10:, knee], np.radians(80.0), atol=1e-12)
    np.testing.assert_allclose(motion.root_pos[:, 2], 0.9)
    ahead = rotate(motion.root_quat[[0, 10, 20]], np.tile([1.0, 0.0, 0.0], (3, 1)))
    np.testing.assert_allclose(ahead, [[0, 1, 0], [1, 0, 0], [0, -1, 0]], atol=1e-12)
    others = np.delete(np.arange(32), knee)
    default = bob.default_joint_pos.numpy()[others]
    np.testing.assert_allclose(motion.joint_pos[:, others], np.tile(default, (21, 1)), atol=1e-7)


def test_root_turns_about_z_then_y_then_x() -> None:
    quat = root_rotation(np.radians([[90.0, 0.0, 0.0], [90.0, 90.0, 0.0], [0.0, 90.0, 90.0]]))
    axes = np.tile([1.0, 0.0, 0.0], (3, 1)), np.tile([0.0, 0.0, 1.0], (3, 1))
    np.testing.assert_allclose(
        rotate(quat, axes[0]), [[0, 1, 0], [0, 0, -1], [0, 0, -1]], atol=1e-12
    )
    np.testing.assert_allclose(
        rotate(quat, axes[1]), [[0, 0, 1], [0, 1, 0], [0, -1, 0]], atol=1e-12
    )


def test_sides_and_later_words(bob: Character) -> None:
    """Both sides mirror each other; a keyframe's own word holds against its pose's."""
    sketch = sketch_of(bob, """
        [motion]
        [pose.bent]
        both = { Knee = 30, Hip_2 = 20 }
        joints = { lowerback_x = 5 }
        [[keyframe]]
        time = 0.0
        pose = "bent"
        root = { z = 0.9 }
        right = { Knee = 50 }
        [[keyframe]]
        time = 1.0
    """)  # fmt: skip
    angles = np.degrees(sketch.trajectory.joint_pos[0])
    named = {"lKnee": 30, "rKnee": 50, "lHip_2": 20, "rHip_2": -20, "lowerback_x": 5}
    for name, wanted in named.items():
        assert angles[joint(bob, name)] == pytest.approx(wanted), name


LOOP = """
[motion]
frame_rate = 20
loop = true
duration = 1.0
cycle = { x = 0.8, y = 0.3 }
[[keyframe]]
time = 0.2
root = { x = 0.0, y = 0.0, z = 0.9, yaw = 0 }
left = { Knee = 20 }
[[keyframe]]
time = 0.6
root = { z = 0.85 }
left = { Knee = 60 }
[[plant]]
part = "left_foot"
from = 0.9
to = 1.1
"""


def test_a_loop_closes_and_goes_on(bob: Character) -> None:
    motion = sketch_of(bob, LOOP).trajectory
    assert (len(motion), motion.loop) == (21, True)
    np.testing.assert_allclose(motion.joint_pos[0], motion.joint_pos[-1], atol=1e-12)
    np.testing.assert_allclose(motion.root_pos[-1] - motion.root_pos[0], [0.8, 0.3, 0.0], atol=1e-9)
    np.testing.assert_allclose(velocities(motion).root_lin[:, :2], [[0.8, 0.3]] * 21, atol=1e-9)
    assert np.degrees(motion.joint_pos[[4, 12], joint(bob, "lKnee")]) == pytest.approx([20, 60])


def test_a_loop_may_turn(bob: Character) -> None:
    motion = sketch_of(bob, LOOP.replace("x = 0.8, y = 0.3", "yaw = 40")).trajectory
    assert seam_transform(motion).turn == pytest.approx(np.radians(40.0))
    np.testing.assert_allclose(velocities(motion).root_ang[:, 2], np.radians(40.0), atol=1e-9)


def test_plants_go_on_over_the_seam(bob: Character) -> None:
    sketch, spheres = sketch_of(bob, LOOP), contact_spheres(bob)
    foot = spheres.body == bob.body_index("lFoot")
    rows = np.isin(np.arange(21), [0, 1, 2, 18, 19, 20])
    np.testing.assert_array_equal(sketch.planted, np.outer(rows, foot))


MIRRORED = """
[motion]
frame_rate = 20
loop = true
mirror_second_half = true
duration = 1.0
cycle = { x = 1.2 }
[[keyframe]]
time = 0.0
root = { x = 0.0, y = 0.02, z = 0.9, yaw = 5, pitch = 3, roll = -2 }
left = { Knee = 20, Hip_2 = 4 }
right = { Knee = 60, Hip_2 = -9 }
joints = { lowerback_x = 3, lowerback_z = 4 }
[[keyframe]]
time = 0.3
root = { x = 0.4, y = 0.03 }
left = { Knee = 30 }
[[plant]]
part = "left_foot"
from = 0.0
to = 0.3
[[plant]]
part = "right_toes"
from = 0.4
to = 0.6
"""


def test_the_second_half_mirrors_the_first(bob: Character) -> None:
    motion = sketch_of(bob, MIRRORED).trajectory
    first, second = motion.frames(slice(0, 10)), motion.frames(slice(10, 20))
    onward = second.root_pos - first.root_pos * [1.0, -1.0, 1.0]
    np.testing.assert_allclose(onward, np.tile([0.6, 0.0, 0.0], (10, 1)), atol=1e-9)
    mirrored = first.root_quat * [-1.0, 1.0, -1.0, 1.0]
    np.testing.assert_allclose(second.root_quat, mirrored, atol=1e-9)
    for name, sign in (("Knee", 1.0), ("Hip_2", -1.0)):
        for a, b in (("l", "r"), ("r", "l")):
            mine = second.joint_pos[:, joint(bob, a + name)]
            other = sign * first.joint_pos[:, joint(bob, b + name)]
            np.testing.assert_allclose(mine, other, atol=1e-9)
    for name, sign in (("lowerback_x", 1.0), ("lowerback_z", -1.0)):
        np.testing.assert_allclose(
            second.joint_pos[:, joint(bob, name)], sign * first.joint_pos[:, joint(bob, name)],
            atol=1e-9,
        )  # fmt: skip


def test_plants_of_the_second_half_are_the_other_sides(bob: Character) -> None:
    sketch, spheres = sketch_of(bob, MIRRORED), contact_spheres(bob)
    foot = {s: spheres.body == bob.body_index(f"{s}Foot") for s in "lr"}
    toes = {s: foot[s] & (spheres.centre[:, 0] > 0.1) for s in "lr"}
    assert [int(rows.sum()) for rows in toes.values()] == [2, 2]
    wanted = np.zeros((21, len(spheres)), dtype=bool)
    for rows, which in (
        (range(0, 7), foot["l"]), (range(10, 17), foot["r"]), ([20], foot["l"]),
        (range(8, 13), toes["r"]), ([18, 19, 20, 0, 1, 2], toes["l"]),
    ):  # fmt: skip
        wanted[list(rows)] |= which
    np.testing.assert_array_equal(sketch.planted, wanted)


def test_parts_touch_the_ground_with_what_they_are_named_for(bob: Character) -> None:
    plants = "".join(
        f"[[plant]]\npart = '{part}'\nfrom = {i}\nto = {i + 0.5}\n"
        for i, part in enumerate(("left_foot", "left_toes", "left_heel", "right_hand"))
    )
    text = with_motion("frame_rate = 10").replace("0.1", "4") + "\n" + plants
    sketch, spheres = sketch_of(bob, text), contact_spheres(bob)
    counts = sketch.planted[[0, 10, 20, 30, 38]].sum(axis=1)
    assert counts.tolist() == [6, 2, 2, 1, 0]
    heel, hand = sketch.planted[20], sketch.planted[30]
    np.testing.assert_allclose(spheres.centre[heel, 0], -0.07, atol=1e-9)
    assert spheres.body[hand].tolist() == [bob.body_index("rHand")]
    np.testing.assert_allclose(spheres.centre[hand, 2], -0.08625, atol=1e-9)


def test_weights_go_to_what_they_name(bob: Character) -> None:
    """A sketch counts the root's turns about x, y, z: roll, pitch, yaw."""
    words = "weights = { z = 3, yaw = 5, Knee = 0.5, lAnkle_1 = 2, lowerback_x = 4 }"
    sketch = sketch_of(bob, with_motion(words))
    weight = np.append([ROOT_PRICE] * 3, np.ones(35))
    weight[2] *= 3
    weight[5] = 5
    for name, factor in {"lKnee": 0.5, "rKnee": 0.5, "lAnkle_1": 2, "lowerback_x": 4}.items():
        weight[6 + joint(bob, name)] = factor
    np.testing.assert_allclose(sketch.pose_weight, np.tile(weight, (6, 1)))


def test_limits_are_narrowed_and_mirrored(bob: Character) -> None:
    """A range on both sides is the left one's; the asset's own limits are not widened."""
    words = "[limits]\nKnee = [5, 60]\nHip_2 = [-10, 20]\nrAnkle_1 = [-999, 999]\n"
    limits = sketch_of(bob, with_motion(words)).limits
    assert limits is not None
    own = np.stack([bob.joint_lower.numpy(), bob.joint_upper.numpy()]).astype(float)
    narrow = {"lKnee": (5, 60), "rKnee": (5, 60), "lHip_2": (-10, 20), "rHip_2": (-20, 10)}
    for name, pair in narrow.items():
        own[:, joint(bob, name)] = np.radians(pair)
    np.testing.assert_allclose(limits, own)


def test_limits_are_for_joints(bob: Character) -> None:
    with pytest.raises(InputError, match="^nod.toml: limits.yaw; valid: joints"):
        sketch_of(bob, with_motion("[limits]\nyaw = [0, 1]"))


def test_limbs_are_placed_from_the_pose_of_their_keyframe(bob: Character) -> None:
    """Soles on the ground at both keys, the root turned and lowered in between by a spline."""
    text = """
        [motion]
        [[keyframe]]
        time = 0.0
        root = { z = 0.85, yaw = 0 }
        left_foot = [0.1, 0.12]
        [[keyframe]]
        time = 0.5
        root = { z = 0.6, yaw = 30 }
        left_foot = [0.1, 0.2, 0.0, 20]
    """
    motion = sketch_of(bob, text).trajectory.frames([0, 25])
    position, _ = body_poses(bob, motion)
    foot = position[:, bob.body_index("lFoot")]
    np.testing.assert_allclose(foot, [[0.1, 0.12, 0.03], [0.1, 0.2, 0.03]], atol=0.01)
    np.testing.assert_allclose(motion.root_pos[:, 2], [0.85, 0.6])


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("left_foot = [1.5, 0.1]", r"keyframe at 0 s: left_foot: \d\.\d+ m out of reach; valid"),
        ("left = { Kneee = 3 }", r"keyframe 1: left: no 'lKneee' \(did you mean 'lKnee'\?\)"),
        ("both = { lowerback_x = 3 }", "keyframe 1: both: no 'llowerback_x'"),
        ("joints = { Knee = 3 }", r"keyframe 1: joints: no 'Knee' \(did you mean '.Knee'\?\)"),
    ],
)  # fmt: skip
def test_what_the_character_cannot_do_is_one_line(bob: Character, keys: str, message: str) -> None:
    with pytest.raises(InputError, match=f"^nod.toml: {message}") as error:
        sketch_of(bob, with_motion("", keys))
    assert "\n" not in str(error.value)


def test_a_weight_of_nothing_is_refused(bob: Character) -> None:
    with pytest.raises(InputError, match=r"^nod.toml: motion.weights: no 'Knie'.*; available: x"):
        sketch_of(bob, with_motion("weights = { Knie = 1 }"))


def test_a_character_without_limbs_is_refused(tmp_path: Path) -> None:
    hopper = make_character(tmp_path, HOPPER, ("hip", "knee", "ankle"))
    with pytest.raises(InputError, match=r"character.feet: none; valid: a left and a right one"):
        sketch_of(hopper, with_motion(""))
