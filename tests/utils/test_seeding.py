"""Generators of random numbers: who is put back, and who is left alone."""

from __future__ import annotations

import pytest
import torch

from animRL.utils.seeding import forked_rng


def test_the_cpus_generator_is_put_back() -> None:
    before = torch.get_rng_state()
    with forked_rng(torch.device("cpu")):
        torch.manual_seed(5)
        torch.rand(3)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(("device", "touched"), [("cpu", []), ("cuda:1", ["cuda:1"])])
def test_of_many_gpus_only_the_one_in_use_is_touched(
    device: str, touched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[str] = []

    def get_state(name: torch.device | str) -> torch.Tensor:
        found.append(str(name))
        return torch.zeros(1, dtype=torch.uint8)

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(torch.cuda, "get_rng_state", get_state)
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, name: found.append(str(name)))
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    with forked_rng(torch.device(device)):
        pass
    assert found == 2 * touched
