"""Jumping on the spot."""

from __future__ import annotations

from animRL.cfg.mimic.mimic_config import MimicConfig, MimicTrainConfig


class JumpConfig(MimicConfig):
    """Follow the jump, again and again."""

    class motion_loader:
        motion_files = ["datasets/bob3/Jump.txt"]


class JumpTrainConfig(MimicTrainConfig):
    """PPO for the jump."""

    class runner:
        run_name = "jump"
