"""What is usual at each phase, and the networks that are told how far from it they are."""

from __future__ import annotations

import math

import pytest
import torch

from animRL.cfg.mimic.walk_config import WalkTrainConfig
from animRL.runner.networks import PhaseModel, PhaseUsual
from animRL.runner.rsl import MLPModel, resolve_callable
from animRL.runner.rsl_config import actor_config
from animRL.runner.vec_env import OBS_GROUP, as_groups


def at(phases: list[float], values: list[float]) -> torch.Tensor:
    return torch.tensor([values, phases]).T


def test_where_nothing_is_known_there_is_no_deviation() -> None:
    assert not PhaseUsual(2, 4, 10)(at([0.0, 0.3, 1.0], [5.0, 6.0, 7.0])).any()


def test_beside_a_bin_never_seen_the_other_one_counts_alone() -> None:
    usual = PhaseUsual(2, 2, 10)
    usual.update(at([0.5, 0.5], [4.0, 6.0]))
    deviation = usual(at([0.1, 0.5, 0.9], [7.0, 7.0, 7.0]))
    assert deviation[:, 0].tolist() == [2.0, 2.0, 2.0]


def test_deviation_is_from_the_interpolated_mean_of_the_bins() -> None:
    usual = PhaseUsual(2, 2, 10)
    # Bins stand at the phases 0, 0.5 and 1; 0.2 belongs to the first, 0.4 to the second.
    usual.update(at([0.0, 0.2, 0.4, 0.6, 1.0], [1.0, 3.0, 10.0, 20.0, 7.0]))
    assert usual.table[:, 0].tolist() == [2.0, 15.0, 7.0]
    deviation = usual(at([0.0, 0.25, 0.5, 0.75], [2.0, 0.0, 15.0, 12.0]))
    torch.testing.assert_close(deviation[:, 0], torch.tensor([0.0, -8.5, 0.0, 1.0]))


def test_older_samples_weigh_less_with_every_update() -> None:
    usual = PhaseUsual(2, 1, 2)  # what was before counts half
    for values, mean in (([4.0], 4.0), ([7.0], 6.0), ([9.0] * 3, 8.4), ([0.0] * 2, 8.4 * 15 / 31)):
        usual.update(at([0.1] * len(values), values))
        assert usual.table[0, 0] == pytest.approx(mean)
    assert usual.table[1].tolist() == [0.0, 0.0]  # a bin that was not visited is left alone


def test_processes_have_the_means_of_all_their_observations(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own, others = at([0.1, 0.4, 0.9], [1.0, 2.0, 3.0]), at([0.2, 0.3], [10.0, 20.0])
    together, alone = PhaseUsual(2, 4, 10), PhaseUsual(2, 4, 10)
    together.update(torch.cat([own, others]))
    sums: list[torch.Tensor] = []
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda value: sums.append(value.clone()))
    PhaseUsual(2, 4, 10).update(others)
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda value: value.add_(sums.pop(0)))
    alone.update(own)
    torch.testing.assert_close(alone.table, together.table)
    assert torch.equal(alone.samples, together.samples) and not sums


def make_model(**settings: int) -> torch.nn.Module:
    torch.manual_seed(0)
    cfg = WalkTrainConfig()
    for name, value in settings.items():
        cfg.set(f"policy.{name}", value)
    network = actor_config(cfg)
    build = resolve_callable(network.pop("class_name"))
    obs = as_groups(torch.zeros(1, 108))
    return build(obs, {"actor": [OBS_GROUP]}, "actor", 32, **network)


def test_without_phase_features_it_is_the_plain_network() -> None:
    assert type(make_model(phase_harmonics=0, phase_bins=0)) is MLPModel


@pytest.mark.parametrize(("harmonics", "bins", "size"), [(3, 0, 114), (0, 20, 216), (4, 20, 224)])
def test_inputs_of_the_network(harmonics: int, bins: int, size: int) -> None:
    model = make_model(phase_harmonics=harmonics, phase_bins=bins)
    assert isinstance(model, PhaseModel)
    obs = torch.randn(7, 108)
    obs[:, -1] = torch.rand(7)
    latent = model.get_latent(as_groups(obs))
    assert latent.shape == (7, size) and model(as_groups(obs)).shape == (7, 32)
    for k in range(harmonics):
        torch.testing.assert_close(latent[:, 108 + k], (2 * math.pi * (k + 1) * obs[:, -1]).sin())


def test_a_deviation_shows_in_units_of_its_spread_and_is_cut() -> None:
    model = make_model(phase_harmonics=0, phase_bins=40).train()
    obs = torch.zeros(2000, 108)
    obs[:, -1] = torch.rand(2000)
    noise = 0.1 * torch.randn(2000)
    obs[:, 0] = torch.sin(2 * math.pi * obs[:, -1]) + noise  # far larger than the noise
    for _ in range(3):
        model.update_normalization(as_groups(obs))
    deviation = model.eval().get_latent(as_groups(obs))[:, 108]
    assert torch.corrcoef(torch.stack([deviation, noise]))[0, 1] > 0.95
    assert 0.8 < deviation.std() < 1.05
    far = obs[:1].clone()
    far[:, 0] += 50.0
    assert model.get_latent(as_groups(far))[0, 108] == 10.0


def test_the_first_actions_are_small_and_a_checkpoint_brings_the_table_back() -> None:
    model = make_model(phase_harmonics=4, phase_bins=10).train()
    obs = torch.randn(500, 108)
    obs[:, -1] = torch.rand(500)
    model.update_normalization(as_groups(obs))
    actions = model.eval()(as_groups(obs))
    assert 0.0 < float(actions.detach().abs().max()) < 0.05
    other = make_model(phase_harmonics=4, phase_bins=10).eval()
    other.load_state_dict(model.state_dict())
    assert other(as_groups(obs)).equal(actions)
    with pytest.raises(NotImplementedError, match="TorchScript"):
        model.as_jit()
