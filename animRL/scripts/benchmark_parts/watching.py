"""What it costs a training to be filmed: seconds that a video takes from it."""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from animRL.scripts.benchmark_parts.machine import describe, print_machine
from animRL.scripts.cli import apply_overrides

ALONE = 8
"""Iterations without a video, before each and after the last."""
MOST_SECONDS = 300.0
"""Longest time that a video is waited for."""


def measure_watching(
    args: argparse.Namespace, keep: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Train while ``args.videos`` videos are drawn, and without in between; ``keep`` gets parts.

    Each iteration with a video is held against the median of those without on both sides of it, so
    that a machine that gets slower or faster meanwhile does not count.
    """
    from animRL.runner.ppo_runner import PpoRunner
    from animRL.tasks import make_env, make_env_cfg, make_train_cfg
    from animRL.utils.seeding import seed_everything

    env_cfg, train_cfg = make_env_cfg(args.task), make_train_cfg(args.task)
    apply_overrides(env_cfg, train_cfg, args)
    seed_everything(train_cfg.runner.seed)
    env = make_env(args.task, env_cfg)
    about = {
        "task": args.task,
        "device": str(env.device),
        "num_envs": env.num_envs,
        "seed": train_cfg.runner.seed,
        **describe(env.device, env_cfg.sim.threads),
    }
    videos: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        runner = PpoRunner(env, train_cfg)
        runner.open_run(Path(name))
        runner.time_iterations(2)  # to warm up
        before = runner.time_iterations(ALONE)
        for number in range(args.videos):
            seconds, drawing = _filmed(runner, env, Path(name), number)
            after = runner.time_iterations(ALONE)
            alone = statistics.median([*before, *after])
            before = after
            videos.append({
                "iteration_s": alone, "iterations": len(seconds), "drawing_s": drawing,
                "extra_s": sum(seconds) - alone * len(seconds),
            })  # fmt: skip
            keep({"watching": {"videos": videos}, **about, "unfinished": True})
            if not args.json:
                print(f"video {number + 1} of {args.videos}: {_sentence(videos[-1])}", flush=True)
    env.backend.close()
    interval = train_cfg.runner.video_interval
    extra = statistics.median(video["extra_s"] for video in videos)
    alone = statistics.median(video["iteration_s"] for video in videos)
    watching = {"videos": videos, "video_interval": interval, "extra_s_per_video": extra,
                "share_of_training": extra / (interval * alone)}  # fmt: skip
    return {"watching": watching, **about}


def _filmed(runner: Any, env: Any, folder: Path, number: int) -> tuple[list[float], float]:
    """Seconds of the iterations during which a video is drawn, and how long it was drawn."""
    import torch

    from animRL.runner.recorder import VideoRecorder, VideoSettings
    from animRL.scripts.train import VIDEO_SECONDS

    steps = round(VIDEO_SECONDS / env.dt)
    settings = VideoSettings(max_frames=steps)
    recorder = VideoRecorder(env.cfg.character.to_dict(), folder, env.dt, settings)
    began = time.perf_counter()
    recorder.begin(number)
    for step in range(steps):
        phase = torch.full((1,), step * float(env.motion_loader.phase_step()[0]) % 1.0)
        frames = env.motion_loader.get_frame_at_phase(phase.to(env.device))
        loader = env.motion_loader
        root, turn = loader.get_root_pos(frames)[0], loader.get_root_rot(frames)[0]
        pose = root, turn, loader.get_joint_pose(frames)[0]
        recorder.add(pose, pose, f"{step * env.dt:.1f} s")
    recorder.finish()
    seconds = [time.perf_counter() - began]  # handing it over counts
    runner_seconds: list[float] = []
    while recorder.busy and time.perf_counter() - began < MOST_SECONDS:
        runner_seconds += runner.time_iterations(1)
    drawing = time.perf_counter() - began
    recorder.close(1.0)
    if not (folder / f"video_{number}.mp4").is_file():
        raise RuntimeError("the video was not drawn: see the warning above")
    return [seconds[0] + runner_seconds[0], *runner_seconds[1:]], drawing


def _sentence(video: dict[str, Any]) -> str:
    return (
        f"drawn in {video['drawing_s']:.0f} s beside {video['iterations']} iterations of "
        f"{video['iteration_s']:.2f} s, which took {video['extra_s']:.1f} s longer"
    )


def print_watching(report: dict[str, Any]) -> None:
    """Print what ``measure_watching`` returned."""
    watching = report["watching"]
    print(
        f"  a video costs {watching['extra_s_per_video']:.1f} s of training; one every "
        f"{watching['video_interval']} iterations {100 * watching['share_of_training']:.1f} %"
    )
    print(
        f"  {report['num_envs']} environments on {report['device']}, seed {report['seed']}, "
        f"threads {report['threads']}"
    )
    print_machine(report)
