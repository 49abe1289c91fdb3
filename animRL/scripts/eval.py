"""Evaluate a trained policy: figures, plot and a video of it beside its reference."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from animRL.scripts.cli import (
    EVAL_OPTIONS,
    Parser,
    add_common_arguments,
    apply_overrides,
    load_configurations,
    run_main,
)
from animRL.utils.errors import InputError

BUFFER_STEPS = 200
"""Steps of environment 0 in ``eval_buf.json``."""
VIDEO_SECONDS = 10.0
"""Length of ``animation.mp4`` for a looping clip; others are shown once."""
MAX_CLIPS_SHOWN = 6
"""Of several clips, so many are shown one after the other."""


def main(argv: list[str] | None = None) -> int:
    """Evaluate a run and write its results into its folder."""
    parser = Parser(__doc__, "python scripts/eval.py --task=walk --load_run=-1")
    add_common_arguments(parser, EVAL_OPTIONS)
    parser.add_argument("--episodes", type=int, default=100, metavar="N",
                        help="episodes from phase 0, and as many from random phases")  # fmt: skip
    parser.add_argument("--out", type=Path, default=None, metavar="FOLDER",
                        help="where to write (default: the run's folder)")  # fmt: skip
    parser.add_argument("--gif", type=Path, default=None, metavar="FILE",
                        help="also write a short looping animation")  # fmt: skip
    args = parser.parse_args(argv)
    if args.episodes < 1:
        parser.error(f"--episodes {args.episodes}: valid: at least 1")

    run, checkpoint, env_cfg, train_cfg = _load(args)
    out = args.out or run
    seed = train_cfg.runner.seed
    _check_writable(out, "--out")
    if args.gif is not None:
        _check_writable(args.gif.parent, "--gif")
    print(f"evaluating {checkpoint}")
    metrics = _metrics(args, env_cfg, train_cfg, checkpoint, seed)
    _print_metrics(metrics)
    _write_json(out / "eval_metrics.json", metrics)
    _record(args, env_cfg, train_cfg, checkpoint, out)
    print(f"results lie in {out.resolve()}")
    return 0


def _check_writable(folder: Path, option: str) -> None:
    """Make a folder and find out before the work whether it takes files."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(
            f"{option}: cannot write into '{folder}' ({error.strerror}); valid: another folder"
        ) from None


def _load(args: argparse.Namespace) -> tuple[Path, Path, Any, Any]:
    from animRL.runner.run_dir import find_checkpoint, find_run
    from animRL.tasks import make_train_cfg
    from animRL.utils.paths import LOGS

    experiment = args.experiment_name or make_train_cfg(args.task).runner.experiment_name
    run = find_run(args.load_run, LOGS, experiment)
    env_cfg, train_cfg = load_configurations(args.task, run)
    apply_overrides(env_cfg, train_cfg, args)
    return run, find_checkpoint(run, args.checkpoint), env_cfg, train_cfg


def _metrics(
    args: argparse.Namespace, env_cfg: Any, train_cfg: Any, checkpoint: Path, seed: int
) -> dict[str, Any]:
    """Roll out ``--episodes`` episodes from phase 0 and as many from random phases."""
    from animRL.evaluation.evaluate import (
        evaluation_config,
        roll_out,
        start_clips,
        start_phases,
        summarise,
        summarise_clips,
    )
    from animRL.runner.policy import load_policy
    from animRL.tasks import make_env

    env = make_env(args.task, evaluation_config(env_cfg, 2 * args.episodes))
    policy = load_policy(checkpoint, train_cfg, env)
    phases = start_phases(env.num_envs, args.episodes, seed, env.device)
    clips = start_clips(env, args.episodes)
    episodes = roll_out(env, policy, phases, seed, clip_ids=clips)
    seconds = float(episodes.length[: args.episodes].float().mean()) * env.dt
    env.backend.close()
    metrics = {
        **summarise(episodes, args.episodes),
        "episodes": args.episodes,
        "episode_seconds": round(seconds, 3),
        "seed": seed,
    }
    if env.motion_loader.num_motions > 1:
        each = summarise_clips(episodes, args.episodes)
        metrics["clips"] = {env.motion_loader.labels[clip]: own for clip, own in each.items()}
    return metrics


