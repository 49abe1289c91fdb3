"""What an evaluation inside training says, and which was the best one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from animRL.envs.mimic_task import MimicTask
from animRL.evaluation.evaluate import (
    Policy,
    Trace,
    roll_out,
    start_clips,
    start_phases,
    summarise,
)
from animRL.runner.checkpoint import replacing

EVALUATION_SEED = 12345
"""Starts of the evaluations inside training: always the same, so that they can be compared."""


@dataclass
class Best:
    """The best evaluation so far."""

    success: float = -1.0
    normalised_return: float = -1.0
    position_error: float = float("inf")
    iteration: int = -1

    @classmethod
    def of(cls, iteration: int, metrics: Mapping[str, float]) -> Best:
        """Take down an evaluation."""
        success, error = metrics["success"], metrics["position_error_m"]
        return cls(success, metrics["normalised_return"], error, iteration)

    def beaten_by(self, metrics: Mapping[str, float]) -> bool:
        """More success, or as much with a larger normalised return (which counts falls)."""
        other = (metrics["success"], metrics["normalised_return"])
        return other > (self.success, self.normalised_return)


def evaluate_policy(env: MimicTask, policy: Policy, trace: Trace | None = None) -> dict[str, float]:
    """Roll a policy out deterministically, half from phase 0, half from anywhere."""
    half = env.num_envs // 2
    phases = start_phases(env.num_envs, half, EVALUATION_SEED, env.device)
    episodes = roll_out(env, policy, phases, EVALUATION_SEED, trace, start_clips(env, half))
    metrics = summarise(episodes, half)
    zero, anywhere = metrics["success_rate"], metrics["success_rate_random_phase"]
    return {
        "success": (zero * half + anywhere * (env.num_envs - half)) / env.num_envs,
        **metrics,
    }


def write_curve(run_dir: Path, curve: list[dict[str, float]]) -> None:
    """Write all evaluations so far into a run's ``learning_curve.json``."""
    with replacing(run_dir / "learning_curve.json") as file:
        file.write(json.dumps(curve, indent=1).encode())


def evaluation_text(iteration: int, metrics: Mapping[str, float]) -> str:
    """Say in one line how an evaluation went."""
    return (
        f"evaluation at {iteration}: success {metrics['success']:.2f}, position error "
        f"{metrics['position_error_m']:.3f} m, normalised return "
        f"{metrics['normalised_return']:.2f}, reward of a step {metrics['course_reward']:.2f}"
    )
