"""Names and shapes of the networks' parameters, known without building them.

A checkpoint of other networks is told at once, not after the seconds that torch takes to load.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from animRL.runner.checkpoint_table import TensorEntry
from animRL.utils.errors import InputError

_ONCE, _PER_JOINT = 12, 3
"""Numbers in an observation, see ``ObservationLayout``."""


def network_shapes(train_cfg: Any, num_joints: int, is_actor: bool) -> dict[str, tuple[int, ...]]:
    """The state dictionary of the actor or the critic that ``rsl_config`` describes."""
    policy = train_cfg.policy
    size = _ONCE + _PER_JOINT * num_joints
    shapes: dict[str, tuple[int, ...]] = {}
    inputs = size + 2 * policy.phase_harmonics
    if policy.obs_normalization:
        shapes |= _normaliser("obs_normalizer", size)
    if policy.phase_harmonics or policy.phase_bins:
        shapes["waves"] = (policy.phase_harmonics,)
    if policy.phase_bins:
        bins = policy.phase_bins + 1
        shapes |= {"usual.table": (bins, size), "usual.samples": (bins,)}
        shapes |= _normaliser("deviation_normalizer", size)
        inputs += size
    if is_actor:
        shapes["distribution.std_param"] = (num_joints,)
    widths = [inputs, *policy.hidden_dims, num_joints if is_actor else 1]
    for layer, (before, after) in enumerate(zip(widths, widths[1:])):
        # Every second module is an activation.
        shapes[f"mlp.{2 * layer}.weight"] = (after, before)
        shapes[f"mlp.{2 * layer}.bias"] = (after,)
    return shapes


def check_fits(
    path: Path, values: Mapping[str, Any], train_cfg: Any, num_joints: int, with_critic: bool
) -> None:
    """Refuse a checkpoint of other networks than a configuration asks for.

    Args:
        path: named in the error.
        values: what ``inspect_checkpoint`` found in it.
        train_cfg: the training's configuration.
        num_joints: joints J of the character.
        with_critic: whether the critic is needed, too.

    Raises:
        InputError: naming the first parameter that is missing, too many or of another shape.
    """
    for network in ("actor", "critic") if with_critic else ("actor",):
        there = values[f"{network}_state_dict"]
        wanted = network_shapes(train_cfg, num_joints, network == "actor")
        for name in dict.fromkeys([*wanted, *there]):
            found, expected = _shape(there.get(name)), wanted.get(name)
            if found != expected:
                raise InputError(
                    f"checkpoint '{path}': {network}_state_dict does not fit the configuration: "
                    f"{name} in the file: {_told(found)}, the policy asked for: {_told(expected)}"
                )


def _normaliser(name: str, size: int) -> dict[str, tuple[int, ...]]:
    return {
        **{f"{name}.{part}": (1, size) for part in ("_mean", "_var", "_std")},
        f"{name}.count": (),
    }


def _shape(entry: Any) -> tuple[int, ...] | None:
    return entry.shape if isinstance(entry, TensorEntry) else None


def _told(shape: tuple[int, ...] | None) -> str:
    return "none" if shape is None else f"{shape}"
