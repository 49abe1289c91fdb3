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

MAX_VALUES = 500_000
"""Instructions in a table, and values in what it describes: ours have some thousand, and a nest of
references can hold more than any memory."""
_PLAIN = (bool, int, float, str, type(None))
_VALUES = {"BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE"}
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple,
}  # fmt: skip
_MOST_DIMENSIONS = 64  # torch's own limit
_LARGEST_SIZE = 2**62
_DEEPEST = 50  # ours have some ten levels
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


class _Name:
    """A function or class that the table names; never imported."""

    def __init__(self, text: str) -> None:
        self.text = text


def read_table(table: bytes) -> tuple[Any, list[Stored]]:
    """Return what a table describes, and all the stored numbers that it refers to.

    That is dictionaries, lists, tuples, plain values, and ``TensorEntry``.

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
    except (ValueError, LookupError, TypeError, ArithmeticError) as error:
        reason = " ".join(str(error).split())[:80]
        raise Unsound(f"the table of its tensors makes no sense ({reason})") from None
    _check_values(value)
    return value, list(reader.stored.values())


class _Reader:
    """A stack of values, as the instructions want it; marks hold the stacks below them."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self._below: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        self.stored: dict[str, Stored] = {}
        """By part: one part has one kind of numbers."""

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

    def _make_tuple(self, _: Any) -> None:
        values = tuple(self._since_mark())
        self.stack.append(values)

    def _append(self, _: Any) -> None:
        value = self.stack.pop()
        self._expected(list).append(value)

    def _append_all(self, _: Any) -> None:
        values = self._since_mark()
        self._expected(list).extend(values)

    def _set(self, _: Any) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._enter([key, value])

    def _set_all(self, _: Any) -> None:
        self._enter(self._since_mark())

    def _enter(self, values: list[Any]) -> None:
        """Put keys and values, in turns, into the dictionary on the stack."""
        if any(type(key) not in (str, int) for key in values[::2]):
            raise TypeError("a key that is neither a name nor a number")
        self._expected(dict).update(zip(values[::2], values[1::2], strict=True))

    def _remember_as(self, number: int) -> None:
        self._memo[number] = self.stack[-1]

    def _recall(self, number: int) -> None:
        self.stack.append(self._memo[number])

    def _refer(self, _: Any) -> None:
        what, kind, part, place, count = self.stack.pop()
        texts = isinstance(part, str) and isinstance(place, str)
        if what != "storage" or not texts or not isinstance(kind, _Name) or not _is_size(count):
            raise ValueError("a reference to something that is not stored")
        found = Stored(_STORAGES[kind.text], part, count)
        if self.stored.setdefault(part, found) != found:
            raise ValueError("a part that is said to hold two kinds of numbers")
        self.stack.append(found)

    def _call(self, _: Any) -> None:
        given, called = self.stack.pop(), self.stack.pop()
        name = called.text if isinstance(called, _Name) and type(given) is tuple else None
        if name == _ORDERED and given == ():
            self.stack.append({})
        elif name == _REBUILD:
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
    "STOP": lambda reader, argument: None,
    "MARK": _Reader._mark,
    "TUPLE": _Reader._make_tuple,
    "APPEND": _Reader._append,
    "APPENDS": _Reader._append_all,
    "SETITEM": _Reader._set,
    "SETITEMS": _Reader._set_all,
    "BINPUT": _Reader._remember_as,
    "LONG_BINPUT": _Reader._remember_as,
    "BINGET": _Reader._recall,
    "LONG_BINGET": _Reader._recall,
    "BINPERSID": _Reader._refer,
    "REDUCE": _Reader._call,
    "BUILD": _Reader._leave_out_attributes,
}


def _tensor(
    stored: Any, offset: Any, shape: Any, stride: Any, needs_gradient: Any, hooks: Any,
    metadata: Any = None,
) -> TensorEntry:  # fmt: skip
    """Check what a tensor is made of."""
    if not isinstance(stored, Stored) or type(shape) is not tuple or type(stride) is not tuple:
        raise ValueError("a tensor of something else than stored numbers")
    if len(shape) != len(stride) or len(shape) > _MOST_DIMENSIONS:
        raise ValueError("a tensor with other strides than dimensions, or too many")
    if not all(_is_size(number) for number in (offset, *shape, *stride)):
        raise ValueError("a tensor of a size that is none")
    if type(needs_gradient) is not bool or hooks != {} or metadata is not None:
        raise ValueError("a tensor with something attached")
    if 0 in shape:
        return TensorEntry(stored, 0, shape, stride)
    last = offset + sum((size - 1) * step for size, step in zip(shape, stride))
    if prod(shape) > stored.length or last >= stored.length:
        raise Unsound("a tensor claims more numbers than are stored")
    return TensorEntry(stored, offset, shape, stride)


def _is_size(number: Any) -> bool:
    """Whether something is a count, not absurd before anything is computed with it."""
    return type(number) is int and 0 <= number < _LARGEST_SIZE


def _check_values(value: Any) -> None:
    """Refuse what is no tensor or plain value, and more values, or deeper, than any of ours."""
    waiting, seen = [(value, 0)], 0
    while waiting:
        value, depth = waiting.pop()
        inside = type(value) in (dict, list, tuple)
        seen += 1 + (len(value) if inside else 0)
        if seen > 2 * MAX_VALUES or depth > _DEEPEST:
            raise Unsound("it holds too many values, or too deep")
        if inside:
            inner = [*value, *value.values()] if type(value) is dict else value
            waiting.extend((part, depth + 1) for part in inner)
        elif not isinstance(value, (*_PLAIN, TensorEntry)):
            raise Unsound("it holds something that is neither a tensor nor a plain value")
