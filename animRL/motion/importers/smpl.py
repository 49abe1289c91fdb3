"""AMASS and other SMPL-family archives (.npz), without a body model.

The pose of an SMPL body (Loper et al. 2015) is one rotation vector for each joint of a fixed tree;
AMASS (Mahmood et al. 2019) stores them beside the root's place. The proportions of the body come
from a model file under a licence of its own; here they are those of the average adult.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from animRL.dataloader.clip import MAX_JOINT_ANGLE
from animRL.motion.importers.files import frame_time, numbers, read_arrays
from animRL.motion.importers.options import ImportOptions
from animRL.motion.importers.source import SourceJoint, SourceMotion
from animRL.motion.rotations import Array, from_rotvec, to_matrix
from animRL.utils.errors import InputError

Arrays = Mapping[str, NDArray[Any]]

STATURE = 1.70
"""Height [m] of the body that is built; ``--scale`` changes it."""
JOINTS: tuple[tuple[str, str | None], ...] = (
    ("Pelvis", None), ("L_Hip", "Pelvis"), ("R_Hip", "Pelvis"), ("Spine1", "Pelvis"),
    ("L_Knee", "L_Hip"), ("R_Knee", "R_Hip"), ("Spine2", "Spine1"),
    ("L_Ankle", "L_Knee"), ("R_Ankle", "R_Knee"), ("Spine3", "Spine2"),
    ("L_Foot", "L_Ankle"), ("R_Foot", "R_Ankle"), ("Neck", "Spine3"),
    ("L_Collar", "Spine3"), ("R_Collar", "Spine3"), ("Head", "Neck"),
    ("L_Shoulder", "L_Collar"), ("R_Shoulder", "R_Collar"),
    ("L_Elbow", "L_Shoulder"), ("R_Elbow", "R_Shoulder"),
    ("L_Wrist", "L_Elbow"), ("R_Wrist", "R_Elbow"), ("L_Hand", "L_Wrist"), ("R_Hand", "R_Wrist"),
)  # fmt: skip
"""Joint and parent, in SMPL's order; the first 22 are common to SMPL, SMPL+H and SMPL-X."""
BODY_JOINTS = 22

# Shares of the height: Drillis and Contini 1966, as in Winter, Biomechanics and Motor Control of
# Human Movement, figure 4.1.
_ANKLE, _KNEE, _HIP, _SHOULDER, _CHIN = 0.039, 0.285, 0.530, 0.818, 0.870
_SHOULDERS, _HIPS, _UPPER_ARM, _FOREARM, _HAND, _FOOT = 0.259, 0.191, 0.186, 0.146, 0.108, 0.152
# Not in the figure: hip joints lie halfway between midline and side, the trunk bends at each
# quarter, the collar bones start at a sixth of the breadth, the ball of the foot lies 0.4 of the
# foot's length before the ankle and a quarter of its height over the ground.
_BALL = 0.25 * _ANKLE
_QUARTER = 0.25 * (_SHOULDER - _HIP)

_ROTATION_KEYS = (
    ("poses",), ("root_orient", "pose_body"), ("global_orient", "body_pose"), ("smpl_poses",),
)  # fmt: skip
NEEDS = "poses (T, 72 or more), trans (T, 3) and mocap_framerate, as plain numbers"
"""What is valid as an SMPL motion, by AMASS's names."""
_TRANSLATION_KEYS = ("trans", "transl", "smpl_trans", "root_trans")
_RATE_KEYS = ("mocap_framerate", "mocap_frame_rate", "mocap_frequency", "fps")


def is_smpl(names: Mapping[str, Any]) -> bool:
    """Whether an archive with these arrays looks like an SMPL motion."""
    return any(all(key in names for key in keys) for keys in _ROTATION_KEYS) and (
        any(key in names for key in _TRANSLATION_KEYS)
    )


def read_smpl(path: Path, options: ImportOptions) -> SourceMotion:
    """Read rotation vectors and root places: poses, trans, mocap_framerate and their synonyms.

    ``betas`` and ``gender`` shape a body that is not built here, and are left out; so are fingers,
    jaw and eyes. The root's place is that of SMPL's model origin, which lies a fixed distance from
    the pelvis that only the model knows: the clip is set on the floor instead.

    Raises:
        InputError: one line naming the file and array, and what would be valid.
    """
    arrays = read_arrays(path)
    vectors = _rotation_vectors(arrays, path)
    key = next((key for key in _TRANSLATION_KEYS if key in arrays), None)
    if key is None:
        raise InputError(
            f"{path}: no array '{_TRANSLATION_KEYS[0]}'; valid: {NEEDS}; present: {_names(arrays)}"
        )
    place = numbers(arrays, key, path, (len(vectors), 3))
    turns = np.tile(np.eye(3), (len(vectors), len(JOINTS), 1, 1))
    turns[:, :BODY_JOINTS] = to_matrix(from_rotvec(vectors))
    offsets = standing_offsets()
    names = [name for name, _ in JOINTS]
    joints = tuple(
        SourceJoint(
            name=name,
            parent=-1 if parent is None else names.index(parent),
            offset=offsets[index],
            hinges=None if index < BODY_JOINTS else (),
        )
        for index, (name, parent) in enumerate(JOINTS)
    )
    shape = [name for name in ("betas", "gender") if name in arrays]
    note = f"body of {STATURE:.2f} m with average proportions"
    if shape:
        note += f"; {' and '.join(shape)} not used"
    return SourceMotion(
        format=f"SMPL ({key}, {', '.join(_rotation_keys(arrays, path))})",
        name="smpl",
        joints=joints,
        turns=turns,
        angles=np.zeros((len(vectors), 0)),
        root_pos=place,
        dt=_frame_time(arrays, path, options),
        usual_up="z",
        rest_up="y",
        rest_forward="z",
        scale=1.0,
        sole=STATURE * _BALL,
        notes=(note,),
    )


