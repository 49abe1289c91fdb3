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
