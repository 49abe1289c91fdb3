"""Measure how fast the layers are: raw physics, engine, environment, training.

All four are measured in one run, in turns on the same states and targets, so that their ratios
hold whatever else the machine is doing. Rates are control steps (samples) a second. Under `clips`
stands what it costs to have many motion clips: looking up one frame for every environment; under
`memory` what the process and a GPU hold. With several --num_envs the object is that of the last,
and `growth` lists the objects of all; --plot draws them. With --out the figures are on the disk as
soon as they are there, layers first, so that a measurement cut short leaves what it has.
"""

from __future__ import annotations

import argparse
import functools
import gc
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from animRL.scripts.cli import Parser, add_common_arguments, apply_overrides, run_main
from animRL.utils.errors import InputError
from animRL.utils.machine import gpu, processor, versions

ACTION_STD = 0.3
BLOCK_STEPS = 10
"""Steps between two returns to a common state, short so that few characters fall in between."""
LOOKUPS = 5
"""Lookups of frames in one measurement."""
CLIP_KEYS = {
    "count": "number of clips",
    "load_s": "time to read them, once [s]",
    "step_ms": "one control step of all environments [ms]",
    "one_clip_ms": "one frame for every environment, from one clip [ms]",
    "lookup_ms": "the same, from all the clips [ms]",
    "share_of_step": "lookup_ms / step_ms",
    "extra_share_of_step": "what the number of clips adds: (lookup_ms - one_clip_ms) / step_ms",
}
"""Keys of `clips` in the JSON object and what they mean."""
GPU_COUNTS = (1024, 2048, 4096, 8192, 16384)
"""Numbers of environments that are measured on a GPU, unless others are asked for."""
MEBIBYTE = 2**20


def main(argv: list[str] | None = None) -> int:
    """Measure and print."""
    parser = Parser(__doc__, "python scripts/benchmark.py --num_envs=512 --json")
    options = ("task", "motion", "sim", "device", "seed", "set", "debug")
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
    parser.add_argument("--json", action="store_true", help="print one JSON object, nothing else")
    args = parser.parse_args(argv)
    if args.blocks < 1 or args.iterations < 1:
        parser.error("--blocks and --iterations: valid: at least 1")
    if args.clips < 0:
        parser.error(f"--clips {args.clips}: valid: 0 or more")
    counts = args.num_envs or _default_counts(args)
    if any(count is not None and count < 1 for count in counts):
        parser.error("--num_envs: valid: at least 1")
    reports: list[dict[str, Any]] = []
    for count in counts:
        args.num_envs = count
        reports.append(_measure(args, functools.partial(_keep, args.out, reports)))
        _keep(args.out, reports)
        if not args.json:
            _print(reports[-1])
        if args.plot:
            _plot(args.plot, reports)
    if args.json:
        print(_json(reports))
    return 0


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


