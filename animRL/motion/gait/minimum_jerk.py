"""Smooth curves through a few key values: piecewise quintics of least jerk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Knot:
    """A key value at a time; velocity and acceleration are free where None.

    With ``weight`` None the curve passes through the value; otherwise the squared distance to it
    is paid for at that price, against the integral of the squared jerk.
    """

    time: float
    value: float
    velocity: float | None = None
    acceleration: float | None = None
    weight: float | None = None


class MinimumJerkCurve:
    """The curve of least squared jerk through (or near) knots, as a quintic between any two.

    Least jerk is what human movement is observed to follow (Flash and Hogan, The Coordination of
    Arm Movements, 1985). Value, velocity and acceleration are continuous everywhere.
    """

    def __init__(self, knots: Sequence[Knot], period: float | None = None) -> None:
        """Solve for the curve; with a ``period`` it is closed from the last knot to the first."""
        self._period = period
        self._times = np.array([k.time for k in knots])
        count = len(knots)
        ends = self._times if period is None else np.append(self._times, self._times[0] + period)
        self._durations = np.diff(ends)
        energy = np.zeros((3 * count, 3 * count))
        for segment, duration in enumerate(self._durations):
            index = self._unknowns(segment, count)
            energy[np.ix_(index, index)] += _jerk_energy(duration)
        target = np.zeros(3 * count)
        fixed = np.full(3 * count, np.nan)
        for i, knot in enumerate(knots):
            for k, given in enumerate((knot.value, knot.velocity, knot.acceleration)):
                if given is None:
                    continue
                if k == 0 and knot.weight is not None:
                    energy[3 * i, 3 * i] += knot.weight
                    target[3 * i] += knot.weight * given
                else:
                    fixed[3 * i + k] = given
        free = np.isnan(fixed)
        state = np.where(free, 0.0, fixed)
        right = target[free] - energy[np.ix_(free, ~free)] @ fixed[~free]
        state[free] = np.linalg.solve(energy[np.ix_(free, free)], right)
        self._coefficients = np.stack(
            [
                np.linalg.solve(_hermite(duration), state[self._unknowns(segment, count)])
                for segment, duration in enumerate(self._durations)
            ]
        )

    def __call__(self, times: ArrayLike) -> np.ndarray:
        """Values (M,) at one or M times; outside an open curve's knots, its end segments'."""
        time = np.atleast_1d(np.asarray(times, dtype=float))
        if self._period is not None:
            time = self._times[0] + (time - self._times[0]) % self._period
        last = len(self._durations) - 1
        segment = np.clip(np.searchsorted(self._times, time, side="right") - 1, 0, last)
        powers = (time - self._times[segment])[:, None] ** np.arange(6)
        return (powers * self._coefficients[segment]).sum(axis=1)

    @staticmethod
    def _unknowns(segment: int, count: int) -> list[int]:
        after = (segment + 1) % count
        return [3 * segment + k for k in range(3)] + [3 * after + k for k in range(3)]


def _hermite(duration: float) -> np.ndarray:
    """Matrix (6, 6) from a quintic's coefficients to value, velocity, acceleration at both ends."""
    rows = []
    for t in (0.0, duration):
        rows.append([t**n for n in range(6)])
        rows.append([n * t ** (n - 1) if n >= 1 else 0.0 for n in range(6)])
        rows.append([n * (n - 1) * t ** (n - 2) if n >= 2 else 0.0 for n in range(6)])
    return np.array(rows)


def _jerk_energy(duration: float) -> np.ndarray:
    """Quadratic form (6, 6) of the integral of squared jerk in a quintic's end states."""
    gram = np.zeros((6, 6))
    for i in range(3, 6):
        for j in range(3, 6):
            scale = i * (i - 1) * (i - 2) * j * (j - 1) * (j - 2)
            gram[i, j] = scale * duration ** (i + j - 5) / (i + j - 5)
    inverse = np.linalg.inv(_hermite(duration))
    return inverse.T @ gram @ inverse
