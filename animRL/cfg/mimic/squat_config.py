"""Squatting."""

from __future__ import annotations

from animRL.cfg.mimic.mimic_config import MimicConfig, MimicTrainConfig


class SquatConfig(MimicConfig):
    """Follow the squat, down and up, again and again."""

    class motion_loader:
        motion_files = ["datasets/bob3/Squat.txt"]


class SquatTrainConfig(MimicTrainConfig):
    """PPO for the squat."""

    class runner:
        run_name = "squat"
