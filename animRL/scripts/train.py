"""Train a policy to follow a motion clip.

One command trains, evaluates now and then, and leaves checkpoints, curves and videos in
``animRL/logs/<experiment>/<date_time>_<run_name>/``. Started by torchrun, many processes train one
policy; the first of them writes all that.
"""

from __future__ import annotations

import argparse
import os
import shutil
import time
from contextlib import ExitStack, redirect_stdout
from pathlib import Path
from typing import Any

from animRL.scripts.cli import (
    Parser,
    add_common_arguments,
    apply_overrides,
    load_configurations,
    run_main,
)
from animRL.utils.errors import InputError, ProcessLost

EVALUATION_EPISODES = 40
"""Episodes of an evaluation inside training, half of them from phase 0."""

MAX_CLIPS_LISTED = 8
"""More clips than that are told by their number."""
VIDEO_SECONDS = 5.0
"""Length of a video during training; drawing a second takes about 5 s of one core."""


def main(argv: list[str] | None = None) -> int:
    """Train and say where everything lies."""
    parser = Parser(__doc__, "python scripts/train.py --task=walk --dv --wb")
    add_common_arguments(parser)
    args = parser.parse_args(argv)

    from animRL.runner.processes import Processes

    processes = Processes.from_environment()
    with ExitStack() as stack:
        if not processes.is_main:
            stack.enter_context(redirect_stdout(stack.enter_context(open(os.devnull, "w"))))
        _train(args, processes)
    processes.close()
    return 0


def _train(args: argparse.Namespace, processes: Any) -> None:
    """Train as one of ``processes``."""
    import torch

    from animRL.runner.ppo_runner import PpoRunner
    from animRL.tasks import make_env
    from animRL.utils.seeding import seed_everything

    env_cfg, own_cfg, train_cfg, resumed_from = _common_configurations(args, processes)
    threads = processes.threads(train_cfg.runner.threads)
    if threads:
        torch.set_num_threads(threads)
    seed_everything(processes.seed(train_cfg.runner.seed))
    env = make_env(args.task, own_cfg)
    env_cfg.set("env.num_envs", env.num_envs)
    eval_env = _evaluation_env(args.task, own_cfg, train_cfg) if processes.is_main else None
    runner = PpoRunner(env, train_cfg, eval_env, processes)
    if resumed_from is not None:
        _resume(runner, *resumed_from)
    if processes.is_main:
        _train_and_write(args, runner, env_cfg, resumed_from)
    else:
        processes.wait_for_main()
        runner.learn(train_cfg.runner.max_iterations - runner.current_learning_iteration)
        env.backend.close()


def _train_and_write(
    args: argparse.Namespace, runner: Any, env_cfg: Any, resumed_from: tuple[Path, Path] | None
) -> None:
    """Train and leave checkpoints, curves and videos in a new folder."""
    env, train_cfg = runner.env.env, runner.train_cfg
    run_dir = _new_run(env_cfg, train_cfg, resumed_from)
    runner.open_run(run_dir, bool(args.wb))
    recorder = _recorder(args, env, run_dir)
    runner.on_evaluation = _film(recorder, train_cfg, env.motion_loader)
    _print_start(args.task, env, train_cfg, run_dir, runner.processes)
    began = time.perf_counter()
    try:
        runner.processes.wait_for_main()
        runner.learn(train_cfg.runner.max_iterations - runner.current_learning_iteration)
    except (KeyboardInterrupt, SystemExit, ProcessLost):
        print(f"stopped; to go on: {runner.processes.launcher} scripts/train.py "
              f"--task={args.task} --resume --load_run={_name(run_dir)}", flush=True)  # fmt: skip
        raise
    finally:
        _draw_curve(runner, run_dir, args.task)
        recorder.close()
        env.backend.close()
    _print_end(runner, run_dir, args.task, time.perf_counter() - began)


