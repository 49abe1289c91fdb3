"""The evaluations of a training: what they say, and which was the best one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from animRL.envs.mimic_task import MimicTask
from animRL.evaluation.evaluate import (
    Policy,
    Trace,
    roll_out,
    start_clips,
    start_phases,
    summarise,
)
from animRL.evaluation.failures import Failures
from animRL.runner.reference_curves import ReferenceCurves
from animRL.runner.verdict import LEARNED_SUCCESS, is_learned
from animRL.utils.files import replacing

EVALUATION_SEED = 12345
"""Starts of the evaluations inside training: always the same, so that they can be compared."""

Evaluate = Callable[[MimicTask, Trace, Failures], dict[str, float]]
"""Roll a policy out in an environment, fill trace and failures in, and return the metrics."""


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

    @classmethod
    def from_dict(cls, infos: Mapping[str, Any]) -> Best:
        """Return what a checkpoint keeps of it; older ones keep nothing."""
        if "best" not in infos:
            return cls()
        success, normalised_return, error, iteration = infos["best"]
        return cls(float(success), float(normalised_return), float(error), int(iteration))

    def beaten_by(self, metrics: Mapping[str, float]) -> bool:
        """Learned, then more success, then a larger normalised return.

        Success beyond what learned takes counts no more: between 39 and 40 of 40 episodes is
        chance, and the return counts falls as well.
        """
        own = {"success": self.success, "position_error_m": self.position_error,
               "normalised_return": self.normalised_return}  # fmt: skip
        return _rank(metrics) > _rank(own)


def _rank(metrics: Mapping[str, float]) -> tuple[bool, float, float]:
    success = min(metrics["success"], LEARNED_SUCCESS)
    return is_learned(metrics), success, metrics["normalised_return"]


class Evaluations:
    """The evaluations of one training so far.

    ``on_evaluation``, if set, is called after each of them with (iteration, metrics, trace of
    environment 0): the recorder's way in.
    """

    def __init__(self, env: MimicTask | None) -> None:
        """Begin without any.

        Args:
            env: built from an ``evaluation_config``; None: no evaluations.
        """
        self.env = env
        self.on_evaluation: Callable[[int, dict[str, float], Trace], None] | None = None
        self.curve: list[dict[str, float]] = []
        """Metrics, samples and seconds of each, as in ``learning_curve.json``."""
        self.best = Best()
        self.improved = False
        """Whether the newest one is the best so far."""
        self.seconds = 0.0
        """What they took together [s]."""
        self.failures: Failures | None = None
        """Of the newest one."""
        self.reference: ReferenceCurves | None = None
        """Past good runs with the same settings, if there are."""

    @property
    def standing(self) -> str | None:
        """Where the newest one stands among past good runs, see ``ReferenceCurves.standing``."""
        return self.reference.standing(self.curve[-1]) if self.reference and self.curve else None

    def run(
        self, evaluate: Evaluate, iteration: int, samples: int, training_seconds: float
    ) -> tuple[dict[str, float], Trace]:
        """Evaluate, take it up, and return the metrics and the trace of environment 0.

        Args:
            evaluate: rolls the present policy out.
            iteration: iterations done so far.
            samples: samples seen so far.
            training_seconds: what they took [s].
        """
        assert self.env is not None
        start, trace, failures = time.perf_counter(), Trace(), Failures(self.env)
        metrics = evaluate(self.env, trace, failures)
        seconds = time.perf_counter() - start
        self.seconds += seconds
        self.failures = failures
        self.curve.append({
            "iteration": iteration,
            "samples": samples,
            "training_seconds": round(training_seconds, 2),
            "evaluation_seconds": round(seconds, 2),
            **metrics,
        })  # fmt: skip
        self.improved = self.best.beaten_by(metrics)
        if self.improved:
            self.best = Best.of(iteration, metrics)
        return metrics, trace

    def to_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps, as plain values."""
        return {
            "evaluation_seconds": self.seconds,
            "curve": self.curve,
            "best": list(astuple(self.best)),
        }

    def from_dict(self, infos: Mapping[str, Any]) -> None:
        """Take up what a checkpoint kept; older ones keep less.

        Raises:
            ValueError, TypeError, AttributeError: for anything but numbers by names.
        """
        self.seconds = float(infos.get("evaluation_seconds", 0.0))
        self.curve = [
            {str(name): _number(value) for name, value in point.items()}
            for point in infos.get("curve", [])
        ]
        if any("iteration" not in point for point in self.curve):
            raise ValueError("an evaluation without its iteration")
        self.best = Best.from_dict(infos)


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"an evaluation holds a {type(value).__name__}, not a number")
    return value


def evaluate_policy(
    env: MimicTask, policy: Policy, trace: Trace | None = None, failures: Failures | None = None
) -> dict[str, float]:
    """Roll a policy out deterministically, half from phase 0, half from anywhere."""
    half = env.num_envs // 2
    phases = start_phases(env.num_envs, half, EVALUATION_SEED, env.device)
    clips = start_clips(env, half)
    episodes = roll_out(env, policy, phases, EVALUATION_SEED, trace, clips, failures)
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


def evaluation_text(
    iteration: int, metrics: Mapping[str, float], standing: str | None = None
) -> str:
    """Say in one line how an evaluation went, and how that compares with past good runs."""
    return (
        f"evaluation at {iteration}: success {metrics['success']:.2f}, position error "
        f"{metrics['position_error_m']:.3f} m, normalised return "
        f"{metrics['normalised_return']:.2f}, reward of a step {metrics['course_reward']:.2f}"
    ) + (f" - {standing}" if standing else "")
