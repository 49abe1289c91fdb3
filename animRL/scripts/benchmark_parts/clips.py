"""What it costs to have many motion clips."""

from __future__ import annotations

import functools
import statistics
import time
from typing import Any

from animRL.scripts.benchmark_parts.machine import time_calls

LOOKUPS = 5
"""Lookups of frames in one measurement."""
CLIP_KEYS = {
    "count": "number of clips",
    "load_s": "time to read them, once [s]",
    "torques_s": "time to work out the torques of one of them, once, for feedforward [s]",
    "step_ms": "one control step of all environments [ms]",
    "one_clip_ms": "one frame for every environment, from one clip [ms]",
    "lookup_ms": "the same, from all the clips [ms]",
    "share_of_step": "lookup_ms / step_ms",
    "extra_share_of_step": "what the number of clips adds: (lookup_ms - one_clip_ms) / step_ms",
}
"""Keys of `clips` in the JSON object and what they mean."""


def measure_clips(env: Any, count: int, blocks: int) -> dict[str, float]:
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
            took = {"step": time_calls(env.device, env.step, [actions])}
            for name in sorted(lookups, reverse=bool(block % 2)):
                look_up = functools.partial(_look_up, *lookups[name])
                took[name] = time_calls(env.device, look_up, [phase] * LOOKUPS) / LOOKUPS
            if block > 0:  # the first warms up
                for name, value in took.items():
                    seconds[name].append(value)
    torch.set_num_threads(threads)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    figures = (
        count, load_seconds, _torque_seconds(env),
        1000 * median["step"], 1000 * median["one"], 1000 * median["many"],
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


def _torque_seconds(env: Any) -> float:
    """How long the torques of the first clip take [s]."""
    from animRL.motion.feedforward import joint_torques

    loader = env.motion_loader
    start = time.perf_counter()
    joint_torques(loader.clips[0], env.character, bool(loader.loops[0]))
    return time.perf_counter() - start


def _look_up(loader: Any, clip_ids: Any, phase: Any) -> None:
    """Fetch a frame for every environment, and wait for it."""
    float(loader.get_frame_at_phase(phase, clip_ids)[0, 0])
