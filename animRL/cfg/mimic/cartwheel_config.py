"""Turning a cartwheel."""

from __future__ import annotations

from animRL.cfg.mimic.mimic_config import MimicConfig, MimicTrainConfig


class CartwheelConfig(MimicConfig):
    """Follow the cartwheel once, from stand to stand."""

    class motion_loader:
        motion_files = ["datasets/bob3/Cartwheel.txt"]


class CartwheelTrainConfig(MimicTrainConfig):
    """PPO for the cartwheel."""

    class runner:
        run_name = "cartwheel"
