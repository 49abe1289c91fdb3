from __future__ import annotations

import pytest
import torch

from animRL.utils import machine


def test_the_machine_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"GPU {device.index}")
    monkeypatch.setattr(machine, "PACKAGES", ("torch", "no-such-package"))
    assert machine.versions() == {"torch": torch.__version__}
    assert machine.gpu(torch.device("cuda:1")) == {"gpu": "GPU 1"}
    assert machine.gpu(torch.device("cpu")) == {}
    assert machine.processor()
