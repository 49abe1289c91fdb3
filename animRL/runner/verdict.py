"""Whether a training has learned its task, and if not, what limited it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from animRL.evaluation.failures import FailureSummary
from animRL.runner.progress import format_count
from animRL.utils.files import replacing

LEARNED_SUCCESS = 0.95
"""Share of episodes of an evaluation that succeed once a task is learned. Both limits are this
project's definition of the time to imitate: until then go its minutes and samples."""
LEARNED_POSITION_ERROR = 0.05
"""Position error [m] (Peng, arXiv 2510.13794) that a learned task does not exceed."""

VERDICT_NAME = "verdict.json"
STILL_RISING = 0.03
"""Growth of the normalised return over the last quarter of a training that promises more; between
two evaluations of a policy that has stopped learning it changes by about 0.01."""
FEW_EVALUATIONS = 4
"""Fewer than that have no last quarter."""
HARD_TERM = 0.3
"""A reward term below that is so far out on its kernel that small improvements hardly show."""


def is_learned(metrics: Mapping[str, float]) -> bool:
    """Say whether an evaluation's ``success`` and ``position_error_m`` reach both limits."""
    return (
        metrics["success"] >= LEARNED_SUCCESS
        and metrics["position_error_m"] <= LEARNED_POSITION_ERROR
    )


def judge(
    curve: Sequence[Mapping[str, float]], failures: FailureSummary | None = None
) -> dict[str, Any]:
    """Judge a training by its evaluations; the result holds plain values, for ``verdict.json``.

    Args:
        curve: the evaluations in their order, at least one, as in ``learning_curve.json``.
        failures: of the last one; None: not known.

    Returns:
        ``learned``, the ``limits``, ``evaluation`` (number of the first one that reaches them, else
        of the last, from 1), ``at`` (that evaluation), and, where not learned, ``still_rising``
        (None: too few evaluations to say) and ``failures``.
    """
    number = next((i for i, point in enumerate(curve, 1) if is_learned(point)), None)
    found = len(curve) if number is None else number
    verdict: dict[str, Any] = {
        "learned": number is not None,
        "limits": {"success": LEARNED_SUCCESS, "position_error_m": LEARNED_POSITION_ERROR},
        "evaluation": found,
        "evaluations": len(curve),
        "at": dict(curve[found - 1]),
    }
    if number is None:
        verdict["still_rising"] = _still_rising(curve)
        verdict["failures"] = None if failures is None else asdict(failures)
    return verdict


def verdict_lines(verdict: Mapping[str, Any]) -> list[str]:
    """Say a verdict in one to three lines: what, what limited it, what to try."""
    at = verdict["at"]
    effort = (
        f"{format_count(at['samples'])} samples and {at['training_seconds'] / 60:.1f} min of "
        f"training (evaluation {verdict['evaluation']} of {verdict['evaluations']})"
    )
    success, error = at["success"], at["position_error_m"]
    if verdict["learned"]:
        return [f"learned after {effort}: success {success:.2f}, position error {error:.3f} m"]
    limits = verdict["limits"]
    lines = [
        f"not learned after {effort}: success {success:.2f} (learned: from "
        f"{limits['success']:.2f}), position error {error:.3f} m (learned: up to "
        f"{limits['position_error_m']:.3f})"
    ]
    if verdict["failures"] is not None:
        failures = FailureSummary(**verdict["failures"])
        lines.append(f"what limited it: {_limits_text(failures)}")
        lines.append(f"to try: {_advice(failures, verdict['still_rising'])}")
    return lines


def write_verdict(run_dir: Path, verdict: Mapping[str, Any]) -> None:
    """Write a verdict, its lines included, into a run's ``verdict.json``."""
    content = {**verdict, "text": verdict_lines(verdict)}
    with replacing(run_dir / VERDICT_NAME) as file:
        file.write((json.dumps(content, indent=1) + "\n").encode())


def _still_rising(curve: Sequence[Mapping[str, float]]) -> bool | None:
    """Whether the normalised return has grown over the last quarter; None: too few to say."""
    if len(curve) < FEW_EVALUATIONS:
        return None
    before = curve[-1 - len(curve) // 4]
    return curve[-1]["normalised_return"] - before["normalised_return"] > STILL_RISING


def _limits_text(failures: FailureSummary) -> str:
    parts = []
    if failures.phase is not None:
        parts += [_falls_text(failures), _place_text(failures)]
    else:
        parts.append(f"none of {failures.episodes} episodes failed")
    if failures.terms:
        name, value = _lowest(failures.terms)
        parts.append(f"lowest reward term {name}, {value:.2f} on average")
    return "; ".join(parts)


def _falls_text(failures: FailureSummary) -> str:
    """How many episodes failed, and what met the ground first."""
    text = f"{failures.failed} of {failures.episodes} episodes failed, "
    if not failures.fell:
        return text + "without a fall, too far from the reference"
    text += f"{failures.fell} by a fall"
    if not failures.first_bodies:
        return text + " that no body touched the ground in (too fast, too high or unstable)"
    body, count = next(iter(failures.first_bodies.items()))
    return text + f", {body} first in {count}"


def _place_text(failures: FailureSummary) -> str:
    """Where in the clip, and in which clip if that is not all of them."""
    clip = ""
    if failures.in_clip < failures.failed:
        clip = f"{failures.in_clip} of them in the clip {failures.clip}, there "
    return f"{clip}around phase {failures.phase:.2f} in {failures.near_phase}"


def _advice(failures: FailureSummary, still_rising: bool | None) -> str:
    """The first thing that is likely to help."""
    if still_rising is None:
        return "train longer, so few evaluations say little (--resume with more --max_iterations)"
    if still_rising:
        return "train longer, it was still getting better (--resume with more --max_iterations)"
    name, value = _lowest(failures.terms) if failures.terms else ("", 1.0)
    if value < HARD_TERM:
        return f"a larger sigma for {name}, the first number of rewards.terms.{name}"
    if failures.phase is not None and failures.near_phase > failures.in_clip / 2:
        return (
            f"look at the clip around phase {failures.phase:.2f} (scripts/motion.py view and "
            "check): is that possible for the character? If so, let more episodes begin before it: "
            "--set init_state.phase_sampling=failures init_state.failure_share=0.8"
        )
    if failures.phase is not None:
        return "another --seed, more environments, or a longer training"
    return f"train longer, or a smaller sigma for {name}, the first number of rewards.terms.{name}"


def _lowest(terms: Mapping[str, float]) -> tuple[str, float]:
    return min(terms.items(), key=lambda item: item[1])
