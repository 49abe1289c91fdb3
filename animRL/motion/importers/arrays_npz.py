"""Generic .npz archives, in one of three layouts, T frames each, metres and radians, z up.

Joint angles: ``root_pos`` (T, 3), ``root_quat`` or ``root_rot`` (T, 4), ``joint_pos`` or
``dof_pos`` (T, J), and may be ``joint_names`` or ``dof_names`` (J,); the model is given by
``--skeleton`` or ``--character``.

MuJoCo's: ``qpos`` (T, 7 + J), its quaternion w first, and may be ``joint_names``.

Rotations on a skeleton of the file's own: ``names`` (B,), ``parents`` (B,), -1 for the root,
``offsets`` (B, 3), ``rotations`` (T, B, 4) of each joint in its parent, of the root in the world,
and ``root_pos``; units and axes are detected.

All of them: ``fps`` or ``dt``, or ``--fps``. Quaternions are xyzw unless ``quat_order`` is "wxyz".
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from animRL.motion.importers.files import frame_time, numbers, read_arrays, unit_quaternions
from animRL.motion.importers.options import ImportOptions
from animRL.motion.importers.robot import AngleMotion
from animRL.motion.importers.smpl import NEEDS as SMPL_NEEDS
from animRL.motion.importers.source import SourceJoint, SourceMotion
from animRL.motion.rotations import Array, to_matrix
from animRL.utils.errors import InputError

Arrays = Mapping[str, NDArray[Any]]

_ROOT_PLACES = ("root_pos", "root_trans", "root_translation")
_ROOT_TURNS = ("root_quat", "root_rot", "root_rotation")
_ANGLES = ("joint_pos", "dof_pos", "joint_angles")
_NAMES = ("joint_names", "dof_names")
_ORDERS = ("xyzw", "wxyz")


def read_npz(path: Path, options: ImportOptions) -> SourceMotion | AngleMotion:
    """Read an archive of one of the layouts above.

    Raises:
        InputError: one line naming the file and array, and what would be valid.
    """
    arrays = read_arrays(path)
    if "rotations" in arrays:
        return _rotations(arrays, path, options)
    if "qpos" in arrays:
        qpos = numbers(arrays, "qpos", path, (None, None))
        if qpos.shape[1] < 7:
            raise InputError(f"{path}: qpos has {qpos.shape[1]} columns; valid: 7 and the joints")
        parts = {
            "pos": qpos[:, :3],
            "quat": np.roll(qpos[:, 3:7], -1, axis=1),
            "joints": qpos[:, 7:],
        }
        layout = "qpos, w first"
    elif any(name in arrays for name in _ANGLES):
        pos = numbers(arrays, _key(arrays, _ROOT_PLACES, path), path, (None, 3))
        quat = numbers(arrays, _key(arrays, _ROOT_TURNS, path), path, (len(pos), 4))
        angles = numbers(arrays, _key(arrays, _ANGLES, path), path, (len(pos), None))
        order = _order(arrays, path)
        parts = {"pos": pos, "quat": _as_xyzw(quat, order), "joints": angles}
        layout = f"quaternions {order}"
    else:
        raise InputError(
            f"{path}: no known layout; valid: {_ANGLES[0]} with root_pos and root_quat, qpos, or "
            f"rotations with names, parents and offsets, or as SMPL {SMPL_NEEDS}; present: "
            + ", ".join(sorted(arrays))
        )
    if len(parts["pos"]) < 2:
        raise InputError(f"{path}: {len(parts['pos'])} frame(s); valid: at least 2")
    return AngleMotion(
        format=f"npz of joint angles ({layout})",
        root_pos=parts["pos"],
        root_quat=unit_quaternions(parts["quat"], f"{path}: root rotation, frame "),
        joint_pos=parts["joints"],
        joint_names=_names(arrays, _NAMES, parts["joints"].shape[1], path),
        dt=_frame_time(arrays, path, options),
    )


def _rotations(arrays: Arrays, path: Path, options: ImportOptions) -> SourceMotion:
    names = _names(arrays, ("names",), None, path)
    if names is None:
        raise InputError(f"{path}: no array 'names'; present: {', '.join(sorted(arrays))}")
    count = len(names)
    offsets = numbers(arrays, "offsets", path, (count, 3))
    parents = numbers(arrays, "parents", path, (count,))
    quat = numbers(arrays, "rotations", path, (None, count, 4))
    place = numbers(arrays, _key(arrays, _ROOT_PLACES, path), path, (len(quat), 3))
    if len(quat) < 2:
        raise InputError(f"{path}: {len(quat)} frame(s); valid: at least 2")
    for index, parent in enumerate(parents):
        if parent != -1 if index == 0 else parent not in range(index):
            raise InputError(
                f"{path}: parents[{index}] is {parent:g}; valid: "
                + ("-1 for the root" if index == 0 else f"a joint before it, 0 to {index - 1}")
            )
    order = _order(arrays, path)
    unit = unit_quaternions(_as_xyzw(quat, order), f"{path}: rotations", order)
    return SourceMotion(
        format=f"npz of rotations (quaternions {order})",
        name=path.stem,
        joints=tuple(
            SourceJoint(name, int(parent), offset)
            for name, parent, offset in zip(names, parents, offsets, strict=True)
        ),
        turns=to_matrix(unit),
        angles=np.zeros((len(quat), 0)),
        root_pos=place,
        dt=_frame_time(arrays, path, options),
    )


def _key(arrays: Arrays, names: tuple[str, ...], path: Path) -> str:
    for name in names:
        if name in arrays:
            return name
    present = ", ".join(sorted(arrays))
    raise InputError(f"{path}: no array '{names[0]}'; present: {present}")


def _order(arrays: Arrays, path: Path) -> str:
    if "quat_order" not in arrays:
        return _ORDERS[0]
    order = str(arrays["quat_order"])
    if order not in _ORDERS:
        raise InputError(f"{path}: quat_order is '{order[:40]}'; valid: {', '.join(_ORDERS)}")
    return order


def _as_xyzw(quat: Array, order: str) -> Array:
    return np.roll(quat, -1, axis=-1) if order == "wxyz" else quat


def _names(
    arrays: Arrays, keys: tuple[str, ...], count: int | None, path: Path
) -> tuple[str, ...] | None:
    key = next((key for key in keys if key in arrays), None)
    if key is None:
        return None
    array = arrays[key]
    if array.dtype.kind != "U" or array.ndim != 1 or not len(array):
        raise InputError(f"{path}: {key} is no list of names; valid: a one-dimensional text array")
    names = tuple(str(name) for name in array)
    if count is not None and len(names) != count:
        raise InputError(f"{path}: {key} names {len(names)} joints; valid: {count}, one a column")
    twice = sorted({name for name in names if names.count(name) > 1 or not name})
    if twice:
        raise InputError(f"{path}: {key} has '{twice[0]}' twice, or an empty name")
    return names


def _frame_time(arrays: Arrays, path: Path, options: ImportOptions) -> float:
    if options.fps is not None:
        return frame_time(1.0 / options.fps, "--fps")
    for key in ("fps", "dt"):
        if key in arrays:
            array = arrays[key]
            if array.dtype.kind not in "fiu" or array.size != 1:
                raise InputError(f"{path}: {key} is {str(array)[:40]}; valid: one number")
            value = float(array.reshape(-1)[0])
            if not np.isfinite(value) or value <= 0.0:
                raise InputError(f"{path}: {key} is {value:g}; valid: a number above 0")
            return frame_time(1.0 / value if key == "fps" else value, f"{path}: {key}")
    raise InputError(f"{path}: no 'fps' or 'dt'; valid: one of them, or --fps RATE")
