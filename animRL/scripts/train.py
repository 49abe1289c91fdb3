"""Train a policy to follow a motion clip.

One command trains, evaluates now and then, and leaves checkpoints, curves, videos and a verdict in
``animRL/logs/<experiment>/<date_time>_<run_name>/``. Started by torchrun, many processes train one
policy; the first of them writes all that.
"""

from __future__ import annotations

import argparse
import os
import time
from contextlib import ExitStack, redirect_stdout, suppress
from pathlib import Path
from typing import Any

from animRL.scripts.cli import (
    EXIT_INTERRUPTED,
    EXIT_LOST,
    EXIT_TERMINATED,
    Parser,
    add_common_arguments,
    apply_overrides,
    run_main,
)
from animRL.scripts.early_checks import check_early
from animRL.scripts.films import caption
from animRL.scripts.resuming import (
    Resumed,
    clean_up,
    goes_on_with,
    print_how_to_go_on,
    resumed_configurations,
    take_over_best,
    take_up,
    threads_before,
    write_settings,
)
from animRL.scripts.train_report import draw_curve, print_end, print_start
from animRL.utils.errors import InputError, ProcessLost

EVALUATION_EPISODES = 40
"""Episodes of an evaluation inside training, half of them from phase 0."""
VIDEO_SECONDS = 5.0
"""Length of a video during training; drawing a second takes about 5 s of one core."""
EXIT_CODES = {KeyboardInterrupt: EXIT_INTERRUPTED, ProcessLost: EXIT_LOST}
STOP_SECONDS = 5.0
"""From the line that says how to go on to the end of a process that was asked to stop; what is not
done by then (an upload, a film) is dropped."""
VIDEO_WAIT, VIDEO_WAIT_INTERRUPTED = 60.0, 1.0
"""Time that the last video is waited for at the end, and when the training is stopped [s]."""


def main(argv: list[str] | None = None) -> int:
    """Train and say where everything lies."""
    parser = Parser(__doc__, "python scripts/train.py --task=walk --dv --wb")
    add_common_arguments(parser)
    parser.add_argument(
        "--until",
        choices=("learned",),
        help="learned: end after the first evaluation with success >= 0.95 and position error "
        "<= 0.05 m, at the latest after max_iterations (left out: go on to max_iterations)",
    )
    args = parser.parse_args(argv)
    if not args.resume and (args.load_run is not None or args.checkpoint is not None):
        raise InputError("--load_run, --checkpoint: valid for training only with --resume")
    check_early(args, of_run=bool(args.resume))

    from animRL.runner.processes import Processes
    from animRL.runner.stop_requests import ignore_save_signal
    from animRL.scripts.live_view import check_address

    ignore_save_signal()  # until there is something to save
    processes = Processes.from_environment()
    if processes.is_main:
        check_address(args)
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

    env_cfg, own_cfg, train_cfg, resumed = _common_configurations(args, processes)
    threads = processes.threads(train_cfg.runner.threads) or threads_before(resumed)
    if threads:
        torch.set_num_threads(threads)
    seed_everything(processes.seed(train_cfg.runner.seed))
    env = make_env(args.task, own_cfg)
    env_cfg.set("env.num_envs", env.num_envs)
    eval_env = _evaluation_env(args.task, own_cfg, train_cfg, env) if processes.is_main else None
    runner = PpoRunner(env, train_cfg, eval_env, processes)
    runner.until_learned = args.until == "learned"
    goes_on = take_up(runner, resumed) if resumed is not None else False
    if processes.is_main:
        run_dir = resumed.run if resumed is not None and goes_on else None
        _train_and_write(args, runner, env_cfg, resumed, run_dir)
    else:
        processes.wait_for_main()
        runner.learn(train_cfg.runner.max_iterations - runner.current_learning_iteration)
        env.backend.close()


def _train_and_write(
    args: argparse.Namespace, runner: Any, env_cfg: Any, resumed: Resumed | None, own: Path | None
) -> None:
    """Train and leave checkpoints, curves and videos in a folder: its ``own``, or a new one."""
    from animRL.runner.run_dir import LIVE_NAME, find_resumable
    from animRL.scripts.live_view import beside_training
    from animRL.utils.files import alone_in

    env, train_cfg = runner.env.env, runner.train_cfg
    run_dir = own or _new_folder(train_cfg)
    with alone_in(run_dir):
        if own is not None and resumed is not None and find_resumable(own) != resumed.checkpoint:
            raise InputError(f"'{own}' has been gone on with by another process meanwhile")
        clean_up(run_dir)
        write_settings(args.task, runner, env_cfg, run_dir, goes_on=own is not None)
        if resumed is not None and own is None:
            take_over_best(args, runner, env_cfg, resumed.run, run_dir)
        runner.open_run(run_dir, bool(args.wb), own or goes_on_with(resumed))
        recorder = _recorder(args, env, run_dir)
        runner.requests.at_once = lambda: recorder.close(0.0)
        runner.evaluations.on_evaluation = _film(recorder, runner)
        runner.evaluations.reference = _reference(args.task, runner, env_cfg)
        print_start(args.task, runner, run_dir)
        view = beside_training(args, runner, env_cfg, run_dir)
        began, finished = time.perf_counter(), False
        with ExitStack() as ending:
            ending.callback(runner.requests.release)

            def stopped(error: BaseException) -> None:
                print_how_to_go_on(args, runner, resumed, run_dir)
                code = EXIT_CODES.get(type(error), EXIT_TERMINATED)
                ending.enter_context(runner.requests.at_most(STOP_SECONDS, code))

            runner.on_stop = stopped
            try:
                runner.processes.wait_for_main()
                runner.learn(train_cfg.runner.max_iterations - runner.current_learning_iteration)
                finished = True
            finally:
                view.close()
                with suppress(OSError):
                    (run_dir / LIVE_NAME).unlink(missing_ok=True)
                draw_curve(args.task, runner, run_dir)
                recorder.close(VIDEO_WAIT if finished else VIDEO_WAIT_INTERRUPTED)
                for task in (env, runner.evaluations.env):
                    if task is not None:
                        task.backend.close()
        print_end(args.task, runner, run_dir, time.perf_counter() - began)


