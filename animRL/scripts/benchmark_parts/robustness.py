"""Robustness of a trained policy: the largest push without a fall."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from animRL.scripts.benchmark_parts.machine import describe, print_machine
from animRL.scripts.cli import apply_overrides, load_configurations
from animRL.scripts.tables import print_columns

FORCES_AT_ONCE = 8
"""Forces that are tried together, in environments side by side."""
PAPER = {"walk": {"forward": 240.0, "sideways": 300.0}}
"""What DeepMimic's policies bear in mid-cycle [N] (Peng et al. 2018), for the same motions."""
COLUMNS = (
    ("mid_cycle_all_N", "mid-cycle, all"),
    ("mid_cycle_most_N", "90 %"),
    ("any_phase_all_N", "any phase, all"),
    ("any_phase_most_N", "90 %"),
)
"""Key of each figure and its heading."""


def measure_pushes(
    args: argparse.Namespace, keep: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Push the policy of ``args.pushes`` harder and harder; ``keep`` gets what is there so far."""
    from animRL.evaluation.evaluate import evaluation_config
    from animRL.evaluation.pushes import DIRECTIONS, PUSH_SECONDS, PushTest, find_largest_push
    from animRL.runner.policy import load_policy
    from animRL.runner.run_dir import find_checkpoint, find_run
    from animRL.tasks import make_env, make_train_cfg
    from animRL.utils.paths import LOGS

    run = find_run(args.pushes, LOGS, make_train_cfg(args.task).runner.experiment_name, args.task)
    env_cfg, train_cfg = load_configurations(args.task, run, args)
    apply_overrides(env_cfg, train_cfg, args)
    checkpoint, samples = find_checkpoint(run), args.push_samples
    test = PushTest(step=args.push_step, mid_cycle=samples, spread=samples)
    env = make_env(args.task, evaluation_config(env_cfg, FORCES_AT_ONCE * 2 * samples))
    policy = load_policy(checkpoint, train_cfg, env)
    pushes: dict[str, Any] = {
        "task": args.task,
        "checkpoint": str(checkpoint),
        "push_seconds": PUSH_SECONDS,
        "cycles_before": test.cycles,
        "seconds_after": test.seconds_after,
        "samples": samples,
        **({"paper_mid_cycle_N": PAPER[args.task]} if args.task in PAPER else {}),
    }
    about = {
        "device": str(env.device),
        "seed": train_cfg.runner.seed,
        **describe(env.device, env_cfg.sim.threads),
    }
    for direction in DIRECTIONS:
        if not args.json:
            print(f"pushing {direction}, {env.num_envs} characters at once", flush=True)
        result = find_largest_push(env, policy, direction, test, train_cfg.runner.seed)
        pushes[direction] = _figures(result)
        keep({"pushes": pushes, **about, "unfinished": True})
    env.backend.close()
    return {"pushes": pushes, **about}


def _figures(result: Any) -> dict[str, Any]:
    """The largest forces [N] (None: it falls without any), and the shares that stayed up."""
    from animRL.evaluation.pushes import MOST

    return {
        "mid_cycle_all_N": result.largest(result.mid_cycle),
        "mid_cycle_most_N": result.largest(result.mid_cycle, MOST),
        "any_phase_all_N": result.largest(result.spread),
        "any_phase_most_N": result.largest(result.spread, MOST),
        "forces_N": [round(float(force), 6) for force in result.forces],
        "share_mid_cycle": [round(float(share), 6) for share in result.mid_cycle],
        "share_any_phase": [round(float(share), 6) for share in result.spread],
    }


def print_pushes(report: dict[str, Any]) -> None:
    """Print what ``measure_pushes`` returned."""
    from animRL.evaluation.pushes import DIRECTIONS

    pushes = report["pushes"]
    print(f"  largest push of {pushes['push_seconds']:g} s at the pelvis without a fall within "
          f"{pushes['seconds_after']:g} s or to the clip's end [N]")  # fmt: skip
    paper = pushes.get("paper_mid_cycle_N", {})
    rows = [[pushes["task"], *(heading for _, heading in COLUMNS)]]
    rows[0] += ["DeepMimic, mid-cycle"] if paper else []
    for direction in DIRECTIONS:
        values = [pushes[direction][key] for key, _ in COLUMNS]
        values += [paper[direction]] if paper else []
        rows.append([direction, *("falls" if v is None else f"{v:.0f}" for v in values)])
    print_columns(rows)
    print(f"  {pushes['samples']} samples of each force in mid-cycle and as many over the cycle, "
          f"seed {report['seed']}, {pushes['checkpoint']}")  # fmt: skip
    print_machine(report)
