"""Nothing from a file is run: no eval, no pickle, no shell, no name imported that a file gives."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "animRL"
FORBIDDEN = {
    *("eval", "exec", "compile", "__import__", "builtins.eval", "builtins.exec"),
    *("torch.jit.load", "torch.serialization.load", "torch.package.PackageImporter"),
    *("os.system", "os.popen", "yaml.load", "yaml.unsafe_load", "ElementTree.parse"),
    *("subprocess.getoutput", "subprocess.getstatusoutput", "input"),
    *(f"{module}.{name}" for module in ("pickle", "marshal", "dill", "joblib", "cPickle")
      for name in ("load", "loads", "Unpickler")),
}  # fmt: skip
SAFE_BY = {
    "torch.load": ("weights_only", True),
    "np.load": ("allow_pickle", False),
    "numpy.load": ("allow_pickle", False),
}
"""Calls that are safe with this argument alone, written out."""
IMPORTERS = {
    "animRL/tasks.py", "animRL/scripts/motion.py", "animRL/scripts/motion_commands/common.py",
    "animRL/motion/extras.py", "animRL/viewer/opengl.py",
}  # fmt: skip
"""Files that import a module by its name, each out of a table of their own."""


NOT_IMPORTED = {"pickle", "_pickle", "cPickle", "marshal", "dill", "joblib", "shelve", "runpy"}
"""Modules that run what they read; under another name their calls would not be seen."""
NOT_TAKEN_OUT = {"os": {"system", "popen"}, "torch": {"load"}, "numpy": {"load"}, "builtins": None}
"""Functions that are called with their module's name, so that the call is seen; None: all."""


def imports(node: ast.AST, where: str) -> Iterator[str]:
    """What is forbidden among the imports of a statement."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            if alias.name.split(".")[0] in NOT_IMPORTED | {"builtins"}:
                yield f"{where}: import {alias.name}"
            if alias.name in ("os", "torch") and alias.asname:
                yield f"{where}: {alias.name} under another name"
    elif isinstance(node, ast.ImportFrom) and node.module:
        names = {alias.name for alias in node.names}
        if node.module.split(".")[0] in NOT_IMPORTED:
            yield f"{where}: from {node.module}"
        if node.module in NOT_TAKEN_OUT:
            forbidden = NOT_TAKEN_OUT[node.module]
            if forbidden is None or names & forbidden:
                yield f"{where}: {', '.join(sorted(names))} from {node.module}"


def problems(source: str, path: str) -> Iterator[str]:
    """What is forbidden in a file's text, one line each."""
    for node in ast.walk(ast.parse(source, path)):
        yield from imports(node, f"{path}:{getattr(node, 'lineno', 0)}")
        if not isinstance(node, ast.Call):
            continue
        called, where = ast.unparse(node.func), f"{path}:{node.lineno}"
        given = {k.arg: k.value.value for k in node.keywords if isinstance(k.value, ast.Constant)}
        if called in FORBIDDEN:
            yield f"{where}: {called}"
        if (
            called in SAFE_BY
            and given.get(SAFE_BY[called][0], "left out") is not SAFE_BY[called][1]
        ):
            yield f"{where}: {called} without {'='.join(map(str, SAFE_BY[called]))}"
        if any(k.arg == "shell" and getattr(k.value, "value", True) for k in node.keywords):
            yield f"{where}: shell=True"
        if called.endswith("import_module") and path not in IMPORTERS:
            yield f"{where}: a module by its name"


def test_no_file_of_the_package_runs_what_it_reads() -> None:
    files = [path for path in PACKAGE.rglob("*.py") if "logs" not in path.parts]
    assert len(files) > 100
    found = [
        problem
        for path in files
        for problem in problems(
            path.read_text(encoding="utf-8"), path.relative_to(PACKAGE.parent).as_posix()
        )
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "source",
    [
        "eval(text)",
        "from pickle import loads",
        "import pickle as p",
        "import shelve",
        "import runpy",
        "from os import system",
        "import os as o",
        "from torch import load",
        "subprocess.run(command, shell=flag)",
        "torch.jit.load(path)",
        "torch.serialization.load(path)",
        "exec(text)",
        "pickle.load(file)",
        "pickle.loads(data)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "subprocess.run(command, shell=True)",
        "os.system(command)",
        "importlib.import_module(name)",
        "ElementTree.parse(path)",
    ],
)
def test_each_rule_finds_its_breach(source: str) -> None:
    assert list(problems(source, "animRL/x.py"))


def test_what_is_safe_is_let_through() -> None:
    source = "torch.load(p, weights_only=True)\nnp.load(p, allow_pickle=False)\nre.compile('a')"
    assert not list(problems(source, "animRL/x.py"))
