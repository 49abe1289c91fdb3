"""Runs that tests leave in the package's logs, and their end."""

from __future__ import annotations

import shutil

from animRL.utils.paths import LOGS


def remove_experiment(name: str) -> None:
    """Delete an experiment's folder."""
    shutil.rmtree(LOGS / name, ignore_errors=True)
