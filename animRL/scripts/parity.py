"""Show whether two physics engines agree: the same states and actions, and a policy, in both."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from animRL.scripts.cli import (
    Parser,
    add_common_arguments,
    apply_overrides,
    load_configurations,
    run_main,
)
from animRL.scripts.early_checks import check_networks
from animRL.utils.errors import InputError

EXAMPLE = "python scripts/parity.py --task=walk --sim mujoco warp --policy=results/walk"
DEFAULT_ENVS, DEFAULT_STEPS, DEFAULT_EPISODES, DEFAULT_SEED = 8, 100, 100, 1
ACTION_STD = 0.3
"""Of the random actions that take the place of a policy."""


def main(argv: list[str] | None = None) -> int:
    """Compare, print, and return 0 if the engines agree, else 1."""
    args = _parse(argv)
    if args.policy:
        _check_policy(args)
    import torch

    from animRL.evaluation.parity import compare, outcomes_differ, verdict

    torch.set_num_threads(1)
    task, other = _engines(args)
    actions = _actions(args, task)
    runs = {
        name: compare(task, other, actions, args.steps, synchronise)
        for name, synchronise in (("one step", True), ("free", False))
    }
    problems = [f"one step: {line}" for line in verdict(runs["one step"])]
    report: dict[str, Any] = {
        "sim": args.sim, "device": args.device or "auto", "num_envs": args.num_envs,
        "steps": args.steps, "seed": args.seed,
        **{name.replace(" ", "_"): _figures(run) for name, run in runs.items()},
    }  # fmt: skip
    _print_runs(args.sim, runs)
    if args.policy and args.episodes:
        outcomes = [_outcome(args, sim) for sim in args.sim]
        problems += [
            f"policy: {line}" for line in outcomes_differ(outcomes[0], outcomes[1], args.episodes)
        ]
        report["policy"] = {"run": args.policy, "episodes": args.episodes} | {
            f"{sim}_{place}": {n: {"mean": m, "standard_error": e} for n, (m, e) in own.items()}
            for place, (sim, own) in enumerate(zip(args.sim, outcomes, strict=True), start=1)
        }
        _print_outcomes(args, outcomes)
    report["agree"], report["problems"] = not problems, problems
    for line in problems:
        print(f"  beyond its bound: {line}")
    print("the engines agree" if not problems else "the engines do not agree")
    if args.json:
        _write(args.json, "--json", lambda path: _dump(path, report))
    if args.plot:
        _write(args.plot, "--plot", lambda path: _plot(path, args.sim, runs))
    return int(bool(problems))


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = Parser(__doc__ or "", EXAMPLE)
    add_common_arguments(parser, ("task", "motion", "device", "num_envs", "seed", "set", "debug"))
    parser.add_argument("--sim", nargs=2, default=["mujoco", "warp"], metavar="ENGINE",
                        help="the two engines (default: mujoco warp)")  # fmt: skip
    parser.add_argument("--second", nargs="+", default=[], metavar="PATH=VALUE",
                        help="settings of the second engine alone, as of --set")  # fmt: skip
    parser.add_argument("--policy", metavar="RUN",
                        help="run whose policy acts (default: random actions)")  # fmt: skip
    parser.add_argument("--steps", type=int, default=DEFAULT_STEPS, metavar="N",
                        help=f"control steps (default: {DEFAULT_STEPS})")  # fmt: skip
    parser.add_argument("--episodes", type=int, default=DEFAULT_EPISODES, metavar="N",
                        help="episodes of the policy in each engine, half of them from phase 0; "
                        f"0 for none (default: {DEFAULT_EPISODES})")  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="also draw them (PNG)")
    args = parser.parse_args(argv)
    args.num_envs = DEFAULT_ENVS if args.num_envs is None else args.num_envs
    args.seed = DEFAULT_SEED if args.seed is None else args.seed
    if args.device and not any(_takes(sim, args.device) for sim in args.sim):
        raise InputError(
            f"--device {args.device}: neither engine can use it here; valid: auto, cpu"
        )
    if min(args.num_envs, args.steps) < 1 or args.episodes < 0:
        parser.error("--num_envs, --steps: valid: at least 1; --episodes: valid: 0 or more")
    return args


def _run(args: argparse.Namespace) -> Path:
    """The run whose policy acts."""
    from animRL.runner.run_dir import find_run
    from animRL.tasks import make_train_cfg
    from animRL.utils.paths import LOGS

    experiment = make_train_cfg(args.task).runner.experiment_name
    return find_run(args.policy, LOGS, experiment, args.task)


def _check_policy(args: argparse.Namespace) -> None:
    """Find out before torch is loaded, which takes seconds, what is wrong with a policy."""
    from animRL.runner.run_dir import find_checkpoint

    run = _run(args)
    env_cfg, train_cfg = load_configurations(args.task, run, args)
    check_networks(find_checkpoint(run), train_cfg, len(env_cfg.character.joint_names))


def _takes(sim: str, device: str) -> bool:
    """Whether an engine can use a device on this machine."""
    from animRL.sim.factory import resolve_device, resolve_engine

    engine = resolve_engine(sim)
    try:
        resolve_device(engine, device)
    except InputError:
        return False
    return True


def _configuration(args: argparse.Namespace, sim: str, second: bool = False) -> tuple[Any, Any]:
    """Settings of the task, or of the policy's run, for one engine; and of its training."""
    from animRL.tasks import make_env_cfg, make_train_cfg

    if args.policy:
        env_cfg, train_cfg = load_configurations(args.task, _run(args), args)
    else:
        env_cfg, train_cfg = make_env_cfg(args.task), make_train_cfg(args.task)
    own = [*(args.set or []), *(args.second if second else [])]
    # A device that only the other engine can use is not asked of this one.
    device = args.device if args.device and _takes(sim, args.device) else None
    apply_overrides(env_cfg, train_cfg, argparse.Namespace(
        motion=args.motion, sim=sim, device=device or "auto", num_envs=args.num_envs, set=own,
    ))  # fmt: skip
    return env_cfg, train_cfg


