"""The table of a checkpoint's tensors, read as text is read: nothing in it is run.

``torch.save`` writes the table as instructions of Python's pickle (protocol 2). The few that build
tensors and plain values are followed here by hand; any other is refused before it is looked at.
No torch is needed, which takes seconds to load.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

MAX_VALUES = 2_000_000
"""Instructions in a table, and values in what it describes; a nest of references can hold more than
any memory."""
_PLAIN = (bool, int, float, str, type(None))
_VALUES = {
    *("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE"),
}
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple,
}  # fmt: skip
_MOST_DIMENSIONS = 64  # torch's own limit
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_REBUILD = "torch._utils _rebuild_tensor_v2"
_ORDERED = "collections OrderedDict"
_STORAGES = {
    "torch FloatStorage": "f4", "torch DoubleStorage": "f8", "torch HalfStorage": "f2",
    "torch BFloat16Storage": "bf2", "torch LongStorage": "i8", "torch IntStorage": "i4",
    "torch ShortStorage": "i2", "torch CharStorage": "i1", "torch ByteStorage": "u1",
    "torch BoolStorage": "b1",
}  # fmt: skip
"""Kinds of stored numbers as NumPy names them; of ``bf2``, which it does not know, see
``checkpoint_archive``. The last digit is the size of one in bytes."""


class Unsound(Exception):
    """Bytes that are no checkpoint, and why."""


class Foreign(Exception):
    """A table that asks for something else than tensors and plain values, and what."""


class Stored(NamedTuple):
    """Numbers in a part of the archive."""

    kind: str
    """See ``_STORAGES``."""
    part: str
    """Name of the part, after ``data/``."""
    length: int
    """How many numbers."""

    @property
    def item_bytes(self) -> int:
        """Size of one number."""
        return int(self.kind[-1])


class TensorEntry(NamedTuple):
    """A tensor as the table describes it: a window on stored numbers."""

    stored: Stored
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


class _Name(NamedTuple):
    """A function or class that the table names; never imported."""

    text: str


def read_table(table: bytes) -> Any:
    """Return what a table describes: dictionaries, lists, tuples, plain values, ``TensorEntry``.

    Raises:
        Unsound: if it makes no sense, or describes more than is stored.
        Foreign: if it asks for anything but tensors and plain values.
    """
    reader = _Reader()
    try:
        for number, (instruction, argument, _) in enumerate(pickletools.genops(table)):
            if number > MAX_VALUES:
                raise Unsound("it holds too many values")
            reader.follow(instruction.name, argument)
        (value,) = reader.stack
    except (ValueError, IndexError, KeyError, TypeError, UnicodeError) as error:
        reason = " ".join(str(error).split())[:80]
        raise Unsound(f"the table of its tensors makes no sense ({reason})") from None
    _check_values(value)
    return value


class _Reader:
    """A stack of values, as the instructions want it; marks hold the stacks below them."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self._below: list[list[Any]] = []
        self._memo: dict[int, Any] = {}

    def follow(self, name: str, argument: Any) -> None:
        """Do what one instruction says."""
        if name in _VALUES:
            self.stack.append(argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name]())
        elif name in _TUPLES:
            values = self.stack[-_TUPLES[name] :]
            if len(values) != _TUPLES[name]:
                raise IndexError("a tuple of values that are not there")
            self.stack[-len(values) :] = [tuple(values)]
        elif name == "GLOBAL":
            if argument not in (_REBUILD, _ORDERED, *_STORAGES):
                raise Foreign(f"it asks for {str(argument)[:80]}")
            self.stack.append(_Name(argument))
        elif name in _STEPS:
            _STEPS[name](self, argument)
        else:
            raise Foreign(f"it holds the instruction {name}")

    def _mark(self, _: Any) -> None:
        self._below.append(self.stack)
        self.stack = []

    def _since_mark(self) -> list[Any]:
        values, self.stack = self.stack, self._below.pop()
        return values

    def _drop(self, _: Any) -> None:
        self.stack.pop()

    def _drop_marked(self, _: Any) -> None:
        self._since_mark()

    def _make_tuple(self, _: Any) -> None:
        values = tuple(self._since_mark())
        self.stack.append(values)

    def _make_list(self, _: Any) -> None:
        values = self._since_mark()
        self.stack.append(values)

    def _make_dict(self, _: Any) -> None:
        values = self._since_mark()
        self.stack.append(dict(zip(values[::2], values[1::2], strict=True)))

    def _append(self, _: Any) -> None:
        value = self.stack.pop()
        self._expected(list).append(value)

    def _append_all(self, _: Any) -> None:
        values = self._since_mark()
        self._expected(list).extend(values)

    def _set(self, _: Any) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._expected(dict)[key] = value

    def _set_all(self, _: Any) -> None:
        values = self._since_mark()
        self._expected(dict).update(zip(values[::2], values[1::2], strict=True))

    def _remember(self, _: Any) -> None:
        self._memo[len(self._memo)] = self.stack[-1]

    def _remember_as(self, number: int) -> None:
        self._memo[number] = self.stack[-1]

    def _recall(self, number: int) -> None:
        self.stack.append(self._memo[number])

    def _refer(self, _: Any) -> None:
        what, kind, part, place, count = self.stack.pop()
        texts = isinstance(part, str) and isinstance(place, str) and type(count) is int
        if what != "storage" or not texts or not isinstance(kind, _Name):
            raise ValueError("a reference to something that is not stored")
        self.stack.append(Stored(_STORAGES[kind.text], part, count))

    def _call(self, _: Any) -> None:
        given, called = self.stack.pop(), self.stack.pop()
        if called == _Name(_ORDERED) and given == ():
            self.stack.append({})
        elif called == _Name(_REBUILD):
            self.stack.append(_tensor(*given))
        else:
            raise Foreign("it calls something else than what makes a tensor")

    def _leave_out_attributes(self, _: Any) -> None:
        self.stack.pop()  # the versions of a network's parts
        self._expected(dict)

    def _expected(self, kind: type) -> Any:
        if type(self.stack[-1]) is not kind:
            raise TypeError(f"a {type(self.stack[-1]).__name__} in place of a {kind.__name__}")
        return self.stack[-1]


