from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from animRL.reward.rewards import REWARDS
from animRL.utils.rotations import angle_between
from tests.reward.oracle import (
    TERMS,
    about_z,
    matrix,
    perfect_data,
    quaternion,
    random_data,
    rewards,
    rows_of,
)

NAMES = list(TERMS)


def evaluate(name, data, sigma=None, tolerance=0.0):
    return getattr(REWARDS, f"reward_{name}")(data, sigma or TERMS[name][0], tolerance)


def one(**changes):
    """One environment with three joints and two end effectors, on its reference at height 1 m."""
    data = perfect_data(0, count=1, num_dof=3, num_ee=2)
    data["target_frames"] = torch.zeros(1, 31)
    data["target_frames"][:, 2] = 1.0
    data["target_frames"][:, 6] = 1.0
    data |= {"env_origins": torch.zeros(1, 3), "base_quat": torch.tensor([[0.0, 0.0, 0.0, 1.0]])}
    data["root_states"] = torch.cat(
        [torch.tensor([[0.0, 0.0, 1.0, 0, 0, 0, 1]]), torch.zeros(1, 6)], 1
    )
    data |= {k: torch.zeros(1, 3) for k in ("base_lin_vel", "base_ang_vel", "dof_pos")}
    data["ee_global"] = torch.tensor([[[0.0, 0.0, 1.0], [0.0, 0.0, 1.0]]])
    return data | {key: torch.as_tensor([value]) for key, value in changes.items()}


def turn(axis, angle):
    axis = np.asarray(axis) / np.linalg.norm(axis)
    return [*(axis * math.sin(angle / 2)), math.cos(angle / 2)]


def moved(data, shift, angle):
    """The same scene, shifted in the world and turned about z: characters and references."""
    data, spin = dict(data), about_z(angle)
    frames, root = data["target_frames"].numpy().copy(), data["root_states"].numpy().copy()

    def spun(quats):
        return np.stack([quaternion(spin @ matrix(q)) for q in quats])

    frames[:, :2] = frames[:, :2] @ spin[:2, :2].T + shift[:2]
    frames[:, 3:7] = spun(frames[:, 3:7])
    root[:, :3] = root[:, :3] @ spin.T + shift
    root[:, 3:7] = spun(root[:, 3:7])
    data["target_frames"], data["root_states"] = torch.as_tensor(frames), torch.as_tensor(root)
    data["env_origins"] = data["env_origins"] @ torch.as_tensor(spin).T + torch.as_tensor(shift)
    data["base_quat"] = torch.as_tensor(spun(data["base_quat"]))
    data["ee_global"] = data["ee_global"] @ torch.as_tensor(spin).T + torch.as_tensor(shift)
    return data


def test_height_by_hand_counts_above_the_origin():
    data = one(env_origins=[5.0, 6.0, 0.5], root_states=[0.0, 0, 1.7, 0, 0, 0, 1, *[0.0] * 6])
    assert evaluate("track_base_height", data, 0.4).item() == pytest.approx(math.exp(-0.25))


@pytest.mark.parametrize("angle", [0.0, 1e-3, 0.5, math.pi / 2, 3.0, math.pi - 1e-3, math.pi])
def test_orientation_by_hand(angle):
    data = one(base_quat=turn([1.0, -2.0, 0.5], angle))
    expected = math.exp(-(angle**2))
    assert evaluate("track_base_orientation", data, 1.0).item() == pytest.approx(expected, rel=3e-6)


def test_orientation_upside_down_is_as_good_as_upright():
    over = matrix(turn([1.0, 0.0, 0.0], math.pi))
    frame = one()["target_frames"][0].tolist()
    for yaw in (0.0, 0.3, -2.0):
        frame[3:7] = quaternion(over)
        data = one(target_frames=frame, base_quat=[*quaternion(about_z(yaw) @ over)])
        data = {k: v.float() if isinstance(v, torch.Tensor) else v for k, v in data.items()}
        expected = math.exp(-(yaw**2))
        got = evaluate("track_base_orientation", data, 1.0).item()
        assert got == pytest.approx(expected, rel=1e-5)


def test_joint_pos_by_hand_is_a_norm_over_joints():
    data = one(dof_pos=[0.3, 0.0, -0.4])
    assert evaluate("track_joint_pos", data, 0.5).item() == pytest.approx(math.exp(-1.0))


def test_base_vel_by_hand_takes_both_velocities_together():
    data = one(base_lin_vel=[0.0, 3.0, 0.0], base_ang_vel=[0.0, 0.0, -4.0])
    assert evaluate("track_base_vel", data, 5.0).item() == pytest.approx(math.exp(-1.0))


