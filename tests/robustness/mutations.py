"""Damaged inputs, made by rule: each is repeated by its seed."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from typing import Any

ODD_TEXTS = (
    "", " ", "\0", "a\nb", "\x1b[31mred\x1b[0m", "\ud800", "\u202eabc", "x" * 10_000, "../../etc",
    "/etc/passwd", "/dev/zero", "nan", "None", "{}", "%s%n", "$(id)", "`id`", "__class__", "\ufeff",
    "\U0001f600", "*", "[", "~nobody", "a" * 300 + ".txt", "-1", "1e999", "true",
)  # fmt: skip
ODD_NUMBERS = (
    0, -1, 1, 2**31, -(2**31), 2**63, 10**30, 10**400, 1e308, -1e308, 1e-320, 0.5, -0.0,
    float("nan"), float("inf"), -float("inf"), 10**9, 10**6,
)  # fmt: skip
ODD_VALUES = (None, True, False, [], {}, [[]], [None], {"": 0}, [1, "a"], {"a": {"b": [1]}})
RAW = (
    b"NaN", b"Infinity", b"-Infinity", b"1e999", b"9" * 5000, b"[" * 3000, b'{"a":' * 300,
    b"\xff\xfe", b"\x00", b"null", b'"\\ud800"', b"1.0.0", b"0x10", b"//", b"\xef\xbb\xbf",
    b'"unterminated', b"}", b"]", b",", b"<!--", b"\x1b[2J", b"&x;",
)  # fmt: skip


def odd_value(rng: random.Random) -> Any:
    """Return a value that is seldom what is expected."""
    return copy.deepcopy(rng.choice(rng.choice((ODD_TEXTS, ODD_NUMBERS, ODD_VALUES))))


def mutated_json(base: Any, seed: int) -> bytes:
    """Return a JSON text near to that of ``base``: another structure, or other bytes."""
    rng = random.Random(seed)
    if rng.random() < 0.3:
        return mutated_bytes(json.dumps(base).encode(), rng)
    data = copy.deepcopy(base)
    for _ in range(rng.choice((1, 1, 2, 5))):
        _change_somewhere(data, rng)
    text = json.dumps(data)
    if rng.random() < 0.05 and isinstance(data, dict) and data:
        name = rng.choice(list(data))
        text = f"{text[:-1]}, {json.dumps(name)}: {json.dumps(odd_value(rng))}}}"
    return text.encode("utf-8", errors="surrogatepass")


def mutated_bytes(content: bytes, rng: random.Random) -> bytes:
    """Return the content cut short, doubled, or with bytes exchanged, dropped or put in."""
    place = rng.randrange(len(content) + 1)
    changes: tuple[Callable[[], bytes], ...] = (
        lambda: content[:place],
        lambda: content[place:],
        lambda: content + content[:place],
        lambda: content[:place] + rng.choice(RAW) + content[place:],
        lambda: content[:place] + rng.choice(RAW) + content[place + 1 :],
        lambda: content[:place] + bytes([rng.randrange(256)]) + content[place + 1 :],
        lambda: content[:place] + content[place + rng.randrange(1, 50) :],
        lambda: rng.randbytes(rng.randrange(200)),
    )
    return rng.choice(changes)()


def mutated_xml(text: str, seed: int) -> bytes:
    """Return an XML text near to ``text``: attributes, elements or bytes are changed."""
    import xml.etree.ElementTree as ElementTree

    rng = random.Random(seed)
    if rng.random() < 0.3:
        return mutated_bytes(text.encode(), rng)
    root = ElementTree.fromstring(text)
    for _ in range(rng.choice((1, 1, 2, 4))):
        _change_element(root, rng)
    try:
        return ElementTree.tostring(root)
    except (UnicodeEncodeError, ValueError):
        return b"<mujoco>\xff"


def mutated_arguments(options: dict[str, tuple[str, ...]], seed: int) -> list[str]:
    """Return a command line in which at least one option has a value that is odd.

    ``options``: name -> values that are valid; no values: a flag.
    """
    rng = random.Random(seed)
    arguments: list[str] = []
    for name in rng.sample(sorted(options), min(len(options), rng.choice((1, 1, 2, 3)))):
        odd = str(rng.choice((*ODD_TEXTS, *ODD_NUMBERS)) if rng.random() < 0.95 else "9" * 5000)
        if name == "set" and rng.random() < 0.8:
            odd = f"{rng.choice(options[name])}={odd}"
        odd = odd.replace("\0", "\x01")  # no command line can hold it
        odd = odd.encode("utf-8", errors="surrogatepass").decode("utf-8", errors="surrogateescape")
        arguments += [f"--{name}={odd}"] if rng.random() < 0.7 else [f"--{name}", odd]
    if rng.random() < 0.1:
        arguments.append(rng.choice(("--no_such_option", "stray", "-", "--", "-x", "--dv=1")))
    return arguments


def _groups(data: Any) -> list[Any]:
    found, level = [], [data]
    while level:
        level = [value for value in level if isinstance(value, dict | list) and value]
        found += level
        level = [
            value
            for group in level
            for value in (group.values() if isinstance(group, dict) else group[:20])
        ]
    return found


def _change_somewhere(data: Any, rng: random.Random) -> None:
    groups = _groups(data)
    if not groups:
        return
    group = rng.choice(groups)
    key = rng.choice(list(group) if isinstance(group, dict) else range(len(group)))
    kind = rng.randrange(6)
    if kind == 0:
        del group[key]
    elif kind == 1 and isinstance(group, dict):
        group[str(rng.choice(ODD_TEXTS))] = group.pop(key)
    elif kind == 2 and isinstance(group, list):
        group.insert(key, odd_value(rng))
    elif kind == 3:
        group[key] = [group[key]]
    else:
        group[key] = odd_value(rng)


def _change_element(root: Any, rng: random.Random) -> None:
    import xml.etree.ElementTree as ElementTree

    element = rng.choice(list(root.iter()))
    kind = rng.randrange(8)
    if kind == 0 and len(element):
        element.remove(rng.choice(list(element)))
    elif kind == 1 and len(element):
        element.append(copy.deepcopy(rng.choice(list(element))))
    elif kind == 2:
        element.tag = rng.choice(("body", "joint", "geom", "include", "x", "freejoint", "mesh"))
    elif kind == 3:
        ElementTree.SubElement(element, rng.choice(("joint", "geom", "plugin", "replicate")))
    elif element.attrib:
        name = rng.choice(list(element.attrib))
        if kind == 4:
            del element.attrib[name]
        else:
            odd = str(rng.choice((*ODD_TEXTS, *ODD_NUMBERS)))
            element.set(name, "".join(c for c in odd if c.isprintable()))