def _record(
    args: argparse.Namespace, env_cfg: Any, train_cfg: Any, checkpoint: Path, out: Path
) -> None:
    """Play noiseless episodes from phase 0: buffer and plot of the first clip, video of each."""
    from animRL.evaluation.evaluate import evaluation_config, record
    from animRL.runner.policy import load_policy
    from animRL.tasks import make_env
    from animRL.utils.plots import plot_reward_terms

    cfg = evaluation_config(env_cfg, 1)
    cfg.set("init_state.joint_noise", 0.0)
    cfg.set("init_state.root_velocity_noise", 0.0)
    env = make_env(args.task, cfg)
    policy, seed = load_policy(checkpoint, train_cfg, env), train_cfg.runner.seed
    clip_steps, shown = _lengths(env, 0)
    trace = record(env, policy, max(BUFFER_STEPS, shown, 2 * clip_steps), seed)
    terms = {name: values[:BUFFER_STEPS] for name, values in trace.rewards.items()}
    _write_json(out / "eval_buf.json", {
        "obs": [[round(float(x), 6) for x in row] for row in trace.obs[:BUFFER_STEPS]],
        "dones": trace.dones[:BUFFER_STEPS],
        "rewards": terms,
    })  # fmt: skip
    falls = [step for step, fell in enumerate(trace.falls[:BUFFER_STEPS]) if fell]
    title = f"{args.task}: reward terms of one episode from phase 0"
    plot_reward_terms(out / "eval_rewards.png", terms, env.dt, title, falls)
    if not args.dr:
        count = min(env.motion_loader.num_motions, MAX_CLIPS_SHOWN)
        others = [
            record(env, policy, _lengths(env, clip)[1], seed, clip) for clip in range(1, count)
        ]
        _video(env, [_cut(trace, shown), *others], out / "animation.mp4")
    if args.gif is not None:
        first = clip_steps if bool(env.motion_loader.loops[0]) else 0
        _gif(env, trace, first, first + clip_steps, args.gif)
    env.backend.close()


def _lengths(env: Any, clip: int) -> tuple[int, int]:
    """Control steps of a clip, and of what is shown of it: a loop's go on."""
    steps = round(float(env.motion_loader.trajectory_lens[clip]) / env.dt)
    return steps, round(VIDEO_SECONDS / env.dt) if bool(env.motion_loader.loops[clip]) else steps


def _cut(trace: Any, steps: int) -> Any:
    """The first steps of a trace, of what a video needs."""
    from animRL.evaluation.evaluate import Trace

    names = ("total", "poses", "reference_poses", "clips")
    return Trace(**{name: getattr(trace, name)[:steps] for name in names})


def _video(env: Any, traces: list[Any], path: Path) -> None:
    """Draw traces one after the other; a machine that cannot goes without."""
    from animRL.viewer.files import VideoError
    from animRL.viewer.rendering import render_video

    film = _cut(traces[0], len(traces[0].total))
    for trace in traces[1:]:
        for name in ("total", "poses", "reference_poses", "clips"):
            getattr(film, name).extend(getattr(trace, name))
    poses, references = _poses(film, 0, len(film.total))
    captions = _captions(env, traces)
    print(f"drawing {len(captions) * env.dt:.0f} s of video")
    try:
        render_video(path, env.character, poses, references, env.dt, captions=captions)
    except VideoError as error:
        print(f"no video: {error}")


def _captions(env: Any, traces: list[Any]) -> list[str]:
    """Time, reward and, where there are several clips, the clip's name, for every step."""
    names = env.motion_loader.labels if env.motion_loader.num_motions > 1 else None
    return [
        (f"{names[clip]}\n" if names else "") + f"{(step + 1) * env.dt:.1f} s   reward {reward:.2f}"
        for trace in traces
        for step, (clip, reward) in enumerate(zip(trace.clips, trace.total, strict=True))
    ]


def _gif(env: Any, trace: Any, first: int, last: int, path: Path) -> None:
    """Draw a stretch of a trace as a small looping picture."""
    from animRL.viewer.files import VideoError
    from animRL.viewer.rendering import render_gif

    poses, references = _poses(trace, first, last)
    try:
        render_gif(path, env.character, poses, references, env.dt)
    except VideoError as error:
        print(f"no animation: {error}")


def _poses(trace: Any, first: int, last: int) -> tuple[Any, Any]:
    """States and reference states of a stretch of a trace."""
    from animRL.viewer.poses import Poses

    poses, references = (
        Poses(*(_stacked(rows[first:last], column) for column in range(3)))
        for rows in (trace.poses, trace.reference_poses)
    )
    return poses, references


def _stacked(rows: list[tuple[Any, ...]], column: int) -> Any:
    import torch

    return torch.stack([row[column] for row in rows])


def _print_metrics(metrics: dict[str, Any]) -> None:
    from animRL.runner.progress import task_table

    rows = [
        ("success from phase 0", f"{100 * metrics['success_rate']:.0f} % of {metrics['episodes']} "
         f"episodes of {metrics['episode_seconds']:.1f} s"),
        ("success from random phases", f"{100 * metrics['success_rate_random_phase']:.0f} %"),
        ("position error", f"{metrics['position_error_m']:.3f} m"),
        ("drift hidden by anchoring", f"{metrics['drift_m_per_min']:.2f} m/min"),
        ("normalised return", f"{metrics['normalised_return']:.3f}"),
        ("course reward of a step", f"{metrics['course_reward']:.3f}"),
    ]  # fmt: skip
    for name, own in metrics.get("clips", {}).items():
        rates = [own[n] for n in ("success_rate", "success_rate_random_phase") if n in own]
        rows.append((name, f"success {100 * sum(rates) / len(rates):.0f} %, position error "
                     f"{own['position_error_m']:.3f} m, {own['episodes']} episodes"))  # fmt: skip
    task_table(rows)


def _write_json(path: Path, values: Any) -> None:
    from animRL.runner.checkpoint import replacing

    with replacing(path) as file:
        file.write(json.dumps(values, indent=1).encode())


if __name__ == "__main__":
    run_main(main)
