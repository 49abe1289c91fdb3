"""Walking."""

from __future__ import annotations

from animRL.cfg.mimic.mimic_config import MimicConfig, MimicTrainConfig


class WalkConfig(MimicConfig):
    """Follow the walk, around and around."""

    class motion_loader:
        motion_files = ["datasets/bob3/Walk.txt"]


class WalkTrainConfig(MimicTrainConfig):
    """PPO for the walk."""

    class runner:
        run_name = "walk"
