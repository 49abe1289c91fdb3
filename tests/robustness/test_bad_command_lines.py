"""Bad command lines of every script: one line, exit code 2, no traceback, in time."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from animRL.scripts.cli import EXIT_BAD_INPUT, add_common_arguments, run_main
from animRL.scripts.cli import Parser as CliParser
from animRL.scripts.early_checks import check_early
from animRL.utils.paths import PACKAGE_ROOT
from tests.robustness.mutations import mutated_arguments
from tests.robustness.test_bad_input import MOST_CHARACTERS, QUICK

SECONDS = 2.0
ALL = range(60, 500)
NUMBER, FILE, FLAG = ("1",), ("clip.txt",), ()
SETTINGS = (
    *("env.num_envs", "env.spacing", "sim.engine", "sim.device", "sim.dt", "character.asset"),
    *("motion_loader.motion_files", "rewards.terms.track_ee_pos", "rewards.terms.x", "runner.seed"),
    *("policy.hidden_dims", "policy.activation", "runner.run_name", "train.runner.threads", ""),
    *("character.stiffness.default", "algorithm.schedule", "env", "a.b.c", "__class__.x"),
)
COMMON: dict[str, tuple[str, ...]] = {
    "task": ("walk",), "viewer": ("web",), "host": ("127.0.0.1",), "port": NUMBER, "motion": FILE,
    "sim": ("mujoco",), "device": ("cpu",), "seed": NUMBER, "load_run": ("-1",),
    "experiment_name": ("bob",), "checkpoint": NUMBER, "set": SETTINGS,
}  # fmt: skip
TRAIN = COMMON | {
    "num_envs": NUMBER, "max_iterations": NUMBER, "run_name": ("a",), "until": ("learned",),
}  # fmt: skip
REWARD = {name: COMMON[name] for name in ("task", "set")} | {"data": FILE, "out": ("a.png",)}
PLOT = {name: COMMON[name] for name in ("task", "experiment_name")} | {
    "x": ("minutes",), "out": ("a.png",), "runs": ("r",),
}  # fmt: skip
DEMO = {name: COMMON[name] for name in ("sim", "device")} | {
    "seconds": NUMBER, "frames": NUMBER, "results": FILE, "out": FILE, "gif": FILE,
}  # fmt: skip
OPTIONS = {
    "train": TRAIN, "eval": COMMON | {"episodes": NUMBER, "out": FILE, "gif": FILE},
    "view": COMMON | {"num_envs": NUMBER, "actions": ("zero",), "beside": ("train",)},
    "test_reward": REWARD, "plot_run": PLOT, "demo": DEMO,
}  # fmt: skip
WORK = {
    "train": ("_train",), "eval": ("_evaluate", "_check_writable"),
    "view": ("_playback", "_be_modest", "_open_display", "_check_view"),
    "test_reward": ("_headline",), "plot_run": (), "demo": ("_play", "_write_sheet"),
}  # fmt: skip
"""What is left out once a command line was found to be good."""


class Accepted(Exception):
    """The work would begin."""


def begin(*_: Any, **__: Any) -> None:
    raise Accepted


def train_early(argv: list[str]) -> int:
    """What train.py does with a command line before its work."""
    parser = CliParser("", "")
    add_common_arguments(parser)
    parser.add_argument("--until", choices=("learned",))
    check_early(parser.parse_args(argv))
    raise Accepted


def call(main: Callable[[list[str]], int], argv: list[str]) -> str:
    """Run a script's main: "accepted", "refused: <line>", or what is wrong."""
    out, err = io.StringIO(), io.StringIO()
    began = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    try:
        with contextlib.redirect_stderr(err), contextlib.redirect_stdout(out):
            run_main(main, argv)
    except Accepted:
        return "accepted"
    except SystemExit as error:
        code = error.code
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    if resource.getrusage(resource.RUSAGE_SELF).ru_utime - began > SECONDS:
        return "took too long"
    lines = err.getvalue().splitlines()
    if code == EXIT_BAD_INPUT and len(lines) == 1 and lines[0].startswith("error: "):
        short = len(lines[0]) <= MOST_CHARACTERS + 20 and lines[0].isprintable()
        return f"refused: {lines[0]}" if short else f"not one short line: {lines[0]!r}"
    return f"exit code {code} with {err.getvalue()!r}"


