"""Print and draw what the reward terms give on recorded states."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from animRL.reward.recording_file import read_recording
from animRL.scripts.cli import Parser, add_common_arguments, apply_overrides, run_main
from animRL.scripts.early_checks import check_rewards
from animRL.tasks import make_env_cfg
from animRL.utils.errors import InputError, one_line
from animRL.utils.paths import RESOURCES, expand_user, is_dir

if TYPE_CHECKING:
    from torch import Tensor

    from animRL.reward.composer import RewardComposer
    from animRL.reward.recording import Recording

EXAMPLE = "python scripts/test_reward.py --task=walk --set rewards.terms.track_ee_pos=[0.3,0.0]"
COLUMNS = ("sigma", "tolerance", "mean", "min", "max")


def main(argv: list[str] | None = None) -> int:
    """Evaluate the task's reward terms on a recording; see --help."""
    args = _parse(argv)
    cfg = make_env_cfg(args.task)
    apply_overrides(cfg, None, args)
    check_rewards(cfg.rewards)
    path = _find_recording(args.task, args.data)
    plot, read = _plot_path(path, args.out), read_recording(path)

    from animRL.reward.composer import RewardComposer
    from animRL.reward.recording import anchor_recording, recording_of
    from animRL.utils.plots import plot_reward_terms

    composer = RewardComposer.from_config(cfg.rewards)
    recording = anchor_recording(recording_of(*read, str(path)))
    total, terms = composer(recording.task_data())
    dt = cfg.sim.dt * cfg.sim.substeps
    print(_headline(recording, dt))
    print(reward_table(composer, total, terms))
    shape = (recording.num_steps, recording.num_envs)
    title = one_line(f"Reward terms on {path.name}")
    values = {name: value.view(shape).numpy() for name, value in terms.items()}
    try:
        plot_reward_terms(plot, values, dt, title)
    except OSError as error:
        raise InputError(f"--out: cannot write {plot} ({error.strerror})") from None
    print(f"plot: {plot}")
    return 0


def reward_table(composer: RewardComposer, total: Tensor, terms: dict[str, Tensor]) -> str:
    """Text table with mean, min and max over all rows (N,) of each term and of all together."""
    width = max(map(len, (*terms, composer.combine)))
    lines = [f"{'term':<{width}}" + "".join(f"{name:>11}" for name in COLUMNS)]
    for name, value in terms.items():
        sigma, tolerance = composer.parameters[name]
        lines.append(f"{name:<{width}}{sigma:>11g}{tolerance:>11g}{_statistics(value)}")
    lines.append(f"{composer.combine:<{width}}{'':>22}{_statistics(total)}")
    return "\n".join(lines)


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = Parser(__doc__ or "", EXAMPLE)
    add_common_arguments(parser, only=("task", "set", "debug"))
    parser.add_argument(
        "--data", metavar="FILE", help="recording to read (default: the one shipped for the task)"
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="plot to write, .png, or a folder for it (default: <recording>_rewards.png, here)",
    )
    return parser.parse_args(argv)


def _find_recording(task: str, data: str | None) -> Path:
    if data is not None:
        return expand_user(data)
    shipped = RESOURCES / "tests" / f"{task}.json"
    if not shipped.is_file():
        raise InputError(f"--data: no recording ships for task '{task}'; valid: --data FILE")
    return shipped


def _plot_path(recording: Path, out: str | None) -> Path:
    name = f"{recording.stem}_rewards.png"
    path = expand_user(name if out is None else out)
    if is_dir(path):
        path = path / name
    if path.suffix.lower() != ".png":
        raise InputError(f"--out: {path}; valid: a file that ends in .png, or a folder")
    return path


def _headline(recording: Recording, dt: float) -> str:
    steps, envs = recording.num_steps, recording.num_envs
    return (
        f"{recording.source}: {steps} steps of {dt:g} s, {envs} environments\n"
        "sigma and tolerance in the unit of each term's error, rewards from 0 to 1\n"
    )


def _statistics(value: Tensor) -> str:
    import torch

    return "".join(f"{f(value).item():>11.4f}" for f in (torch.mean, torch.min, torch.max))


if __name__ == "__main__":
    run_main(main)
