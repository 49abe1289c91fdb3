"""Kernels that get narrower as the character gets better."""

from __future__ import annotations

import math
from collections.abc import Mapping

from animRL.reward.composer import RewardComposer


class Narrowing:
    """Narrows the kernel of every term whose mean is above a threshold, step by step, never back.

    A kernel has to be wide for who is far off, as a narrow one is flat there, and narrow for who is
    near, as a wide one is flat there. So each term's sigma begins as configured and shrinks while
    the term's mean over an iteration is above ``above``: all terms end about as hard as each other,
    and none is ever made hopeless. (The idea is that of Xie et al. 2025, KungfuBot, arXiv
    2506.12851, whose factors follow the tracking error; the rule is our own.)
    """

    def __init__(self, composer: RewardComposer, above: float, rate: float, least: float) -> None:
        """Take charge of a composer's sigmas.

        Args:
            composer: as configured.
            above: mean of a term in [0, 1] over which its kernel is narrowed; 1: never.
            rate: share of its sigma that goes at each update.
            least: share of its configured sigma that always stays.
        """
        self.composer, self.above, self.rate, self.least = composer, above, rate, least
        self.first = {name: sigma for name, (sigma, _) in composer.parameters.items()}
        """The configured sigmas, by term."""

    def update(self, means: Mapping[str, float]) -> None:
        """Narrow the kernels of those terms whose ``means``, by name, are high enough."""
        for name, (sigma, _) in self.composer.parameters.items():
            if means[name] > self.above:
                least = self.least * self.first[name]
                self.composer.set_sigma(name, max((1.0 - self.rate) * sigma, least))

    def state_dict(self) -> dict[str, float]:
        """The share of each configured sigma that is left, by term."""
        return {n: sigma / self.first[n] for n, (sigma, _) in self.composer.parameters.items()}

    def load_state_dict(self, shares: Mapping[str, float]) -> None:
        """Take up the shares of a checkpoint, for those terms that there still are."""
        for name, first in self.first.items():
            if name in shares:
                self.composer.set_sigma(name, float(shares[name]) * first)

    def sigmas(self) -> dict[str, float]:
        """The present sigma of each term, exactly."""
        return {name: sigma for name, (sigma, _) in self.composer.parameters.items()}

    def set_sigmas(self, sigmas: Mapping[str, float]) -> None:
        """Go back to ``sigmas``.

        Raises:
            ValueError: if they are those of other terms, or no positive numbers.
        """
        if sigmas.keys() != self.first.keys():
            raise ValueError(f"sigmas of {', '.join(sigmas)}, not of {', '.join(self.first)}")
        if not all(0.0 < float(sigma) < math.inf for sigma in sigmas.values()):
            raise ValueError("sigmas that are no positive numbers")
        for name, sigma in sigmas.items():
            self.composer.set_sigma(name, float(sigma))