@pytest.fixture
def mains(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Callable]:
    monkeypatch.chdir(tmp_path)
    found: dict[str, Callable] = {}
    for script, names in WORK.items():
        module = importlib.import_module(f"animRL.scripts.{script}")
        for name in names:
            monkeypatch.setattr(module, name, begin)
        found[script] = module.main
    found["train"] = train_early
    return found


def check(script: str, main: Callable, seeds: range) -> None:
    results = {}
    for seed in seeds:
        argv = mutated_arguments(OPTIONS[script], seed)
        results[seed] = (call(main, argv), argv)
    bad = {s: r for s, r in results.items() if not r[0].startswith(("accepted", "refused: "))}
    assert not bad, bad
    refused = sum(text.startswith("refused: ") for text, _ in results.values())
    assert refused > 0.5 * len(results), refused


@pytest.mark.parametrize("script", OPTIONS)
def test_generated_command_lines(script: str, mains: dict[str, Callable]) -> None:
    check(script, mains[script], QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("script", OPTIONS)
def test_many_generated_command_lines(script: str, mains: dict[str, Callable]) -> None:
    check(script, mains[script], ALL)


BY_HAND = [
    ("train", ["--task=fly"], "--task"),
    ("train", ["--task="], "--task"),
    ("train", ["--task=\x1b[31mwalk"], r"--task: no task '\x1b[31mwalk'"),
    ("train", ["--num_envs=many"], "--num_envs"),
    ("train", ["--num_envs=0"], "env.num_envs"),
    ("train", ["--num_envs=1000000"], "env.num_envs 1000000"),
    ("train", ["--num_envs=" + "9" * 5000], "num_envs"),
    ("train", ["--max_iterations=nan"], "--max_iterations"),
    ("train", ["--seed=-1"], "runner.seed"),
    ("train", ["--run_name=a/b"], "runner.run_name"),
    ("train", ["--run_name=a\nb"], "runner.run_name"),
    ("train", ["--experiment_name=.."], "runner.experiment_name"),
    ("train", ["--sim=bullet"], "sim.engine"),
    ("train", ["--device=tpu!"], "sim.device"),
    ("train", ["--device=cuda:99"], "sim.device"),
    ("train", ["--motion", "no\x07file.txt"], r"no\x07file.txt"),
    ("train", ["--motion", "\udcff.txt"], "--motion"),
    ("train", ["--motion", "/dev/zero"], "--motion"),
    ("train", ["--motion", "/*/*/*/*"], "--motion"),
    ("train", ["--motion", "x" * 5000], "--motion"),
    ("train", ["--set", "env.num_envs"], "--set"),
    ("train", ["--set", "=3"], "--set"),
    ("train", ["--set", "env.num_env=3"], "did you mean num_envs"),
    ("train", ["--set", "env.num_envs=0x" + "f" * 5000], "env.num_envs"),
    ("train", ["--set", "policy.hidden_dims=" + "[" * 500 + "]" * 500], "policy.hidden_dims"),
    ("train", ["--set", "policy.hidden_dims=[100000,100000]"], "policy.hidden_dims"),
    ("train", ["--set", "algorithm.gamma=nan"], "algorithm.gamma"),
    ("train", ["--set", "sim.dt=1e999"], "sim.dt"),
    ("train", ["--set", "rewards.terms.fly=[1,0]"], "rewards.terms.fly"),
    ("train", ["--set", "character.asset=/dev/zero"], "character.asset"),
    ("train", ["--set", "a\x1b[2J=1"], r"--set a\x1b[2J"),
    ("train", ["--until=never"], "--until"),
    ("train", ["--epochs=3"], "--epochs"),
    ("eval", ["--episodes=0"], "--episodes"),
    ("eval", ["--episodes=1000000000"], "--episodes"),
    ("eval", ["--checkpoint=best"], "--checkpoint"),
    ("eval", ["--load_run=no\x1b[31m"], r"no\x1b[31m"),
    ("view", ["--num_envs=65"], "--num_envs"),
    ("view", ["--viewer=x"], "--viewer"),
    ("test_reward", ["--out=a.pdf"], "--out"),
    ("test_reward", ["--set", "rewards.combine=best"], "rewards.combine"),
    ("plot_run", ["--x=years"], "--x"),
    ("plot_run", ["--out=a.txt"], "--out"),
    ("plot_run", ["no\x9bsuch"], r"no\x9bsuch"),
    ("demo", ["--seconds=nan"], "--seconds"),
    ("demo", ["--seconds=inf"], "--seconds"),
    ("demo", ["--frames=1000000000"], "--frames"),
    ("demo", ["fly"], "fly"),
]


@pytest.mark.parametrize(("script", "argv", "named"), BY_HAND)
def test_the_option_is_named(
    script: str, argv: list[str], named: str, mains: dict[str, Callable]
) -> None:
    text = call(mains[script], argv)
    assert text.startswith("refused: ") and named in text, text


MOTION = [
    (["fly"], "no command 'fly'"),
    (["\x1b[31m"], r"no command '\x1b[31m'"),
    ([], "no command"),
    (["check"], "CLIP"),
    (["check", "a.txt", "--character=\x1b"], r"no '\x1b'"),
    (["check", "none\x1b.txt"], r"none\x1b.txt"),
    (["view", "/dev/zero"], "/dev/zero"),
    (["view", "pipe"], "pipe"),
    (["edit", "pipe", "--floor", "--out", "o.txt"], "pipe"),
    (["import", "pipe", "--out", "o.txt"], "pipe"),
    (["retarget", "pipe", "--out", "o.txt"], "pipe"),
    (["retarget", "a.bvh"], "--out"),
    (["author", "pipe"], "pipe"),
    (["author", "walk", "--speed=nan"], "--speed|speed"),
    (["view", "a.txt", "--size=9x"], "--size|a.txt"),
    (["import", "a.csv", "--fps=nan"], "--fps"),
]


@pytest.mark.parametrize(("argv", "named"), MOTION)
def test_the_motion_commands(
    argv: list[str], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    Path("a.txt").write_text("{}")
    Path("a.csv").write_text("1,2\n")
    from animRL.scripts.motion import main

    text = call(main, argv)
    assert text.startswith("refused: ") and any(one in text for one in named.split("|")), text


@pytest.mark.parametrize(
    ("script", "argv"),
    [
        ("eval", ["--task=fly"]),
        ("eval", ["--set=env.num_envs=-1"]),
        ("view", ["--motion", "/dev/zero"]),
        ("test_reward", ["--data", "/dev/zero"]),
        ("plot_run", ["--task=fly"]),
        ("demo", ["--seconds=nan"]),
        ("motion", ["\x1b[31m"]),
    ],
)
def test_the_real_script_in_time(script: str, argv: list[str], tmp_path: Path) -> None:
    command = [sys.executable, str(PACKAGE_ROOT / "scripts" / f"{script}.py"), *argv]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == EXIT_BAD_INPUT
    assert done.stderr.startswith("error: ") and len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr and "\x1b" not in done.stderr
    # Time of the processor: other work on this machine must not fail a test.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < SECONDS


def test_debug_shows_where_it_arose(tmp_path: Path) -> None:
    command = [sys.executable, str(PACKAGE_ROOT / "scripts" / "eval.py"), "--task=fly", "--debug"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == EXIT_BAD_INPUT and "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: ")
