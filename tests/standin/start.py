"""Put the stand-in in the place of Isaac Gym, for this process and those that it starts."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent
VARIABLE = "ANIMRL_ISAACGYM_PYTHON"


def standin_variables() -> dict[str, str]:
    """Environment variables with which workers find the stand-in, in this very interpreter."""
    before = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([str(FOLDER), *([before] if before else [])])
    return {VARIABLE: sys.executable, "PYTHONPATH": path}


def use_standin(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the rest of a test."""
    for name, value in standin_variables().items():
        monkeypatch.setenv(name, value)
