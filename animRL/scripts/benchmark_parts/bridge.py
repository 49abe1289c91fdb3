"""What it costs that Isaac Gym is in another process: the time of a control step beside physics."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

from animRL.scripts.cli import apply_overrides

WARM_UP = 20
STEPS = 200
RESET_SHARE = 0.01
"""Of the environments, in every step: episodes of 100 steps."""
DEFAULT_COUNT = 4096


def measure_bridge(args: argparse.Namespace, keep: Callable[..., None]) -> dict[str, Any]:
    """Time control steps with resets, and subtract what the worker spent in Isaac Gym's physics."""
    import torch

    from animRL.sim.contract import apart, on_feet
    from animRL.sim.factory import make_backend
    from animRL.tasks import make_env_cfg, make_train_cfg
    from animRL.utils.machine import provenance

    torch.set_num_threads(1)  # as in a training's roll-outs
    env_cfg = make_env_cfg(args.task)
    args.sim = "isaacgym"
    apply_overrides(env_cfg, make_train_cfg(args.task), args)
    count = args.num_envs or DEFAULT_COUNT
    backend: Any = make_backend(env_cfg, count)
    start = apart(on_feet(backend, count))
    joints = start.joint_pos
    backend.reset_where(torch.ones(count, dtype=torch.bool, device=backend.device), start)
    torch.manual_seed(1 if args.seed is None else args.seed)
    total, physics = [], []
    for step in range(WARM_UP + STEPS):
        mask = torch.rand(count, device=backend.device) < RESET_SHARE
        targets = joints + 0.1 * torch.rand_like(joints)
        began = time.perf_counter()
        backend.step(targets)
        backend.reset_where(mask, start)
        backend.state()
        if step >= WARM_UP:
            total.append(1000.0 * (time.perf_counter() - began))
            physics.append(1000.0 * backend.physics_seconds)
    bridge = sorted(t - p for t, p in zip(total, physics, strict=True))
    worker = backend.versions
    backend.close()
    return {
        "num_envs": count,
        "steps": STEPS,
        "bridge_ms": {"median": bridge[STEPS // 2], "90 %": bridge[9 * STEPS // 10]},
        "physics_ms": sorted(physics)[STEPS // 2],
        "step_ms": sorted(total)[STEPS // 2],
        "device": str(backend.device),
        "worker": worker,
        **provenance(backend.device),
    }


def print_bridge(report: dict[str, Any]) -> None:
    """Print the figures."""
    bridge = report["bridge_ms"]
    where = f"tensors on {report['device']}, worker on {report['worker']['device']}"
    print(f"{report['num_envs']} environments, {report['steps']} control steps, {where}")
    print(f"  beside physics   {bridge['median']:.2f} ms a step ({bridge['90 %']:.2f} ms in nine "
          "of ten)")  # fmt: skip
    print(f"  physics          {report['physics_ms']:.2f} ms")
