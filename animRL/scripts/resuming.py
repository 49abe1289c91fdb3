"""How a training goes on from an earlier one: in its folder, exactly, or from its policy anew."""

from __future__ import annotations

import argparse
import shlex
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from animRL.scripts.cli import apply_overrides, load_configurations
from animRL.scripts.train_report import name_of

FREE = (
    *("runner.max_iterations", "runner.save_interval", "runner.keep_last", "runner.keep_every"),
    *("runner.video_interval", "sim.window"),
)
"""Settings of a training that do not shape its iterations: they may change on the way."""
MOST_THREADS = 1024


@dataclass(frozen=True)
class Resumed:
    """Which run a training goes on from."""

    run: Path
    checkpoint: Path
    why_anew: str | None
    """Why it cannot go on in that run's folder as if it had never stopped; None: it can."""


def resumed_configurations(args: argparse.Namespace, logs: Path) -> tuple[Any, Any, Resumed]:
    """Return a run's configurations with what was typed, and how it is to go on.

    Raises:
        InputError: if there is no such run or checkpoint.
    """
    from animRL.runner.run_dir import find_resumable, find_run
    from animRL.tasks import make_train_cfg

    experiment = args.experiment_name or make_train_cfg(args.task).runner.experiment_name
    run = find_run(args.load_run, logs, experiment, args.task)
    env_cfg, train_cfg = load_configurations(args.task, run, args)
    checkpoint = find_resumable(run, args.checkpoint)
    before = _settings(env_cfg, train_cfg)
    apply_overrides(env_cfg, train_cfg, args)
    after = _settings(env_cfg, train_cfg)
    why = _why_anew(run, checkpoint, before, after) or _other_engine(env_cfg, run)
    if why is None:
        _say_if_schedules_change(before, after)
    return env_cfg, train_cfg, Resumed(run, checkpoint, why)


def _settings(env_cfg: Any, train_cfg: Any) -> dict[str, Any]:
    return {**dict(env_cfg.leaves()), **dict(train_cfg.leaves())}


def _why_anew(run: Path, checkpoint: Path, before: dict, after: dict) -> str | None:
    """The reason, if any, why the run's own folder cannot be gone on with."""
    from animRL.runner.run_dir import find_resumable, is_numbered

    if not is_numbered(checkpoint):
        return f"{checkpoint.name} holds a policy alone"
    if find_resumable(run) != checkpoint:
        return f"{checkpoint.name} is not the newest one"
    decay = "algorithm.decay_iterations"
    if before[decay] is None and after[decay] == before["runner.max_iterations"]:
        before = {**before, decay: after[decay]}  # what it meant, said in so many words
    names = [name for name in after if after[name] != before.get(name) and name not in FREE]
    if {"runner.run_name", "runner.experiment_name"} & set(names):
        return "another name is asked for"
    if names:
        return f"other settings than before: {', '.join(names[:4])}"
    return None


def engine_of(env_cfg: Any) -> dict[str, str]:
    """Engine and kind of device that a configuration means on this machine."""
    from animRL.sim.factory import resolve_device, resolve_engine

    engine = resolve_engine(env_cfg.sim.engine, env_cfg.sim.device)
    device = resolve_device(engine, env_cfg.sim.device)
    return {"engine": engine, "device": str(device).partition(":")[0]}


def _other_engine(env_cfg: Any, run: Path) -> str | None:
    """Why the environments of a run cannot be gone on with on this machine, if so."""
    from animRL.runner.run_config import read_made_with

    made_with = read_made_with(run)
    for name, now in engine_of(env_cfg).items():
        if made_with.get(name, now) != now:
            return f"it was made with {name} {made_with[name]}, here it is {now}"
    return None


def _say_if_schedules_change(before: dict, after: dict) -> None:
    """A longer training stretches what falls over all of it."""
    name = "runner.max_iterations"
    if after["algorithm.decay_iterations"] is None and before[name] != after[name]:
        print(
            f"learning rate and spread now fall over {after[name]} iterations, before over "
            f"{before[name]}; to keep that: --set algorithm.decay_iterations={before[name]}"
        )


def take_up(runner: Any, resumed: Resumed) -> bool:
    """Load a checkpoint that is not at the end of the training yet.

    Returns:
        Whether the training goes on in the run's folder, as if it had never stopped.

    Raises:
        InputError: if it is at the end, or cannot be loaded.
    """
    from animRL.runner.run_dir import FINAL_NAME
    from animRL.utils.errors import InputError

    path, why = str(resumed.checkpoint), resumed.why_anew
    exact = False
    if why is None:
        exact = runner.resume(path)
        why = None if exact else "it holds no environments for so many processes"
    else:
        runner.load(path)
    done, wanted = runner.current_learning_iteration, runner.train_cfg.runner.max_iterations
    # One that was stopped in its last evaluation has no final policy yet.
    ended = done > wanted or not exact or (resumed.run / FINAL_NAME).exists()
    if done >= wanted and ended:
        raise InputError(
            f"{path} has {done} iterations already; valid: --max_iterations above {done}"
        )
    if exact:
        how = "exactly where it stopped"
        if not runner.env.env.backend.saves_exactly:
            how = "where it stopped; its engine keeps a part of its state, so numbers may differ"
        print(f"goes on in {resumed.run} after iteration {done}, {how}")
    else:
        print(f"starts from {path}, iteration {done}, in a new folder and new episodes: {why}")
    return exact


