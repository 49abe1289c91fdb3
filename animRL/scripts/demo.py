"""Play the policies that ship in results/, without training: films, a picture, their figures.

Every task with a results/<task>/model.pt is played by one character from the start of its clip, for
a few seconds. A contact sheet of all of them and a film of each, beside its reference, are left in
a folder; where there is a display, the sheet and the first film are opened.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from animRL.scripts.cli import (
    Parser,
    add_common_arguments,
    apply_overrides,
    load_configurations,
    run_main,
)
from animRL.scripts.early_checks import check_networks
from animRL.scripts.films import (
    clip_steps,
    cut,
    play_alone,
    poses_of,
    shown_steps,
    write_gif,
    write_video,
)
from animRL.scripts.tables import print_columns
from animRL.utils.errors import InputError
from animRL.utils.input_files import read_json
from animRL.utils.paths import LOGS, REPO_ROOT, is_file

FILM_SIZE = (640, 360)
"""Width and height of a film [px]; drawing takes about as long as there are pixels."""
SHEET_SIZE = (200, 260)
"""Width and height of a picture of the contact sheet [px]."""
LONGEST_SECONDS, MOST_FRAMES = 600.0, 100
METRICS = (
    ("success_rate", "success from phase 0", "{:.0%}"),
    ("success_rate_random_phase", "from random phases", "{:.0%}"),
    ("position_error_m", "position error", "{:.3f} m"),
    ("normalised_return", "normalised return", "{:.3f}"),
)
"""Columns of the table: key in eval_metrics.json, heading, how the value is written."""


@dataclass(frozen=True)
class Played:
    """What one policy did."""

    task: str
    env: Any
    trace: Any
    """As many steps as are shown."""
    whole: Any
    """The same and what comes after it."""
    metrics: dict[str, Any]


def main(argv: list[str] | None = None) -> int:
    """Play, print and draw; 1 if a film could not be drawn."""
    parser = Parser(__doc__, "python scripts/demo.py walk --seconds=5")
    parser.add_argument("tasks", nargs="*", metavar="TASK", help="tasks to play (default: all)")
    parser.add_argument(
        "--seconds", type=float, default=3.0, metavar="S",
        help="length of a film [s] (default: 3); drawing a second takes about 3 s of one core; a "
        "clip that does not loop is played at most once",
    )  # fmt: skip
    parser.add_argument(
        "--frames", type=int, default=8, metavar="N",
        help="pictures of each task in the contact sheet (default: 8)",
    )  # fmt: skip
    parser.add_argument(
        "--results", type=Path, default=REPO_ROOT / "results", metavar="FOLDER",
        help="where the policies lie, one folder a task (default: results)",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, default=LOGS / "demo", metavar="FOLDER",
        help="where to write (default: animRL/logs/demo)",
    )  # fmt: skip
    parser.add_argument("--gif", type=Path, metavar="FOLDER",
                        help="also write <task>.gif of each, beside its reference")  # fmt: skip
    add_common_arguments(parser, ("sim", "device", "dv", "dr", "debug"))
    args = parser.parse_args(argv)
    if not 0.0 < args.seconds <= LONGEST_SECONDS:
        parser.error(f"--seconds {args.seconds:g}: valid: above 0, at most {LONGEST_SECONDS:g}")
    if not 1 <= args.frames <= MOST_FRAMES:
        parser.error(f"--frames {args.frames}: valid: 1 to {MOST_FRAMES}")

    folders = find_policies(args.results, args.tasks)
    for task, folder in folders.items():
        env_cfg, train_cfg = load_configurations(task, folder)
        check_networks(folder / "model.pt", train_cfg, len(env_cfg.character.joint_names))

    from animRL.viewer.rendering import Look

    began = time.perf_counter()
    played = [_play(task, folder, args) for task, folder in folders.items()]
    print_table(played)
    sheet = args.out / "demo.png"
    _write_sheet(sheet, played, args.frames)
    _tell(sheet, show=not args.dv)
    if args.gif is not None:
        args.gif.mkdir(parents=True, exist_ok=True)
        for one in played:
            _write_gif(args.gif / f"{one.task}.gif", one)
    drawn = True
    if not args.dr:
        for number, one in enumerate(played):
            path = args.out / f"{one.task}.mp4"
            if write_video(path, one.env, [one.trace], look=Look(size=FILM_SIZE)):
                _tell(path, show=number == 0 and not args.dv)
            else:
                drawn = False
    for one in played:
        one.env.backend.close()
    policies = "policy" if len(played) == 1 else "policies"
    print(f"{len(played)} {policies} in {time.perf_counter() - began:.0f} s")
    return 0 if drawn else 1


def find_policies(results: Path, tasks: list[str]) -> dict[str, Path]:
    """Return the folder of each task that has a policy, in the order of the registry or as asked.

    Raises:
        InputError: for a task that is not registered or has no policy.
    """
    from animRL.tasks import task_names

    there = {n: results / n for n in task_names() if is_file(results / n / "model.pt")}
    for task in tasks:
        if task not in there:
            valid = ", ".join(there) or "none"
            raise InputError(f"no policy of a task '{task}' in '{results}'; valid: {valid}")
    if not there:
        raise InputError(f"no policy in '{results}': a folder with <task>/model.pt is expected")
    return {task: there[task] for task in tasks} if tasks else there


def _play(task: str, folder: Path, args: argparse.Namespace) -> Played:
    """Roll one episode out from phase 0, without noise."""
    from animRL.evaluation.evaluate import record

    env_cfg, train_cfg = load_configurations(task, folder)
    apply_overrides(env_cfg, None, args)
    env, policy = play_alone(task, env_cfg, train_cfg, folder / "model.pt")
    steps = max(1, min(shown_steps(env, 0, args.seconds), round(args.seconds / env.dt)))
    shown = max(steps, 2 * clip_steps(env, 0)) if args.gif is not None else steps
    whole = record(env, policy, shown, train_cfg.runner.seed)
    trace = cut(whole, steps)
    return Played(task, env, trace, whole, _read_metrics(folder / "eval_metrics.json"))


def _read_metrics(path: Path) -> dict[str, Any]:
    """The figures beside a policy; none if there is no such file."""
    if not path.is_file():
        return {}
    metrics = read_json(path, "metrics, as eval.py writes them")
    if not isinstance(metrics, dict):
        raise InputError(f"'{path}' holds no object with metrics, as eval.py writes it")
    return metrics


def print_table(played: list[Played]) -> None:
    """Print a row a task: what was just played, and the figures that eval.py once measured."""
    rows = [["task", "played", *(heading for _, heading, _ in METRICS), "of episodes"]]
    for one in played:
        falls = [step for step, fell in enumerate(one.trace.falls) if fell]
        text = f"{len(one.trace.total) * one.env.dt:.1f} s"
        text += f", fell at {(falls[0] + 1) * one.env.dt:.1f} s" if falls else ""
        known = [
            form.format(one.metrics[key]) if key in one.metrics else "-" for key, _, form in METRICS
        ]
        rows.append([one.task, text, *known, str(one.metrics.get("episodes", "-"))])
    print_columns(rows)


def _write_sheet(path: Path, played: list[Played], count: int) -> None:
    """Draw a row of pictures for each task."""
    import numpy as np

    from animRL.viewer.comparison import Take, compose_strip, film_strip
    from animRL.viewer.files import write_png

    takes = [
        Take(one.task, one.env.character, poses_of(one.trace)[0], one.env.dt) for one in played
    ]
    pictures = np.full((len(takes), count, SHEET_SIZE[1], SHEET_SIZE[0], 3), 255, dtype=np.uint8)
    for row, column, picture in film_strip(takes, count, SHEET_SIZE):
        pictures[row, column] = picture
    try:
        write_png(path, compose_strip(takes, pictures))
    except OSError as error:
        raise InputError(
            f"--out: cannot write '{path}' ({error.strerror}); valid: another folder"
        ) from None


def _write_gif(path: Path, one: Played) -> None:
    """Draw a loop's second cycle, in which nothing is left of the start, or the whole clip."""
    once = clip_steps(one.env, 0)
    first = once if bool(one.env.motion_loader.loops[0]) else 0
    write_gif(path, one.env, one.whole, first, first + once)
    _tell(path, show=False)


def _tell(path: Path, show: bool) -> None:
    """Say where a file lies, and show it where there is a display."""
    print(path.resolve(), flush=True)
    display = sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if show and display:
        webbrowser.open(path.resolve().as_uri())


if __name__ == "__main__":
    run_main(main)
