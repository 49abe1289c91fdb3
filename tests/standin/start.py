"""Put the stand-in in the place of Isaac Gym, for this process and those that it starts."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent
VARIABLE = "ANIMRL_ISAACGYM_PYTHON"


def standin_variables() -> dict[str, str]:
    """Environment variables with which workers find the stand-in.

    They run in this very interpreter, or in the one that ANIMRL_STANDIN_PYTHON names: a Python 3.8
    with torch, numpy < 1.24 and mujoco shows that the worker runs there.
    """
    before = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([str(FOLDER), *([before] if before else [])])
    python = os.environ.get("ANIMRL_STANDIN_PYTHON", sys.executable)
    return {VARIABLE: python, "PYTHONPATH": path}


def use_standin(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the rest of a test."""
    for name, value in standin_variables().items():
        monkeypatch.setenv(name, value)
