"""What all scripts share: options, overrides of the configuration, errors and exit codes."""

from __future__ import annotations

import argparse
import difflib
import io
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from animRL.cfg.base_config import BaseConfig, ConfigError
from animRL.cfg.mimic.mimic_config import MimicConfig
from animRL.cfg.sizes import check_sizes
from animRL.utils.errors import InputError, ProcessLost, one_line

os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # before rsl_rl: it fails where git is missing
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: idle threads leave the cores

EXIT_LOST, EXIT_BAD_INPUT = 1, 2
EXIT_INTERRUPTED, EXIT_BROKEN_PIPE, EXIT_TERMINATED = 130, 141, 143

SAME_ERROR_SECONDS = 3.0
"""How long one of many processes waits before it tells an error that all may have."""

_OPTIONS: dict[str, dict[str, Any]] = {
    "task": {"default": "walk", "metavar": "NAME", "help": "task to load (default: walk)"},
    "dv": {"action": "store_true", "help": "disable the viewer"},
    "viewer": {
        "choices": ("web", "desktop"),
        "help": "web: a page for the browser (default); desktop: MuJoCo's window",
    },
    "host": {
        "metavar": "ADDRESS",
        "help": "address that the page listens on (default: 127.0.0.1, this computer alone)",
    },
    "port": {
        "type": int,
        "metavar": "N",
        "help": "port of the page (default: the first free one from 8080 on)",
    },
    "dr": {"action": "store_true", "help": "disable the recording of videos"},
    "wb": {"action": "store_true", "help": "log to Weights & Biases"},
    "motion": {
        "nargs": "+",
        "metavar": "FILE",
        "help": "other motion clips for the task: files, or patterns such as 'clips/*.txt'",
    },
    "sim": {
        "metavar": "ENGINE",
        "help": "physics engine: auto, mujoco, warp, isaacgym or kinematic",
    },
    "device": {"help": "where to compute: auto, cpu, cuda or cuda:<index>"},
    "num_envs": {"type": int, "metavar": "N", "help": "number of environments (of each process)"},
    "max_iterations": {"type": int, "metavar": "N", "help": "number of training iterations"},
    "run_name": {"metavar": "NAME", "help": "name of the run, put after its date and time"},
    "experiment_name": {"metavar": "NAME", "help": "folder of the run inside logs"},
    "seed": {"type": int, "metavar": "N", "help": "seed of all random numbers"},
    "resume": {"action": "store_true", "help": "go on from a checkpoint"},
    "load_run": {
        "metavar": "RUN",
        "help": "run to load: its name, a path, or -1 for the newest with a checkpoint",
    },
    "checkpoint": {
        "type": int,
        "metavar": "N",
        "help": "iteration to load, -1 for the newest (left out: the best, else the newest)",
    },
    "set": {
        "action": "extend",
        "nargs": "+",
        "metavar": "PATH=VALUE",
        "help": "change any setting, such as rewards.terms.track_ee_pos=[0.3,0.0] or "
        "algorithm.learning_rate=1e-4; a prefix train. means the training configuration",
    },
    "debug": {"action": "store_true", "help": "show where in the program an error arose"},
}

TRAIN_OPTIONS = tuple(_OPTIONS)
EVAL_OPTIONS = (
    *("task", "dv", "viewer", "host", "port", "dr", "motion", "sim", "device", "seed"),
    *("experiment_name", "load_run", "checkpoint", "set", "debug"),
)

_TARGETS = {  # option -> (belongs to the training configuration, path)
    "motion": (False, "motion_loader.motion_files"),
    "sim": (False, "sim.engine"),
    "device": (False, "sim.device"),
    "num_envs": (False, "env.num_envs"),
    "seed": (True, "runner.seed"),
    "max_iterations": (True, "runner.max_iterations"),
    "run_name": (True, "runner.run_name"),
    "experiment_name": (True, "runner.experiment_name"),
}


