"""The worker's file: what Python 3.8 and Isaac Gym's published signatures say of it."""

from __future__ import annotations

import ast
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import files
from pathlib import Path

import numpy as np
import pytest

from animRL.sim.isaac_gym import engine, worker

SOURCE = Path(worker.__file__).read_text(encoding="utf-8")
TREE = ast.parse(SOURCE)
ALLOWED = {"isaacgym", "torch", "numpy"}
STRUCTS = {
    "params": "SimParams",
    "params.physx": "PhysXParams",
    "plane": "PlaneParams",
    "options": "AssetOptions",
    "shape": "RigidShapeProperties",
    "pose": "Transform",
    "event": "ActionEvent",
}
"""Variables of the worker that hold a structure of Isaac Gym's."""


@pytest.fixture(scope="module")
def stubs() -> dict[str, ast.AST]:
    """Everything that ``isaacgym.gymapi`` has, by name."""
    (path,) = (f for f in files("isaacgym-stubs") or [] if f.name == "gymapi.pyi")
    found: dict[str, ast.AST] = {}
    text = Path(str(path.locate())).read_text(encoding="utf-8")
    for node in ast.parse(text.replace("def lambda(", "def lambda_(")).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            found[node.name] = node
        elif isinstance(node, ast.AnnAssign):
            found[ast.unparse(node.target)] = node
    return found


def members(stubs: dict[str, ast.AST], name: str) -> dict[str, ast.AST]:
    """Attributes and methods of a class of the stubs."""
    found = {}
    for node in stubs[name].body:  # type: ignore[attr-defined]
        if isinstance(node, ast.FunctionDef):
            found[node.name] = node
        elif isinstance(node, ast.AnnAssign):
            found[ast.unparse(node.target)] = node
    return found


