"""The walk that ships: made again, and held against the ground, the limits and mechanics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from animRL.cfg.characters.bob_config import BobConfig
from animRL.dataloader.clip import Clip, load_clip
from animRL.motion.gait.balance import balanced_cycle, ground_reaction, wanted_zero_moment_point
from animRL.motion.gait.gait_data import PUBLISHED_LEG, WalkStyle, published_curve
from animRL.motion.gait.walk import author_walk, leg_geometry
from animRL.sim.character import Character
from animRL.utils.errors import InputError
from animRL.utils.paths import RESOURCES
from animRL.utils.rotations import quat_conjugate, quat_mul, quat_rotate, quat_to_rotvec

STYLE = WalkStyle()
SOLE = torch.tensor(
    [(x, y, -0.02) for x in (-0.07, 0.07, 0.125) for y in (0.03, -0.03)], dtype=torch.float64
)
RADIUS = 0.01


@pytest.fixture(scope="module")
def bob() -> Character:
    return Character.from_config(BobConfig())


@pytest.fixture(scope="module")
def clip() -> Clip:
    return load_clip(RESOURCES / "datasets" / "bob3" / "Walk.txt")


@pytest.fixture(scope="module")
def bodies(bob: Character, clip: Clip) -> tuple[torch.Tensor, torch.Tensor]:
    layout = clip.layout
    columns = (layout.root_pos, layout.root_rot, layout.joint_pos)
    return bob.forward_kinematics(*(torch.from_numpy(clip.frames[:, c]) for c in columns))


def sole_centres(bob: Character, bodies, foot: str) -> np.ndarray:
    """World centres (T, 6, 3) of a foot's contact spheres."""
    position, rotation = (array[:, bob.body_index(foot)] for array in bodies)
    return (position[:, None] + quat_rotate(rotation[:, None], SOLE)).numpy()


def test_authoring_again_gives_the_shipped_file(bob: Character, clip: Clip) -> None:
    again = author_walk(bob)
    assert again.joint_names == clip.joint_names == bob.joint_names
    assert (again.frame_duration, again.loop) == (clip.frame_duration, clip.loop) == (0.02, True)
    np.testing.assert_allclose(again.frames, clip.frames, atol=2e-6)