def _common_configurations(
    args: argparse.Namespace, processes: Any
) -> tuple[Any, Any, Any, tuple[Path, Path] | None]:
    """Configurations as the first of many processes reads them, equal in all.

    Returns:
        The environment's; the same with this process's device and share of the cores; the
        training's; if asked, the run and checkpoint to resume from.
    """
    from animRL.sim.factory import resolve_device, resolve_engine
    from animRL.tasks import make_env_cfg, make_train_cfg

    if not processes.many:
        env_cfg, train_cfg, resumed_from = _configurations(args)
        return env_cfg, env_cfg, train_cfg, resumed_from

    def read() -> dict[str, Any]:
        env_cfg, train_cfg, resumed_from = _configurations(args)
        engine = resolve_engine(env_cfg.sim.engine, env_cfg.sim.device)
        return {
            "env": env_cfg.to_dict(),
            "train": train_cfg.to_dict(),
            "engine": engine,
            "device": resolve_device(engine, env_cfg.sim.device),
            "resumed_from": [str(path) for path in resumed_from or ()],
        }

    common = processes.from_main(read)
    env_cfg, own_cfg = (type(make_env_cfg(args.task)).from_dict(common["env"]) for _ in range(2))
    own_cfg.set("sim.engine", common["engine"])
    own_cfg.set("sim.device", processes.device(common["device"]))
    own_cfg.set("sim.threads", processes.threads(env_cfg.sim.threads))
    train_cfg = type(make_train_cfg(args.task)).from_dict(common["train"])
    found = tuple(Path(name) for name in common["resumed_from"])
    return env_cfg, own_cfg, train_cfg, (found[0], found[1]) if found else None


def _configurations(args: argparse.Namespace) -> tuple[Any, Any, tuple[Path, Path] | None]:
    """Configurations with what was typed; if asked, the run and checkpoint to resume from."""
    from animRL.runner.run_dir import find_checkpoint, find_run
    from animRL.tasks import make_env_cfg, make_train_cfg
    from animRL.utils.paths import LOGS

    env_cfg, train_cfg, resumed_from = make_env_cfg(args.task), make_train_cfg(args.task), None
    if not args.resume and (args.load_run is not None or args.checkpoint is not None):
        raise InputError("--load_run, --checkpoint: valid for training only with --resume")
    if args.resume:
        experiment = args.experiment_name or train_cfg.runner.experiment_name
        run = find_run(args.load_run, LOGS, experiment)
        env_cfg, train_cfg = load_configurations(args.task, run)
        newest = -1 if args.checkpoint is None else args.checkpoint
        resumed_from = run, find_checkpoint(run, newest)
    apply_overrides(env_cfg, train_cfg, args)
    return env_cfg, train_cfg, resumed_from


def _resume(runner: Any, run: Path, checkpoint: Path) -> None:
    """Load a checkpoint that is not at the end of the training yet."""
    runner.load(str(checkpoint))
    done, wanted = runner.current_learning_iteration, runner.train_cfg.runner.max_iterations
    if done >= wanted:
        raise InputError(
            f"{checkpoint} has {done} iterations already; valid: --max_iterations above {done}"
        )
    print(f"resumed from {checkpoint} after iteration {done}")


def _evaluation_env(task: str, env_cfg: Any, train_cfg: Any) -> Any:
    import torch

    from animRL.evaluation.evaluate import evaluation_config
    from animRL.tasks import make_env

    if train_cfg.runner.eval_interval == 0:
        return None
    with torch.random.fork_rng():  # whether there are evaluations must not change the training
        return make_env(task, evaluation_config(env_cfg, EVALUATION_EPISODES))


def _new_run(env_cfg: Any, train_cfg: Any, resumed_from: tuple[Path, Path] | None) -> Path:
    """Make the run's folder with its configuration, and the best policy so far if resumed."""
    from animRL.runner.run_dir import BEST_NAME, create_run_dir, write_config
    from animRL.utils.paths import LOGS

    runner = train_cfg.runner
    run_dir = create_run_dir(LOGS, runner.experiment_name, runner.run_name)
    write_config(run_dir, train_cfg.to_dict(), env_cfg.to_dict())
    if resumed_from is not None and (resumed_from[0] / BEST_NAME).is_file():
        shutil.copyfile(resumed_from[0] / BEST_NAME, run_dir / BEST_NAME)
    return run_dir


def _recorder(args: argparse.Namespace, env: Any, run_dir: Path) -> Any:
    from animRL.runner.recorder import Recorder, VideoRecorder, VideoSettings

    if args.dr:
        return Recorder()
    settings = VideoSettings(max_frames=round(VIDEO_SECONDS / env.dt))
    return VideoRecorder(env.cfg.character.to_dict(), run_dir, env.dt, settings)


