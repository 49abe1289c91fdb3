"""Measure how fast the layers are, how robust a policy is, how long tasks take to be learned.

Speed: raw physics, engine, environment and training, all four measured in one run, in turns on the
same states and targets, so that their ratios hold whatever else the machine is doing. Rates are
control steps (samples) a second. Under `clips` stands what it costs to have many motion clips:
looking up one frame for every environment; under `memory` what the process and a GPU hold. With
several --num_envs the object is that of the last, and `growth` lists the objects of all; --plot
draws them.

--pushes RUN measures instead the largest push of 0.2 s at the root body, forward and sideways, that
a trained policy of --task bears; --imitate TASK ... the time to imitate: training each task with
each of --seeds until it is learned; --videos N what it costs a training to draw a video; --bridge
what it costs that Isaac Gym runs in a process of its own.

With --out the figures are on the disk as soon as they are there, so that a measurement cut short
leaves what it has.
"""

from __future__ import annotations

import argparse
import functools
import json
from pathlib import Path
from typing import Any

from animRL.scripts.benchmark_parts.bridge import measure_bridge, print_bridge
from animRL.scripts.benchmark_parts.imitation import measure_imitation, print_imitation
from animRL.scripts.benchmark_parts.robustness import measure_pushes, print_pushes
from animRL.scripts.benchmark_parts.speed import measure_speed, print_speed
from animRL.scripts.benchmark_parts.watching import measure_watching, print_watching
from animRL.scripts.cli import Parser, add_common_arguments, apply_overrides, run_main
from animRL.utils.errors import InputError

GPU_COUNTS = (1024, 2048, 4096, 8192, 16384)
"""Numbers of environments that are measured on a GPU, unless others are asked for."""
SEEDS = (1, 2, 3)
"""Seeds of the trainings for the time to imitate."""


