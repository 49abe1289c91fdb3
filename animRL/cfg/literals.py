"""Reading values as a user types them."""

from __future__ import annotations

import ast
import warnings
from typing import Any


def parse_literal(text: str) -> Any:
    """Read a literal as Python or JSON writes it; text that is none is returned as it is."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _literal(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, TypeError, ValueError, RecursionError, MemoryError):
        return text


def shown(value: Any, width: int = 60) -> str:
    """A value as it stands in an error: on one line, control characters visible, cut to a width."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of thousands of digits, a list in lists in ...
        return f"{type(value).__name__} too large to be shown"
    return text if len(text) <= width else f"{text[: width - 3]}..."


def shown_name(name: str) -> str:
    """A name, likewise, without quotes."""
    return shown(name)[1:-1] if len(name) > 50 or not name.isprintable() else name


def _literal(node: ast.expr | None) -> Any:
    words = {"true": True, "false": False, "null": None, "none": None}
    if isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float | str | None):
        return node.value
    if isinstance(node, ast.Name):
        return words.get(node.id, node.id)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        value = _literal(node.operand)
        if isinstance(value, int | float):
            return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.List | ast.Tuple):
        return [_literal(entry) for entry in node.elts]
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return {_literal(key): _literal(entry) for key, entry in pairs}
    raise ValueError
