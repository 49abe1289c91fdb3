"""Who may import whom: every file of animRL/ is read, none is imported, and each rule is tested."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

REPO_ROOT = Path(__file__).resolve().parents[1]
PACKAGE = REPO_ROOT / "animRL"

# A room is a top folder of animRL; three files and one folder are rooms of their own, and `tasks`
# is animRL/tasks.py. Every room may import itself.
OWN_ROOMS = ("sim.base", "sim.asset", "sim.character", "cfg.sim")
# Commands outside scripts/: they may import what scripts may, and nothing imports them. This one is
# run as a module by who has an engine that the project has not, and belongs to that engine.
MAINS = ("sim.isaac_gym.selfcheck",)
ALLOWED: dict[str, set[str]] = {
    "animRL": set(),
    "utils": set(),
    "cfg": {"cfg.sim"},
    "cfg.sim": {"cfg"},
    "sim.base": {"utils"},
    "sim.asset": {"utils"},
    "sim.character": {"sim.asset", "utils"},
    "dataloader": {"utils"},
    "reward": {"utils", "sim.character"},  # the paper's terms measure bodies and centre of mass
    "sim": {"sim.base", "sim.asset", "sim.character", "utils", "cfg.sim"},
    "envs": {"sim.base", "dataloader", "reward", "utils", "cfg", "cfg.sim"},
    "evaluation": {"envs", "sim.base", "sim.character", "reward", "utils"},
    "runner": {"envs", "evaluation", "sim.base", "sim.character", "cfg", "cfg.sim", "utils"},
    "tasks": {"utils"},
    "motion": {"dataloader", "sim.character", "sim.base", "utils"},
    "viewer": {"dataloader", "sim.character", "sim.base", "utils"},
}
# Allowed under `if TYPE_CHECKING:` alone.
TYPES_ONLY = {
    ("reward", "dataloader"), ("sim.base", "sim.character"), ("envs", "sim.character"),
}  # fmt: skip
# Modules open to a room: the named slices of a frame, read by rewards, stand in one place.
OPEN_MODULES = {("reward", "animRL.dataloader.frame_layout")}

# Where a class or function may be named as "module:name", to be imported when asked for, and which
# modules beside the own room: the registry names its classes, its engine, and the inverse dynamics
# that it hands to a task so that envs need not know motion.
NAMED_IN = {
    "tasks.py": ("animRL.cfg.", "animRL.envs.", "animRL.sim.factory", "animRL.motion.feedforward")
}
NAMED = re.compile(r"(animRL(\.\w+)+):\w+")

# Third-party name -> files that may import it (prefixes of the path inside animRL/). Scripts may
# import everything but what has one home.
HOMES: dict[str, tuple[str, ...]] = {
    "mujoco": ("sim/", "viewer/", "motion/", "scripts/"),
    "warp": ("sim/mujoco_warp.py", "scripts/"),
    "mujoco_warp": ("sim/mujoco_warp.py", "scripts/"),
    "isaacgym": ("sim/isaac_gym",),
    "wandb": ("runner/log_writers.py", "scripts/"),
    "matplotlib": ("utils/plots.py", "viewer/", "motion/", "scripts/"),
    "viser": ("viewer/", "scripts/"),
    "rsl_rl": ("runner/",),
}
# Imported inside a function only: optional services, and engines from files that work without one.
LAZY_ANYWHERE = {"wandb", "viser"}
LAZY_MUJOCO = tuple(
    f"sim/{name}.py" for name in ("asset", "character", "base", "factory", "kinematic")
)
SIM_FILES_FOR_ALL = ("base", "character", "mujoco_model", "urdf_export", "contract")
ENGINE_NAMES = {"mujoco", "mujoco_cpu", "warp", "mujoco_warp", "isaacgym", "isaac_gym", "kinematic"}
ENGINE_WORDS = re.compile(r"(^|[^a-z])(sim|simulator|engine|backend)([^a-z]|$)")


@dataclass(frozen=True)
class Import:
    """One imported name: its full dotted path, its line, and how it is imported."""

    target: str
    line: int
    lazy: bool
    types_only: bool


def room_of(path: str) -> str:
    """The room of a file, from its path inside animRL/ ("sim/base.py" -> "sim.base")."""
    return room_of_target("animRL." + path.removesuffix(".py").replace("/", "."))


def room_of_target(target: str) -> str:
    """The room of a dotted name that begins with animRL."""
    parts = target.split(".")[1:]
    if not parts or parts[0].startswith("__"):
        return "animRL"
    if ".".join(parts[:3]) in MAINS:
        return "scripts"
    pair = ".".join(parts[:2])
    return pair if pair in OWN_ROOMS else parts[0]


def find_imports(tree: ast.AST, path: str) -> list[Import]:
    """Every import of a file, relative and dynamic ones included, as full dotted names."""
    package = ["animRL", *path.split("/")[:-1]]
    found: list[Import] = []

    def visit(node: ast.AST, lazy: bool, types_only: bool) -> None:
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join(base + ([node.module] if node.module else []))
            names = [f"{module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(
            ("import_module", "__import__")
        ):
            names = [a.value for a in node.args[:1] if isinstance(a, ast.Constant)]
        found.extend(Import(name, node.lineno, lazy, types_only) for name in names)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            lazy = True
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            for child in node.body:
                visit(child, lazy, True)
            for child in node.orelse:
                visit(child, lazy, types_only)
            return
        for child in ast.iter_child_nodes(node):
            visit(child, lazy, types_only)

    visit(tree, False, False)
    return found


def check_own(path: str, item: Import) -> str | None:
    """What is wrong with an import of animRL's own, or None."""
    source, target = room_of(path), room_of_target(item.target)
    if target == "scripts" and source != "scripts":
        return "nothing imports scripts"
    if source == "scripts":
        return None
    if target not in ALLOWED:
        return f"{item.target} is in no known room"
    if path == "runner/recorder.py" and item.target.startswith("animRL.viewer.rendering"):
        return None if item.lazy or item.types_only else "viewer.rendering is imported lazily"
    if source == target:
        return check_between_engines(path, item) if source == "sim" else None
    if (source, ".".join(item.target.split(".")[:3])) in OPEN_MODULES:
        return None
    if target in ALLOWED[source] or (item.types_only and (source, target) in TYPES_ONLY):
        return None
    return f"{source} may not import {target}"