def main(argv: list[str] | None = None) -> int:
    """Measure and print."""
    args = _arguments(argv)
    if not (args.pushes or args.imitate or args.videos or args.bridge):
        _measure_growth(args)
        return 0
    measure, show = (
        (measure_imitation, print_imitation) if args.imitate
        else (measure_pushes, print_pushes) if args.pushes
        else (measure_bridge, print_bridge) if args.bridge
        else (measure_watching, print_watching)
    )  # fmt: skip
    report = measure(args, functools.partial(_keep, args.out, []))
    _keep(args.out, [report])
    if args.json:
        print(_json([report]))
    else:
        show(report)
    return 0


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read and check the command line."""
    parser = Parser(__doc__ or "", "python scripts/benchmark.py --num_envs=512 --json")
    options = ("task", "motion", "sim", "device", "seed", "max_iterations", "set", "debug")
    add_common_arguments(parser, options)
    parser.add_argument(
        "--num_envs", type=int, nargs="+", metavar="N",
        help="numbers of environments, one measurement each (default: 1024 to 16384 on a GPU, "
        "else that with which the engine trains fastest)",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="FILE",
                        help="keep the JSON object here, rewritten after every part")  # fmt: skip
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw rates against --num_envs")
    parser.add_argument("--blocks", type=int, default=20, help="blocks of 10 steps (default: 20)")
    parser.add_argument(
        "--iterations", type=int, default=6, help="training iterations (default: 6)"
    )
    parser.add_argument(
        "--clips", type=int, default=100, metavar="N",
        help="clips to compare with one, 0 for none (default: 100)",
    )  # fmt: skip
    parser.add_argument(
        "--pushes", metavar="RUN",
        help="push the policy of this run of --task instead: its name or a path such as "
        "results/walk, -1 for the newest",
    )  # fmt: skip
    parser.add_argument("--push_step", type=float, default=20.0, metavar="N",
                        help="from one force to the next [N] (default: 20)")  # fmt: skip
    parser.add_argument("--push_samples", type=int, default=10, metavar="N",
                        help="pushes with each force in mid-cycle, and as many over the cycle "
                        "(default: 10)")  # fmt: skip
    parser.add_argument("--imitate", nargs="+", metavar="TASK",
                        help="train these tasks instead, each until it is learned")  # fmt: skip
    parser.add_argument("--seeds", type=int, nargs="+", metavar="N",
                        help="seeds of these trainings (default: 1 2 3)")  # fmt: skip
    parser.add_argument("--videos", type=int, metavar="N",
                        help="train while videos are drawn, and without, instead")  # fmt: skip
    parser.add_argument("--bridge", action="store_true", default=None,
                        help="measure the bridge to Isaac Gym instead")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object, nothing else")
    args = parser.parse_args(argv)
    _check(parser, args)
    return args


def _check(parser: Parser, args: argparse.Namespace) -> None:
    """Refuse what cannot be measured."""
    if args.blocks < 1 or args.iterations < 1:
        parser.error("--blocks and --iterations: valid: at least 1")
    if args.clips < 0:
        parser.error(f"--clips {args.clips}: valid: 0 or more")
    if any(count < 1 for count in args.num_envs or ()):
        parser.error("--num_envs: valid: at least 1")
    others = [args.pushes, args.imitate, args.videos, args.bridge]
    if len(others) - others.count(None) > 1:
        parser.error("--pushes, --imitate, --videos and --bridge: valid: one of them")
    if args.plot is not None and others.count(None) < len(others):
        parser.error("--plot: valid: without --pushes, --imitate, --videos and --bridge")
    if args.videos is not None and args.videos < 1:
        parser.error(f"--videos {args.videos}: valid: at least 1")
    if not args.push_step > 0.0 or args.push_samples < 1:
        parser.error("--push_step and --push_samples: valid: above 0")
    if args.imitate is None and (args.seeds or args.max_iterations):
        parser.error("--seeds and --max_iterations: valid: with --imitate")
    if args.imitate is not None:
        if args.seed is not None:
            parser.error("--seed: valid with --imitate: --seeds")
        if len(args.num_envs or ()) > 1:
            parser.error("--num_envs: valid with --imitate: one number")
        args.num_envs = args.num_envs[0] if args.num_envs else None
        args.seeds = args.seeds or list(SEEDS)
    if args.videos is not None or args.bridge:
        args.num_envs = args.num_envs[0] if args.num_envs else None
    if args.pushes is not None and args.num_envs:
        parser.error("--num_envs: valid with --pushes: none, see --push_samples")


def _measure_growth(args: argparse.Namespace) -> None:
    """Measure the speed with each number of environments, and print it."""
    reports: list[dict[str, Any]] = []
    for count in args.num_envs or _default_counts(args):
        args.num_envs = count
        reports.append(measure_speed(args, functools.partial(_keep, args.out, reports)))
        _keep(args.out, reports)
        if not args.json:
            print_speed(reports[-1])
        if args.plot:
            _plot(args.plot, reports)
    if args.json:
        print(_json(reports))


def _json(reports: list[dict[str, Any]]) -> str:
    """The last object; of several measurements, with all of them."""
    growth = {"growth": reports} if len(reports) > 1 else {}
    return json.dumps({**reports[-1], **growth}, indent=1)


def _keep(path: Path | None, reports: list[dict[str, Any]], *unfinished: dict[str, Any]) -> None:
    """Put on the disk, if asked, what there is so far."""
    if path is None:
        return
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(_json([*reports, *unfinished]) + "\n")
        part.replace(path)
    except OSError as error:
        raise InputError(f"--out: cannot write {path} ({error.strerror})") from None


def _default_counts(args: argparse.Namespace) -> list[int | None]:
    """The growth curve on a GPU, elsewhere the engine's own number of environments."""
    from animRL.sim.factory import resolve_device, resolve_engine
    from animRL.tasks import make_env_cfg, make_train_cfg

    env_cfg = make_env_cfg(args.task)
    apply_overrides(env_cfg, make_train_cfg(args.task), args)
    engine = resolve_engine(env_cfg.sim.engine, env_cfg.sim.device)
    on_gpu = resolve_device(engine, env_cfg.sim.device).startswith("cuda")
    return list(GPU_COUNTS) if on_gpu else [None]


def _plot(path: Path, reports: list[dict[str, Any]]) -> None:
    """Draw rate, and its share of the bare engine's, against the number of environments."""
    from animRL.utils.plots import plot_curves

    names = ("raw", "engine", "environment", "training")
    counts = [report["num_envs"] for report in reports]
    panels = {
        "control steps (samples) a second": {n: [r[n] for r in reports] for n in names},
        "share of raw": {n: [r[n] / r["raw"] for r in reports] for n in names},
    }
    title = f"{reports[0]['engine_name']} on {reports[0]['device']}"
    try:
        plot_curves(path, panels, "environments", title, counts)
    except OSError as error:
        raise InputError(f"--plot: cannot write {path} ({error.strerror})") from None


if __name__ == "__main__":
    run_main(main)
