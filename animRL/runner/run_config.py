"""A run's ``bob.json``: its settings, the clips it was trained on, and what made it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from animRL.utils.errors import InputError
from animRL.utils.files import replacing
from animRL.utils.input_files import read_json
from animRL.utils.paths import RESOURCES, is_file, resolve_resource

CONFIG_NAME = "bob.json"
FILES_NAME = "files"
"""Folder inside a run with the clips and assets that do not come with animRL."""
MAX_CONFIG_BYTES = 10 * 2**20
_OPTIONS = {
    ("motion_loader", "motion_files"): "--motion FILE",
    ("character", "asset"): "--set character.asset=FILE",
}
"""Settings that name files, and how to give other ones."""


def write_config(
    run_dir: str | Path,
    train_cfg: dict[str, Any],
    env_cfg: dict[str, Any],
    task: str | None = None,
    made_with: dict[str, Any] | None = None,
) -> Path:
    """Write ``bob.json`` with the task's name and both configurations and return its path.

    Args:
        run_dir: the run's folder.
        train_cfg: plain values.
        env_cfg: plain values; paths into the run's folder or ``animRL/resources`` are written
            relative to those, so that a run can be moved.
        task: its name.
        made_with: versions, threads and the like, see ``utils.machine.provenance``.

    Raises:
        InputError: if the file cannot be written.
    """
    run_dir = Path(run_dir)
    places = (run_dir.resolve(), RESOURCES)
    env_cfg = _with_paths(env_cfg, lambda _, name: _relative(places, name))
    content = {"task": task, "train_cfg": train_cfg, "env_cfg": env_cfg}
    if made_with is not None:
        content["made_with"] = made_with
    with replacing(run_dir / CONFIG_NAME) as stream:
        stream.write((json.dumps(content, indent=2) + "\n").encode())
    return run_dir / CONFIG_NAME


def read_config(run_dir: str | Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return ``(train_cfg, env_cfg)`` of a run's ``bob.json``.

    Raises:
        InputError: if the file is missing, larger than 10 MB, not JSON, or lacks a part.
    """
    content = _read_file(Path(run_dir) / CONFIG_NAME)
    policy, rewards = content["train_cfg"].get("policy"), content["env_cfg"].get("rewards")
    # Runs from before there was this had networks without phases, a spread that is learned, and
    # kernels that stay as wide as they are.
    if isinstance(policy, dict):
        for name, value in (("phase_harmonics", 0), ("phase_bins", 0), ("final_std", None)):
            policy.setdefault(name, value)
    if isinstance(rewards, dict):
        rewards.setdefault("narrowing", {"above": 1.0})
    return content["train_cfg"], content["env_cfg"]


def read_task(run_dir: str | Path) -> str | None:
    """Return the name of a run's task, None where ``bob.json`` does not say: older ones do not.

    Raises:
        InputError: as for ``read_config``.
    """
    task = _read_file(Path(run_dir) / CONFIG_NAME).get("task")
    return task if isinstance(task, str) else None


def read_made_with(run_dir: str | Path) -> dict[str, Any]:
    """Return what a run says it was made with; older ones say nothing.

    Raises:
        InputError: as for ``read_config``.
    """
    made_with = _read_file(Path(run_dir) / CONFIG_NAME).get("made_with")
    return made_with if isinstance(made_with, dict) else {}


def with_own_files(
    env_cfg: dict[str, Any], run_dir: str | Path, given: Sequence[str] = ()
) -> dict[str, Any]:
    """Return an environment's configuration whose files lie in animRL or in the run's folder.

    Args:
        env_cfg: as ``read_config`` returned it.
        run_dir: the run's folder; relative paths into it become absolute ones.
        given: settings (``group.name``) that the user names other files for, which are left alone.

    Raises:
        InputError: for a path that leads out of the run's folder: whoever wrote the file decides
            nothing about what else is read on this machine.
    """
    run_dir = Path(run_dir).resolve()

    def located(setting: tuple[str, str], name: str) -> str:
        if ".".join(setting) in given:
            return name
        for place in (run_dir, RESOURCES):
            try:
                found = (place / name).resolve()
            except (OSError, ValueError, RuntimeError):
                continue
            # As absolute paths: else what lies in the working directory would come first.
            if found.is_relative_to(place.resolve()) and (is_file(found) or place == RESOURCES):
                return str(found)
        raise InputError(
            f"{run_dir / CONFIG_NAME}: env_cfg.{'.'.join(setting)}: {name!r} lies outside the "
            "run's folder; valid: files in it or in animRL/resources, or give yours: "
            f"{_OPTIONS[setting]}"
        )

    return _with_paths(env_cfg, located)


def keep_files(env_cfg: dict[str, Any], clips: Sequence[str], run_dir: Path) -> dict[str, Any]:
    """Copy clips and assets that do not come with animRL into a run, so that it can be moved.

    Args:
        env_cfg: plain values.
        clips: paths of all clips that its patterns stand for.
        run_dir: the run's folder.

    Returns:
        The configuration with the copies' paths.

    Raises:
        InputError: if a file cannot be copied.
    """
    kept = deepcopy(env_cfg)
    if not all(Path(name).resolve().is_relative_to(RESOURCES) for name in clips):
        kept["motion_loader"]["motion_files"] = list(clips)
    taken: set[str] = set()

    def copied(_: tuple[str, str], name: str) -> str:
        try:
            source = resolve_resource(name)
        except InputError:  # a pattern, of which every file is in animRL
            return name
        if any(source.is_relative_to(place) for place in (RESOURCES, run_dir.resolve())):
            return name
        number, own = 1, source.name
        while own.lower() in taken:
            number += 1
            own = f"{source.stem}_{number}{source.suffix}"
        taken.add(own.lower())
        target = run_dir / FILES_NAME / own
        try:
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(source, target)
        except OSError as error:
            reason = error.strerror or error
            raise InputError(f"cannot copy '{source}' to '{target}': {reason}") from None
        return str(target)

    return _with_paths(kept, copied)


def _with_paths(
    env_cfg: dict[str, Any], change: Callable[[tuple[str, str], str], str]
) -> dict[str, Any]:
    """A copy of a configuration in which every path of a file is another."""
    changed = deepcopy(env_cfg)
    for group, name in _OPTIONS:
        values = changed.get(group)
        if not isinstance(values, dict):
            continue
        value = values.get(name)
        if isinstance(value, str):
            values[name] = change((group, name), value)
        elif isinstance(value, list):
            values[name] = [change((group, name), v) if isinstance(v, str) else v for v in value]
    return changed


def _relative(places: Sequence[Path], name: str) -> str:
    """An absolute path into one of some folders as seen from there; others as they are."""
    path = Path(name)
    for place in places:
        if path.is_absolute() and path.resolve().is_relative_to(place):
            return str(path.resolve().relative_to(place))
    return name


def _read_file(path: Path) -> dict[str, Any]:
    content = read_json(path, "a bob.json as train.py writes it", MAX_CONFIG_BYTES)
    if not isinstance(content, dict):
        kind = type(content).__name__
        raise InputError(f"{path}: holds a {kind}, not an object with train_cfg and env_cfg")
    for key in ("train_cfg", "env_cfg"):
        if not isinstance(content.get(key), dict):
            raise InputError(f"{path}: field {key}: an object expected, as train.py writes it")
    return content