class Parser(argparse.ArgumentParser):
    """A parser that takes no abbreviations and reports an error in one line."""

    def __init__(self, description: str, example: str) -> None:
        """Make a parser whose help ends with an example of a command."""
        super().__init__(
            description=description,
            epilog=f"example:\n  {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        """Print one line with the option meant, if one is close, and exit with code 2."""
        unknown = message.removeprefix("unrecognized arguments: ").split("=")[0].split()
        if message.startswith("unrecognized arguments: ") and unknown:
            close = difflib.get_close_matches(unknown[0], self._option_string_actions, n=1)
            message += f" (did you mean {close[0]}?)" if close else " (see --help)"
        report_error(message)
        self.exit(EXIT_BAD_INPUT)


def add_common_arguments(
    parser: argparse.ArgumentParser, only: Iterable[str] = TRAIN_OPTIONS
) -> None:
    """Add the shared options named in `only`; what is not typed is None, the task is walk."""
    for name in only:
        parser.add_argument(f"--{name}", **{"default": None, **_OPTIONS[name]})


def apply_overrides(
    env_cfg: BaseConfig, train_cfg: BaseConfig | None, args: argparse.Namespace
) -> None:
    """Write what was typed, and nothing else, into the two configurations.

    `--set` comes last. Raises ConfigError for an unknown setting, a value that is not valid, and
    values that together ask for more memory than there is.
    """
    for option, (in_train, path) in _TARGETS.items():
        value = getattr(args, option, None)
        config = train_cfg if in_train else env_cfg
        if value is None or config is None:
            continue
        group, _, name = path.rpartition(".")
        if option == "motion":
            value = _motion_files([value] if isinstance(value, str) else value)
            if len(value) == 1 and not isinstance(config.get(path), list):
                value = value[0]
        setattr(config.get(group), name, value)
    if isinstance(env_cfg, MimicConfig):
        # It belongs to the command, not to the run; commands without the option have no window.
        env_cfg.sim.window = getattr(args, "dv", True) is None
    for assignment in getattr(args, "set", None) or []:
        path, equals, text = assignment.partition("=")
        path = path.strip()
        if not (path and equals):
            raise ConfigError(f"--set: expected PATH=VALUE, got {assignment!r:.80}")
        config, path = _owner(env_cfg, train_cfg, path)
        config.set(path, text)
    if isinstance(env_cfg, MimicConfig):
        check_sizes(env_cfg, train_cfg)


def _motion_files(names: Sequence[str]) -> list[str]:
    """Absolute paths of what is there, so that the run can be evaluated from anywhere."""
    from animRL.dataloader.clip_files import expanded  # numpy is not needed for most commands

    files: list[str] = []
    for name in names:
        found = [name] if os.path.isfile(name) else expanded(name, Path())
        files += [os.path.abspath(file) for file in found] or [name]
    return files


def load_configurations(
    task: str, run: Path, args: argparse.Namespace | None = None
) -> tuple[Any, Any]:
    """Return the environment and training configuration of a run, read from its ``bob.json``.

    Args:
        task: of which it has to be.
        run: the run's folder.
        args: what was typed; files named there may lie anywhere, those named by the run may not.

    Raises:
        InputError: if that cannot be read, is one of another task, or names files out of its place.
    """
    from animRL.runner.run_config import read_config, read_task, with_own_files
    from animRL.tasks import make_env_cfg, make_train_cfg

    source, own = str(run / "bob.json"), read_task(run)
    if own not in (task, None):
        raise InputError(f"'{source}' is a run of the task {own}; valid: --task={own}")
    train_values, env_values = read_config(run)
    env_values = with_own_files(env_values, run, _typed_settings(args))
    return (
        type(make_env_cfg(task)).from_dict(env_values, source),
        type(make_train_cfg(task)).from_dict(train_values, source),
    )


def _typed_settings(args: argparse.Namespace | None) -> list[str]:
    """Paths of the environment's settings that were typed."""
    typed = [text.partition("=")[0].strip() for text in getattr(args, "set", None) or []]
    for option, (in_train, path) in _TARGETS.items():
        if not in_train and getattr(args, option, None) is not None:
            typed.append(path)
    return typed


def report_error(message: str, told: bool | None = None) -> None:
    """Print an error in one line; of many processes that fail alike, only one does.

    Where it is not known whether another process has ``told`` it, the first one prints at once and
    the others wait: torchrun ends them meanwhile, if the first one has failed.
    """
    rank = os.environ.get("RANK", "0")
    if told:
        return
    if rank != "0":
        if told is None:
            time.sleep(SAME_ERROR_SECONDS)
        message = f"process {rank}: {message}"
    print(f"error: {one_line(message)}", file=sys.stderr, flush=True)


def run_main(main: Callable[[list[str] | None], int], argv: list[str] | None = None) -> NoReturn:
    """Run a script's main and exit.

    The exit code is that of `main` (0, or 1 for a verdict of no), 1 if another process of a common
    training is lost, 2 after bad input, told in one line, 130 after Ctrl-C, 143 after SIGTERM,
    which lets `finally` blocks run, 141 when the reader of the output has gone.
    """
    debug = "--debug" in (sys.argv[1:] if argv is None else argv)
    _open_standard_streams()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file's name may be no text
    previous = signal.signal(signal.SIGTERM, _terminate)
    try:
        code = main(argv)
        sys.stdout.flush()
    except (InputError, ConfigError) as error:
        if debug:
            traceback.print_exc()
        report_error(str(error), getattr(error, "told", None))
        code = EXIT_BAD_INPUT
    except ProcessLost as error:
        if debug:
            traceback.print_exc()
        report_error(str(error), error.told)
        code = EXIT_LOST
    except KeyboardInterrupt:
        if debug:
            traceback.print_exc()
        if os.environ.get("RANK", "0") == "0":
            print("interrupted", file=sys.stderr)
        code = EXIT_INTERRUPTED
    except BrokenPipeError:
        if not _output_gone():
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = EXIT_BROKEN_PIPE
    finally:
        signal.signal(signal.SIGTERM, previous)
    sys.exit(code)


def _open_standard_streams() -> None:
    """Send to nowhere what a program writes that was started without an output, as by `>&-`.

    A file that is opened later would else take its place, and the output.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))


def _terminate(signal_number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(EXIT_TERMINATED)


def _output_gone() -> bool:
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
    except (OSError, ValueError):  # no real file, as under a test's capture
        return False
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def _owner(env_cfg: BaseConfig, train_cfg: BaseConfig | None, path: str) -> tuple[BaseConfig, str]:
    """Find the configuration that a path of `--set` belongs to, and the path inside it."""
    head, _, rest = path.partition(".")
    if train_cfg is None:
        return env_cfg, path
    if head == "train":
        return train_cfg, rest
    if head in vars(env_cfg) and head in vars(train_cfg):
        return (env_cfg if _has(env_cfg, path) or not _has(train_cfg, path) else train_cfg), path
    if head in vars(env_cfg):
        return env_cfg, path
    if head in vars(train_cfg):
        return train_cfg, path
    groups = [*vars(env_cfg), *vars(train_cfg)]
    close = difflib.get_close_matches(head, groups, n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    raise ConfigError(f"--set {path:.80}: no such setting; valid groups: {', '.join(groups)}{hint}")


def _has(config: BaseConfig, path: str) -> bool:
    try:
        config.get(path)
    except ConfigError:
        return False
    return True