def test_ee_pos_by_hand_is_a_mean_of_distances():
    frame = one()["target_frames"][0].tolist()
    frame[3:7] = turn([0.0, 0.0, 1.0], math.pi / 2)  # +x of the base is +y of the world
    frame[10:16] = [1.0, 0.0, 0.0, 0.0, 0.0, -1.0]
    data = one(
        target_frames=frame,
        env_origins=[0.0, 0.0, 0.5],
        ee_global=[[0.0, 1.3, 1.5], [0.0, 0.0, 0.4]],  # 0.3 m and 0.1 m off
    )
    assert evaluate("track_ee_pos", data, 0.2).item() == pytest.approx(math.exp(-1.0), rel=1e-5)


def test_joint_targets_rate_by_hand():
    data = one(joint_targets_rate=6.0)
    assert evaluate("joint_targets_rate", data, 12.0).item() == pytest.approx(math.exp(-0.25))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("num_dof", "num_ee"), [(32, 2), (3, 1), (7, 5)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equals_the_definitions_in_plain_numpy(name, num_dof, num_ee, dtype):
    data = random_data(1, 64, num_dof, num_ee, dtype)
    for sigma, tolerance in ((TERMS[name][0], 0.0), (2 * TERMS[name][0], 0.3)):
        expected = rewards(rows_of(data), num_dof, num_ee, {name: [sigma, tolerance]})[name]
        got = evaluate(name, data, sigma, tolerance)
        assert got.dtype == dtype
        np.testing.assert_allclose(got.numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_range(name):
    got = evaluate(name, random_data(2, 512))
    assert got.shape == (512,)
    assert ((got >= 0.0) & (got <= 1.0)).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("num_dof", "num_ee"), [(32, 2), (4, 3)])
def test_perfect_tracking_scores_one(name, num_dof, num_ee):
    got = evaluate(name, perfect_data(3, 64, num_dof, num_ee), sigma=0.1)
    assert (got >= 1.0 - 1e-6).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("angle", [0.4, math.pi, -2.5])
def test_the_place_and_heading_of_the_whole_scene_do_not_matter(name, angle):
    data = random_data(4, 64, dtype=torch.float64)
    expected = evaluate(name, data)
    got = evaluate(name, moved(data, np.array([11.0, -7.0, 3.0]), angle))
    assert expected.std() > 0.05
    torch.testing.assert_close(got, expected, atol=1e-9, rtol=0.0)


@pytest.mark.parametrize("name", NAMES)
def test_the_sign_of_a_quaternion_does_not_matter(name):
    data = random_data(5)
    flipped = data | {
        "base_quat": -data["base_quat"],
        "target_frames": data["target_frames"].clone(),
    }
    flipped["target_frames"][::2, 3:7] *= -1.0
    torch.testing.assert_close(evaluate(name, flipped), evaluate(name, data), atol=1e-6, rtol=0.0)


@pytest.mark.parametrize("name", NAMES)
def test_inputs_are_not_edited(name):
    data = random_data(6)
    before = {k: v.clone() for k, v in data.items() if isinstance(v, torch.Tensor)}
    evaluate(name, data, tolerance=0.2)
    for key, value in before.items():
        assert torch.equal(data[key], value), key


@pytest.mark.parametrize("name", NAMES)
def test_tolerance_forgives_errors_below_it_and_no_others(name):
    data = random_data(7)
    plain, forgiven = evaluate(name, data), evaluate(name, data, tolerance=0.9 * TERMS[name][0])
    assert (forgiven[plain > math.exp(-0.8)] == 1.0).all()
    below = plain < math.exp(-0.82)
    assert below.any()
    assert torch.equal(forgiven[below], plain[below])


@pytest.mark.parametrize("name", NAMES)
def test_each_environment_is_judged_alone(name):
    data = random_data(8, count=16)
    order = torch.randperm(16, generator=torch.Generator().manual_seed(0))
    mixed = {k: v[order] if isinstance(v, torch.Tensor) else v for k, v in data.items()}
    torch.testing.assert_close(evaluate(name, mixed), evaluate(name, data)[order])


@pytest.mark.parametrize("off", [0.0, 1e-6, 1e-4, 1e-2])
def test_angle_is_exact_in_float32_near_zero_and_near_pi(off):
    rng = np.random.default_rng(9)
    for _ in range(50):
        base = matrix(turn(rng.normal(size=3), rng.uniform(0.0, math.pi)))
        axis = rng.normal(size=3)
        for angle in (off, math.pi - off):
            other = quaternion(matrix(turn(axis, angle)) @ base)
            pair = torch.tensor(np.array([quaternion(base), other])).float()
            assert angle_between(*pair).item() == pytest.approx(angle, abs=8e-7)
