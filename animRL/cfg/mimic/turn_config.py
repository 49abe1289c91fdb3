"""Turning to the left on the spot."""

from __future__ import annotations

from animRL.cfg.mimic.mimic_config import MimicConfig, MimicTrainConfig


class TurnConfig(MimicConfig):
    """Follow the quarter turn in three steps, again and again."""

    class motion_loader:
        motion_files = ["datasets/bob3/Turn.txt"]


class TurnTrainConfig(MimicTrainConfig):
    """PPO for the turn."""

    class runner:
        run_name = "turn"
