"""Time to imitate: how long tasks take until they are learned, with several seeds."""

from __future__ import annotations

import argparse
import functools
import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from animRL.scripts.benchmark_parts.machine import describe, print_machine
from animRL.scripts.cli import apply_overrides
from animRL.scripts.tables import print_columns
from animRL.utils import paths
from animRL.utils.errors import InputError

TRAIN = (sys.executable, str(Path(__file__).parents[1] / "train.py"))
"""The command that trains."""
EXPERIMENT = "benchmark"
"""Folder of the runs inside logs."""
LOOK_SECONDS = 5.0
"""How often a training is asked how far it is."""
FORWARDED = ("sim", "device", "num_envs", "max_iterations")
"""Options that go on to the training as they are typed."""
POINT = ("samples", "training_seconds", "success", "position_error_m", "normalised_return")
"""What is taken from the evaluation that decided."""


def measure_imitation(
    args: argparse.Namespace, keep: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Train every task with every seed until it is learned; ``keep`` gets what is there so far.

    Raises:
        InputError: for an unknown task or setting, before any training; or if one fails.
    """
    about = _about(args)
    imitation: dict[str, Any] = {}

    def keep_runs(task: str, runs: list[dict[str, Any]], *unfinished: dict[str, Any]) -> None:
        imitation[task] = _summary([*runs, *unfinished])
        keep({"imitation": imitation, **about, "unfinished": True})

    for task in args.imitate:
        runs: list[dict[str, Any]] = []
        for seed in args.seeds:
            runs.append(_train(args, task, seed, functools.partial(keep_runs, task, runs)))
            keep_runs(task, runs)
    return {"imitation": imitation, **about}


def _about(args: argparse.Namespace) -> dict[str, Any]:
    """Where the trainings will run; finds out whether they can begin at all."""
    import torch

    from animRL.sim.factory import resolve_device, resolve_engine
    from animRL.tasks import make_env_cfg, make_train_cfg

    for task in args.imitate:
        env_cfg, train_cfg = make_env_cfg(task), make_train_cfg(task)
        apply_overrides(env_cfg, train_cfg, args)
        engine = resolve_engine(env_cfg.sim.engine, env_cfg.sim.device)
        device = resolve_device(engine, env_cfg.sim.device)
    about = {"device": device, **describe(torch.device(device), env_cfg.sim.threads)}
    if train_cfg.runner.threads:  # of the trainings, not of this process
        about["threads"]["torch"] = train_cfg.runner.threads
    return about


def _train(
    args: argparse.Namespace, task: str, seed: int, keep: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Train once, as a process of its own, and return what came out."""
    name = f"{task}_seed{seed}"
    folder = paths.LOGS / EXPERIMENT
    before = set(folder.glob(f"*_{name}*"))
    options = [f"--task={task}", f"--seed={seed}", "--until=learned", "--dv", "--dr"]
    options += [f"--run_name={name}", f"--experiment_name={EXPERIMENT}", *_forwarded(args)]
    # Its progress is no part of the one object that --json prints.
    process = subprocess.Popen([*TRAIN, *options], stdout=2 if args.json else None)
    try:
        while True:
            try:
                code = process.wait(LOOK_SECONDS)
                break
            except subprocess.TimeoutExpired:
                keep({**_read_run(_newest(folder, name, before), seed), "unfinished": True})
    finally:
        if process.poll() is None:  # we are being ended: so is it, and it says where it was
            process.terminate()
            process.wait()
            keep({**_read_run(_newest(folder, name, before), seed), "unfinished": True})
    run = _newest(folder, name, before)
    if code != 0 or run is None:
        raise InputError(f"--imitate: training {task} with seed {seed} ended with exit code {code}")
    return _read_run(run, seed)


def _forwarded(args: argparse.Namespace) -> list[str]:
    """What was typed for the trainings."""
    options = [
        f"--{name}={getattr(args, name)}" for name in FORWARDED if getattr(args, name) is not None
    ]
    for name in ("motion", "set"):
        if getattr(args, name):
            options += [f"--{name}", *getattr(args, name)]
    return options


def _newest(folder: Path, name: str, before: set[Path]) -> Path | None:
    """The run's folder that has come since, if it has."""
    new = set(folder.glob(f"*_{name}*")) - before
    return max(new, key=lambda path: path.stat().st_mtime, default=None)


def _read_run(run: Path | None, seed: int) -> dict[str, Any]:
    """What a run's files say: the evaluation that decided, or so far the last one.

    ``evaluation_seconds`` are those of all evaluations up to there; they are no part of
    ``training_seconds``.
    """
    curve = _read(run, "learning_curve.json") or []
    verdict = _read(run, "verdict.json") or {}
    found: dict[str, Any] = {"seed": seed, "learned": bool(verdict.get("learned", False))}
    if run is not None:
        found["run"] = f"{run.parent.name}/{run.name}"
    number = verdict.get("evaluation", len(curve))
    if curve:
        found |= {name: curve[number - 1][name] for name in POINT}
        spent = sum(point["evaluation_seconds"] for point in curve[:number])
        found["evaluation_seconds"] = round(spent, 2)
    return found


def _read(run: Path | None, name: str) -> Any:
    """A JSON file of a run; None as long as it is not there."""
    try:
        return None if run is None else json.loads((run / name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians over the seeds; a task that was not learned took longer than any that was."""
    done = [run for run in runs if "unfinished" not in run]
    medians = {}
    for key in ("training_seconds", "samples"):
        values = [run[key] if run["learned"] else float("inf") for run in done]
        median = statistics.median(values) if values else float("inf")
        medians[f"median_{key}"] = median if median < float("inf") else None
    learned = sum(run["learned"] for run in done)
    return {"seeds": len(done), "learned": learned, **medians, "runs": list(runs)}


def print_imitation(report: dict[str, Any]) -> None:
    """Print what ``measure_imitation`` returned."""
    rows = [["task", "seed", "learned", "training, min", "evaluations, min", "samples",
             "success", "position error, m", "normalised return"]]  # fmt: skip
    for task, own in report["imitation"].items():
        rows += [[task, *_cells(run)] for run in own["runs"]]
    print_columns(rows)
    for task, own in report["imitation"].items():
        text = "not learned by half of them"
        if own["median_samples"] is not None:
            minutes = own["median_training_seconds"] / 60
            text = f"{minutes:.1f} min of training, {own['median_samples']:,.0f} samples"
        print(f"  {task}: median of {own['seeds']} seeds, learned by {own['learned']}: {text}")
    print_machine(report)


def _cells(run: dict[str, Any]) -> list[str]:
    """A training in a row of the table; one that ended before its first evaluation has no more."""
    known = [str(run["seed"]), "yes" if run["learned"] else "no"]
    if "samples" not in run:
        return [*known, *"------"]
    return [
        *known,
        f"{run['training_seconds'] / 60:.1f}",
        f"{run['evaluation_seconds'] / 60:.1f}",
        f"{run['samples']:,}",
        f"{run['success']:.2f}",
        f"{run['position_error_m']:.3f}",
        f"{run['normalised_return']:.3f}",
    ]
