"""The reward's definitions once more, in plain NumPy with rotation matrices, row by row."""

from __future__ import annotations

import json
from math import atan2, cos, exp, sin, sqrt

import numpy as np
import torch

# Sigmas about as large as the errors of `random_data`, so that no term is all 0 or all 1.
TERMS = {
    "track_base_height": [1.0, 0.0],
    "track_base_orientation": [2.0, 0.0],
    "track_joint_pos": [2.5, 0.0],
    "track_base_vel": [3.0, 0.0],
    "track_ee_pos": [2.5, 0.0],
    "joint_targets_rate": [12.0, 0.0],
}


def matrix(q):
    """Rotation matrix (3, 3) of one quaternion xyzw, taken at unit length."""
    x, y, z, w = np.asarray(q, dtype=float) / np.linalg.norm(q)
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ])  # fmt: skip


def about_z(angle):
    """Rotation matrix (3, 3) of a turn about z [rad]."""
    c, s = cos(angle), sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def quaternion(turn):
    """Unit quaternion xyzw, either sign, of a rotation matrix (3, 3): the dominant eigenvector."""
    (a, b, c), (d, e, f), (g, h, i) = turn
    k = np.array([
        [a - e - i, b + d, c + g, h - f],
        [b + d, e - a - i, f + h, c - g],
        [c + g, f + h, i - a - e, d - b],
        [h - f, c - g, d - b, a + e + i],
    ])  # fmt: skip
    return np.linalg.eigh(k / 3.0)[1][:, -1]


def angle_of(turn):
    """Angle [rad] in [0, pi] of a rotation matrix, by its sine and its cosine."""
    axis = np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]])
    return atan2(0.5 * float(np.linalg.norm(axis)), 0.5 * (np.trace(turn) - 1.0))


def twist_of(turn):
    """Angle [rad] of the turn about z that is nearest to a rotation matrix."""
    return atan2(turn[1, 0] - turn[0, 1], turn[0, 0] + turn[1, 1])


def errors(row, num_dof, num_ee):
    """The six errors of one environment in one step from its data dictionary's row."""
    frame = np.asarray(row["target_frames"], dtype=float)
    position, rotation = frame[:3], matrix(frame[3:7])
    joints = frame[7 : 7 + num_dof]
    effectors = frame[7 + num_dof : 7 + num_dof + 3 * num_ee].reshape(num_ee, 3)
    velocity = frame[7 + num_dof + 3 * num_ee :][:6]
    origin = np.asarray(row["env_origins"], dtype=float)
    root = position + np.array([0.0, 0.0, origin[2]])
    distances = [
        np.linalg.norm(row["ee_global"][e] - (root + rotation @ effectors[e]))
        for e in range(num_ee)
    ]
    speed = [*row["base_lin_vel"], *row["base_ang_vel"]]
    return {
        "track_base_height": abs(row["root_states"][2] - origin[2] - position[2]),
        "track_base_orientation": angle_of(matrix(row["base_quat"]) @ rotation.T),
        "track_joint_pos": sqrt(sum((a - b) ** 2 for a, b in zip(row["dof_pos"], joints))),
        "track_base_vel": sqrt(sum((a - b) ** 2 for a, b in zip(speed, velocity))),
        "track_ee_pos": sum(distances) / num_ee,
        "joint_targets_rate": row["joint_targets_rate"],
    }


def rewards(rows, num_dof, num_ee, terms):
    """Terms by name, each a list over `rows` of exp(-(e / sigma)^2)."""
    found = [errors(row, num_dof, num_ee) for row in rows]
    return {
        name: [
            exp(-((error[name] / sigma) ** 2)) if error[name] > tolerance else 1.0
            for error in found
        ]
        for name, (sigma, tolerance) in terms.items()
    }


