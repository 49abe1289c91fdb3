"""Kernels get narrower where a term does well, by the rule alone, and never back."""

from __future__ import annotations

import pytest

from animRL.reward.composer import RewardComposer
from animRL.reward.narrowing import Narrowing

TERMS = {"track_joint_pos": [2.0, 0.1], "track_ee_pos": [0.5, 0.0]}


def make(above: float = 0.9, rate: float = 0.5, least: float = 0.2) -> Narrowing:
    return Narrowing(RewardComposer(TERMS), above, rate, least)


def test_only_terms_above_the_threshold_are_narrowed() -> None:
    narrowing = make()
    narrowing.update({"track_joint_pos": 0.91, "track_ee_pos": 0.9, "total_reward": 1.0})
    parameters = narrowing.composer.parameters
    assert parameters == {"track_joint_pos": (1.0, 0.1), "track_ee_pos": (0.5, 0.0)}


def test_never_below_the_least_share_and_never_back() -> None:
    narrowing = make()
    sigmas = []
    for mean in (1.0, 0.1, 1.0, 1.0, 1.0):
        narrowing.update({"track_joint_pos": mean, "track_ee_pos": 0.0})
        sigmas.append(narrowing.composer.parameters["track_joint_pos"][0])
    assert sigmas == pytest.approx([1.0, 1.0, 0.5, 0.4, 0.4])
    assert narrowing.first["track_joint_pos"] == 2.0


def test_a_threshold_of_one_never_narrows() -> None:
    narrowing = make(above=1.0)
    narrowing.update({"track_joint_pos": 1.0, "track_ee_pos": 1.0})
    assert narrowing.state_dict() == {"track_joint_pos": 1.0, "track_ee_pos": 1.0}


def test_its_state_scales_the_sigmas_of_the_terms_that_there_still_are() -> None:
    narrowing = make()
    narrowing.update({"track_joint_pos": 1.0, "track_ee_pos": 0.0})
    other = Narrowing(RewardComposer({"track_joint_pos": [0.8, 0.1]}), 0.9, 0.5, 0.2)
    other.load_state_dict({**narrowing.state_dict(), "gone": 0.1})
    assert other.composer.parameters == {"track_joint_pos": (0.4, 0.1)}
    other.update({"track_joint_pos": 1.0})
    assert other.state_dict() == {"track_joint_pos": 0.25}
