"""Watch a policy, or a clip, live: in the browser, or in a window.

Without --load_run, the newest run of the task is shown, or the policy that ships with animRL. With
--motion and no run, the clips are shown as they are, with no physics.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
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
from animRL.utils.errors import InputError

VIEW_OPTIONS = tuple(name for name in EVAL_OPTIONS if name not in ("dv", "dr"))
MOST_CHARACTERS = 64


def main(argv: list[str] | None = None) -> int:
    """Show until the window is closed, or Ctrl-C."""
    parser = Parser(__doc__ or "", "python scripts/view.py --task=walk --load_run=results/walk")
    add_common_arguments(parser, (*VIEW_OPTIONS, "num_envs"))
    parser.add_argument("--actions", choices=("zero", "random"),
                        help="these actions for want of a policy: see what the task does by itself"
                        )  # fmt: skip
    parser.add_argument("--beside", choices=("train", "eval"),
                        help="as train.py and eval.py start it: end when the standard input does, "
                        "and beside a training play what it has learned so far")  # fmt: skip
    args = parser.parse_args(argv)
    count = 1 if args.num_envs is None else args.num_envs
    if not 1 <= count <= MOST_CHARACTERS:
        parser.error(f"--num_envs {count}: valid: 1 to {MOST_CHARACTERS}")
    if args.actions and (args.load_run is not None or args.checkpoint is not None):
        parser.error("--actions: not together with --load_run or --checkpoint")
    if args.beside and args.load_run is None:
        parser.error("--beside: needs --load_run")
    if args.motion and args.load_run is None and not args.actions:
        for name in ("checkpoint", "num_envs", "sim", "device"):
            if getattr(args, name) is not None:
                parser.error(f"--{name}: not for clips alone; valid: with --load_run or --actions")
    shows_run = not args.actions and (args.load_run is not None or not args.motion)
    check_early(args, of_run=shows_run, may_be_none=True)
    _check_view(args)
    _be_modest()
    ended = threading.Event()
    if args.beside:
        threading.Thread(target=_wait_for_end_of_input, args=(ended,), daemon=True).start()

    from animRL.viewer.live.player import Player

    player = Player(_playback(args, count))  # before it is announced: what fails, fails here
    with _ctrl_c_ends(ended):
        display = _open_display(args, player)
        try:
            player.run(display, ended.is_set)
        finally:
            display.close()
    return 0


@contextmanager
def _ctrl_c_ends(ended: threading.Event) -> Iterator[None]:
    """Let Ctrl-C set an event and be raised at the end; a second one is raised at once.

    Raised wherever it comes, it could come inside a callback that swallows it.
    """
    interrupted = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:
        if interrupted.is_set():
            raise KeyboardInterrupt
        interrupted.set()
        ended.set()

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if interrupted.is_set():
        raise KeyboardInterrupt


def _be_modest() -> None:
    """Take one core at most: whoever watches a training must not slow it down."""
    import torch

    torch.set_num_threads(1)
    if hasattr(os, "nice"):
        os.nice(5)


def _check_view(args: argparse.Namespace) -> None:
    """Find out at once whether there can be a view."""
    from animRL.viewer.live import desktop, page

    if args.viewer == "desktop":
        desktop.require_display()
    else:
        page.require()
        page.check_address(args.host or page.LOOPBACK, args.port)


def _open_display(args: argparse.Namespace, player: Any) -> Any:
    """Open the page or the window, and say where it is."""
    from animRL.viewer.live import desktop, page

    display: Any
    if args.viewer == "desktop":
        display = desktop.Desktop(player)
        print(desktop.HELP)
    else:
        server = page.open_server(args.host, args.port)
        display = page.Page(server, player)
        print("\n".join(page.where_it_is(server)))
    print("" if args.beside else "Ctrl-C ends it")  # empty: the end of what is to be passed on
    sys.stdout.flush()
    return display


def _playback(args: argparse.Namespace, count: int) -> Any:
    """What is to be played: clips alone, no policy, or a run's."""
    from animRL.runner.run_dir import find_checkpoint
    from animRL.scripts.policy_playback import RANDOM, ZERO, PolicyPlayback
    from animRL.tasks import make_env_cfg, make_train_cfg
    from animRL.utils.seeding import seed_everything

    env_cfg, train_cfg = make_env_cfg(args.task), make_train_cfg(args.task)
    run = checkpoint = None
    clips_alone = args.motion and args.load_run is None and not args.actions
    if not (clips_alone or args.actions):
        run = _run(args)
        env_cfg, train_cfg = load_configurations(args.task, run, args)
        checkpoint = None if args.beside == "train" else find_checkpoint(run, args.checkpoint)
    apply_overrides(env_cfg, train_cfg, args)
    env_cfg.set("sim.threads", 1)
    seed_everything(train_cfg.runner.seed)
    if clips_alone:
        return _clips(env_cfg)
    actions = RANDOM if args.actions == "random" else ZERO
    return PolicyPlayback(args.task, env_cfg, train_cfg, count, run, checkpoint, actions)


def _run(args: argparse.Namespace) -> Path:
    """The run asked for; with none asked for and none trained yet, the one that ships."""
    from animRL.runner.run_dir import find_run
    from animRL.tasks import make_train_cfg
    from animRL.utils.paths import LOGS, REPO_ROOT

    experiment = args.experiment_name or make_train_cfg(args.task).runner.experiment_name
    if args.beside:
        return Path(args.load_run)
    try:
        return find_run(args.load_run, LOGS, experiment, args.task)
    except InputError:
        shipped = REPO_ROOT / "results" / args.task
        if args.load_run is None and (shipped / "model.pt").is_file():
            return shipped
        raise


def _clips(env_cfg: Any) -> Any:
    from animRL.dataloader.motion_loader import MotionLoader
    from animRL.sim.character import Character
    from animRL.viewer.live.playback import ClipPlayback

    character = Character.from_config(env_cfg.character)
    motions = MotionLoader(
        "cpu", env_cfg.motion_loader, env_cfg.sim.dt * env_cfg.sim.substeps,
        len(character.joint_names), len(character.end_effector_names),
        character.joint_names, character.end_effector_names, character.end_effector_pos,
    )  # fmt: skip
    return ClipPlayback(character, motions)


def _wait_for_end_of_input(ended: threading.Event) -> None:
    """A training that ends, however it does, closes its end of the pipe."""
    sys.stdin.read()
    ended.set()


if __name__ == "__main__":
    run_main(main)
