"""Learning curves of past good runs, and whether a training keeps up with them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from animRL.runner.run_config import read_config, with_own_files
from animRL.utils import machine
from animRL.utils.errors import InputError
from animRL.utils.paths import RESOURCES, resolve_resource

FOLDER = RESOURCES / "learning_curves"
"""One file a task, ``<task>.json``, made by scripts/reference_curves.py."""
COLUMNS = ("samples", "success", "position_error_m", "normalised_return", "training_seconds")
"""The numbers of a point of a curve."""
JUDGED_BY = "normalised_return"
DIGITS = 4
"""Decimals that are kept."""
SAMPLE_TOLERANCE = 0.25
"""A run that reaches with a quarter more or fewer samples what a past one did is as good."""
CHANCE = 0.01
"""Normalised return by which an evaluation differs from another of as good a policy."""

# What a run's place among past ones does not depend on: where and how long it runs, and its seed.
# The clips are compared by their content.
_FREE = ("env.spacing", "motion_loader.motion_files", "sim.engine", "sim.device", "sim.threads")
_FREE_TRAINING = (
    *("runner.seed", "runner.max_iterations", "runner.save_interval", "runner.eval_interval"),
    *("runner.keep_last", "runner.keep_every"),
    *("runner.video_interval", "runner.experiment_name", "runner.run_name", "runner.threads"),
)


@dataclass(frozen=True)
class ReferenceCurves:
    """Curves of past good runs of one task, with different seeds.

    A run is judged by its normalised return, because that says something from the first evaluation
    on, where success is still 0: it grows with the time until a fall (steps after it count 0) and
    with the closeness until then. The position error alone does not: it is a mean until the fall,
    and who falls at once has not gone far.
    """

    curves: tuple[np.ndarray, ...]
    """(points, 5) each, see ``COLUMNS``; samples ascending."""

    def band(self, name: str, samples: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Least and largest value of a metric in the past runs.

        Curves are linear between evaluations and end with the shortest. The band at S samples
        takes in what the runs had between S / (1 + ``SAMPLE_TOLERANCE``) and S times that: few
        seeds leave a band so narrow that every other good run would leave it.

        Args:
            name: one of ``COLUMNS``.
            samples: (P,).

        Returns:
            Two arrays (P,), NaN before the first evaluation of every run and after one's last.
        """
        counts = np.atleast_1d(np.asarray(samples, dtype=float))
        column, reach = COLUMNS.index(name), 1.0 + SAMPLE_TOLERANCE
        begins = max(curve[0, 0] for curve in self.curves)
        ends = min(curve[-1, 0] for curve in self.curves)
        low, high = np.full(len(counts), np.nan), np.full(len(counts), np.nan)
        for index, count in enumerate(counts):
            if count * reach < begins or count > reach * ends:
                continue
            values = []
            for curve in self.curves:
                at = curve[:, 0]
                inside = (at > count / reach) & (at < count * reach)
                places = np.clip([count / reach, *at[inside], count * reach], None, ends)
                values.append(np.interp(places, at, curve[:, column]))
            together = np.concatenate(values)
            low[index], high[index] = together.min(), together.max()
        return low, high

    def standing(self, point: Mapping[str, float]) -> str | None:
        """Say whether an evaluation is "ahead", "on track" or "behind"; None: no band there.

        Args:
            point: an evaluation, as in ``learning_curve.json``.
        """
        low, high = (float(edge[0]) for edge in self.band(JUDGED_BY, point["samples"]))
        if np.isnan(low):
            return None
        value = round(point[JUDGED_BY], DIGITS)
        return (
            "ahead" if value > high + CHANCE else "behind" if value < low - CHANCE else "on track"
        )