def check_between_engines(path: str, item: Import) -> str | None:
    """Engines know each other through the factory alone, and the factory loads them lazily."""
    stem = path.removesuffix(".py").split("/")[1]
    other = (item.target.split(".") + [""])[2]
    if path == "sim/factory.py":
        return None if item.lazy or item.types_only else "the factory imports engines lazily"
    if other in (stem, *SIM_FILES_FOR_ALL):
        return None
    return f"engine {stem} may not import {other}"


def check_third_party(path: str, item: Import) -> str | None:
    """What is wrong with an import from outside, or None."""
    name, room = item.target.split(".")[0], room_of(path)
    if name == "torch" and room.startswith("cfg"):
        return "cfg does without torch"
    if name in HOMES and not path.startswith(HOMES[name]):
        return f"{name} is imported only in {', '.join(HOMES[name])}"
    lazy = name in LAZY_ANYWHERE or (name == "mujoco" and path in LAZY_MUJOCO)
    if lazy and not (item.lazy or item.types_only):
        return f"{name} is imported lazily here"
    known = name in sys.stdlib_module_names or name in HOMES or name in ("numpy", "torch")
    if room == "utils" and not known:
        return f"utils may not import {name}"
    return None


def check_syntax(tree: ast.AST, path: str, engine_classes: set[str]) -> Iterator[tuple[int, str]]:
    """Calls of eval and exec, and outside sim/ decisions taken on what the engine is."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in ("eval", "exec", "builtins.eval", "builtins.exec"):
                yield node.lineno, f"call of {called}"
            if called in ("isinstance", "issubclass") and len(node.args) == 2:
                names = {n.split(".")[-1] for n in re.findall(r"[\w.]+", ast.unparse(node.args[1]))}
                if names & engine_classes and not path.startswith("sim/"):
                    yield node.lineno, "isinstance on an engine outside sim/"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            named = NAMED.fullmatch(node.value)
            own = named and room_of_target(named[1]) == room_of(path)
            if named and not own and not named[1].startswith(NAMED_IN.get(path, ())):
                yield node.lineno, f"{named[1]} may not be named here"
        elif isinstance(node, ast.Compare) and not path.startswith("sim/"):
            sides = [node.left, *node.comparators]
            strings = {c.value for c in ast.walk(node) if isinstance(c, ast.Constant)}
            asked = " ".join(ast.unparse(s) for s in sides if not isinstance(s, ast.Constant))
            named = strings & ENGINE_NAMES and ENGINE_WORDS.search(asked.lower())
            if named or any(re.search(rf"\b{name}\b", asked) for name in engine_classes):
                yield node.lineno, "name check on an engine outside sim/"
        elif isinstance(node, ast.Match) and not path.startswith("sim/"):
            strings = {c.value for c in ast.walk(node) if isinstance(c, ast.Constant)}
            if strings & ENGINE_NAMES and ENGINE_WORDS.search(ast.unparse(node.subject).lower()):
                yield node.lineno, "name check on an engine outside sim/"


def check_source(source: str, path: str, engine_classes: set[str] = frozenset()) -> list[str]:
    """All violations of one file, given as text and path inside animRL/, each in one line."""
    tree = ast.parse(source, path)
    lines = [(line, text) for line, text in check_syntax(tree, path, engine_classes)]
    for item in find_imports(tree, path):
        if item.target.endswith(".*"):
            lines.append((item.line, f"star import of {item.target[:-2]}"))
        ours = item.target.split(".")[0] == "animRL"
        problem = check_own(path, item) if ours else check_third_party(path, item)
        if problem:
            lines.append((item.line, problem))
    return [f"animRL/{path}:{line}: {text}" for line, text in lines]


def find_engine_classes(sources: dict[str, str]) -> set[str]:
    """Names of the classes in sim/ that implement the engine contract."""
    return {
        node.name
        for path, source in sources.items()
        if room_of(path) == "sim"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef) and "SimBackend" in map(ast.unparse, node.bases)
    }


def read_package() -> dict[str, str]:
    """The text of every file of animRL/, by its path inside it."""
    files = (p for p in PACKAGE.rglob("*.py") if "logs" not in p.relative_to(PACKAGE).parts)
    return {p.relative_to(PACKAGE).as_posix(): p.read_text(encoding="utf-8") for p in sorted(files)}


def test_every_file_keeps_the_import_rules() -> None:
    sources = read_package()
    assert len(sources) > 10
    engines = find_engine_classes(sources)
    violations = [v for path, text in sources.items() for v in check_source(text, path, engines)]
    assert not violations, "\n" + "\n".join(violations)


def test_every_folder_has_a_rule() -> None:
    folders = {p.parent.name for p in PACKAGE.glob("*/__init__.py")}
    rooms = {room.split(".")[0] for room in ALLOWED}
    assert folders <= rooms | {"scripts"}


LAZY = "def f():\n    "
FOR_TYPES = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    "
PLANTED = [
    ("utils/x.py", "from animRL.dataloader import clip"),
    ("utils/x.py", "import mujoco"),
    ("utils/x.py", "import scipy.spatial"),
    ("utils/rotations.py", "import matplotlib.pyplot as plt"),
    ("cfg/x.py", "from animRL.utils.errors import InputError"),
    ("cfg/x.py", "import torch"),
    ("cfg/mimic/x.py", "from ...utils import errors"),
    ("sim/base.py", "from animRL.sim.mujoco_cpu import MujocoCpu"),
    ("sim/base.py", "from animRL.sim.character import Character"),
    ("sim/base.py", "import mujoco"),
    ("sim/character.py", "import mujoco"),
    ("sim/mujoco_cpu.py", "from animRL.envs import observations"),
    ("sim/mujoco_cpu.py", LAZY + "import animRL.reward.rewards"),
    ("sim/mujoco_cpu.py", "from animRL.dataloader.clip import load_clip"),
    ("sim/mujoco_cpu.py", "from animRL.cfg.mimic import walk_config"),
    ("sim/mujoco_cpu.py", "from .kinematic import KinematicBackend"),
    ("sim/factory.py", "from animRL.sim.mujoco_cpu import MujocoCpu"),
    ("sim/mujoco_cpu.py", "import warp as wp"),
    ("sim/mujoco_warp.py", "import isaacgym"),
    ("dataloader/x.py", "from animRL.reward import kernels"),
    ("dataloader/x.py", "from animRL.sim.character import Character"),
    ("reward/x.py", "from animRL.dataloader.motion_loader import MotionLoader"),
    ("reward/x.py", FOR_TYPES + "from animRL.sim.base import SimState"),
    ("envs/x.py", "from animRL.sim.mujoco_cpu import MujocoCpu"),
    ("envs/x.py", LAZY + "from animRL.sim.factory import make"),
    ("envs/x.py", "from animRL.sim import kinematic"),
    ("envs/x.py", "from animRL.runner import checkpoint"),
    ("envs/x.py", "import mujoco"),
    ("envs/x.py", LAZY + "import importlib\n    importlib.import_module('mujoco')"),
    ("evaluation/x.py", "from animRL.runner import checkpoint"),
    ("evaluation/x.py", "from animRL.dataloader.clip import Clip"),
    ("runner/x.py", LAZY + "from animRL.viewer.rendering import render"),
    ("runner/recorder.py", "from animRL.viewer.rendering import render"),
    ("runner/recorder.py", LAZY + "from animRL.viewer import web"),
    ("runner/x.py", "from animRL.sim.factory import make"),
    ("runner/log_writers.py", "import wandb"),
    ("runner/ppo_runner.py", LAZY + "import wandb"),
    ("scripts/x.py", "from rsl_rl.runners import OnPolicyRunner"),
    ("tasks.py", "from animRL.envs.mimic_task import MimicTask"),
    ("tasks.py", LAZY + "from animRL.cfg.mimic import walk_config"),
    ("tasks.py", LAZY + "from animRL.motion.feedforward import joint_torques"),
    ("tasks.py", "a = load('animRL.motion.author.authoring:author')"),
    ("envs/x.py", "a = load('animRL.motion.feedforward:joint_torques')"),
    ("envs/x.py", "from animRL.sim.character import Character"),
    ("envs/x.py", LAZY + "from animRL.motion.feedforward import joint_torques"),
    ("motion/x.py", "from animRL.envs import mimic_task"),
    ("viewer/x.py", "from animRL.motion import author"),
    ("viewer/x.py", "import viser"),
    ("runner/x.py", LAZY + "from animRL.scripts.train import main"),
    ("sim/isaac_gym/engine.py", LAZY + "from animRL.sim.isaac_gym.selfcheck import main"),
    ("sim/isaac_gym/engine.py", "from animRL.sim.mujoco_cpu import MujocoCpu"),
    ("envs/x.py", "from animRL import nowhere"),
    ("envs/x.py", "from animRL.utils.rotations import *"),
    ("envs/x.py", "y = eval('1 + 1')"),
    ("scripts/x.py", "exec('pass')"),
    ("envs/x.py", "a = isinstance(x, MujocoCpu)"),
    ("scripts/x.py", "a = isinstance(x, (int, sim.MujocoCpu))"),
    ("scripts/x.py", "a = type(x) is MujocoCpu"),
    ("scripts/x.py", "a = args.sim == 'warp'"),
    ("runner/x.py", "a = cfg.sim.engine in ('mujoco', 'warp')"),
    ("scripts/x.py", "match args.sim:\n    case 'warp':\n        pass"),
]
GOOD = [
    (
        "utils/plots.py",
        "import matplotlib.pyplot as plt\nimport numpy as np\nimport json\nimport torch",
    ),
    ("cfg/mimic/walk_config.py", "from animRL.cfg.base_config import BaseConfig\nimport math"),
    ("cfg/x.py", "from animRL.cfg.sim.mujoco_config import MujocoConfig"),
    ("sim/base.py", FOR_TYPES + "from animRL.sim.character import Character"),
    ("sim/character.py", LAZY + "import mujoco"),
    ("sim/character.py", FOR_TYPES + "import mujoco"),
    ("sim/mujoco_cpu.py", "import mujoco\nfrom animRL.sim.mujoco_model import build"),
    ("sim/mujoco_cpu.py", "from animRL.sim import base\nfrom .character import Character"),
    ("sim/mujoco_warp.py", "import warp as wp\nimport mujoco_warp"),
    ("sim/factory.py", LAZY + "from animRL.sim.mujoco_cpu import MujocoCpu"),
    ("sim/isaac_gym/worker.py", LAZY + "import isaacgym"),
    ("sim/isaac_gym/engine.py", "from animRL.sim.isaac_gym import worker"),
    ("sim/isaac_gym/selfcheck.py", "from animRL.cfg.mimic import walk_config"),
    ("reward/x.py", FOR_TYPES + "from animRL.dataloader.motion_loader import MotionLoader"),
    (
        "envs/x.py",
        "from animRL.sim.base import SimBackend\nfrom animRL.cfg.mimic import walk_config",
    ),
    ("runner/x.py", "a = {'class': 'animRL.runner.log_writers:Writer'}"),
    ("reward/imitation.py", "from animRL.sim.character import Character"),
    ("envs/x.py", FOR_TYPES + "from animRL.sim.character import Character"),
    ("runner/recorder.py", LAZY + "from animRL.viewer.rendering import render"),
    ("runner/log_writers.py", LAZY + "import wandb"),
    ("runner/x.py", "from rsl_rl.runners import OnPolicyRunner"),
    ("tasks.py", "ENVIRONMENT = 'animRL.envs.mimic_task:MimicTask'"),
    ("tasks.py", "a = load('animRL.motion.feedforward:joint_torques')"),
    ("scripts/train.py", "from animRL.runner import ppo_runner\nimport animRL.sim.factory"),
    ("viewer/web.py", LAZY + "import viser"),
    ("envs/x.py", "model.eval()\na = isinstance(x, int)\nb = name == 'mujoco'"),
    ("sim/factory.py", "a = cfg.engine == 'warp'"),
]


@pytest.mark.parametrize(("path", "source"), PLANTED)
def test_a_planted_violation_is_found(path: str, source: str) -> None:
    found = check_source(source, path, {"MujocoCpu"})
    assert len(found) == 1, found
    assert found[0].startswith(f"animRL/{path}:")


@pytest.mark.parametrize(("path", "source"), GOOD)
def test_what_is_allowed_passes(path: str, source: str) -> None:
    assert check_source(source, path, {"MujocoCpu"}) == []


def test_engine_classes_are_found_by_their_base() -> None:
    sources = {
        "sim/base.py": "class SimBackend: ...",
        "sim/mujoco_cpu.py": "class MujocoCpu(SimBackend): ...\nclass Helper: ...",
        "envs/x.py": "class Other(SimBackend): ...",
    }
    assert find_engine_classes(sources) == {"MujocoCpu"}


def run_python(code: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPO_ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_the_task_imports_with_no_engine_installed() -> None:
    run_python(
        "import sys\n"
        "engines = ('mujoco', 'warp', 'mujoco_warp', 'isaacgym')\n"
        "sys.modules.update(dict.fromkeys(engines))  # None: importing one raises ImportError\n"
        "import animRL.envs.mimic_task\n"
        "loaded = [m for m in sys.modules if m.startswith('animRL.sim.')]\n"
        "known = {f'animRL.sim.{name}' for name in ('base', 'asset', 'character')}\n"
        "assert set(loaded) <= known, loaded\n"
        "assert not [m for m in engines if sys.modules[m] is not None]\n"
    )


def test_a_task_with_feedforward_needs_nothing_of_the_extra_motion() -> None:
    run_python(
        "import sys\n"
        "sys.modules.update(dict.fromkeys(('mink', 'qpsolvers', 'daqp')))\n"
        "from animRL.tasks import make_env, make_env_cfg\n"
        "cfg = make_env_cfg('walk')\n"
        "cfg.set('control.action_offset', 'feedforward')\n"
        "cfg.set('env.num_envs', 1)\n"
        "cfg.set('sim.engine', 'kinematic')\n"
        "make_env('walk', cfg)\n"
    )


def test_configurations_import_without_torch() -> None:
    files = [path for path in read_package() if path.startswith("cfg/")]
    modules = ["animRL." + path.removesuffix(".py").replace("/", ".") for path in files]
    run_python(
        "import importlib, sys\n"
        "sys.modules['torch'] = None\n"
        f"for name in {modules!r}:\n"
        "    importlib.import_module(name.removesuffix('.__init__'))\n"
    )
