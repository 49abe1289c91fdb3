"""Skeletons to retarget from: Bob's own, and one with other proportions and its arms spread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from animRL.cfg.characters.bob_config import BobConfig
from animRL.dataloader.clip import Clip, load_clip
from animRL.dataloader.skeleton import Hinge, Skeleton, SkeletonJoint
from animRL.motion.anatomy import roles_of_character
from animRL.motion.skeleton_character import skeleton_character
from animRL.motion.trajectory import Trajectory, to_clip
from animRL.sim.character import Character
from animRL.utils.paths import RESOURCES

X, Y, Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
THIGH = SHANK = 0.36
SOLE = 0.06
"""Height of the spread skeleton's ankles over the ground [m]."""


@pytest.fixture(scope="session")
def bob() -> Character:
    """The character to retarget onto."""
    return Character.from_config(BobConfig())


@pytest.fixture(scope="session")
def bob_skeleton(bob: Character) -> Skeleton:
    """Bob's bodies and hinges written as a skeleton."""
    model = bob.load_spec().compile()
    roles = {body: role for role, body in roles_of_character(bob).items()}
    joints = []
    for number, name in enumerate(bob.body_names, start=1):
        w, x, y, z = model.body_quat[number].tolist()
        first, count = int(model.body_jntadr[number]), int(model.body_jntnum[number])
        hinges = tuple(
            Hinge(model.joint(j).name, tuple(model.jnt_axis[j].tolist()))
            for j in range(first, first + count)
            if number > 1
        )
        joints.append(
            SkeletonJoint(
                name, int(model.body_parentid[number]) - 1, tuple(model.body_pos[number].tolist()),
                (x, y, z, w), hinges, roles.get(name),
            )
        )  # fmt: skip
    return Skeleton("bob_as_skeleton", tuple(joints))


@pytest.fixture(scope="session")
def walk_of_skeleton(bob: Character, bob_skeleton: Skeleton) -> Clip:
    """The project's Walk on Bob's skeleton, as if it had been imported."""
    clip = load_clip(RESOURCES / "datasets" / "bob3" / "Walk.txt")
    walk = Trajectory.from_clip(clip)
    order = [clip.joint_names.index(name) for name in bob_skeleton.hinge_names]
    return to_clip(
        skeleton_character(bob_skeleton), replace(walk, joint_pos=walk.joint_pos[:, order]),
        skeleton=bob_skeleton, source="walk",
    )  # fmt: skip


@pytest.fixture(scope="session")
def spread_skeleton() -> Skeleton:
    """A skeleton 1.45 m tall with short arms, which at rest stand out sideways."""
    ball = (X, Y, Z)
    rows: list[tuple[str, str | None, tuple[float, float, float], tuple]] = [
        ("pelvis", None, (0.0, 0.0, 0.0), ()),
        ("spine", "pelvis", (0.0, 0.0, 0.12), ball),
        ("chest", "spine", (-0.01, 0.0, 0.14), ball),
        ("neck", "chest", (0.01, 0.0, 0.2), ball),
        ("head", "neck", (0.0, 0.0, 0.1), ball),
    ]
    for side, sign in (("left", 1.0), ("right", -1.0)):
        rows += [
            (f"{side}_clavicle", "chest", (0.0, sign * 0.03, 0.16), ball),
            (f"{side}_shoulder", f"{side}_clavicle", (0.0, sign * 0.12, 0.0), ball),
            (f"{side}_elbow", f"{side}_shoulder", (0.0, sign * 0.2, 0.0), (Z,)),
            (f"{side}_wrist", f"{side}_elbow", (0.0, sign * 0.19, 0.0), ball),
            (f"{side}_hip", "pelvis", (0.0, sign * 0.08, -0.03), ball),
            (f"{side}_knee", f"{side}_hip", (0.0, 0.0, -THIGH), (Y,)),
            (f"{side}_ankle", f"{side}_knee", (0.0, 0.0, -SHANK), ball),
            (f"{side}_toe", f"{side}_ankle", (0.12, 0.0, -0.05), ()),
        ]
    names = [row[0] for row in rows]
    return Skeleton(
        "spread",
        tuple(
            SkeletonJoint(
                name, -1 if above is None else names.index(above), offset,
                hinges=tuple(Hinge(f"{name}_{'xyz'[axis.index(1.0)]}", axis) for axis in axes),
                role=name,
            )
            for name, above, offset, axes in rows
        ),
    )  # fmt: skip


@pytest.fixture(scope="session")
def squat(spread_skeleton: Skeleton) -> Clip:
    """Two squats in 2 s with flat feet, bent elbows, and arms that swing up: a loop."""
    return make_squat(spread_skeleton)


@pytest.fixture(scope="session")
def mirrored_squat(spread_skeleton: Skeleton) -> Clip:
    """The same with left and right exchanged."""
    return make_squat(spread_skeleton, mirrored=True)


def make_squat(skeleton: Skeleton, mirrored: bool = False, frames: int = 121) -> Clip:
    """Feet keep their place exactly: thighs and shanks are equally long, ankles turn back."""
    phase = 2.0 * np.pi * np.linspace(0.0, 1.0, frames)
    bend = 0.1 + 0.35 * (1.0 - np.cos(2.0 * phase))
    swing = 0.2 + 0.4 * (1.0 - np.cos(phase))
    sway = 0.2 * np.sin(phase) * (-1.0 if mirrored else 1.0)
    angles = {name: np.zeros(frames) for name in skeleton.hinge_names}
    for side, sign in (("left", 1.0), ("right", -1.0)):
        angles[f"{side}_hip_y"] = -bend
        angles[f"{side}_knee_y"] = 2.0 * bend
        angles[f"{side}_ankle_y"] = -bend
        more = 0.3 if (side == "left") != mirrored else 0.0  # one arm hangs lower
        angles[f"{side}_shoulder_x"] = np.full(frames, -sign * (0.9 + more))
        angles[f"{side}_shoulder_z"] = -sign * swing
        angles[f"{side}_elbow_z"] = -sign * (0.5 + 0.3 * swing)
    angles["chest_z"] = sway
    quat = np.zeros((frames, 4))
    quat[:, 3] = 1.0
    height = 0.03 + (THIGH + SHANK) * np.cos(bend) + SOLE
    trajectory = Trajectory(
        root_pos=np.stack([np.zeros(frames), np.zeros(frames), height], axis=1),
        root_quat=quat,
        joint_pos=np.stack([angles[name] for name in skeleton.hinge_names], axis=1),
        dt=2.0 / (frames - 1),
        loop=True,
    )
    character = skeleton_character(skeleton)
    return to_clip(character, trajectory, skeleton=skeleton, source="squat.bvh")


@pytest.fixture(scope="session")
def silent() -> Callable:
    """A progress display that shows nothing."""
    return lambda frames, label: frames