def clean_up(run_dir: Path) -> None:
    """Delete what a training that was killed had begun, and what one that ended had concluded."""
    from animRL.runner.run_dir import FINAL_NAME, LIVE_NAME
    from animRL.runner.verdict import VERDICT_NAME
    from animRL.utils.files import drop_leftovers

    drop_leftovers(run_dir)
    begun = (LIVE_NAME, ".video_*.npz", ".video_*.part.mp4")
    for pattern in (*begun, FINAL_NAME, VERDICT_NAME):
        for path in run_dir.glob(pattern):
            with suppress(OSError):
                path.unlink()


def take_over_best(
    args: argparse.Namespace, runner: Any, env_cfg: Any, run: Path, run_dir: Path
) -> None:
    """Keep the best policy of another run; evaluations on other clips count no more.

    What the best one reached is read from its own file: an older checkpoint knows less.

    Raises:
        InputError: if it cannot be copied.
    """
    from animRL.runner.checkpoint import load_checkpoint
    from animRL.runner.evaluations import Best
    from animRL.runner.run_dir import BEST_NAME
    from animRL.utils.errors import InputError
    from animRL.utils.files import replacing

    before, best = load_configurations(args.task, run, args)[0], run / BEST_NAME
    if before.motion_loader.to_dict() != env_cfg.motion_loader.to_dict():
        runner.evaluations.from_dict({})
        print("other clips than before: evaluations begin anew")
        return
    runner.evaluations.best = Best()
    try:
        infos = load_checkpoint(best).get("infos") or {}
    except InputError:
        return  # none, or one that cannot be read
    runner.evaluations.best = Best.from_dict(infos)
    with replacing(run_dir / BEST_NAME) as stream:
        stream.write(best.read_bytes())


def goes_on_with(resumed: Resumed | None) -> Path | None:
    """The run whose W&B run goes on: W&B takes no values of iterations that it has already."""
    from animRL.runner.run_dir import find_checkpoint

    if resumed is None:
        return None
    return resumed.run if find_checkpoint(resumed.run, -1) == resumed.checkpoint else None


def print_how_to_go_on(
    args: argparse.Namespace, runner: Any, resumed: Resumed | None, run_dir: Path
) -> None:
    """Print the command, which resumes this run, or if it saved nothing the one before.

    What this one then has of that, a copy of the best policy, goes: it is no run to resume.
    """
    from animRL.runner.run_dir import BEST_NAME, numbered_checkpoints

    saved = bool(numbered_checkpoints(run_dir))
    if not saved and resumed is not None:
        with suppress(OSError):
            (run_dir / BEST_NAME).unlink(missing_ok=True)
    found = name_of(run_dir) if saved else str(resumed.run) if resumed else None
    if found is None:
        print("stopped before anything was learned", flush=True)
        return
    print(f"stopped; to go on: {runner.processes.launcher} scripts/train.py --task={args.task} "
          f"--resume --load_run={shlex.quote(found)}"
          + (f" --until={args.until}" if args.until else "")
          + "".join(f" --{name}" for name in ("dv", "dr", "wb") if getattr(args, name)),
          flush=True)  # fmt: skip


def threads_before(resumed: Resumed | None) -> int:
    """Threads of torch that a run had which is gone on with exactly; 0: torch's own choice."""
    from animRL.runner.run_config import read_made_with

    if resumed is None or resumed.why_anew is not None:
        return 0
    threads = read_made_with(resumed.run).get("threads")
    return threads if type(threads) is int and 1 <= threads <= MOST_THREADS else 0


def write_settings(task: str, runner: Any, env_cfg: Any, run_dir: Path, goes_on: bool) -> None:
    """Write ``bob.json`` and copy what it names; say if a run goes on with other versions."""
    from animRL.runner.run_config import keep_files, read_made_with, write_config
    from animRL.utils.machine import provenance

    env = runner.env.env
    now = {
        **provenance(env.device),
        "seed": runner.train_cfg.runner.seed,
        **engine_of(env_cfg),
        "processes": runner.processes.world_size,
    }
    made_with = read_made_with(run_dir) if goes_on else now
    if other := [name for name in now if goes_on and made_with.get(name) != now[name]]:
        at = {"after_iteration": runner.current_learning_iteration, **now}
        made_with = {**made_with, "resumed": [*made_with.get("resumed", []), at]}
        print(f"not the same as when it began, so its numbers may differ: {', '.join(other)}")
    values = keep_files(env_cfg.to_dict(), env.motion_loader.names, run_dir)
    write_config(run_dir, runner.train_cfg.to_dict(), values, task, made_with)
