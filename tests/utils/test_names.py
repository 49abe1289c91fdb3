"""Names and values by name, by hand."""

from __future__ import annotations

import pytest

from animRL.utils.errors import InputError
from animRL.utils.names import known_names, values_by_name

NAMES = ("hip", "knee", "ankle")


def test_known_names_keep_their_order() -> None:
    assert known_names(["knee", "hip"], NAMES, "joints") == ("knee", "hip")


def test_unknown_name_is_told_with_what_there_is() -> None:
    with pytest.raises(InputError, match=r"joints: no 'kne' \(did you mean 'knee'\?\).*hip, knee"):
        known_names(["kne"], NAMES, "joints")


def test_repeated_name_is_refused() -> None:
    with pytest.raises(InputError, match="'hip' is listed twice"):
        known_names(["hip", "knee", "hip"], NAMES, "joints")


def test_values_come_from_a_number_a_default_or_a_name() -> None:
    assert values_by_name(2.0, NAMES, "gain") == [2.0, 2.0, 2.0]
    assert values_by_name({"default": 2.0, "knee": 5.0}, NAMES, "gain") == [2.0, 5.0, 2.0]
    assert values_by_name({"hip": 1, "knee": 2, "ankle": 3}, NAMES, "gain") == [1.0, 2.0, 3.0]


def test_a_name_without_a_value_is_refused() -> None:
    with pytest.raises(InputError, match="gain: no value for 'hip'"):
        values_by_name({"knee": 5.0, "ankle": 1.0}, NAMES, "gain")
