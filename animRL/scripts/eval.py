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
from animRL.scripts.early_checks import check_early
from animRL.scripts.eval_plots import write_plots
from animRL.scripts.eval_report import print_report
from animRL.scripts.films import clip_steps, cut, play_alone, shown_steps, write_gif, write_video
from animRL.scripts.live_view import beside_evaluation, check_address
from animRL.utils.errors import InputError

BUFFER_STEPS = 200
"""Steps of environment 0 in ``eval_buf.json``."""
MOST_EPISODES = 50_000
"""All are rolled out at once, each in an environment of some 50 kB."""
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
    if not 1 <= args.episodes <= MOST_EPISODES:
        parser.error(f"--episodes {args.episodes}: valid: 1 to {MOST_EPISODES}")
    check_address(args)
    check_early(args, of_run=True)
    run, checkpoint, env_cfg, train_cfg = _load(args)
    out = args.out or run
    _check_writable(out, "--out")
    if args.gif is not None:
        _check_writable(args.gif.parent, "--gif")
    view = beside_evaluation(args, run)
    try:
        _evaluate(args, env_cfg, train_cfg, checkpoint, out, view)
        view.stay()
    finally:
        view.close()
    return 0


def _evaluate(
    args: argparse.Namespace,
    env_cfg: Any,
    train_cfg: Any,
    checkpoint: Path,
    out: Path,
    view: Any,
) -> None:
    """Measure, record and write everything, of one reading of the policy."""
    from animRL.runner.checkpoint import load_checkpoint

    print(f"evaluating {checkpoint}")
    payload = load_checkpoint(checkpoint)  # a training may replace the file meanwhile
    metrics = _metrics(args, env_cfg, train_cfg, checkpoint, payload)
    view.tell(print)
    _write_json(out / "eval_metrics.json", metrics)
    _record(args, env_cfg, train_cfg, checkpoint, payload, out)
    view.tell(print)
    print(f"results lie in {out.resolve()}")


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
    run = find_run(args.load_run, LOGS, experiment, args.task)
    env_cfg, train_cfg = load_configurations(args.task, run, args)
    apply_overrides(env_cfg, train_cfg, args)
    return run, find_checkpoint(run, args.checkpoint), env_cfg, train_cfg


def _metrics(
    args: argparse.Namespace,
    env_cfg: Any,
    train_cfg: Any,
    checkpoint: Path,
    payload: dict[str, Any],
) -> dict[str, Any]:
    """Roll out ``--episodes`` episodes from phase 0 and as many from random phases; print them."""
    from animRL.evaluation.evaluate import (
        evaluation_config,
        roll_out,
        start_clips,
        start_phases,
        summarise,
        summarise_clips,
    )
    from animRL.evaluation.failures import Failures
    from animRL.runner.policy import policy_of
    from animRL.tasks import make_env

    seed = train_cfg.runner.seed
    env = make_env(args.task, evaluation_config(env_cfg, 2 * args.episodes))
    policy = policy_of(payload, train_cfg, env, str(checkpoint))
    phases = start_phases(env.num_envs, args.episodes, seed, env.device)
    clips = start_clips(env, args.episodes)
    failures = Failures(env)
    episodes = roll_out(env, policy, phases, seed, clip_ids=clips, failures=failures)
    seconds = float(episodes.length[: args.episodes].float().mean()) * env.dt
    env.backend.close()
    print_report(env, episodes, args.episodes, failures)
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
    args: argparse.Namespace,
    env_cfg: Any,
    train_cfg: Any,
    checkpoint: Path,
    payload: dict[str, Any],
    out: Path,
) -> None:
    """Play noiseless episodes from phase 0: buffer and plot of the first clip, video of each."""
    from animRL.evaluation.evaluate import record
    from animRL.utils.plots import PRODUCT, SUM, plot_reward_terms

    env, policy = play_alone(args.task, env_cfg, train_cfg, checkpoint, payload)
    seed = train_cfg.runner.seed
    once, shown = clip_steps(env, 0), shown_steps(env, 0, VIDEO_SECONDS)
    trace = record(env, policy, max(BUFFER_STEPS, shown, 2 * once), seed)
    terms = {name: values[:BUFFER_STEPS] for name, values in trace.rewards.items()}
    _write_json(out / "eval_buf.json", {
        "obs": [[round(float(x), 6) for x in row] for row in trace.obs[:BUFFER_STEPS]],
        "dones": trace.dones[:BUFFER_STEPS],
        "rewards": terms,
    })  # fmt: skip
    falls = [step for step, fell in enumerate(trace.falls[:BUFFER_STEPS]) if fell]
    title = f"{args.task}: reward terms of an episode from phase 0, and of those after it"
    total = PRODUCT if env.compose_reward.combine == "product" else SUM, trace.total[:BUFFER_STEPS]
    plot_reward_terms(out / "eval_rewards.png", terms, env.dt, title, falls, total)
    write_plots(out, env, trace, BUFFER_STEPS, args.task)
    if not args.dr:
        count = min(env.motion_loader.num_motions, MAX_CLIPS_SHOWN)
        others = [
            record(env, policy, shown_steps(env, clip, VIDEO_SECONDS), seed, clip)
            for clip in range(1, count)
        ]
        write_video(out / "animation.mp4", env, [cut(trace, shown), *others])
    if args.gif is not None:
        first = once if bool(env.motion_loader.loops[0]) else 0
        write_gif(args.gif, env, trace, first, first + once)
    env.backend.close()


def _write_json(path: Path, values: Any) -> None:
    from animRL.utils.files import replacing

    with replacing(path) as file:
        file.write(json.dumps(values, indent=1).encode())


if __name__ == "__main__":
    run_main(main)
