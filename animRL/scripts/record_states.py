"""Record the states of a task under random actions, for test_reward.py."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch

from animRL.reward.recording import record_step, save_recording
from animRL.scripts.cli import Parser, add_common_arguments, apply_overrides, run_main
from animRL.tasks import make_env, make_env_cfg
from animRL.utils.errors import InputError
from animRL.utils.seeding import seed_everything

EXAMPLE = "python scripts/record_states.py --task=walk --out recording.json"
DEFAULT_ENVS, DEFAULT_STEPS, DEFAULT_SEED = 4, 25, 1


def main(argv: list[str] | None = None) -> int:
    """Step a task under normally distributed actions and write what was judged; see --help."""
    args = _parse(argv)
    num_envs = DEFAULT_ENVS if args.num_envs is None else args.num_envs
    num_steps = DEFAULT_STEPS if args.steps is None else args.steps
    if min(num_envs, num_steps) < 1:
        raise InputError("--num_envs, --steps: valid: at least 1")
    seed_everything(DEFAULT_SEED if args.seed is None else args.seed)
    cfg = make_env_cfg(args.task)
    apply_overrides(cfg, None, args)
    cfg.set("env.num_envs", num_envs)
    env = make_env(args.task, cfg)
    steps = record_random_actions(env, num_steps)
    path = Path(args.out or f"{args.task}.json").expanduser()
    try:
        save_recording(steps, path)
    except OSError as error:
        raise InputError(f"--out: cannot write {path} ({error.strerror})") from None
    print(f"recorded {num_steps} steps of {num_envs} environments: {path}")
    return 0


def record_random_actions(env: Any, num_steps: int) -> list[dict[str, Any]]:
    """Steps of a recording, as the reward judged them, under actions drawn from N(0, 1)."""
    steps = []
    for _ in range(num_steps):
        actions = torch.randn(env.num_envs, env.num_actions, device=env.device)
        steps.append(record_step(env.step(actions).data))
    return steps


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = Parser(__doc__ or "", EXAMPLE)
    add_common_arguments(
        parser, only=("task", "motion", "sim", "device", "num_envs", "seed", "set", "debug")
    )
    parser.add_argument(
        "--steps", type=int, metavar="N", help=f"control steps (default: {DEFAULT_STEPS})"
    )
    parser.add_argument("--out", metavar="FILE", help="recording to write (default: <task>.json)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    run_main(main)
