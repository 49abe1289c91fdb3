"""What a setting may hold: types taken from a default, and small declared rules (`_valid`)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

ANY = object()
"""In place of a default: any plain value (true or false, number, text, list, dict, None)."""

_PLAIN = "a plain value (true or false, finite number, text, list, dict)"
_SAMPLES: dict[type, Any] = {bool: False, int: 0, float: 0.0, str: "", list: [], dict: {}}


class Refused(ValueError):
    """A value does not fit; the text says what would."""


class Validator:
    """A rule for one setting.

    `check` returns the value to store, or raises Refused with what was expected. A validator with
    `typed` checks the type itself; the others are called after the value met the default's type.
    """

    typed = False

    def check(self, value: Any) -> Any:
        """Return the value to store; raises Refused."""
        raise NotImplementedError


class Range(Validator):
    """Numbers from `minimum` to `maximum` (None: no bound); in lists and dicts each number.

    `inclusive` says whether the bounds themselves are allowed: both, or (lower, upper).
    """

    def __init__(
        self,
        minimum: float | None = None,
        maximum: float | None = None,
        inclusive: bool | tuple[bool, bool] = True,
    ) -> None:
        self.minimum, self.maximum = minimum, maximum
        both = (inclusive, inclusive) if isinstance(inclusive, bool) else inclusive
        self.lower_inclusive, self.upper_inclusive = both

    def check(self, value: Any) -> Any:
        """Return the value; raises Refused if a number in it is out of range."""
        if not all(self._holds(number) for number in _numbers(value)):
            prefix = "each number" if isinstance(value, list | dict) else "a number"
            raise Refused(f"{prefix} {self._describe()}")
        return value

    def _holds(self, number: float) -> bool:
        low, high = self.minimum, self.maximum
        above = low is None or number > low or (self.lower_inclusive and number == low)
        below = high is None or number < high or (self.upper_inclusive and number == high)
        return above and below

    def _describe(self) -> str:
        if self.maximum is None:
            return f"{'>=' if self.lower_inclusive else '>'} {self.minimum}"
        if self.minimum is None:
            return f"{'<=' if self.upper_inclusive else '<'} {self.maximum}"
        opening = "[" if self.lower_inclusive else "("
        closing = "]" if self.upper_inclusive else ")"
        return f"in {opening}{self.minimum}, {self.maximum}{closing}"


class Choice(Validator):
    """One of the values listed (None may be among them)."""

    typed = True

    def __init__(self, *choices: Any) -> None:
        self.choices = choices

    def check(self, value: Any) -> Any:
        """Return the value; raises Refused with the choices."""
        if not any(type(value) is type(choice) and value == choice for choice in self.choices):
            raise Refused("one of " + ", ".join(map(str, self.choices)))
        return value


class Pattern(Validator):
    """Text that is, as a whole, as a regular expression says; `valid` says so in words."""

    def __init__(self, expression: str, valid: str) -> None:
        self.expression, self.valid = re.compile(expression), valid

    def check(self, value: Any) -> Any:
        """Return the text; raises Refused with what would be valid."""
        if not self.expression.fullmatch(value):
            raise Refused(self.valid)
        return value


_PLAIN_NAME = r"[^\W_][\w .,+=@-]{0,99}"
_IN_WORDS = "a plain name of at most 100 characters, no path"
NAME = Pattern(_PLAIN_NAME, _IN_WORDS)
"""What a folder may be called."""
NO_NAME = Pattern(f"({_PLAIN_NAME})?", f"{_IN_WORDS}, or none")
DEVICE = Pattern(r"auto|[a-z]{1,9}(:[0-9]{1,3})?", "auto, cpu, cuda or cuda:<index>")


class OptionalOf(Validator):
    """None, or a value of the type given (bool, int, float, str, list, dict) that meets `rule`."""

    typed = True

    def __init__(self, kind: type, rule: Validator | None = None) -> None:
        self.like = _SAMPLES[kind]
        self.rules = () if rule is None else (rule,)

    def check(self, value: Any) -> Any:
        """Return the value; raises Refused."""
        if value is None:
            return None
        try:
            return accept(value, self.like, self.rules)
        except Refused as error:
            raise Refused(f"{error} or None") from None


class Length(Validator):
    """A list whose length may differ from the default's, between the bounds given."""

    def __init__(self, minimum: int = 0, maximum: int | None = None) -> None:
        self.minimum, self.maximum = minimum, maximum

    def check(self, value: Any) -> Any:
        """Return the list; raises Refused if it is too short or too long."""
        longest = math.inf if self.maximum is None else self.maximum
        if not self.minimum <= len(value) <= longest:
            upper = "or more" if self.maximum is None else f"to {self.maximum}"
            raise Refused(f"a list of {self.minimum} {upper} entries")
        return value


