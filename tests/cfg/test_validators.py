"""The rules for values, apart from configurations."""

from __future__ import annotations

import math

import pytest

from animRL.cfg.validators import (
    ANY,
    Choice,
    KernelTerm,
    Length,
    OptionalOf,
    Range,
    Refused,
    accept,
    conform,
)


@pytest.mark.parametrize(
    ("rule", "inside", "outside", "words"),
    [
        (Range(0, 1), (0, 1, 0.5), (-1, 1.001), "in [0, 1]"),
        (Range(0, 1, inclusive=False), (0.5,), (0, 1), "in (0, 1)"),
        (Range(0, 1, inclusive=(True, False)), (0,), (1,), "in [0, 1)"),
        (Range(0, None, inclusive=False), (1e-9, 1e9), (0, -1), "> 0"),
        (Range(0), (0, 5), (-1,), ">= 0"),
        (Range(None, 3), (-9, 3), (4,), "<= 3"),
        (Range(None, 3, inclusive=False), (-9,), (3,), "< 3"),
    ],
)
def test_range(rule, inside, outside, words):
    for number in inside:
        assert rule.check(number) == number
    for number in outside:
        with pytest.raises(Refused) as caught:
            rule.check(number)
        assert str(caught.value) == f"a number {words}"


def test_range_holds_for_every_number_inside():
    rule = Range(0, 1)
    assert rule.check({"a": [0.0, [1.0]]}) == {"a": [0.0, [1.0]]}
    with pytest.raises(Refused, match="each number"):
        rule.check({"a": [0.0, [2.0]]})


def test_choice_tells_true_from_one():
    assert Choice(1, None).check(None) is None
    with pytest.raises(Refused, match="one of 1, None"):
        Choice(1, None).check(True)


def test_optional_of_a_type_with_a_rule():
    rule = OptionalOf(float, Range(0, 1))
    assert rule.check(None) is None
    assert rule.check(1) == 1.0 and isinstance(rule.check(1), float)
    for wrong in (2, "a", True, math.nan):
        with pytest.raises(Refused, match="or None"):
            rule.check(wrong)


def test_kernel_term():
    assert KernelTerm().check((1, 0)) == [1.0, 0.0]
    for wrong in ([0, 0], [1, -1], [1], [1, math.inf], "ab", None, {"a": 1}, [True, 0]):
        with pytest.raises(Refused, match="sigma > 0"):
            KernelTerm().check(wrong)


def test_length():
    assert accept([1, 2, 3], [1], (Length(2),)) == [1, 2, 3]
    with pytest.raises(Refused, match="a list of 2 or more entries"):
        accept([1], [1], (Length(2),))
    with pytest.raises(Refused, match="a list of whole numbers"):
        accept(3, [1], (Length(2),))


@pytest.mark.parametrize(
    ("value", "like", "result"),
    [
        ([1, 2], [0.5, 1], [1.0, 2.0]),
        ([[1, 2], [3, 4]], [[0, 1], [2, 3.5]], [[1.0, 2.0], [3.0, 4.0]]),
        ({"b": [1, 2]}, {"a": [0.0, 1]}, {"b": [1.0, 2.0]}),
        ({"b": ["x", "y"]}, {"a": ["z"]}, {"b": ["x", "y"]}),
        (["x", 3], ["a", 1.0], ["x", 3.0]),
        ({"a": 3, "new": "text"}, {"a": 1.0, "b": "c"}, {"a": 3.0, "new": "text"}),
        ([1, "a", None, {"k": [True]}], [], [1, "a", None, {"k": [True]}]),
        (None, ANY, None),
    ],
)
def test_conform_takes_the_type_of_the_default(value, like, result):
    assert conform(value, like) == result
    assert repr(conform(value, like)) == repr(result)


@pytest.mark.parametrize(
    ("value", "like"),
    [
        (True, 1),
        (1, True),
        (1.5, 1),
        ("1", 1.0),
        (math.inf, 1.0),
        (10**400, 1.0),
        ([1, 2, 3], [1, 2]),
        ([[1], [2, 3]], [[1, 2], [3, 4]]),
        ({"a": "b"}, {"a": 1.0}),
        ({1: 2}, {}),
        ([{1, 2}], []),
        (object(), ANY),
        ([math.nan], ANY),
    ],
)
def test_conform_refuses_other_types(value, like):
    with pytest.raises(Refused):
        conform(value, like)
