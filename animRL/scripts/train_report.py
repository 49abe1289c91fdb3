"""What a training tells: its table at the start, its verdict at the end, its learning curve."""

from __future__ import annotations

from pathlib import Path
from typing import Any

MAX_CLIPS_LISTED = 8
"""More clips than that are told by their number."""


def print_start(task: str, runner: Any, run_dir: Path) -> None:
    """Print what is about to be trained, as a table."""
    import torch

    from animRL.runner.progress import task_table

    env, cfg, processes = runner.env.env, runner.train_cfg.runner, runner.processes
    count = processes.world_size
    together = f" in each of {count} processes, {env.num_envs * count} in all"
    rows: list[tuple[str, object]] = [
        ("task", f"{task}, character {env.character.name}"),
        *_motion_rows(env.motion_loader),
        ("engine", f"{type(env.backend).__name__} on {env.device}, {env.num_envs} environments"
         + (together if processes.many else "")),
        ("threads", f"{torch.get_num_threads()}" + (" each" if processes.many else "")),
        ("seed", cfg.seed),
        ("iterations", f"{cfg.max_iterations} of {runner.samples_per_iteration:,} samples"
         + (", or until it is learned" if runner.until_learned else "")),
    ]  # fmt: skip
    composer = env.compose_reward
    for index, (name, (sigma, tolerance)) in enumerate(composer.parameters.items()):
        text = f"{name}: sigma {sigma:g}, tolerance {tolerance:g}"
        share = f", share {composer.weights[name]:.3g}" if name in composer.weights else ""
        rows.append((f"reward, {composer.combine} of" if index == 0 else "", text + share))
    rows.append(("run", run_dir))
    task_table(rows)


def print_end(task: str, runner: Any, run_dir: Path, seconds: float) -> None:
    """Print what came out and where it lies; the verdict goes into ``verdict.json``, too.

    Args:
        task: name of the task.
        runner: the one that has trained.
        run_dir: its folder.
        seconds: time since its start [s].
    """
    from animRL.runner.verdict import judge, verdict_lines, write_verdict

    evaluations = runner.evaluations
    best = evaluations.best
    print(f"trained {runner.training_seconds / 60:.1f} min, evaluated "
          f"{evaluations.seconds / 60:.1f} min; this run took {seconds / 60:.1f} min")  # fmt: skip
    if best.iteration >= 0:
        print(f"best policy: iteration {best.iteration}, success {best.success:.2f}, "
              f"position error {best.position_error:.3f} m")  # fmt: skip
    if evaluations.curve:
        failures = evaluations.failures
        verdict = judge(evaluations.curve, failures.summary() if failures else None)
        write_verdict(run_dir, verdict)
        print("\n".join(verdict_lines(verdict)))
    else:
        print("whether it has learned is not known: there was no evaluation (eval_interval is 0)")
    print(f"everything lies in {run_dir}")
    which = f"--task={task} --load_run={name_of(run_dir)}"
    print(f"to measure it: python scripts/eval.py {which}")
    print(f"to watch it: python scripts/view.py {which}")


def draw_curve(task: str, runner: Any, run_dir: Path) -> None:
    """Leave a picture of the evaluations, with the band of past good runs if there are."""
    from animRL.runner.reference_curves import bands_beside
    from animRL.utils.plots import plot_learning_curve

    curve, reference = runner.evaluations.curve, runner.evaluations.reference
    if curve:
        title = f"{task}: evaluations during training"
        bands = bands_beside(curve, reference) if reference else None
        try:
            plot_learning_curve(run_dir / "learning_curve.png", curve, title, bands)
        except OSError as error:  # a picture is not worth a training
            print(f"no picture of the learning curve: {error}")


def name_of(run_dir: Path) -> str:
    """Return how ``--load_run`` finds a run, whatever its experiment."""
    from animRL.utils.paths import LOGS

    if run_dir.parent.parent != LOGS:
        return str(run_dir)
    return f"{run_dir.parent.name}/{run_dir.name}"


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