def bands_beside(
    curve: Sequence[Mapping[str, float]], reference: ReferenceCurves
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the bands (see ``ReferenceCurves.band``) of what a run's evaluations are drawn with.

    The band of success is that of all episodes; it stands for both kinds of starts.
    """
    samples = [point["samples"] for point in curve]
    drawn = {"success_rate": "success", "position_error_m": "position_error_m",
             "normalised_return": "normalised_return"}  # fmt: skip
    return {name: reference.band(column, samples) for name, column in drawn.items()}


def find_reference(
    task: str, env_cfg: Any, train_cfg: Any, clips: Sequence[str], folder: Path | None = None
) -> ReferenceCurves | None:
    """Return the curves of past runs of a task with the same clips and settings, if there are.

    Args:
        task: its name.
        env_cfg: a ``MimicConfig``, with its number of environments (of all processes together).
        train_cfg: a ``MimicTrainConfig``.
        clips: files of the clips.
        folder: where the curves lie; by default those of the package.

    Raises:
        InputError: if the file of curves is damaged.
    """
    path = (folder or FOLDER) / f"{task}.json"
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_bytes())
        curves = tuple(np.array(c["points"], dtype=float) for c in content["curves"])
        recorded, recorded_clips = dict(content["configuration"]), list(content["clips"])
        recorded["character.asset"] = Path(recorded["character.asset"]).name
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"'{path}' holds no learning curves ({error!r})") from None
    if not curves or any(c.ndim != 2 or c.shape[1] != len(COLUMNS) for c in curves):
        raise InputError(f"'{path}', field curves: rows of {', '.join(COLUMNS)} expected")
    own = _settings(env_cfg.to_dict(), train_cfg.to_dict())
    # A setting that is younger than the curves must have its default.
    default = _settings(type(env_cfg)().to_dict(), type(train_cfg)().to_dict())
    expected = {**default, **recorded}
    if own != expected or len(clips) != len(recorded_clips):
        return None
    return ReferenceCurves(curves) if _digests(clips) == recorded_clips else None


def collect_curves(task: str, run_dirs: Sequence[str | Path]) -> dict[str, Any]:
    """Return the content of a task's file of reference curves, from finished runs.

    Args:
        task: its name.
        run_dirs: folders of runs that differ in nothing but their seeds and their length; all
            are taken as far as the shortest goes, because who ends early tells nothing of later.

    Raises:
        InputError: if a run has no evaluations or no seed of its own, or differs in a setting.
    """
    curves: list[dict[str, Any]] = []
    first: dict[str, Any] | None = None
    for run_dir in map(Path, run_dirs):
        train_cfg, env_cfg = read_config(run_dir)
        env_cfg = with_own_files(env_cfg, run_dir)
        files = env_cfg["motion_loader"]["motion_files"]
        files = [files] if isinstance(files, str) else list(files)
        clips = _digests([str(resolve_resource(name, "motion file")) for name in files])
        recipe = {**_settings(env_cfg, train_cfg), "the clips": clips}
        first = first or recipe
        differing = [k for k in {**first, **recipe} if first.get(k) != recipe.get(k)]
        if differing:
            raise InputError(f"'{run_dir}' differs from '{run_dirs[0]}' in {', '.join(differing)}")
        seed = train_cfg["runner"]["seed"]
        if seed in [curve["seed"] for curve in curves]:
            raise InputError(
                f"'{run_dir}': another run has seed {seed}, too; valid: one run a seed"
            )
        curves.append({"seed": seed, "points": _points(run_dir)})
    if first is None:
        raise InputError("no runs given; valid: one folder of a finished run or more")
    end = min(curve["points"][-1][0] for curve in curves)
    for curve in curves:
        curve["points"] = [point for point in curve["points"] if point[0] <= end]
    settings = {name: value for name, value in first.items() if name != "the clips"}
    return {
        "task": task,
        "command": f"python scripts/train.py --task={task} --num_envs={settings['env.num_envs']} "
        "--seed=<seed>",
        "hardware": f"{machine.processor()}, {os.cpu_count()} threads",
        "versions": machine.versions(),
        "clips": first["the clips"],
        "configuration": settings,
        "curves": sorted(curves, key=lambda curve: curve["seed"]),
    }


def _points(run_dir: Path) -> list[list[float]]:
    """The evaluations of a run, a row of ``COLUMNS`` each."""
    path = run_dir / "learning_curve.json"
    try:
        rows = [[point[name] for name in COLUMNS] for point in json.loads(path.read_bytes())]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"'{path}' cannot be read as a learning curve ({error!r})") from None
    if not rows:
        raise InputError(f"'{path}' holds no evaluation")
    return [[row[0], *(round(value, DIGITS) for value in row[1:])] for row in rows]


def _settings(env_cfg: Mapping[str, Any], train_cfg: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that learning depends on, by path; training's begin with ``train.``."""
    own = {k: v for k, v in _leaves(env_cfg) if not k.startswith(_FREE)}
    training = {f"train.{k}": v for k, v in _leaves(train_cfg) if k not in _FREE_TRAINING}
    if not training.get("train.algorithm.decay_iterations"):  # then it is the whole training
        training["train.algorithm.decay_iterations"] = train_cfg["runner"]["max_iterations"]
    own["character.asset"] = Path(own["character.asset"]).name  # wherever animRL is installed
    return json.loads(json.dumps({**own, **training}))  # as a file gives them back


def _leaves(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _digests(files: Sequence[str]) -> list[str]:
    """What tells clips apart, whatever they are called and however their lines end."""
    texts = (Path(name).read_bytes().replace(b"\r\n", b"\n") for name in files)
    return [hashlib.sha256(text).hexdigest() for text in texts]
