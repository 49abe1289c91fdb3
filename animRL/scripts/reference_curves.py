"""Make a task's learning curves of past good runs, which tell later runs if they are on track.

The runs differ in nothing but their seeds and were trained on this machine: its processor and
versions are noted. All are taken as far as the shortest goes, so train without --until.
"""

from __future__ import annotations

import json
from pathlib import Path

from animRL.scripts.cli import Parser, add_common_arguments, run_main

EXAMPLE = "python scripts/reference_curves.py --task=walk logs/bob/RUN_1 logs/bob/RUN_2"


def main(argv: list[str] | None = None) -> int:
    """Collect the curves of finished runs into one file."""
    parser = Parser(__doc__ or "", EXAMPLE)
    parser.add_argument("runs", nargs="+", metavar="RUN", help="run to take: its name, or a path")
    parser.add_argument(
        "--out", metavar="FILE", help="file to write (default: the task's in resources)"
    )
    add_common_arguments(parser, only=("task", "experiment_name", "debug"))
    args = parser.parse_args(argv)

    from animRL.runner.reference_curves import FOLDER, collect_curves
    from animRL.runner.run_dir import find_run
    from animRL.tasks import make_train_cfg
    from animRL.utils.files import replacing
    from animRL.utils.paths import LOGS

    experiment = args.experiment_name or make_train_cfg(args.task).runner.experiment_name
    content = collect_curves(args.task, [find_run(run, LOGS, experiment) for run in args.runs])
    path = Path(args.out) if args.out else FOLDER / f"{args.task}.json"
    if not args.out:
        path.parent.mkdir(exist_ok=True)
    lines = (f"{json.dumps(name)}: {json.dumps(value)}" for name, value in content.items())
    with replacing(path) as file:
        file.write(("{\n" + ",\n".join(lines) + "\n}\n").encode())
    curves = content["curves"]
    print(f"{path}: {len(curves)} runs of {args.task}, seeds "
          f"{', '.join(str(curve['seed']) for curve in curves)}")  # fmt: skip
    return 0


if __name__ == "__main__":
    run_main(main)
