"""Files read with one-line errors: text, JSON objects and NumPy archives."""

from __future__ import annotations

import json
import stat
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from animRL.motion.rotations import Array
from animRL.utils.errors import InputError

MAX_FILE_BYTES = 2**30
LARGEST = 1e9
"""Numbers from here on are damage: no length, angle or time of a motion is so large."""
# Rotations in files are rounded; farther from unit length than this they are something else.
QUATERNION_NORM_TOLERANCE = 0.05


def check_size(path: Path) -> None:
    """Raise InputError if the file is missing, a folder or larger than a motion can be."""
    try:
        found = path.stat()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise InputError(f"{path}: no name of a file ({error})") from error
    size = found.st_size
    if stat.S_ISDIR(found.st_mode):
        raise InputError(f"{path}: a folder; valid: a motion file")
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"{path}: no regular file; valid: a motion file")
    if size == 0:
        raise InputError(f"{path}: empty; valid: a motion file")
    if size > MAX_FILE_BYTES:
        raise InputError(f"{path}: larger than {MAX_FILE_BYTES >> 20} MiB; not a motion")


def read_text(path: Path) -> str:
    """The text of a file in UTF-8."""
    check_size(path)
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a text file in UTF-8 (byte {error.start})") from error


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file."""
    try:
        data = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}: {error.msg}"
        raise InputError(f"{path}: not JSON, or cut short ({where})") from error
    except (RecursionError, ValueError) as error:
        raise InputError(f"{path}: not a motion ({' '.join(str(error).split())})") from error
    if not isinstance(data, dict):
        raise InputError(f"{path}: a JSON {type(data).__name__}; valid: an object")
    return data


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz file; pickled objects are refused, never loaded."""
    check_size(path)
    arrays: dict[str, NDArray[Any]] = {}
    name = ""
    try:
        with np.load(path, allow_pickle=False) as archive:
            if not isinstance(archive, Mapping):
                raise InputError(f"{path}: a single array; valid: an .npz archive of named arrays")
            for name in archive:
                try:
                    arrays[name] = archive[name]
                except ValueError as error:
                    if "pickle" not in str(error).lower():
                        raise
                    # Some collections store their subject's notes so; only what is read counts.
                    arrays[name] = np.empty(0, dtype=object)
    except InputError:
        raise
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())
        if "pickle" in reason.lower():
            reason = "it holds pickled objects, which can run code and are not loaded"
        where = f" ({name})" if name else ""
        raise InputError(f"{path}: not a readable .npz archive{where}: {reason}") from None
    return arrays


def numbers(
    arrays: Mapping[str, NDArray[Any]], name: str, path: Path, shape: tuple[int | None, ...]
) -> Array:
    """One finite float64 array of an archive; None in the shape stands for any size.

    Raises:
        InputError: if it is missing, pickled, of another shape or not finite.
    """
    if name not in arrays:
        raise InputError(f"{path}: no array '{name}'; present: {', '.join(sorted(arrays))}")
    array = arrays[name]
    if array.dtype == object:
        raise InputError(f"{path}: {name} holds pickled objects, which are not loaded")
    if array.dtype.kind not in "fiu":
        raise InputError(f"{path}: {name} is of type {array.dtype}; valid: numbers")
    fits = array.ndim == len(shape) and all(
        want is None or have == want for have, want in zip(array.shape, shape)
    )
    if not fits:
        wanted = ", ".join("any" if size is None else str(size) for size in shape)
        raise InputError(f"{path}: {name} has shape {array.shape}; valid: ({wanted})")
    values = array.astype(np.float64)
    require_finite(values, f"{path}: {name}")
    return values


def require_finite(values: Array, where: str) -> None:
    """Raise InputError with the first place that is no finite number."""
    bad = np.argwhere(~is_sound(values))
    if len(bad):
        place = "".join(f"[{index}]" for index in bad[0])
        raise InputError(f"{where}{place} is {values[tuple(bad[0])]}; valid: finite numbers")


def is_sound(values: Array) -> NDArray[np.bool_]:
    """Which numbers are finite and of a size that a motion can have."""
    return np.abs(values) < LARGEST


def unit_quaternions(
    quat: Array, where: str, order: str = "xyzw", tolerance: float = QUATERNION_NORM_TOLERANCE
) -> Array:
    """Quaternions (..., 4) scaled to unit length, which they may miss by a tolerance.

    Raises:
        InputError: for one that is zero or far from unit length.
    """
    lengths = np.linalg.norm(quat, axis=-1)
    bad = np.argwhere(np.abs(lengths - 1.0) > tolerance)
    if len(bad):
        place = "".join(f"[{index}]" for index in bad[0])
        length = lengths[tuple(bad[0])]
        raise InputError(f"{where}{place} has length {length:.4g}; valid: unit quaternions {order}")
    return quat / lengths[..., None]


def frame_time(dt: float, where: str) -> float:
    """A frame's duration [s]; raises InputError if it cannot be one."""
    if not 0.0 < dt <= 1.0:
        raise InputError(f"{where} is {dt:.6g} s a frame; valid: seconds above 0, at most 1")
    return dt


def require_keys(data: Iterable[str], wanted: Iterable[str], path: Path) -> None:
    """Raise InputError with the first name that is missing."""
    present = set(data)
    for name in wanted:
        if name not in present:
            raise InputError(f"{path}: no '{name}'; present: {', '.join(sorted(present))}")
