"""Which engine and device a configuration means on which machine."""

from __future__ import annotations

import pytest
import torch

from animRL.cfg.mimic.walk_config import WalkConfig
from animRL.sim import factory
from animRL.utils.errors import InputError


@pytest.mark.parametrize(
    ("cuda", "installed", "device", "engine"),
    [
        (True, True, "auto", "warp"),
        (True, True, "cuda:1", "warp"),
        (True, True, "cpu", "mujoco"),
        (True, False, "auto", "mujoco"),
        (False, True, "auto", "mujoco"),
    ],
)
def test_auto_is_warp_where_there_is_a_gpu_to_use(
    monkeypatch: pytest.MonkeyPatch, cuda: bool, installed: bool, device: str, engine: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(factory, "warp_is_installed", lambda: installed)
    assert factory.resolve_engine("auto", device) == engine


@pytest.mark.parametrize("cuda", [True, False])
def test_the_device_auto_is_the_gpu_for_warp_alone(
    monkeypatch: pytest.MonkeyPatch, cuda: bool
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    assert factory.resolve_device("warp", "auto") == ("cuda" if cuda else "cpu")
    assert factory.resolve_device("mujoco", "auto") == "cpu"
    assert factory.resolve_device("kinematic", "auto") == "cpu"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"engine": "gazebo"},
            "sim.engine is 'gazebo'; valid: auto, mujoco, warp, isaacgym, kinematic",
        ),
        ({"engine": "warp"}, "needs mujoco-warp: pip install -e '..gpu.'"),
        ({"engine": "warp", "device": "meta"}, "valid for engine warp: auto, cpu, cuda"),
        ({"engine": "mujoco", "device": "meta"}, "valid for engine mujoco: auto, cpu"),
        ({"device": "moon"}, "sim.device is 'moon'"),
    ],
)
def test_bad_choices_are_one_line(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], message: str
) -> None:
    monkeypatch.setattr(factory, "warp_is_installed", lambda: False)
    cfg = WalkConfig()
    for name, value in settings.items():
        cfg.set(f"sim.{name}", value)
    with pytest.raises(InputError, match=message) as error:
        factory.make_backend(cfg, 1)
    assert "\n" not in str(error.value)