def _task(args: argparse.Namespace, cfg: Any) -> Any:
    """Build a task on the cpu over an engine anywhere."""
    from animRL.evaluation.parity import OnCpu
    from animRL.sim.factory import make_backend
    from animRL.tasks import make_env

    return make_env(args.task, cfg, OnCpu(make_backend(cfg, cfg.env.num_envs)))


def _engines(args: argparse.Namespace) -> tuple[Any, Any]:
    """The task over the first engine, and the second engine."""
    from animRL.evaluation.parity import OnCpu
    from animRL.sim.factory import make_backend

    cfg, _ = _configuration(args, args.sim[0])
    second, _ = _configuration(args, args.sim[1], second=True)
    for name in ("joint_noise", "root_velocity_noise"):
        cfg.set(f"init_state.{name}", 0.0)
    other = OnCpu(make_backend(second, args.num_envs))
    return _task(args, cfg), other


def _actions(args: argparse.Namespace, task: Any) -> Callable[[Any, int], Any]:
    import torch

    generator = torch.Generator().manual_seed(args.seed)
    torch.manual_seed(args.seed)
    if args.policy:
        policy = _policy(args, task)
        return lambda obs, step: policy(obs)
    shape = (task.num_envs, task.num_actions)
    return lambda obs, step: ACTION_STD * torch.randn(shape, generator=generator)


def _policy(args: argparse.Namespace, task: Any) -> Any:
    from animRL.runner.policy import load_policy
    from animRL.runner.run_dir import find_checkpoint

    run = _run(args)
    _, train_cfg = load_configurations(args.task, run, args)
    return load_policy(find_checkpoint(run, None), train_cfg, task)