def _measure(args: argparse.Namespace, keep: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Measure with one number of environments; ``keep`` gets what is there after every part."""
    import torch

    from animRL.tasks import make_env, make_env_cfg, make_train_cfg
    from animRL.utils.seeding import seed_everything

    env_cfg, train_cfg = make_env_cfg(args.task), make_train_cfg(args.task)
    apply_overrides(env_cfg, train_cfg, args)
    train_cfg.set("runner.eval_interval", 0)
    if train_cfg.runner.threads:
        torch.set_num_threads(train_cfg.runner.threads)
    seed_everything(train_cfg.runner.seed)
    _forget_memory()
    env = make_env(args.task, env_cfg)
    about = {
        "engine_name": type(env.backend).__name__,
        "device": str(env.device),
        "num_envs": env.num_envs,
        "seed": train_cfg.runner.seed,
        "threads": {
            "engine": env_cfg.sim.threads or os.cpu_count(),
            "torch": torch.get_num_threads(),
        },
        "hardware": {"processor": processor(), "cores": os.cpu_count(), **gpu(env.device)},
        "versions": {"python": platform.python_version(), **versions()},
    }
    rates = {name: round(rate, 1) for name, rate in _layers(env, args.blocks).items()}
    shares = {"environment_over_raw": round(rates["environment"] / rates["raw"], 3)}
    env.backend.check()  # physics that went wrong unseen has no speed
    keep({**rates, **shares, "memory": _memory(env.device), **about, "unfinished": True})
    rates["training"] = round(_training(env, train_cfg, args.iterations), 1)
    shares["training_over_raw"] = round(rates["training"] / rates["raw"], 3)
    env.backend.check()
    memory = _memory(env.device)
    keep({**rates, **shares, "memory": memory, **about, "unfinished": True})
    clips = {"clips": _clips(env, args.clips, args.blocks)} if args.clips else {}
    env.backend.close()
    return {**rates, **shares, **clips, "memory": memory, **about}


def _layers(env: Any, blocks: int) -> dict[str, float]:
    """Rates of raw physics, engine and environment over the same states and targets."""
    import torch

    backend = env.backend
    seconds: dict[str, list[float]] = {"raw": [], "engine": [], "environment": []}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in the roll-outs of a training
    with torch.inference_mode():
        for block in range(blocks + 1):
            actions = [ACTION_STD * torch.randn(env.num_envs, env.num_actions)
                       .to(env.device) for _ in range(BLOCK_STEPS)]  # fmt: skip
            saved = backend.save_state()
            calls: list[tuple[str, tuple[Any, ...]]] = []
            with _recorded(backend, calls):
                took = {"environment": _time(env.device, env.step, actions)}
            after = backend.save_state()
            replays: dict[str, Callable[[Any], Any]] = {
                "engine": lambda targets: (backend.step(targets), backend.state()),
                "raw": backend.raw_step,
            }
            for name in sorted(replays, reverse=bool(block % 2)):
                backend.load_state(saved)
                took[name] = _replay(backend, calls, replays[name])
            backend.load_state(after)
            if block > 0:  # the first warms up
                for name, value in took.items():
                    seconds[name].append(value)
    torch.set_num_threads(threads)
    return {n: env.num_envs * BLOCK_STEPS / statistics.median(s) for n, s in seconds.items()}


def _clips(env: Any, count: int, blocks: int) -> dict[str, float]:
    """What many clips cost: see `CLIP_KEYS`. Lookups and steps are timed in turns."""
    import torch

    one = env.motion_loader
    many, load_seconds = _load_many(env, count)
    phase = torch.rand(env.num_envs, device=env.device)
    first = torch.zeros(env.num_envs, dtype=torch.long, device=env.device)
    lookups = {"one": (one, first), "many": (many, many.sample_clips(env.num_envs))}
    seconds: dict[str, list[float]] = {"one": [], "many": [], "step": []}
    actions = torch.zeros(env.num_envs, env.num_actions, device=env.device)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in the roll-outs of a training
    with torch.inference_mode():
        for block in range(blocks + 1):
            took = {"step": _time(env.device, env.step, [actions])}
            for name in sorted(lookups, reverse=bool(block % 2)):
                look_up = functools.partial(_look_up, *lookups[name])
                took[name] = _time(env.device, look_up, [phase] * LOOKUPS) / LOOKUPS
            if block > 0:  # the first warms up
                for name, value in took.items():
                    seconds[name].append(value)
    torch.set_num_threads(threads)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    figures = (
        count, load_seconds, 1000 * median["step"], 1000 * median["one"], 1000 * median["many"],
        median["many"] / median["step"], (median["many"] - median["one"]) / median["step"],
    )  # fmt: skip
    return {name: round(value, 5) for name, value in zip(CLIP_KEYS, figures, strict=True)}


def _load_many(env: Any, count: int) -> tuple[Any, float]:
    """A loader of copies of the first clip, of different lengths, and how long it took [s]."""
    import tempfile
    from dataclasses import replace

    from animRL.dataloader.clip import save_clip

    clip = env.motion_loader.clips[0]
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            frames = clip.frames[: max(2, len(clip.frames) - number % 10)]
            save_clip(replace(clip, frames=frames), f"{folder}/{number:05d}.txt")
        cfg = type(env.cfg).from_dict(env.cfg.to_dict())
        cfg.set("motion_loader.motion_files", [f"{folder}/*.txt"])
        start = time.perf_counter()
        loader = env.load_motions(cfg.motion_loader)
        return loader, time.perf_counter() - start


def _look_up(loader: Any, clip_ids: Any, phase: Any) -> None:
    """Fetch a frame for every environment, and wait for it."""
    float(loader.get_frame_at_phase(phase, clip_ids)[0, 0])


@contextmanager
def _recorded(backend: Any, calls: list[tuple[str, tuple[Any, ...]]]) -> Iterator[None]:
    """Note every step and reset of an engine."""

    def noting(name: str) -> Callable[..., None]:
        method = getattr(backend, name)

        def call(*arguments: Any) -> None:
            calls.append((name, arguments))
            method(*arguments)

        return call

    backend.step, backend.reset = noting("step"), noting("reset")
    try:
        yield
    finally:
        del backend.step, backend.reset


def _replay(
    backend: Any, calls: list[tuple[str, tuple[Any, ...]]], step: Callable[[Any], Any]
) -> float:
    """Seconds of the steps; the resets in between are made, but not counted."""
    total = 0.0
    for name, arguments in calls:
        if name == "step":
            total += _time(backend.device, step, [arguments[0]])
        else:
            backend.reset(*arguments)
    return total


def _training(env: Any, train_cfg: Any, iterations: int) -> float:
    """Samples a second of whole training iterations, the median after one to warm up."""
    import tempfile

    from animRL.runner.ppo_runner import PpoRunner

    samples = train_cfg.runner.num_steps_per_env * env.num_envs
    with tempfile.TemporaryDirectory() as folder:
        runner = PpoRunner(env, train_cfg)
        runner.open_run(Path(folder))
        seconds = runner.time_iterations(iterations + 1)[1:]
    return samples / statistics.median(seconds)


def _time(device: Any, function: Callable[[Any], Any], inputs: list[Any]) -> float:
    """Seconds of the calls, with all that they started on a GPU and nothing from before."""
    _wait(device)
    start = time.perf_counter()
    for value in inputs:
        function(value)
    _wait(device)
    return time.perf_counter() - start


def _wait(device: Any) -> None:
    """Wait until a GPU (not merely torch's present one) has done all its work, Warp's included."""
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _forget_memory() -> None:
    """Free what an earlier measurement left, and begin torch's peak anew."""
    import torch

    gc.collect()
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
        for index in range(torch.cuda.device_count()):
            torch.cuda.reset_peak_memory_stats(index)


def _memory(device: Any) -> dict[str, float]:
    """Mebibytes: peak of the process; on a GPU peaks of torch and Warp, and all that is in use.

    Peaks of the process and of Warp are those since the start.
    """
    import resource

    found = {"process_peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
    if device.type == "cuda":
        import torch
        import warp as wp

        free, total = torch.cuda.mem_get_info(device)
        found["gpu_torch_peak_mib"] = torch.cuda.max_memory_reserved(device) / MEBIBYTE
        own = wp.device_from_torch(device)
        if own.is_mempool_supported:
            found["gpu_warp_peak_mib"] = wp.get_mempool_used_mem_high(own) / MEBIBYTE
        found["gpu_in_use_mib"] = (total - free) / MEBIBYTE
    return {name: round(value, 1) for name, value in found.items()}


def _print(report: dict[str, Any]) -> None:
    raw = report["raw"]
    for name in ("raw", "engine", "environment", "training"):
        print(f"  {name:<12} {report[name]:>10,.0f} /s   {report[name] / raw:5.2f} of raw")
    print(f"  {report['num_envs']} environments, {report['engine_name']} on {report['device']}, "
          f"threads {report['threads']}, seed {report['seed']}")  # fmt: skip
    if clips := report.get("clips"):
        print(f"  {clips['count']:.0f} clips: read in {clips['load_s']:.2f} s; a frame for all "
              f"environments {clips['lookup_ms']:.2f} ms (one clip {clips['one_clip_ms']:.2f} ms), "
              f"{100 * clips['share_of_step']:.2f} % of a step of {clips['step_ms']:.0f} ms, "
              f"{100 * clips['extra_share_of_step']:.2f} % for their number")  # fmt: skip
    installed = ", ".join(f"{name} {number}" for name, number in report["versions"].items())
    print(
        f"  {report['hardware']['processor']}, {report['hardware']['cores']} cores; {installed}",
        flush=True,
    )


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