def test_is_periodic_straight_and_about_as_fast_as_people(clip: Clip) -> None:
    first, last = clip.frames[0], clip.frames[-1]
    np.testing.assert_array_equal(first[1:], last[1:])
    assert clip.frames.shape == (57, 89)
    assert clip.duration == pytest.approx(1.12)
    assert (last[0] - first[0]) / clip.duration == pytest.approx(1.15, abs=1e-5)
    assert clip.frames[:, 3:7][:, 2].mean() == pytest.approx(0.0, abs=2e-3)
    lateral, height = clip.frames[:, 1], clip.frames[:, 2]
    assert 0.025 <= np.ptp(height) <= 0.05
    assert 0.03 <= np.ptp(lateral) <= 0.065
    assert lateral[len(lateral) // 4] > 0.02, "the pelvis sways towards the standing left foot"


def test_half_cycles_mirror_each_other(bob: Character, clip: Clip) -> None:
    half = STYLE.frames_per_cycle // 2
    joints = clip.frames[:-1, clip.layout.joint_pos]
    pitching = ("Hip_1", "Knee", "Ankle_1", "Shoulder_1", "Elbow_flexion_extension", "Wrist_x")
    for index, name in enumerate(bob.joint_names):
        if not name.startswith("joint_l") or name.startswith("joint_lower"):
            continue
        other = bob.joint_names.index(name.replace("joint_l", "joint_r", 1))
        sign = 1.0 if name.removeprefix("joint_l") in pitching else -1.0
        mirrored = sign * np.roll(joints[:, index], -half)
        np.testing.assert_allclose(joints[:, other], mirrored, atol=2e-6, err_msg=name)


def test_joints_keep_clear_of_their_limits(bob: Character, clip: Clip) -> None:
    joints = clip.frames[:, clip.layout.joint_pos]
    room = np.minimum(joints - bob.joint_lower.numpy(), bob.joint_upper.numpy() - joints)
    assert room.min() > 0.1


def test_velocities_and_end_effectors_belong_to_the_poses(
    bob: Character, clip: Clip, bodies
) -> None:
    layout, frames, dt = clip.layout, clip.frames, clip.frame_duration
    position, rotation = bodies
    pose = (frames[:, columns] for columns in (layout.root_pos, layout.root_rot, layout.joint_pos))
    ends = bob.end_effector_pos(*map(torch.from_numpy, pose)) - position[:, :1]
    local = quat_rotate(quat_conjugate(rotation[:, :1]), ends).reshape(len(frames), -1).numpy()
    np.testing.assert_allclose(local, frames[:, layout.ee_pos], atol=1e-5)

    def middle(columns: slice) -> np.ndarray:
        return (frames[2:, columns] - frames[:-2, columns]) / (2.0 * dt)

    inner = frames[1:-1]
    error = middle(layout.joint_pos) - inner[:, layout.joint_vel]
    assert np.sqrt((error**2).mean()) < 0.06, "of 1.1 rad/s rms: what 20 ms steps cannot see"
    assert np.abs(middle(layout.ee_pos) - inner[:, layout.ee_vel]).max() < 0.3
    root = torch.from_numpy(frames[:, layout.root_rot])
    turn = quat_to_rotvec(quat_mul(quat_conjugate(root[:-2]), root[2:])).numpy() / (2.0 * dt)
    np.testing.assert_allclose(turn, inner[:, layout.root_ang_vel], atol=0.05)
    linear = torch.from_numpy(inner[:, layout.root_lin_vel])
    world = quat_rotate(root[1:-1], linear).numpy()
    np.testing.assert_allclose(middle(layout.root_pos), world, atol=0.02)


@pytest.mark.parametrize("foot", ["lFoot", "rFoot"])
def test_feet_stand_on_the_ground_without_sliding(
    bob: Character, clip: Clip, bodies, foot: str
) -> None:
    centres = sole_centres(bob, bodies, foot)[:-1]
    low = centres[..., 2] - RADIUS
    assert low.min() > -0.003
    shift = 0 if foot == "lFoot" else STYLE.frames_per_cycle // 2
    low, centres = np.roll(low, -shift, axis=0), np.roll(centres, -shift, axis=0)
    stance = int(STYLE.stance_share * STYLE.frames_per_cycle)
    assert np.abs(low[: stance + 1].min(axis=1)).max() < 0.003
    assert low[stance + 6 : -8].min() > 0.015, "the swinging foot clears the ground"
    # A rolling sphere moves by radius x turn; what is left of its way is sliding.
    ahead = np.roll(bodies[1][:-1, bob.body_index(foot)].numpy(), -shift, axis=0)
    pitch = 2.0 * np.arctan2(ahead[:, 1], ahead[:, 3])
    unwrapped = centres[..., 0] - RADIUS * pitch[:, None]
    unwrapped[STYLE.frames_per_cycle - shift :] += STYLE.stride
    down = low < 0.001
    assert down[: stance + 1].sum(axis=0).max() > stance // 2
    for sphere in range(len(SOLE)):
        frames = [k for k in range(stance + 1) if down[k, sphere]]
        if frames:
            assert np.ptp(unwrapped[frames, sphere]) < 0.002
            assert np.ptp(centres[frames, sphere, 1]) < 0.002


def test_ground_can_carry_the_motion(bob: Character, clip: Clip, bodies) -> None:
    """By inverse dynamics in MuJoCo: the zero-moment point stays below the standing feet."""
    mujoco = pytest.importorskip("mujoco")
    model = bob.load_spec().compile()
    data, layout, count = mujoco.MjData(model), clip.layout, len(clip.frames) - 1
    ids = [model.joint(name).id for name in bob.joint_names]
    position, velocity = np.zeros((count, model.nq)), np.zeros((count, model.nv))
    frames = clip.frames[:count]
    position[:, :3] = frames[:, layout.root_pos]
    position[:, 3:7] = np.roll(frames[:, layout.root_rot], 1, axis=1)
    position[:, model.jnt_qposadr[ids]] = frames[:, layout.joint_pos]
    root, linear = (torch.from_numpy(frames[:, c]) for c in (layout.root_rot, layout.root_lin_vel))
    velocity[:, :3] = quat_rotate(root, linear).numpy()
    velocity[:, 3:6] = frames[:, layout.root_ang_vel]
    velocity[:, model.jnt_dofadr[ids]] = frames[:, layout.joint_vel]
    acceleration = np.roll(velocity, -1, axis=0) - np.roll(velocity, 1, axis=0)
    acceleration /= 2.0 * clip.frame_duration
    weight = 9.81 * float(bob.body_mass.sum())
    feet = {f: sole_centres(bob, bodies, f) for f in ("lFoot", "rFoot")}
    for k in range(count):
        data.qpos[:], data.qvel[:], data.qacc[:] = position[k], velocity[k], acceleration[k]
        mujoco.mj_inverse(model, data)
        force = data.qfrc_inverse[:3]
        turning = data.xmat[1].reshape(3, 3) @ data.qfrc_inverse[3:6]
        moment = np.cross(position[k, :3], force) + turning
        point = np.array([-moment[1], moment[0]]) / force[2]
        assert 0.7 < force[2] / weight < 1.35
        standing = [c[k, :, :2] for c in feet.values() if c[k, :, 2].min() < RADIUS + 0.002]
        sole = np.concatenate(standing)
        assert (point > sole.min(axis=0) - 0.01).all() and (point < sole.max(axis=0) + 0.01).all()


def test_sway_brings_the_wanted_zero_moment_point(bob: Character) -> None:
    cycle = balanced_cycle(bob, STYLE, leg_geometry(bob), 224)
    miss = ground_reaction(bob, STYLE, cycle).zero_moment_point - wanted_zero_moment_point(
        STYLE, 224
    )
    assert np.sqrt((miss**2).mean(axis=0)).max() < 0.01


def test_leg_angles_follow_the_published_curves(bob: Character, clip: Clip) -> None:
    phase = np.arange(57) / 56
    names = ("joint_lHip_1", "joint_lKnee", "joint_lAnkle_1")
    for name, sign, key_values, limit in zip(
        names, (-1.0, 1.0, -1.0), PUBLISHED_LEG, (7.0, 9.0, 10.0), strict=True
    ):
        angle = sign * clip.frames[:, clip.layout.joint_pos][:, bob.joint_names.index(name)]
        difference = np.degrees(angle - published_curve(key_values)(phase))
        assert np.sqrt((difference**2).mean()) < limit


def test_impossible_styles_are_refused(bob: Character) -> None:
    with pytest.raises(InputError, match="even"):
        author_walk(bob, replace(STYLE, frames_per_cycle=57))
    with pytest.raises(InputError, match="lower pelvis_height"):
        author_walk(bob, replace(STYLE, pelvis_height=0.9))