def _common_configurations(
    args: argparse.Namespace, processes: Any
) -> tuple[Any, Any, Any, Resumed | None]:
    """Configurations as the first of many processes reads them, equal in all.

    Returns:
        The environment's; the same with this process's device and share of the cores; the
        training's; what it goes on from, if anything.
    """
    from animRL.sim.factory import resolve_device, resolve_engine
    from animRL.tasks import make_env_cfg, make_train_cfg

    if not processes.many:
        env_cfg, train_cfg, resumed = _configurations(args)
        return env_cfg, env_cfg, train_cfg, resumed

    def read() -> dict[str, Any]:
        env_cfg, train_cfg, resumed = _configurations(args)
        engine = resolve_engine(env_cfg.sim.engine, env_cfg.sim.device)
        return {
            "env": env_cfg.to_dict(),
            "train": train_cfg.to_dict(),
            "engine": engine,
            "device": resolve_device(engine, env_cfg.sim.device),
            "resumed": resumed and [str(resumed.run), str(resumed.checkpoint), resumed.why_anew],
        }

    common = processes.from_main(read)
    env_cfg, own_cfg = (type(make_env_cfg(args.task)).from_dict(common["env"]) for _ in range(2))
    own_cfg.set("sim.engine", common["engine"])
    own_cfg.set("sim.device", processes.device(common["device"]))
    own_cfg.set("sim.threads", processes.threads(env_cfg.sim.threads))
    own_cfg.set("sim.window", env_cfg.sim.window and processes.is_main)
    train_cfg = type(make_train_cfg(args.task)).from_dict(common["train"])
    if common["resumed"] is None:
        return env_cfg, own_cfg, train_cfg, None
    run, checkpoint, why = common["resumed"]
    return env_cfg, own_cfg, train_cfg, Resumed(Path(run), Path(checkpoint), why)


def _configurations(args: argparse.Namespace) -> tuple[Any, Any, Resumed | None]:
    """Configurations with what was typed; what the training goes on from, if anything."""
    from animRL.tasks import make_env_cfg, make_train_cfg
    from animRL.utils.paths import LOGS

    resumed = None
    if args.resume:
        env_cfg, train_cfg, resumed = resumed_configurations(args, LOGS)
    else:
        env_cfg, train_cfg = make_env_cfg(args.task), make_train_cfg(args.task)
        apply_overrides(env_cfg, train_cfg, args)
    if args.until and train_cfg.runner.eval_interval == 0:
        raise InputError("--until: needs evaluations; valid: runner.eval_interval of 1 or more")
    return env_cfg, train_cfg, resumed


def _evaluation_env(task: str, env_cfg: Any, train_cfg: Any, env: Any) -> Any:
    """The environments of the evaluations, if there are any, beside those of the training."""
    from animRL.evaluation.evaluate import evaluation_config
    from animRL.tasks import make_env
    from animRL.utils.seeding import forked_rng

    if train_cfg.runner.eval_interval == 0:
        return None
    with forked_rng(env.device):  # whether there are evaluations must not change the training
        return make_env(task, evaluation_config(env_cfg, EVALUATION_EPISODES))


def _new_folder(train_cfg: Any) -> Path:
    from animRL.runner.run_dir import create_run_dir
    from animRL.utils.paths import LOGS

    return create_run_dir(LOGS, train_cfg.runner.experiment_name, train_cfg.runner.run_name)


def _reference(task: str, runner: Any, env_cfg: Any) -> Any:
    """Past good runs of the same; with other processes beside this one there are none."""
    from animRL.runner.reference_curves import find_reference

    if runner.processes.many:
        return None
    return find_reference(task, env_cfg, runner.train_cfg, runner.env.env.motion_loader.names)


def _recorder(args: argparse.Namespace, env: Any, run_dir: Path) -> Any:
    from animRL.runner.recorder import Recorder, VideoRecorder, VideoSettings

    if args.dr:
        return Recorder()
    settings = VideoSettings(max_frames=round(VIDEO_SECONDS / env.dt))
    return VideoRecorder(env.cfg.character.to_dict(), run_dir, env.dt, settings)


def _film(recorder: Any, runner: Any) -> Any:
    """Hand environment 0 of every n-th evaluation to the recorder."""
    interval, env = runner.train_cfg.runner.video_interval, runner.env.env
    loader, dt = env.motion_loader, env.dt
    names = loader.labels if loader.num_motions > 1 else ("",)
    done = runner.current_learning_iteration
    state = {"next": (done // interval + 1) * interval if interval else 0}

    def on_evaluation(iteration: int, metrics: dict[str, float], trace: Any) -> None:
        if interval == 0 or iteration < state["next"] or not trace.poses:
            return
        state["next"] = iteration + interval
        recorder.begin(iteration)
        rows = zip(trace.poses, trace.reference_poses, trace.clips, trace.phases, trace.total,
                   strict=True)  # fmt: skip
        for step, (pose, reference, clip, phase, reward) in enumerate(rows):
            recorder.add(pose, reference, caption(step, phase, reward, dt, names[clip]))
        recorder.finish()

    return on_evaluation


if __name__ == "__main__":
    run_main(main)
