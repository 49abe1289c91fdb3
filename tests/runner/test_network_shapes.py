"""The shapes that are told without building the networks are those of the networks."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from animRL.cfg.mimic.walk_config import WalkTrainConfig
from animRL.envs.observations import ObservationLayout
from animRL.runner.checkpoint_archive import inspect_checkpoint
from animRL.runner.network_shapes import check_fits, network_shapes
from animRL.runner.rsl import resolve_callable
from animRL.runner.rsl_config import actor_config, network_config
from animRL.runner.run_dir import checkpoints_of
from animRL.runner.vec_env import OBS_GROUP, as_groups
from animRL.utils.errors import InputError
from animRL.utils.paths import REPO_ROOT

JOINTS = 5
POLICIES = [
    {},
    {"hidden_dims": [7]},
    {"hidden_dims": [8, 6, 4], "activation": "relu"},
    {"phase_harmonics": 0},
    {"phase_bins": 0},
    {"phase_harmonics": 0, "phase_bins": 0},
    {"obs_normalization": False},
    {"final_std": None},
    {"final_std": None, "learn_std": False},
]


def config(**policy: object) -> WalkTrainConfig:
    cfg = WalkTrainConfig()
    for name, value in policy.items():
        cfg.set(f"policy.{name}", value)
    return cfg


@pytest.mark.parametrize("is_actor", [True, False], ids=["actor", "critic"])
@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_shapes_are_those_of_the_networks(policy: dict, is_actor: bool) -> None:
    cfg = config(**policy)
    settings = actor_config(cfg) if is_actor else network_config(cfg)
    model = resolve_callable(settings.pop("class_name"))
    obs = as_groups(torch.zeros(1, ObservationLayout(JOINTS).size))
    output = JOINTS if is_actor else 1
    network = model(obs, {"n": [OBS_GROUP]}, "n", output, **settings)
    built = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    assert network_shapes(cfg, JOINTS, is_actor) == built


def test_another_network_is_refused_with_the_first_parameter_that_differs() -> None:
    (path,) = checkpoints_of(REPO_ROOT / "results" / "run")[:1]
    values = inspect_checkpoint(path).values
    check_fits(path, values, config(), 32, with_critic=True)
    for cfg, joints, text in (
        (config(hidden_dims=[64, 32]), 32, r"mlp\.0\.weight in the file: \(256, 224\), the "
         r"policy asked for: \(64, 224\)"),
        (config(), 31, r"obs_normalizer\._mean in the file: \(1, 108\), .* \(1, 105\)"),
        (config(phase_bins=0), 32, "mlp.0.weight"),
        (config(obs_normalization=False), 32, r"obs_normalizer\._mean .* asked for: none"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=f"{path}.*actor_state_dict does not fit.*{text}"):
            check_fits(Path(path), values, cfg, joints, with_critic=False)