def anchored_by_hand(steps):
    """The same steps with anchored frames, worked out row by row in NumPy."""
    steps = json.loads(json.dumps(steps))
    for n in range(len(steps[0]["phase"])):
        previous, spin = None, None
        for step in steps:
            reset = np.array(step["reset_frames"][n])
            if previous is None or not np.array_equal(reset, previous):
                character = matrix(step["base_quat"][n])
                spin = about_z(twist_of(character @ matrix(reset[3:7]).T))
            previous = reset
            for key in ("target_frames", "reset_frames"):
                frame = np.array(step[key][n])
                offset = spin[:2, :2] @ (frame[:2] - reset[:2])
                frame[:2] = np.array(step["env_origins"][n][:2]) + offset
                frame[3:7] = quaternion(spin @ matrix(frame[3:7]))
                step[key][n] = frame.tolist()
    return steps


def rows_of(data):
    """Data dictionary as a list of rows of float64 arrays, one for each environment."""
    count = len(data["root_states"])
    arrays = {k: v.double().numpy() for k, v in data.items() if isinstance(v, torch.Tensor)}
    return [{key: array[n] for key, array in arrays.items()} for n in range(count)]


def random_quaternions(rng, count):
    """Unit quaternions (count, 4), uniform, of either sign."""
    q = rng.normal(size=(count, 4))
    return q / np.linalg.norm(q, axis=1, keepdims=True)


def random_data(seed, count=64, num_dof=32, num_ee=2, dtype=torch.float32):
    """A data dictionary in which nothing fits together, with origins off the ground."""
    rng = np.random.default_rng(seed)
    width = 13 + 2 * num_dof + 6 * num_ee
    root = rng.normal(size=(count, 13))
    root[:, 3:7] = random_quaternions(rng, count)
    frames = {}
    for key in ("target_frames", "reset_frames"):
        frames[key] = 0.3 * rng.normal(size=(count, width))
        frames[key][:, 3:7] = random_quaternions(rng, count)
    arrays = {
        "env_origins": rng.normal(size=(count, 3)),
        "root_states": root,
        "base_quat": root[:, 3:7] * rng.choice([-1.0, 1.0], size=(count, 1)),
        "base_lin_vel": rng.normal(size=(count, 3)),
        "base_ang_vel": rng.normal(size=(count, 3)),
        "dof_pos": 0.3 * rng.normal(size=(count, num_dof)),
        "dof_vel": rng.normal(size=(count, num_dof)),
        "ee_global": rng.normal(size=(count, num_ee, 3)),
        "ee_local": rng.normal(size=(count, num_ee, 3)),
        "joint_targets_rate": rng.uniform(0.0, 20.0, size=count),
        "phase": rng.uniform(size=count),
        "reset_phase": rng.uniform(size=count),
        **frames,
    }
    data = {key: torch.as_tensor(array, dtype=dtype) for key, array in arrays.items()}
    return {"motion_loader": None, "num_dof": num_dof, "num_ee": num_ee, **data}


def perfect_data(seed, count=64, num_dof=32, num_ee=2, dtype=torch.float32):
    """A data dictionary whose character is exactly on its target frame, targets at rest."""
    data = random_data(seed, count, num_dof, num_ee, torch.float64)
    frames, origins = data["target_frames"], data["env_origins"]
    lift = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    root = frames[:, :3] + origins * lift
    speed = 7 + num_dof + 3 * num_ee
    data["base_quat"] = frames[:, 3:7].clone()
    data["root_states"] = torch.cat([root, frames[:, 3:7], data["root_states"][:, 7:]], dim=1)
    data["dof_pos"] = frames[:, 7 : 7 + num_dof].clone()
    data["base_lin_vel"] = frames[:, speed : speed + 3].clone()
    data["base_ang_vel"] = frames[:, speed + 3 : speed + 6].clone()
    data["ee_local"] = frames[:, 7 + num_dof : speed].reshape(count, num_ee, 3).clone()
    turns = np.stack([matrix(q) for q in frames[:, 3:7]])
    turned = np.einsum("nij,nej->nei", turns, data["ee_local"].numpy())
    data["ee_global"] = root[:, None] + torch.as_tensor(turned)
    data["joint_targets_rate"] = torch.zeros(count, dtype=torch.float64)
    return {k: v.to(dtype) if isinstance(v, torch.Tensor) else v for k, v in data.items()}