class KernelTerm(Validator):
    """A reward term `[sigma, tolerance]` with sigma > 0 and tolerance >= 0."""

    typed = True

    def check(self, value: Any) -> list[float]:
        """Return [sigma, tolerance] as floats; raises Refused."""
        try:
            sigma, tolerance = conform(value, [0.0, 0.0])
        except Refused:
            sigma = tolerance = -1.0
        if not (sigma > 0.0 and tolerance >= 0.0):
            raise Refused("[sigma > 0, tolerance >= 0]")
        return [sigma, tolerance]


def accept(value: Any, like: Any, validators: tuple[Validator, ...]) -> Any:
    """Return a copy of `value` that meets the type of `like` and all validators; raises Refused."""
    try:
        if not any(validator.typed for validator in validators):
            free_length = any(isinstance(validator, Length) for validator in validators)
            value = conform(value, like, free_length)
        for validator in validators:
            value = validator.check(value)
    except RecursionError:
        raise Refused("a value that is not nested so deep") from None
    return value


def conform(value: Any, like: Any, free_length: bool = False) -> Any:
    """Return a copy of `value` with the type of `like`; raises Refused.

    An int becomes a float where `like` is one; a bool is never a number; numbers are finite. A list
    has entries like those of `like` and, if these are numbers or lists, as many (unless
    `free_length`); a dict has text keys, and values like those of `like`. Empty: any entries.
    """
    if like is ANY:
        return _plain(value)
    if isinstance(like, list | tuple) and isinstance(value, list | tuple):
        return _conform_list(value, like, free_length)
    if isinstance(like, dict) and isinstance(value, dict):
        return _conform_dict(value, like)
    if isinstance(like, bool | str):
        if isinstance(value, type(like)):
            return value
    elif isinstance(like, float):
        if _is_number(value):
            return float(value)
    elif isinstance(like, int) and _is_number(value) and isinstance(value, int):
        return value
    raise Refused(describe(like, free_length))


def describe(like: Any, free_length: bool = False) -> str:
    """Say in words which values have the type of `like`."""
    if isinstance(like, list | tuple):
        if not like:
            return "a list"
        entries = f"entries like {like[0]!r}"
        if all(isinstance(entry, str) for entry in like):
            return "a list of text"
        if all(_is_number(entry) for entry in like):
            whole = all(isinstance(entry, int) for entry in like)
            entries = "whole numbers" if whole else "numbers"
        return f"a list of {entries}" if free_length else f"a list of {len(like)} {entries}"
    if isinstance(like, dict):
        return "a dict of names" + (f" to {describe(_sample(like.values()))}" if like else "")
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
    return names.get(type(like), _PLAIN)


def entry_of(like: Any, key: str) -> Any:
    """Return the value that stands for the type of an entry in a dict like `like`."""
    if not isinstance(like, dict):
        return ANY
    sample = _sample(like.values())
    return like.get(key, ANY) if sample is ANY else sample


def _conform_list(value: list | tuple, like: list | tuple, free_length: bool) -> list:
    if not like:
        return [_plain(entry) for entry in value]
    sample = _sample(like)
    same_length = len(value) == len(like)
    if not (same_length or free_length or isinstance(sample, str)):
        raise Refused(describe(like))
    samples = like if sample is ANY and same_length else [sample] * len(value)
    try:
        return [conform(entry, one) for entry, one in zip(value, samples, strict=True)]
    except Refused:
        raise Refused(describe(like, free_length)) from None


def _conform_dict(value: dict, like: dict) -> dict:
    result = {}
    for key, entry in value.items():
        if not isinstance(key, str):
            raise Refused(describe(like))
        try:
            result[key] = conform(entry, entry_of(like, key))
        except Refused:
            raise Refused(describe(like)) from None
    return result


def _sample(entries: Iterable[Any]) -> Any:
    """One value that stands for all entries; ANY if they differ in type or there are none."""
    entries = list(entries)
    if entries and all(_is_number(entry) for entry in entries):
        return 0 if all(isinstance(entry, int) for entry in entries) else 0.0
    if len({type(entry) for entry in entries}) != 1 or entries[0] is None:
        return ANY
    if isinstance(entries[0], list | tuple):
        lengths = {len(entry) for entry in entries}
        one = _sample(number for entry in entries for number in entry)
        if isinstance(one, str):
            return [one]
        return ANY if one is ANY or len(lengths) > 1 else [one] * lengths.pop()
    return {} if isinstance(entries[0], dict) else entries[0]


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | str) or _is_number(value):
        return value
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _plain(entry) for key, entry in value.items()}
    raise Refused(_PLAIN)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _numbers(value: Any) -> list[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for entry in value for number in _numbers(entry)]
    return [value] if _is_number(value) else []
