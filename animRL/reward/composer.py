"""The step's reward out of the terms that a configuration names."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from animRL.reward.rewards import REWARDS, Term, needs_of
from animRL.reward.task_data import TaskData
from animRL.utils.errors import InputError

PREFIX = "reward_"


class RewardComposer:
    """Product or weighted sum of reward terms, resolved by name once, evaluated every step."""

    def __init__(
        self,
        terms: Mapping[str, Sequence[float]],
        rewards: type[REWARDS] = REWARDS,
        combine: str = "product",
        weights: Mapping[str, float] | None = None,
    ) -> None:
        """Resolve the terms.

        Args:
            terms: name -> [sigma, tolerance].
            rewards: holds their methods.
            combine: "product", or "sum" of the terms by their weights.
            weights: of terms in a sum, by name; 1 if not given; scaled to a sum of 1.

        Raises:
            InputError: no terms, a term without a method, a weight without a term or in a
                product, or numbers out of range, with the path in the configuration and what
                would be valid.
        """
        if not terms:
            raise InputError(f"rewards.terms: empty; valid: {_describe(rewards)}")
        if combine not in ("product", "sum"):
            raise InputError(f"rewards.combine: {combine!r}; valid: 'product', 'sum'")
        self._terms = {name: _resolve(name, value, rewards) for name, value in terms.items()}
        self._rewards = rewards
        self.combine = combine
        """"product" or "sum"."""
        self.weights = _normalised(weights or {}, list(terms), combine)
        """Share of each term in a sum, 1 in all; empty for a product."""
        self.needs = {
            name: keys for name, (term, *_) in self._terms.items() if (keys := needs_of(term))
        }
        """Keys of ``TaskData`` beyond the usual ones that terms read, by the term's name."""

    @classmethod
    def from_config(cls, cfg: Any) -> RewardComposer:
        """The composer of a configuration's group ``rewards``; raises InputError."""
        return cls(cfg.terms.to_dict(), combine=cfg.combine, weights=cfg.weights.to_dict())

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the terms, in the configuration's order."""
        return tuple(self._terms)

    @property
    def parameters(self) -> dict[str, tuple[float, float]]:
        """(sigma, tolerance) of each term, in the unit of its error."""
        return {name: (sigma, tolerance) for name, (_, sigma, tolerance) in self._terms.items()}

    def set_sigma(self, name: str, sigma: float) -> None:
        """Change the width of a term's kernel, in the unit of its error."""
        term, _, tolerance = self._terms[name]
        self._terms[name] = (term, sigma, tolerance)

    def set_tolerance(self, name: str, tolerance: float) -> None:
        """Change the error below which a term is 1, in the unit of that error."""
        term, sigma, _ = self._terms[name]
        self._terms[name] = (term, sigma, tolerance)

    def __call__(self, data: TaskData) -> tuple[Tensor, dict[str, Tensor]]:
        """Evaluate all terms: product or sum (N,), and each by name (N,), all in [0, 1].

        Raises:
            InputError: if a term returns another shape than (N,), or the data lack what it needs.
        """
        self._check_needs(data)
        values = {name: term(data, s, t) for name, (term, s, t) in self._terms.items()}
        shape = data["root_states"].shape[:1]
        total: Tensor | None = None
        for name, value in values.items():
            if value.shape != shape:
                raise InputError(
                    f"rewards.terms.{name}: {PREFIX}{name} returned shape {tuple(value.shape)}; "
                    f"valid: {tuple(shape)}, one number for each environment"
                )
            if self.combine == "sum":
                part = self.weights[name] * value
                total = part if total is None else total + part
            else:
                total = value if total is None else total * value
        assert total is not None  # the constructor refuses empty terms
        return total, values

    def _check_needs(self, data: TaskData) -> None:
        for name, keys in self.needs.items():
            if missing := [key for key in keys if key not in data]:
                plain = [
                    other for other in term_names(self._rewards)
                    if not needs_of(getattr(self._rewards, PREFIX + other))
                ]  # fmt: skip
                raise InputError(
                    f"rewards.terms.{name}: needs {', '.join(missing)}, which a recording does "
                    f"not hold; valid on recordings: {', '.join(plain)}"
                )


def term_names(rewards: type[REWARDS] = REWARDS) -> list[str]:
    """Names of all terms that `rewards` has a method for, sorted."""
    return sorted(n.removeprefix(PREFIX) for n in dir(rewards) if n.startswith(PREFIX))


def _normalised(weights: Mapping[str, float], terms: list[str], combine: str) -> dict[str, float]:
    """The weight of each term over the sum of all; none for a product."""
    for name, weight in weights.items():
        where = f"rewards.weights.{name}"
        if name not in terms:
            raise InputError(f"{where}: no such term in rewards.terms; valid: {', '.join(terms)}")
        if not (math.isfinite(weight) and weight >= 0.0):
            raise InputError(f"{where}: {weight}; valid: a number >= 0")
        if combine == "product" and weight != 1.0:
            raise InputError(
                f"{where}: a product has no weights; valid: rewards.combine 'sum', or a sigma of "
                f"its own in rewards.terms.{name}"
            )
    if combine == "product":
        return {}
    full = {name: float(weights.get(name, 1.0)) for name in terms}
    total = sum(full.values())
    if total == 0.0:
        raise InputError("rewards.weights: all 0; valid: at least one above 0")
    return {name: weight / total for name, weight in full.items()}


def _resolve(
    name: str, value: Sequence[float], rewards: type[REWARDS]
) -> tuple[Term, float, float]:
    if name not in term_names(rewards):
        raise InputError(
            f"rewards.terms.{name}: no method {rewards.__name__}.{PREFIX}{name}; "
            f"valid: {_describe(rewards)}"
        )
    if not _is_sigma_and_tolerance(value):
        raise InputError(
            f"rewards.terms.{name}: {value!r}; valid: [sigma, tolerance], two finite numbers, "
            "sigma > 0 and tolerance >= 0"
        )
    return getattr(rewards, PREFIX + name), float(value[0]), float(value[1])


def _is_sigma_and_tolerance(value: object) -> bool:
    if not isinstance(value, list | tuple) or len(value) != 2:
        return False
    if any(isinstance(x, bool) or not isinstance(x, int | float) for x in value):
        return False
    return all(map(math.isfinite, value)) and value[0] > 0 and value[1] >= 0


def _describe(rewards: type[REWARDS]) -> str:
    return ", ".join(term_names(rewards))