_STEPS: dict[str, Callable[[_Reader, Any], None]] = {
    "PROTO": lambda reader, argument: None,
    "FRAME": lambda reader, argument: None,
    "STOP": lambda reader, argument: None,
    "MARK": _Reader._mark,
    "POP": _Reader._drop,
    "POP_MARK": _Reader._drop_marked,
    "TUPLE": _Reader._make_tuple,
    "LIST": _Reader._make_list,
    "DICT": _Reader._make_dict,
    "APPEND": _Reader._append,
    "APPENDS": _Reader._append_all,
    "SETITEM": _Reader._set,
    "SETITEMS": _Reader._set_all,
    "MEMOIZE": _Reader._remember,
    "BINPUT": _Reader._remember_as,
    "LONG_BINPUT": _Reader._remember_as,
    "BINGET": _Reader._recall,
    "LONG_BINGET": _Reader._recall,
    "BINPERSID": _Reader._refer,
    "REDUCE": _Reader._call,
    "BUILD": _Reader._leave_out_attributes,
}


def _tensor(
    stored: Any, offset: Any, shape: Any, stride: Any, needs_gradient: Any, hooks: Any, *more: Any
) -> TensorEntry:
    """Check what a tensor is made of."""
    numbers = (offset, *shape, *stride)
    if not isinstance(stored, Stored) or any(type(n) is not int or n < 0 for n in numbers):
        raise ValueError("a tensor of something else than stored numbers")
    if type(needs_gradient) is not bool or hooks != {} or any(m is not None for m in more):
        raise ValueError("a tensor with something attached")
    if len(shape) != len(stride) or len(shape) > _MOST_DIMENSIONS:
        raise ValueError("a tensor with other strides than dimensions, or too many")
    last = offset + sum((size - 1) * step for size, step in zip(shape, stride))
    if prod(shape) > stored.length or (prod(shape) and last >= stored.length):
        raise Unsound("a tensor claims more numbers than are stored")
    return TensorEntry(stored, offset, tuple(shape), tuple(stride))


def _check_values(value: Any) -> None:
    """Refuse what is no tensor or plain value, and more values than any checkpoint has."""
    waiting, seen = [value], 0
    while waiting:
        value = waiting.pop()
        inside = type(value) in (dict, list, tuple)
        seen += 1 + (len(value) if inside else 0)
        if seen > 2 * MAX_VALUES:
            raise Unsound("it holds too many values")
        if type(value) is dict:
            waiting.extend(value.keys())
            waiting.extend(value.values())
        elif inside:
            waiting.extend(value)
        elif not isinstance(value, (*_PLAIN, TensorEntry)):
            raise Unsound("it holds something that is neither a tensor nor a plain value")
