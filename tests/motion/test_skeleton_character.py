from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from animRL.dataloader.skeleton import Hinge, Skeleton, SkeletonJoint
from animRL.motion.skeleton_character import end_effectors, skeleton_character
from tests.motion.importers.writers import turn


def ball(name: str) -> tuple[Hinge, ...]:
    axes = {"x": (1.0, 0.0, 0.0), "z": (0.0, 0.0, 1.0), "y": (0.0, 1.0, 0.0)}
    return tuple(Hinge(f"{name}_{letter}", axis) for letter, axis in axes.items())


def biped(radius: float = 0.03) -> Skeleton:
    joints = [
        SkeletonJoint("root", -1, (0.0, 0.0, 0.0), role="pelvis"),
        SkeletonJoint("chest", 0, (0.0, 0.0, 0.4), (0.0, 0.0, 0.6, 0.8), ball("chest"), "chest"),
        SkeletonJoint("same", 1, (0.0, 0.0, 0.0), hinges=(Hinge("same", (0.0, 0.6, 0.8)),)),
        SkeletonJoint("neck", 2, (0.0, 0.0, 0.2), role="neck"),
    ]
    for side, y in (("left", 0.1), ("right", -0.1)):
        joints += [
            SkeletonJoint(f"{side}_hip", 0, (0.0, y, 0.0), (0.0, 0.0, 0.0, 1.0),
                          ball(f"{side}_hip"), f"{side}_hip"),
            SkeletonJoint(f"{side}_knee", len(joints), (0.0, 0.0, -0.42),
                          hinges=(Hinge(f"{side}_knee", (0.0, -1.0, 0.0)),), role=f"{side}_knee"),
            SkeletonJoint(f"{side}_ankle", len(joints) + 1, (0.0, 0.0, -0.41), (0, 0, 0, 1.0), (),
                          f"{side}_ankle", radius),
        ]  # fmt: skip
    return Skeleton("biped", tuple(joints))


def about(axis: tuple[float, float, float], angle: np.ndarray) -> np.ndarray:
    """Rodrigues' formula (T, 3, 3)."""
    x, y, z = axis
    k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    s, c = np.sin(angle)[:, None, None], np.cos(angle)[:, None, None]
    return np.eye(3) + s * k + (1.0 - c) * (k @ k)


def test_bodies_stand_where_the_skeleton_says() -> None:
    skeleton = biped()
    character = skeleton_character(skeleton)
    assert character.body_names == skeleton.joint_names
    assert character.joint_names == skeleton.hinge_names
    rng = np.random.default_rng(0)
    angles = rng.uniform(-3.0, 3.0, (20, len(skeleton.hinge_names)))
    column = dict(zip(skeleton.hinge_names, angles.T, strict=True))
    place = [np.zeros((20, 3))]
    frame = [turn("z", np.full(20, 0.5))]
    for joint in skeleton.joints[1:]:
        above = frame[joint.parent]
        place.append(place[joint.parent] + above @ np.array(joint.offset))
        turned = above @ about((0.0, 0.0, 1.0), np.full(20, 2.0 * np.arcsin(joint.rotation[2])))
        for hinge in joint.hinges:
            turned = turned @ about(hinge.axis, column[hinge.name])
        frame.append(turned)
    root = torch.tensor([[0.0, 0.0, np.sin(0.25), np.cos(0.25)]], dtype=torch.float64)
    found, _ = character.forward_kinematics(
        torch.zeros(20, 3, dtype=torch.float64), root.expand(20, 4), torch.from_numpy(angles)
    )
    np.testing.assert_allclose(found.numpy(), np.stack(place, axis=1), atol=1e-6)


def test_it_has_feet_masses_and_ground_contact() -> None:
    character = skeleton_character(biped(radius=0.05))
    assert character.feet == ("left_ankle", "right_ankle") == character.end_effector_names
    assert (character.body_mass > 0.0).all() and 10.0 < float(character.body_mass.sum()) < 120.0
    assert torch.isinf(character.joint_upper).all()
    spec = character.load_spec()
    touching = {geom.parent.name for geom in spec.geoms if geom.conaffinity}
    assert touching == {"left_ankle", "right_ankle"}
    sizes = [geom.size[0] for geom in spec.geoms if geom.conaffinity]
    np.testing.assert_allclose(sizes, 0.05)


def test_equal_skeletons_share_a_character_and_others_do_not() -> None:
    assert skeleton_character(biped()) is skeleton_character(biped())
    assert skeleton_character(biped(0.04)).asset_path != skeleton_character(biped()).asset_path


@pytest.mark.parametrize("height", [0.0, -0.5])
def test_it_stands_on_four_if_its_hands_are_as_low_as_its_feet(height: float) -> None:
    joints = list(biped().joints)
    for side, y in (("left", 0.2), ("right", -0.2)):
        joints.append(
            SkeletonJoint(f"{side}_wrist", 1, (0.3, y, -0.7 + height), role=f"{side}_wrist")
        )
    ends = end_effectors(Skeleton("dog", tuple(joints)))
    feet = ("left_ankle", "right_ankle")
    assert ends == (("left_wrist", "right_wrist", *feet) if height else feet)


def test_a_skeleton_without_roles_stands_on_its_lowest_ends() -> None:
    base = SkeletonJoint("base", -1, (0.0, 0.0, 0.0))
    ends = [("a", -0.5), ("b", -0.48), ("c", 0.9)]
    joints = [SkeletonJoint(name, 0, (0.1, 0.0, z)) for name, z in ends]
    assert end_effectors(Skeleton("table", (base, *joints))) == ("a", "b")
    assert end_effectors(Skeleton("point", (base,))) == ("base",)


def test_nothing_is_left_when_the_program_ends() -> None:
    code = (
        "from animRL.dataloader.skeleton import Skeleton, SkeletonJoint\n"
        "from animRL.motion.skeleton_character import skeleton_character\n"
        "s = Skeleton('s', (SkeletonJoint('a', -1, (0., 0., 0.)),"
        " SkeletonJoint('b', 0, (0., 0., 1.))))\n"
        "print(skeleton_character(s).asset_path.parent)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    folder = done.stdout.strip()
    assert done.returncode == 0 and folder
    assert subprocess.run(["test", "-e", folder], check=False).returncode == 1
