"""A run's folder: making it, and finding it and its checkpoints again."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from animRL.cfg.validators import NAME, Refused
from animRL.runner.checkpoint_archive import (
    inspect_checkpoint,
    is_valid_checkpoint,
    iteration_of,
)
from animRL.runner.run_config import read_task
from animRL.utils.errors import InputError
from animRL.utils.paths import PACKAGE_ROOT, REPO_ROOT

BEST_NAME = "model_best.pt"
FINAL_NAME = "model.pt"
LIVE_NAME = ".live.pt"
"""The policy of this moment, for who watches a training; goes when it ends."""
TIME_FORMAT = "%Y-%m-%d_%H-%M-%S"
_ITERATION_FILE = re.compile(r"model_(0|[1-9][0-9]*)\.pt")
_EXPECTED = f"model_<iteration>.pt, {BEST_NAME} or {FINAL_NAME}"
_LISTED = 8


def create_run_dir(logs_root: str | Path, experiment: str, run_name: str) -> Path:
    """Make and return a new folder ``<logs_root>/<experiment>/<date_time>_<run_name>``.

    A second run of the same name and second gets ``_2`` behind its name.

    Raises:
        InputError: if a name would leave its folder, or the folder cannot be made.
    """
    for what, name in (("experiment name", experiment), ("run name", run_name)):
        try:
            NAME.check(name)
        except Refused:
            raise InputError(
                f"{what} {name!r} is not valid: a plain name is expected, no path"
            ) from None
    stem = f"{datetime.now().strftime(TIME_FORMAT)}_{run_name}"
    parent = Path(logs_root) / experiment
    try:
        parent.mkdir(parents=True, exist_ok=True)
        number = 1
        while True:
            run_dir = parent / (stem if number == 1 else f"{stem}_{number}")
            try:
                run_dir.mkdir()
                return run_dir
            except FileExistsError:
                number += 1
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"cannot make a run's folder in '{parent}': {reason}") from None


def iteration_path(run_dir: str | Path, iteration: int) -> Path:
    """Return where the checkpoint of an iteration lies."""
    return Path(run_dir) / f"model_{iteration}.pt"


def numbered_checkpoints(run_dir: str | Path) -> list[int]:
    """Return the iterations that a run has checkpoints of, by their names, the newest first."""
    numbers = (_ITERATION_FILE.fullmatch(path.name) for path in _entries(Path(run_dir)))
    return sorted((int(match.group(1)) for match in numbers if match), reverse=True)


def find_run(
    load_run: str | None, logs_root: str | Path, experiment: str, task: str | None = None
) -> Path:
    """Find a run's folder.

    Args:
        load_run: a run's name; a path from the working directory, the repository's root or
            ``animRL/``; or None or "-1" for the newest run with a valid checkpoint.
        logs_root: the folder of all experiments.
        experiment: the experiment whose runs are meant by a name.
        task: the newest run is the newest of this task, or of one that is not known.

    Raises:
        InputError: if there is no such run; it lists the runs there are.
    """
    experiment_dir = Path(logs_root) / experiment
    if load_run is None or str(load_run) == "-1":
        for run_dir in _runs_newest_first(experiment_dir):
            if not _is_of(task, run_dir):
                continue
            if any(is_valid_checkpoint(path) for path in _candidates(run_dir, None)):
                return run_dir
        of_task = f" of task {task}" if task else ""
        raise InputError(
            f"no run{of_task} with a valid checkpoint in '{experiment_dir}': train one, or give "
            "--load_run"
        )
    bases = (experiment_dir, Path.cwd(), REPO_ROOT, PACKAGE_ROOT, Path(logs_root))
    try:
        given = Path(load_run).expanduser()
        found = [base / given for base in bases if load_run.strip() and (base / given).is_dir()]
    except (OSError, RuntimeError):  # a name too long, a home that does not exist
        found = []
    for run_dir in found:
        if _candidates(run_dir, None):
            return run_dir.resolve()
    if found:
        raise InputError(f"no checkpoint in '{found[0].resolve()}': {_EXPECTED} expected")
    runs = _listed(run.name for run in _runs_newest_first(experiment_dir))
    raise InputError(
        f"no run '{load_run}': neither a folder nor a run of '{experiment_dir}' (there: {runs})"
    )


def find_checkpoint(run_dir: str | Path, checkpoint: int | None = None) -> Path:
    """Find a checkpoint of a run.

    Args:
        run_dir: the run's folder.
        checkpoint: an iteration; -1 for the newest iteration that is valid; None for the best, else
            the newest. Where no iteration was saved, ``model.pt`` or the best is meant by -1.

    Raises:
        InputError: if there is none; it lists the checkpoints there are.
    """
    run_dir = Path(run_dir)
    candidates = _candidates(run_dir, checkpoint)
    if checkpoint not in (None, -1):
        if candidates:
            return candidates[0]
        there = _listed(path.name for path in _candidates(run_dir, None))
        raise InputError(f"no checkpoint of iteration {checkpoint} in '{run_dir}' (there: {there})")
    why = ""
    for path in candidates:
        try:
            inspect_checkpoint(path)
            return path
        except InputError as error:
            why = why or str(error)
    if candidates:
        tried = _listed(path.name for path in candidates)
        raise InputError(f"no checkpoint in '{run_dir}' can be read (tried {tried}): {why}")
    raise InputError(f"no checkpoint in '{run_dir}': {_EXPECTED} expected")


def find_resumable(run_dir: str | Path, checkpoint: int | None = None) -> Path:
    """Find the checkpoint from which a training goes on: of an iteration, or by itself the newest.

    The best policy may be of a later iteration than what was saved before a training was killed;
    it holds no environments, so that nothing can go on from there exactly. So the newest valid one
    of an iteration is taken, else what ``find_checkpoint`` finds by -1.

    Raises:
        InputError: if there is none.
    """
    run_dir = Path(run_dir)
    if checkpoint not in (None, -1):
        return find_checkpoint(run_dir, checkpoint)
    for path in _candidates(run_dir, -1):
        if is_numbered(path) and is_valid_checkpoint(path):
            return path
    return find_checkpoint(run_dir, -1)


def is_numbered(checkpoint: Path) -> bool:
    """Whether a checkpoint is one of an iteration by its name, not the best or the final one."""
    return _ITERATION_FILE.fullmatch(checkpoint.name) is not None


def checkpoints_of(run_dir: str | Path) -> list[Path]:
    """Return all checkpoints of a run, the best first, then the newest; none is read."""
    return _candidates(Path(run_dir), None)


def _candidates(run_dir: Path, checkpoint: int | None) -> list[Path]:
    """Return the existing checkpoints that a request may mean, the preferred one first."""
    numbered = [iteration_path(run_dir, number) for number in numbered_checkpoints(run_dir)]
    best, final = run_dir / BEST_NAME, run_dir / FINAL_NAME
    if checkpoint is None:
        paths = [best, final, *numbered]
    elif checkpoint == -1:
        # By what they say they are: a file may have been copied, renamed, or cut short.
        claims = {path: iteration_of(path) for path in (*numbered, final, best) if path.is_file()}
        order = sorted(claims, key=lambda path: _claimed(path, claims[path]), reverse=True)
        paths = order
    else:
        paths = [iteration_path(run_dir, checkpoint)]
    return [path for path in paths if path.is_file()]


def _claimed(path: Path, claim: int | None) -> tuple[int, bool]:
    """A sort key: the iteration a file is of, and of two that of the training before the best."""
    match = _ITERATION_FILE.fullmatch(path.name)
    if claim is None:  # of format 1, which says it inside
        claim = int(match.group(1)) if match else -1
    return claim, is_numbered(path)


def _is_of(task: str | None, run_dir: Path) -> bool:
    """Whether a run is one of a task; what is not known is not held against it."""
    if task is None:
        return True
    try:
        return read_task(run_dir) in (task, None)
    except InputError:
        return True


def _runs_newest_first(experiment_dir: Path) -> list[Path]:
    """Return an experiment's run folders by the time in their name, else that of the folder."""
    runs = [path for path in _entries(experiment_dir) if path.is_dir()]
    return sorted(runs, key=_start_time, reverse=True)


def _start_time(run_dir: Path) -> tuple[float, int, str]:
    """Return a sort key: the start [s], then the name, so that ``_10`` follows ``_9``."""
    try:
        started = datetime.strptime(run_dir.name[:19], TIME_FORMAT).timestamp()
    except ValueError:
        started = run_dir.stat().st_mtime
    return started, len(run_dir.name), run_dir.name


def _entries(folder: Path) -> list[Path]:
    """Return a folder's entries, none if it cannot be read."""
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _listed(names: Iterable[str]) -> str:
    """Join names for an error, the first few and the number of the others."""
    all_names = list(names)
    text = ", ".join(all_names[:_LISTED]) or "none"
    return text + (f" and {len(all_names) - _LISTED} more" if len(all_names) > _LISTED else "")
