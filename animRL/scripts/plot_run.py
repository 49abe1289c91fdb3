"""Draw the learning curves of one or several runs into a picture; no service is needed.

Evaluations come from a run's learning_curve.json, the other curves from its TensorBoard events.
"""

from __future__ import annotations

from pathlib import Path

from animRL.scripts.cli import Parser, add_common_arguments, run_main
from animRL.tasks import make_train_cfg
from animRL.utils.errors import InputError

EXAMPLE = "python scripts/plot_run.py 2026-01-31_10-00-00_walk 2026-01-31_11-00-00_walk"


def main(argv: list[str] | None = None) -> int:
    """Draw the runs over each other."""
    parser = Parser(__doc__ or "", EXAMPLE)
    parser.add_argument("runs", nargs="*", metavar="RUN",
                        help="runs to draw: names or paths (default: the newest of the task)"
                        )  # fmt: skip
    parser.add_argument("--x", choices=("samples", "minutes", "iterations"), default="samples",
                        help="what the runs are drawn against (default: samples)")  # fmt: skip
    parser.add_argument("--out", type=Path, default=None, metavar="FILE",
                        help="picture to write, .png (default: learning_curves.png in the first "
                        "run's folder)")  # fmt: skip
    add_common_arguments(parser, only=("task", "experiment_name", "debug"))
    args = parser.parse_args(argv)
    if args.out is not None and args.out.suffix.lower() != ".png":
        parser.error(f"--out {args.out}: valid: a file that ends in .png")

    make_train_cfg(args.task)  # before what takes seconds to load: is there such a task?

    from animRL.runner.run_curves import EVALUATIONS, SCALARS, X_AXES, read_curves
    from animRL.runner.run_dir import find_run
    from animRL.utils.paths import LOGS
    from animRL.utils.plots import plot_runs

    experiment = args.experiment_name or make_train_cfg(args.task).runner.experiment_name
    folders = [find_run(run, LOGS, experiment, args.task) for run in args.runs or [None]]
    names = _names(folders)
    curves = {name: read_curves(folder) for name, folder in zip(names, folders, strict=True)}
    panels = {}
    for quantity in (*EVALUATIONS, *SCALARS):
        found = {name: run.curve(quantity, args.x) for name, run in curves.items()}
        drawn = {name: curve for name, curve in found.items() if curve is not None}
        if drawn:
            panels[quantity] = drawn
    left_out = [name for name in curves if not any(name in drawn for drawn in panels.values())]
    if left_out:
        raise InputError(
            f"{', '.join(left_out)}: no evaluation yet, so {args.x} are not known; valid: "
            "--x=iterations"
        )
    out = args.out or folders[0] / "learning_curves.png"
    try:
        plot_runs(out, panels, X_AXES[args.x], "learning curves")
    except OSError as error:
        raise InputError(
            f"--out: cannot write '{out}' ({error.strerror or error}); valid: another file"
        ) from None
    print(out.resolve())
    return 0


def _names(folders: list[Path]) -> list[str]:
    """What runs are called in the legend: their folders', with the one above where need be."""
    names = [folder.name for folder in folders]
    if len(set(names)) < len(names):
        names = [f"{folder.parent.name}/{folder.name}" for folder in folders]
    for number, name in enumerate(names):
        if name in names[:number]:
            raise InputError(f"'{folders[number]}' is named twice; valid: each run once")
    return names


if __name__ == "__main__":
    run_main(main)