def test_it_is_python_3_8(tmp_path: Path) -> None:
    ast.parse(SOURCE, feature_version=(3, 8))
    command = [sys.executable, "-c", "import vermin; vermin.main()", "--target=3.8-", "--no-tips"]
    done = subprocess.run([*command, worker.__file__], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    newer = tmp_path / "newer.py"
    newer.write_text("match 1:\n    case 1: pass\n")
    done = subprocess.run([*command, str(newer)], capture_output=True, text=True)
    assert done.returncode == 1  # it would be found


def test_it_imports_nothing_but_what_isaac_gym_needs() -> None:
    imported = set()
    for node in ast.walk(TREE):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add((node.module or "").split(".")[0])
    assert imported - ALLOWED - {"__future__"} <= set(sys.stdlib_module_names)
    assert ALLOWED <= imported
    names = [ast.unparse(n) for n in ast.walk(TREE) if isinstance(n, (ast.Import, ast.ImportFrom))]
    first = [n.split()[1] for n in names if n.split()[1] in ("isaacgym", "torch")]
    assert first == ["isaacgym", "torch"]  # the other way round Isaac Gym refuses to load


def test_no_other_file_calls_isaac_gym() -> None:
    package = Path(worker.__file__).parents[2]
    for path in package.rglob("*.py"):
        if path == Path(worker.__file__) or "logs" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                names = [str(getattr(node, "module", ""))]
            assert "isaacgym" not in [name.split(".")[0] for name in names], path


def gym_calls() -> Iterator[ast.Call]:
    for node in ast.walk(TREE):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if ast.unparse(node.func.value) in ("self.gym", "gym"):
                yield node


def test_calls_fit_the_published_signatures(stubs: dict[str, ast.AST]) -> None:
    gym, seen = members(stubs, "Gym"), 0
    for call in gym_calls():
        name = call.func.attr  # type: ignore[attr-defined]
        assert name in gym, f"Gym has no {name}"
        wanted = gym[name].args  # type: ignore[attr-defined]
        seen += 1
        if wanted.vararg is not None:
            continue  # published without its arguments
        given = [a.arg for a in wanted.args[1:]]
        required = len(given) - len(wanted.defaults)
        keywords = [k.arg for k in call.keywords]
        assert set(keywords) <= set(given), f"{name}: {keywords}"
        assert required <= len(call.args) + len(keywords) <= len(given), f"{name}: {given}"
    assert seen > 30


def test_names_of_the_api_are_published(stubs: dict[str, ast.AST]) -> None:
    gym, api, fields = members(stubs, "Gym"), set(), 0
    for node in ast.walk(TREE):
        if not isinstance(node, ast.Attribute):
            continue
        owner = ast.unparse(node.value)
        if owner in ("self.api", "gymapi"):
            api.add(node.attr)
        elif owner in ("self.gym", "gym"):
            assert node.attr in gym, node.attr  # those that are called through a variable, too
        elif owner in STRUCTS:
            assert node.attr in members(stubs, STRUCTS[owner]), f"{owner}.{node.attr}"
            fields += 1
    assert len(api) > 12 and api <= set(stubs) | {"acquire_gym"}, api - set(stubs)
    assert fields > 20
    assert set(engine._PHYSX) <= set(members(stubs, "PhysXParams"))


def test_the_checks_would_find_a_wrong_call(stubs: dict[str, ast.AST]) -> None:
    gym = members(stubs, "Gym")
    assert "set_actor_root_state" not in gym and "refresh_root_tensor" not in gym
    assert len(gym["set_dof_state_tensor_indexed"].args.args) == 5  # type: ignore[attr-defined]


def test_messages_arrive_whole_or_say_why() -> None:
    ours, theirs = os.pipe()
    worker.send(theirs, worker.START, {"joints": ["ä", "b"], "n": 3})
    assert worker.receive(ours) == (worker.START, {"joints": ["ä", "b"], "n": 3})
    worker.send(theirs, worker.STEP)
    assert worker.receive(ours, 1.0) == (worker.STEP, {})
    with pytest.raises(worker.Silent):
        worker.receive(ours, 0.01)
    os.set_blocking(theirs, False)
    with pytest.raises(worker.Silent):  # nobody reads, and the pipe is full
        worker.send(theirs, worker.START, {"urdf": "x" * 2**20}, 0.05)
    os.set_blocking(ours, False)
    while os.read(ours, 4096):
        if not select.select([ours], [], [], 0.0)[0]:
            break
    os.set_blocking(ours, True)
    for data, text in (
        (b"HTTP/1.1 400", "something else than a message"),
        (worker._HEADER.pack(b"aRLg", 9, 1, 0), "messages of version 9, here it is 1"),
        (worker._HEADER.pack(b"aRLg", 1, 1, 2**31), "something else"),
    ):
        os.write(theirs, data)
        with pytest.raises(worker.Foreign, match=text):
            worker.receive(ours)
    os.write(theirs, b"aRL")
    os.close(theirs)
    with pytest.raises(worker.Closed):
        worker.receive(ours)
    os.close(ours)
    ours, theirs = os.pipe()
    os.close(ours)
    with pytest.raises(worker.Closed):
        worker.send(theirs, worker.STEP)
    os.close(theirs)


def test_arrays_in_the_memory_do_not_overlap() -> None:
    sizes = worker.Sizes(worlds=5, joints=3, bodies=2)
    memory = bytearray(worker.shared_bytes(sizes))
    arrays = worker.shared_arrays(memory, sizes)
    for number, array in enumerate(arrays.values(), start=1):
        assert array.ctypes.data % array.itemsize == 0
        array[...] = number
    for number, array in enumerate(arrays.values(), start=1):
        assert np.all(array == number)
    assert arrays["force"].shape == (5, 2, 3) and arrays["ids"].dtype == np.int32


def test_an_interpreter_3_8_takes_the_file(tmp_path: Path) -> None:
    python = shutil.which("python3.8")
    if python is None:
        pytest.skip("no Python 3.8 here")
    command = [python, "-c", "import sys; compile(open(sys.argv[1]).read(), 'w', 'exec')"]
    done = subprocess.run([*command, worker.__file__], capture_output=True, text=True)
    if done.returncode == 127:  # a name in PATH behind which there is nothing
        pytest.skip("no Python 3.8 here")
    assert done.returncode == 0, done.stderr
