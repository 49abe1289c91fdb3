"""The curves of a run as its folder holds them, without any service: evaluations and scalars."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from animRL.utils.errors import InputError

EVALUATIONS = {
    "success [share of episodes]": "success",
    "position error [m]": "position_error_m",
    "normalised return [1]": "normalised_return",
}
"""Quantity with unit -> its key in ``learning_curve.json``."""
SCALARS = {
    "reward of a step in training [1]": "Episode/total_reward",
    "episode length in training [control steps]": "Train/mean_episode_length",
    "loss of the value [1]": "Learn/loss_value",
    "standard deviation of the actions [1]": "Learn/action_std",
    "learning rate [1]": "Learn/learning_rate",
}
"""Quantity with unit -> its tag among the TensorBoard events."""
X_AXES = {
    "samples": "samples in training [million]",
    "minutes": "training time [min]",
    "iterations": "iterations",
}


@dataclass(frozen=True)
class RunCurves:
    """What a run left: its evaluations, and scalars by iteration."""

    evaluations: Sequence[Mapping[str, float]]
    scalars: Mapping[str, tuple[np.ndarray, np.ndarray]]
    """Tag -> iterations (P,) and values (P,)."""

    def curve(self, quantity: str, x_axis: str) -> tuple[np.ndarray, np.ndarray] | None:
        """Places (P,) and values (P,) of one of ``EVALUATIONS`` or ``SCALARS``; None: not there.

        Scalars know their iterations alone; samples and minutes follow from the evaluations,
        between which they are taken to be even.
        """
        if quantity in EVALUATIONS:
            key, points = EVALUATIONS[quantity], self.evaluations
            if not points:
                return None
            iterations = np.array([point["iteration"] for point in points], dtype=float)
            return self._places(iterations, x_axis), np.array([point[key] for point in points])
        if SCALARS[quantity] not in self.scalars or (
            x_axis != "iterations" and not self.evaluations
        ):
            return None
        iterations, values = self.scalars[SCALARS[quantity]]
        return self._places(iterations, x_axis), values

    def _places(self, iterations: np.ndarray, x_axis: str) -> np.ndarray:
        if x_axis == "iterations":
            return iterations
        key, unit = ("samples", 1e6) if x_axis == "samples" else ("training_seconds", 60.0)
        known = np.array([0.0, *(point["iteration"] for point in self.evaluations)])
        at = np.array([0.0, *(point[key] for point in self.evaluations)]) / unit
        beyond = at[-1] + (iterations - known[-1]) * (at[-1] - at[-2]) / (known[-1] - known[-2])
        return np.where(iterations > known[-1], beyond, np.interp(iterations, known, at))


def read_curves(run_dir: Path) -> RunCurves:
    """Read a run's evaluations and TensorBoard events.

    Raises:
        InputError: if there is neither, or ``learning_curve.json`` is damaged.
    """
    path = run_dir / "learning_curve.json"
    evaluations: list[dict[str, float]] = []
    if path.is_file():
        needed = ("iteration", "samples", "training_seconds", *EVALUATIONS.values())
        try:
            evaluations = [
                {k: float(row[k]) for k in needed} for row in json.loads(path.read_bytes())
            ]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"'{path}' cannot be read as a learning curve ({error!r})") from None
    scalars = _read_events(run_dir)
    if not evaluations and not scalars:
        raise InputError(f"no curves in '{run_dir}': learning_curve.json or events are expected")
    return RunCurves(evaluations, scalars)


def _read_events(run_dir: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Scalars of a run by tag; of an iteration logged twice, as after a resume, the last."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    if not any(run_dir.glob("events.out.tfevents.*")):
        return {}
    events = EventAccumulator(str(run_dir), size_guidance={"scalars": 0}).Reload()
    found = {}
    for tag in events.Tags()["scalars"]:
        by_step = {event.step: event.value for event in events.Scalars(tag)}
        steps = sorted(by_step)
        found[tag] = np.array(steps, dtype=float), np.array([by_step[step] for step in steps])
    return found
