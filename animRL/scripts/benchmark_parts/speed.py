"""Speed of the layers: raw physics, engine, environment, training."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from animRL.scripts.benchmark_parts.clips import measure_clips
from animRL.scripts.benchmark_parts.machine import (
    describe,
    forget_memory,
    memory,
    print_machine,
    time_calls,
)
from animRL.scripts.cli import apply_overrides

ACTION_STD = 0.3
BLOCK_STEPS = 10
"""Steps between two returns to a common state, short so that few characters fall in between."""


def measure_speed(
    args: argparse.Namespace, keep: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
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
    forget_memory()
    env = make_env(args.task, env_cfg)
    about = {
        "engine_name": type(env.backend).__name__,
        "device": str(env.device),
        "num_envs": env.num_envs,
        "seed": train_cfg.runner.seed,
        **describe(env.device, env_cfg.sim.threads),
    }
    rates = {name: round(rate, 1) for name, rate in _layers(env, args.blocks).items()}
    shares = {"environment_over_raw": round(rates["environment"] / rates["raw"], 3)}
    env.backend.check()  # physics that went wrong unseen has no speed
    keep({**rates, **shares, "memory": memory(env.device), **about, "unfinished": True})
    rates["training"] = round(_training(env, train_cfg, args.iterations), 1)
    shares["training_over_raw"] = round(rates["training"] / rates["raw"], 3)
    env.backend.check()
    held = memory(env.device)
    keep({**rates, **shares, "memory": held, **about, "unfinished": True})
    clips = {"clips": measure_clips(env, args.clips, args.blocks)} if args.clips else {}
    env.backend.close()
    return {**rates, **shares, **clips, "memory": held, **about}


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
                took = {"environment": time_calls(env.device, env.step, actions)}
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


@contextmanager
def _recorded(backend: Any, calls: list[tuple[str, tuple[Any, ...]]]) -> Iterator[None]:
    """Note every step and reset of an engine."""

    def noting(name: str) -> Callable[..., None]:
        method = getattr(backend, name)

        def call(*arguments: Any) -> None:
            calls.append((name, arguments))
            method(*arguments)

        return call

    names = ("step", "reset", "reset_where")  # the last one on a GPU, see MimicTask.masked_resets
    vars(backend).update({name: noting(name) for name in names})
    try:
        yield
    finally:
        for name in names:
            del vars(backend)[name]


def _replay(
    backend: Any, calls: list[tuple[str, tuple[Any, ...]]], step: Callable[[Any], Any]
) -> float:
    """Seconds of the steps; the resets in between are made, but not counted."""
    total = 0.0
    for name, arguments in calls:
        if name == "step":
            total += time_calls(backend.device, step, [arguments[0]])
        else:
            getattr(backend, name)(*arguments)
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


def print_speed(report: dict[str, Any]) -> None:
    """Print what ``measure_speed`` returned."""
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
    print_machine(report)
