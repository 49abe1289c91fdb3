"""What the files around the package promise, checked against the tree."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

REPO_ROOT = Path(__file__).resolve().parents[1]
PACKAGE = REPO_ROOT / "animRL"
README = (REPO_ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (REPO_ROOT / "Makefile").read_text(encoding="utf-8")
MAX_LINES = 400  # the guide is 300
# May import no other file of animRL, since it runs under another Python.
MAX_LINES_OF = {"animRL/sim/isaac_gym/worker.py": 480}


def list_folders(parent: Path) -> set[str]:
    """Names of the folders in a folder, without what runs and caches leave."""
    left_by_runs = {"__pycache__", "logs", "wandb"}
    return {p.name for p in parent.iterdir() if p.is_dir() and not p.name.startswith(".")} - (
        left_by_runs
    )


def read_modules() -> list[Path]:
    """Every Python file of the package."""
    return [p for p in sorted(PACKAGE.rglob("*.py")) if "logs" not in p.relative_to(PACKAGE).parts]


def read_pins() -> dict[str, str]:
    """constraints.txt as name -> version; every line must be an exact pin."""
    lines = (REPO_ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in pins), pins
    return {name.lower(): version for name, version in (pin.split("==") for pin in pins)}


def list_commands(text: str) -> list[tuple[str, str]]:
    """(script, rest of the line) for every script that a text calls.

    Scripts with sub-commands are told with theirs: "motion check".
    """
    commands = []
    for script, rest in re.findall(r"scripts/(\w+)\.py([^\n`#]*)", text):
        word = re.match(r" +([a-z]\w*)", rest)
        commands.append((f"{script} {word[1]}" if word and script == "motion" else script, rest))
    return commands


def list_flags(text: str) -> list[tuple[str, str]]:
    """(script, flag) for every flag that a text gives to a script."""
    return sorted({
        (script, flag) for script, rest in list_commands(text)
        for flag in re.findall(r"--\w+", rest)
    })  # fmt: skip


@cache
def read_help(script: str) -> str:
    """What `<script>.py --help` prints, or `<script>.py <sub-command> --help`."""
    name, *rest = script.split()
    done = subprocess.run(
        [sys.executable, str(PACKAGE / "scripts" / f"{name}.py"), *rest, "--help"],
        cwd=PACKAGE,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_code_map_lists_every_folder() -> None:
    listed = re.findall(r"^\| `animRL/(\w+)/` \|", README, flags=re.MULTILINE)
    assert sorted(listed) == sorted(list_folders(PACKAGE))


def test_paths_named_in_the_readme_exist() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    named = re.findall(r"`(animRL/[\w/.]+\.\w+|[A-Z]\w+\.md|LICENSE|Dockerfile)`", README)
    missing = [path for path in links + named if not (REPO_ROOT / path).exists()]
    assert not missing


@pytest.mark.parametrize(("script", "flag"), list_flags(README))
def test_a_flag_of_the_readme_exists(script: str, flag: str) -> None:
    assert re.search(rf"(?<![\w-]){flag}(?![\w-])", read_help(script))


def test_flags_are_looked_for_in_the_help_of_their_sub_command() -> None:
    text = "`scripts/motion.py check a.txt --fix` and scripts/train.py --task=walk # --no"
    assert list_flags(text) == [("motion check", "--fix"), ("train", "--task")]
    assert "--mirror" in read_help("motion edit") and "--mirror" not in read_help("motion view")


def test_sub_commands_of_the_readme_exist() -> None:
    named = {script.split()[1] for script, _ in list_commands(README) if script.count(" ")}
    listed = re.findall(r"^  ([a-z]+) {2,}\S", read_help("motion"), flags=re.MULTILINE)
    assert named <= set(listed), named - set(listed)


def test_scripts_of_the_readme_exist() -> None:
    named = set(re.findall(r"scripts/(\w+)\.py", README + MAKEFILE))
    assert {"train", "eval", "test_reward"} <= named
    assert named <= {p.stem for p in (PACKAGE / "scripts").glob("*.py")}


def test_targets_of_the_readme_exist_and_are_listed() -> None:
    targets = set(re.findall(r"^([a-z][\w-]*):(?!=)", MAKEFILE, flags=re.MULTILINE)) - {"help"}
    listed = set(re.findall(r'^\t@echo "make ([\w-]+)', MAKEFILE, flags=re.MULTILINE))
    assert targets == listed
    # in code only: prose may use the verb
    commands = re.findall(r"`make ([a-z-]+)", README) + re.findall(r"^make (\S+)", README, re.M)
    assert commands
    assert set(commands) <= targets


def test_every_test_folder_mirrors_a_package_folder() -> None:
    # robustness: what concerns no folder alone, such as kills, full disks and hostile files;
    # standin: a package in the place of Isaac Gym.
    known = list_folders(PACKAGE) | {"robustness", "standin"}
    assert list_folders(REPO_ROOT / "tests") <= known


def test_every_package_folder_has_a_docstring_and_nothing_else() -> None:
    folders = {p.parent for p in read_modules()}
    for folder in sorted(folders):
        body = ast.parse((folder / "__init__.py").read_text(encoding="utf-8")).body
        assert len(body) == 1 and isinstance(body[0], ast.Expr), folder
        assert isinstance(body[0].value, ast.Constant), folder


def test_no_file_outgrows_the_screen() -> None:
    lengths = {p: len(p.read_text(encoding="utf-8").splitlines()) for p in read_modules()}
    names = {p.relative_to(REPO_ROOT).as_posix(): n for p, n in lengths.items()}
    assert not {n: c for n, c in names.items() if c >= MAX_LINES_OF.get(n, MAX_LINES)}


def test_pins_agree_with_the_requirements() -> None:
    pins = read_pins()
    assert pins["torch"] == "2.13.0"
    tree = ast.parse((REPO_ROOT / "setup.py").read_text(encoding="utf-8"))
    values = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    wanted = values["REQUIRED"] + [name for extra in values["EXTRAS"].values() for name in extra]
    for requirement in wanted:
        name, _, version = requirement.partition("==")
        assert pins[name.lower()] == (version or pins[name.lower()]), requirement


def test_forms_to_fill_in_have_their_keys() -> None:
    info = json.loads((REPO_ROOT / "my-info.json").read_text(encoding="utf-8"))
    urls = json.loads((REPO_ROOT / "results" / "wandb_url.json").read_text(encoding="utf-8"))
    assert list(info) == ["full name", "student id", "nethz name", "group_id"]
    assert list(urls) == ["walk", "cartwheel"]
    assert all(isinstance(value, str) for value in [*info.values(), *urls.values()])


def test_the_example_of_a_motion_in_the_docs_can_be_drawn() -> None:
    import tomllib

    from animRL.cfg.characters.bob_config import BobConfig
    from animRL.motion.author.description import parse_description
    from animRL.motion.author.sketch import draw
    from animRL.sim.character import Character

    page = (REPO_ROOT / "docs" / "motions.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```toml\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    description = parse_description(tomllib.loads(example), "docs/motions.md")
    sketch = draw(Character.from_config(BobConfig()), description)
    assert sketch.planted.any(axis=1).all()
