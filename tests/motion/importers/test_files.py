"""Files and arrays that are no motion are refused in one line that names the place."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from animRL.motion.importers.files import (
    frame_time,
    numbers,
    read_arrays,
    read_json,
    read_text,
    require_finite,
    require_keys,
    unit_quaternions,
)
from animRL.utils.errors import InputError


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty; valid: a motion file"),
        (b"\xff\xfe\x00", "not a text file in UTF-8 .byte 0"),
        (b'{"a": ', "not JSON, or cut short .line 1"),
        (b"[1, 2]", "a JSON list; valid: an object"),
        (b"[" * 100_000, "not a motion|not JSON"),
    ],
)
def test_what_is_no_json_object_is_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as error:
        read_json(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a folder"):
        read_text(tmp_path)
    with pytest.raises(InputError, match="none.bvh: cannot be read"):
        read_text(tmp_path / "none.bvh")


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(json.dumps({"a": 1}), encoding="utf-8-sig")
    assert read_json(tmp_path / "a.txt") == {"a": 1}


def test_arrays_come_back_and_objects_do_not(tmp_path: Path) -> None:
    values = np.arange(6.0).reshape(2, 3)
    np.savez(tmp_path / "a.npz", values=values, notes=np.array([{"a": 1}], dtype=object))
    arrays = read_arrays(tmp_path / "a.npz")
    np.testing.assert_array_equal(numbers(arrays, "values", tmp_path, (None, 3)), values)
    assert arrays["notes"].size == 0
    for name, message in (("notes", "pickled"), ("other", "no array 'other'; present: notes, val")):
        with pytest.raises(InputError, match=message):
            numbers(arrays, name, tmp_path, (None,))
    with pytest.raises(InputError, match=r"shape \(2, 3\); valid: \(any, 4\)"):
        numbers(arrays, "values", tmp_path, (None, 4))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e9])
def test_a_number_that_is_none_is_found_where_it_is(bad: float) -> None:
    values = np.zeros((3, 4))
    require_finite(values, "a")
    values[2, 1] = bad
    with pytest.raises(InputError, match=r"a\[2\]\[1\] is"):
        require_finite(values, "a")


def test_rounded_quaternions_are_scaled_and_others_refused() -> None:
    quat = np.random.default_rng(0).normal(size=(9, 4))
    quat /= np.linalg.norm(quat, axis=1, keepdims=True)
    np.testing.assert_allclose(unit_quaternions(quat.round(2), "a"), quat, atol=0.02)
    np.testing.assert_allclose(np.linalg.norm(unit_quaternions(1.04 * quat, "a"), axis=1), 1.0)
    for factor in (0.0, 0.9, 1.1):
        scaled = quat.copy()
        scaled[4] *= factor
        with pytest.raises(InputError, match=r"frame \[4\] has length .*; valid: unit"):
            unit_quaternions(scaled, "frame ")


def test_frame_times_and_keys() -> None:
    assert frame_time(1.0, "a") == 1.0
    for dt in (0.0, -0.1, 1.01, float("nan")):
        with pytest.raises(InputError, match="seconds above 0"):
            frame_time(dt, "a")
    require_keys({"a": 1}, ["a"], Path("f"))
    with pytest.raises(InputError, match="f: no 'b'; present: a"):
        require_keys({"a": 1}, ["a", "b"], Path("f"))
