"""What can be known to be wrong before torch is loaded, which takes seconds."""

from __future__ import annotations

import argparse
import ast
import difflib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from animRL.scripts.cli import apply_overrides, load_configurations
from animRL.utils import paths
from animRL.utils.errors import InputError
from animRL.utils.paths import PACKAGE_ROOT

if TYPE_CHECKING:
    from animRL.sim.asset import Asset

_PREFIX = "reward_"
_REWARDS = PACKAGE_ROOT / "reward" / "rewards.py"


def check_early(args: argparse.Namespace, of_run: bool = False, may_be_none: bool = False) -> None:
    """Find out what is wrong with a command line, and with the files that it names.

    What needs torch, such as a checkpoint's optimiser, is seen later. One of many processes checks
    little: the first of them reads for all.

    Args:
        args: what was typed.
        of_run: whether the configuration is that of a run. It is read where ``--load_run`` names
            its folder; else only what was typed is checked, and that the motions are clips.
        may_be_none: whether there need not be a run yet, if none is named.

    Raises:
        InputError, ConfigError: in one line, with the option, or the file and field.
    """
    from animRL.tasks import make_env_cfg, make_train_cfg

    env_cfg, train_cfg = make_env_cfg(args.task), make_train_cfg(args.task)
    if os.environ.get("WORLD_SIZE", "1") != "1":
        return
    folder = _run_folder(args, train_cfg, may_be_none) if of_run else None
    if folder is not None:
        env_cfg, train_cfg = load_configurations(args.task, folder, args)
    apply_overrides(env_cfg, train_cfg, args)
    if folder is not None or not of_run:
        asset = check_environment(env_cfg)
        if folder is not None and not getattr(args, "beside", None):
            _check_policy(args, folder, train_cfg, len(asset.joint_names))
    elif getattr(args, "motion", None):
        _check_clips(env_cfg.motion_loader.motion_files)


def _run_folder(args: argparse.Namespace, train_cfg: Any, may_be_none: bool) -> Path | None:
    """The folder that ``--load_run`` means; None if there need not be one.

    Raises:
        InputError: if there is no such run.
    """
    from animRL.runner.run_dir import find_run

    if getattr(args, "beside", None):
        return Path(args.load_run)  # of a training that has saved nothing yet
    experiment = args.experiment_name or train_cfg.runner.experiment_name
    try:
        return find_run(args.load_run, paths.LOGS, experiment, args.task)
    except InputError:
        if args.load_run is None and may_be_none:
            return None
        raise


def _check_policy(args: argparse.Namespace, run: Path, train_cfg: Any, num_joints: int) -> None:
    """Refuse a checkpoint that cannot be read or holds other networks.

    Raises:
        InputError: naming the file, and what is wrong in it.
    """
    from animRL.runner.run_dir import find_checkpoint, find_resumable

    goes_on = bool(getattr(args, "resume", None))
    find = find_resumable if goes_on else find_checkpoint
    path = find(run, getattr(args, "checkpoint", None))
    check_networks(path, train_cfg, num_joints, with_critic=goes_on)


def check_networks(path: Path, train_cfg: Any, num_joints: int, with_critic: bool = False) -> None:
    """Refuse a checkpoint that cannot be read or holds other networks than are configured.

    Raises:
        InputError: naming the file, and what is wrong in it.
    """
    from animRL.runner.checkpoint_archive import inspect_checkpoint
    from animRL.runner.network_shapes import check_fits

    check_fits(path, inspect_checkpoint(path).values, train_cfg, num_joints, with_critic)


def _check_clips(motion_files: Sequence[str]) -> None:
    """Read clips that may be any character's."""
    from animRL.dataloader.clip_files import find_clips, load_any

    for path in find_clips(motion_files):
        load_any(path)


def check_environment(env_cfg: Any) -> Asset:
    """Check the engine's and the reward terms' names, and read the character and its motions.

    Returns:
        The character's asset.

    Raises:
        InputError: in one line, with the setting, or the file and field.
    """
    from animRL.dataloader.clip_files import read_clips
    from animRL.dataloader.frame_layout import FrameLayout
    from animRL.sim.asset import read_asset
    from animRL.sim.factory import resolve_device, resolve_engine

    sim = env_cfg.sim
    if sim.engine != "auto":
        resolve_engine(sim.engine, sim.device)
    check_rewards(env_cfg.rewards)
    asset = read_asset(env_cfg.character)
    joints, ends = asset.joint_names, asset.groups["end_effectors"]
    layout = FrameLayout(len(joints), len(ends))
    read_clips(env_cfg.motion_loader, sim.dt * sim.substeps, layout, joints, ends)
    if sim.device not in ("auto", "cpu"):  # the one check that needs torch
        resolve_device(resolve_engine(sim.engine, sim.device), sim.device)
    return asset


def check_rewards(cfg: Any) -> None:
    """Refuse terms that no method computes; ``RewardComposer`` checks all else about them.

    Raises:
        InputError: naming the term.
    """
    names, valid = list(cfg.terms.to_dict()), reward_names()
    if not names:
        raise InputError(f"rewards.terms: empty; valid: {', '.join(valid)}")
    for name in names:
        if name not in valid:
            close = difflib.get_close_matches(name, valid, n=1)
            hint = f" (did you mean {close[0]}?)" if close else ""
            raise InputError(
                f"rewards.terms.{name}: no method REWARDS.{_PREFIX}{name}{hint}; valid: "
                f"{', '.join(valid)}"
            )


def reward_names() -> list[str]:
    """Names of the reward terms, as they stand in the source of ``REWARDS``."""
    tree = ast.parse(_REWARDS.read_text(encoding="utf-8"))
    return sorted(
        method.name.removeprefix(_PREFIX)
        for group in tree.body
        if isinstance(group, ast.ClassDef)
        for method in group.body
        if isinstance(method, ast.FunctionDef) and method.name.startswith(_PREFIX)
    )