def _film(recorder: Any, train_cfg: Any, loader: Any) -> Any:
    """Hand environment 0 of every n-th evaluation to the recorder."""
    interval = train_cfg.runner.video_interval
    names = loader.labels if loader.num_motions > 1 else ("",)
    state = {"next": interval}

    def on_evaluation(iteration: int, metrics: dict[str, float], trace: Any) -> None:
        if interval == 0 or iteration < state["next"] or not trace.poses:
            return
        state["next"] = iteration + interval
        recorder.begin(iteration)
        steps = zip(trace.poses, trace.reference_poses, trace.clips, strict=True)
        for pose, reference, clip in steps:
            recorder.add(pose, reference, names[clip])
        recorder.finish()

    return on_evaluation


def _draw_curve(runner: Any, run_dir: Path, task: str) -> None:
    """Leave a picture of the evaluations."""
    from animRL.utils.plots import plot_learning_curve

    if runner.curve:
        title = f"{task}: evaluations during training"
        try:
            plot_learning_curve(run_dir / "learning_curve.png", runner.curve, title)
        except OSError as error:  # a picture is not worth a training
            print(f"no picture of the learning curve: {error}")


def _print_start(task: str, env: Any, train_cfg: Any, run_dir: Path, processes: Any) -> None:
    import torch

    from animRL.runner.progress import task_table

    loader = env.motion_loader
    count = processes.world_size
    samples = train_cfg.runner.num_steps_per_env * env.num_envs * count
    together = f" in each of {count} processes, {env.num_envs * count} in all"
    rows: list[tuple[str, object]] = [
        ("task", f"{task}, character {env.character.name}"),
        *_motion_rows(loader),
        ("engine", f"{type(env.backend).__name__} on {env.device}, {env.num_envs} environments"
         + (together if processes.many else "")),
        ("threads", f"{torch.get_num_threads()}" + (" each" if processes.many else "")),
        ("seed", train_cfg.runner.seed),
        ("iterations", f"{train_cfg.runner.max_iterations} of {samples:,} samples"),
    ]  # fmt: skip
    for index, (name, (sigma, tolerance)) in enumerate(env.compose_reward.parameters.items()):
        text = f"{name}: sigma {sigma:g}, tolerance {tolerance:g}"
        rows.append(("reward, product of" if index == 0 else "", text))
    rows.append(("run", run_dir))
    task_table(rows)


def _motion_rows(loader: Any) -> list[tuple[str, object]]:
    """One line a clip; many are told together."""
    if loader.num_motions > MAX_CLIPS_LISTED:
        seconds = loader.trajectory_lens
        return [
            ("motion", f"{loader.num_motions} clips, {float(seconds.min()):.2f} to "
             f"{float(seconds.max()):.2f} s, {float(seconds.sum()):.0f} s in all; "
             f"{int(loader.loops.sum())} loop"),
        ]  # fmt: skip
    texts = [
        f"{Path(name).name}, {float(seconds):.2f} s, {'loops' if bool(repeats) else 'once'}"
        + (f", {100 * float(weight):.0f} % of the episodes" if loader.num_motions > 1 else "")
        for name, seconds, repeats, weight in zip(
            loader.names, loader.trajectory_lens, loader.loops, loader.weights, strict=True
        )
    ]
    return [("" if index else "motion", text) for index, text in enumerate(texts)]


def _print_end(runner: Any, run_dir: Path, task: str, seconds: float) -> None:
    best = runner.best
    print(f"trained {runner.training_seconds / 60:.1f} min, evaluated "
          f"{runner.evaluation_seconds / 60:.1f} min, {seconds / 60:.1f} min in all")  # fmt: skip
    if best.iteration >= 0:
        print(f"best policy: iteration {best.iteration}, success {best.success:.2f}, "
              f"position error {best.position_error:.3f} m")  # fmt: skip
    print(f"everything lies in {run_dir}")
    print(f"to see it: python scripts/eval.py --task={task} --load_run={_name(run_dir)}")


def _name(run_dir: Path) -> str:
    """How ``--load_run`` finds a run, whatever its experiment."""
    return f"{run_dir.parent.name}/{run_dir.name}"


if __name__ == "__main__":
    run_main(main)