def standing_offsets() -> Array:
    """Offsets (24, 3) [m] of the joints in the T-pose: x left, y up, z forward."""
    arm = 0.5 * _SHOULDERS
    sided = {
        "Hip": (0.25 * _HIPS, 0.0, 0.0),
        "Knee": (0.0, _KNEE - _HIP, 0.0),
        "Ankle": (0.0, _ANKLE - _KNEE, 0.0),
        "Foot": (0.0, _BALL - _ANKLE, 0.4 * _FOOT),
        "Collar": (arm / 3.0, _QUARTER, 0.0),
        "Shoulder": (2.0 * arm / 3.0, 0.0, 0.0),
        "Elbow": (_UPPER_ARM, 0.0, 0.0),
        "Wrist": (_FOREARM, 0.0, 0.0),
        "Hand": (0.5 * _HAND, 0.0, 0.0),
    }
    trunk = {"Neck": _QUARTER, "Head": _CHIN - _SHOULDER, "Pelvis": 0.0}
    rows = []
    for name, _ in JOINTS:
        side, _, part = name.partition("_")
        if part:
            x, y, z = sided[part]
            rows.append((x if side == "L" else -x, y, z))
        else:
            rows.append((0.0, trunk.get(name, _QUARTER), 0.0))
    return STATURE * np.array(rows)


def _rotation_keys(arrays: Arrays, path: Path) -> tuple[str, ...]:
    for keys in _ROTATION_KEYS:
        if all(key in arrays for key in keys):
            return keys
    wanted = " or ".join(" and ".join(keys) for keys in _ROTATION_KEYS[:2])
    raise InputError(f"{path}: no {wanted}; present: {_names(arrays)}")


def _rotation_vectors(arrays: Arrays, path: Path) -> Array:
    """Rotation vectors (T, 22, 3) of the body's joints."""
    parts = []
    for key in _rotation_keys(arrays, path):
        if arrays[key].dtype == object:
            raise InputError(
                f"{path}: {key} holds pickled objects, which are not loaded; valid: {NEEDS}"
            )
        ndim = arrays[key].ndim
        shape: tuple[int | None, ...] = (None,) * ndim if ndim == 2 else (None, None, 3)
        values = numbers(arrays, key, path, shape)
        parts.append(values.reshape(len(values), -1))
    if any(len(part) != len(parts[0]) for part in parts):
        raise InputError(f"{path}: {', '.join(_rotation_keys(arrays, path))} differ in length")
    vectors = np.concatenate(parts, axis=1)
    if len(vectors) < 2:
        raise InputError(f"{path}: {len(vectors)} frame(s); valid: at least 2")
    if vectors.shape[1] % 3 or vectors.shape[1] < 3 * BODY_JOINTS:
        raise InputError(
            f"{path}: {vectors.shape[1]} numbers a frame in {_rotation_keys(arrays, path)[0]}; "
            f"valid: 3 for each joint, 72 (SMPL), 156 (SMPL+H) or 165 (SMPL-X)"
        )
    vectors = vectors.reshape(len(vectors), -1, 3)[:, :BODY_JOINTS]
    lengths = np.linalg.norm(vectors, axis=-1)
    if lengths.max() > MAX_JOINT_ANGLE:
        frame, joint = np.unravel_index(lengths.argmax(), lengths.shape)
        raise InputError(
            f"{path}: frame {frame}: {JOINTS[joint][0]} turns by {lengths[frame, joint]:.4g}; "
            "valid: radians (are these degrees?)"
        )
    return vectors


def _frame_time(arrays: Arrays, path: Path, options: ImportOptions) -> float:
    if options.fps is not None:
        return frame_time(1.0 / options.fps, "--fps")
    key = next((key for key in _RATE_KEYS if key in arrays), None)
    if key is None:
        raise InputError(f"{path}: no '{_RATE_KEYS[0]}'; valid: --fps RATE says it instead")
    array = arrays[key]
    try:
        rate = float(array.reshape(-1)[0]) if array.size == 1 else float("nan")
    except (TypeError, ValueError):
        rate = float("nan")
    if not 0.0 < rate < 1e6:
        raise InputError(f"{path}: {key} is {str(array)[:40]}; valid: frames a second")
    return frame_time(1.0 / rate, f"{path}: {key}")


def _names(arrays: Arrays) -> str:
    return ", ".join(sorted(arrays))