def _outcome(args: argparse.Namespace, sim: str) -> dict[str, tuple[float, float]]:
    """What the policy reaches in one engine; the same starts in every engine."""
    from animRL.evaluation import evaluate
    from animRL.evaluation.parity import outcome

    cfg, _ = _configuration(args, sim, second=sim == args.sim[1])
    task = _task(args, evaluate.evaluation_config(cfg, args.episodes))
    from_zero = (args.episodes + 1) // 2
    phases = evaluate.start_phases(args.episodes, from_zero, args.seed, task.device)
    clips = evaluate.start_clips(task, from_zero)
    policy = _policy(args, task)
    episodes = evaluate.roll_out(task, policy, phases, args.seed, clip_ids=clips)
    task.backend.close()
    return outcome(episodes)


def _figures(run: Any) -> dict[str, Any]:
    return {
        "differences": {
            name: {"mean": run.mean(name), "largest": run.largest(name)} for name in run.differences
        },
        "joint_position_largest_by_step": [
            None if math.isnan(v) else v for v in run.largest_by_step("joint position [rad]")
        ],
        "terminations_in_one_only": run.terminations,
        "contact_share": run.contact_share,
        "compared_steps": int(run.compared.sum()),
        "steps_on_the_edge": run.edge_count,
        "largest_off_the_edge": {name: run.largest_off_the_edge(name) for name in run.differences},
    }


def _print_runs(sims: list[str], runs: dict[str, Any]) -> None:
    from animRL.evaluation.parity import BOUNDS, EDGE_SHIFT

    one, free = runs["one step"], runs["free"]
    print(f"{sims[0]} and {sims[1]}: differences (mean, largest)")
    print(f"  {'':<34} {'after one step':>21} {'free-running':>21}")
    for name in one.differences:
        cells = [f"{run.mean(name):10.1e} {run.largest(name):10.1e}" for run in (one, free)]
        print(f"  {name:<34} {cells[0]} {cells[1]}")
    print(f"  {'terminated in one only':<34} {one.terminations:>21} {free.terminations:>21}")
    print(f"  {'steps compared':<34} {int(one.compared.sum()):>21} {int(free.compared.sum()):>21}")
    shares = [f"{100 * run.contact_share:.0f} %" for run in (one, free)]
    print(f"  {'of them on the ground':<34} {shares[0]:>21} {shares[1]:>21}")
    if one.edge_count:
        others = ", ".join(f"{name} {one.largest_off_the_edge(name):.1e}" for name in BOUNDS)
        print(f"  contacts on the edge: {one.edge_count} steps are not judged; {sims[0]} alone "
              f"differs as much there\n  when the root is moved by {EDGE_SHIFT:g} m. "
              f"Largest in the others: {others}")  # fmt: skip


def _print_outcomes(args: argparse.Namespace, outcomes: list[Any]) -> None:
    print(f"policy {args.policy}, {args.episodes} episodes, same seeds (mean +- standard error)")
    for name in outcomes[0]:
        cells = [f"{own[name][0]:.4f} +- {own[name][1]:.4f}" for own in outcomes]
        print(f"  {name:<34} {cells[0]:>21} {cells[1]:>21}")


def _write(path: Path, option: str, write: Callable[[Path], None]) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(f".{path.name}.part{path.suffix}")
    try:
        write(part)
        part.replace(path)
    except OSError as error:
        raise InputError(f"{option}: cannot write {path} ({error.strerror})") from None
    finally:
        part.unlink(missing_ok=True)


def _dump(path: Path, report: dict[str, Any]) -> None:
    path.write_text(json.dumps(report, indent=1) + "\n")


def _plot(path: Path, sims: list[str], runs: dict[str, Any]) -> None:
    from animRL.utils.plots import plot_curves

    names = ("joint position [rad]", "body position [m]", "ground force [relative]")
    panels = {
        name: {label: run.largest_by_step(name) for label, run in runs.items()} for name in names
    }
    title = f"{sims[0]} and {sims[1]}: largest difference of all environments"
    plot_curves(path, panels, "control step", title)


if __name__ == "__main__":
    run_main(main)
