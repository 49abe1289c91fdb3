"""Running."""

from __future__ import annotations

from animRL.cfg.mimic.mimic_config import MimicConfig, MimicTrainConfig


class RunConfig(MimicConfig):
    """Follow the run, around and around."""

    class motion_loader:
        motion_files = ["datasets/bob3/Run.txt"]


class RunTrainConfig(MimicTrainConfig):
    """PPO for the run."""

    class runner:
        run_name = "run"
