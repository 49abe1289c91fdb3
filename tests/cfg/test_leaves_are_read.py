"""Options have readers: a setting that nothing reads is a defect."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import animRL
from animRL.tasks import make_env_cfg, make_train_cfg

PACKAGE = Path(animRL.__file__).parent
# Groups handed over whole: their names are rsl-rl's, or the user's.
TAKEN_WHOLE = ("algorithm.", "rewards.terms.")


def names_read() -> set[str]:
    """Attributes and texts that the package, apart from the configurations, uses anywhere."""
    found: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        if "cfg" in path.relative_to(PACKAGE).parts or "logs" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                found.add(node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.update(node.value.split("."))
    return found


@pytest.mark.parametrize("make", [make_env_cfg, make_train_cfg])
@pytest.mark.parametrize("task", ["walk", "cartwheel"])
def test_every_setting_is_read_somewhere(make, task: str) -> None:
    read = names_read()
    leaves = [path for path, _ in make(task).leaves() if not path.startswith(TAKEN_WHOLE)]
    assert len(leaves) > 5
    assert [path for path in leaves if path.rpartition(".")[2] not in read] == []
