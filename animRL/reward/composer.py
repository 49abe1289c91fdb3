"""The step's reward out of the terms that a configuration names."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from torch import Tensor

from animRL.reward.rewards import REWARDS
from animRL.reward.task_data import TaskData
from animRL.utils.errors import InputError

PREFIX = "reward_"


class RewardComposer:
    """Product of reward terms, resolved by name once and evaluated every control step."""

    def __init__(
        self, terms: Mapping[str, Sequence[float]], rewards: type[REWARDS] = REWARDS
    ) -> None:
        """Resolve `terms`: name -> [sigma, tolerance]; `rewards` holds their methods.

        Raises:
            InputError: no terms, a term without a method, or numbers out of range, with the path
                in the configuration and what would be valid.
        """
        if not terms:
            raise InputError(f"rewards.terms: empty; valid: {_describe(rewards)}")
        self._terms = {name: _resolve(name, value, rewards) for name, value in terms.items()}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the terms, in the configuration's order."""
        return tuple(self._terms)

    @property
    def parameters(self) -> dict[str, tuple[float, float]]:
        """(sigma, tolerance) of each term, in the unit of its error."""
        return {name: (sigma, tolerance) for name, (_, sigma, tolerance) in self._terms.items()}

    def __call__(self, data: TaskData) -> tuple[Tensor, dict[str, Tensor]]:
        """Evaluate all terms: their product (N,) and each by name (N,), all in [0, 1].

        Raises:
            InputError: if a term returns another shape than (N,).
        """
        values = {name: term(data, s, t) for name, (term, s, t) in self._terms.items()}
        shape = data["root_states"].shape[:1]
        total: Tensor | None = None
        for name, value in values.items():
            if value.shape != shape:
                raise InputError(
                    f"rewards.terms.{name}: {PREFIX}{name} returned shape {tuple(value.shape)}; "
                    f"valid: {tuple(shape)}, one number for each environment"
                )
            total = value if total is None else total * value
        assert total is not None  # the constructor refuses empty terms
        return total, values


def term_names(rewards: type[REWARDS] = REWARDS) -> list[str]:
    """Names of all terms that `rewards` has a method for, sorted."""
    return sorted(n.removeprefix(PREFIX) for n in dir(rewards) if n.startswith(PREFIX))


Term = Callable[[TaskData, float, float], Tensor]


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
