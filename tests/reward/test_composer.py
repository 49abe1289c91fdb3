from __future__ import annotations

import pytest
import torch

from animRL.cfg.base_config import ConfigError
from animRL.cfg.mimic.mimic_config import MimicConfig
from animRL.reward.composer import RewardComposer, term_names
from animRL.reward.rewards import REWARDS
from animRL.utils.errors import InputError
from tests.reward.oracle import TERMS, perfect_data, random_data

IMITATION = (
    "imitate_center_of_mass", "imitate_end_effectors", "imitate_pose", "imitate_velocity",
)  # fmt: skip
VALID = ", ".join(sorted([*TERMS, *IMITATION]))


def test_every_method_is_a_term():
    assert term_names() == sorted([*TERMS, *IMITATION])


def test_total_is_the_product_of_the_named_terms():
    data = random_data(0)
    total, terms = RewardComposer(TERMS)(data)
    assert list(terms) == list(TERMS)
    expected = torch.ones(64)
    for name, (sigma, tolerance) in TERMS.items():
        one = getattr(REWARDS, f"reward_{name}")(data, sigma, tolerance)
        assert torch.equal(terms[name], one)
        expected = expected * one
    assert total.shape == (64,)
    torch.testing.assert_close(total, expected)


def test_a_single_term_is_the_total():
    total, terms = RewardComposer({"track_joint_pos": [3.0, 0.1]})(random_data(1))
    assert torch.equal(total, terms["track_joint_pos"])


def test_perfect_tracking_scores_one():
    total, _ = RewardComposer(TERMS)(perfect_data(2))
    assert (total >= 1.0 - 1e-6).all()


def test_sigma_and_tolerance_reach_the_term():
    composer = RewardComposer({"joint_targets_rate": [10, 4]})
    assert composer.parameters == {"joint_targets_rate": (10.0, 4.0)}
    data = random_data(3) | {"joint_targets_rate": torch.linspace(0.0, 8.0, 64)}
    total, _ = composer(data)
    expected = torch.exp(-((data["joint_targets_rate"] / 10) ** 2))
    expected[data["joint_targets_rate"] <= 4] = 1.0
    torch.testing.assert_close(total, expected)


def test_inputs_are_not_edited():
    data, terms = random_data(4), {name: list(value) for name, value in TERMS.items()}
    before = {k: v.clone() for k, v in data.items() if isinstance(v, torch.Tensor)}
    total, values = RewardComposer(terms)(data)
    assert terms == TERMS
    assert all(torch.equal(data[key], value) for key, value in before.items())
    assert all(total is not value for value in values.values())


def test_unknown_term_is_refused_with_the_valid_ones():
    with pytest.raises(InputError) as error:
        RewardComposer({"track_knees": [1.0, 0.0]})
    assert str(error.value) == (
        f"rewards.terms.track_knees: no method REWARDS.reward_track_knees; valid: {VALID}"
    )


def test_no_terms_are_refused():
    with pytest.raises(InputError, match=rf"^rewards\.terms: empty; valid: {VALID}$"):
        RewardComposer({})


@pytest.mark.parametrize(
    "value",
    [[0.0, 0.0], [-1.0, 0.0], [1.0, -0.1], [1.0], [1.0, 0.0, 0.0], 1.0, "ab", ["1", "0"], None]
    + [[float("nan"), 0.0], [float("inf"), 0.0], [1.0, float("nan")], [True, 0.0]],
)
def test_bad_numbers_are_refused(value):
    with pytest.raises(InputError, match=r"^rewards\.terms\.track_ee_pos: .*sigma > 0"):
        RewardComposer({"track_ee_pos": value})


class _OwnRewards(REWARDS):
    @staticmethod
    def reward_alive(data, sigma, tolerance=0.0):
        return torch.full_like(data["phase"], 0.5)

    @staticmethod
    def reward_summed(data, sigma, tolerance=0.0):
        return data["phase"].sum()


def test_own_methods_are_terms():
    total, _ = RewardComposer({"alive": [1.0, 0.0]}, _OwnRewards)(random_data(5))
    assert (total == 0.5).all()


def test_a_term_of_the_wrong_shape_is_refused():
    composer = RewardComposer({"alive": [1.0, 0.0], "summed": [1.0, 0.0]}, _OwnRewards)
    with pytest.raises(InputError, match=r"^rewards\.terms\.summed: .*shape \(\); valid: \(64,\)"):
        composer(random_data(6))


PAIR = {"track_joint_pos": [3.0, 0.0], "joint_targets_rate": [12.0, 0.0]}


def test_a_sum_weighs_its_terms_by_shares_of_one():
    composer = RewardComposer(PAIR, combine="sum", weights={"track_joint_pos": 3.0})
    assert composer.weights == {"track_joint_pos": 0.75, "joint_targets_rate": 0.25}
    total, terms = composer(random_data(6))
    expected = 0.75 * terms["track_joint_pos"] + 0.25 * terms["joint_targets_rate"]
    torch.testing.assert_close(total, expected)
    assert (composer(perfect_data(6))[0] >= 1.0 - 1e-6).all()


def test_weights_of_one_change_no_product():
    plain, _ = RewardComposer(PAIR)(random_data(7))
    composer = RewardComposer(PAIR, weights={"track_joint_pos": 1.0})
    assert torch.equal(composer(random_data(7))[0], plain) and composer.weights == {}


@pytest.mark.parametrize(
    ("combine", "weights", "where"),
    [
        ("product", {"track_joint_pos": 2.0}, "rewards.weights.track_joint_pos: a product"),
        ("sum", {"track_knees": 1.0}, "rewards.weights.track_knees: no such term"),
        ("sum", {"track_ee_pos": 1.0}, "valid: track_joint_pos, joint_targets_rate"),
        ("sum", {"track_joint_pos": -1.0}, "rewards.weights.track_joint_pos: -1.0; valid"),
        ("sum", {"track_joint_pos": 0.0, "joint_targets_rate": 0.0}, "rewards.weights: all 0"),
        ("mean", {}, "rewards.combine: 'mean'; valid: 'product', 'sum'"),
    ],
)
def test_a_wrong_combination_is_one_line(combine, weights, where):
    with pytest.raises(InputError) as error:
        RewardComposer(PAIR, combine=combine, weights=weights)
    assert where in str(error.value) and "\n" not in str(error.value)


def test_a_configuration_says_all_of_it():
    cfg = MimicConfig()
    for name in ("track_base_height", "track_base_orientation", "track_base_vel", "track_ee_pos"):
        cfg.set(f"rewards.terms.{name}", None)
    cfg.set("rewards.combine", "sum")
    cfg.set("rewards.weights.joint_targets_rate", 4)
    composer = RewardComposer.from_config(cfg.rewards)
    assert composer.weights == {"track_joint_pos": 0.2, "joint_targets_rate": 0.8}
    with pytest.raises(ConfigError, match="rewards.weights.track_joint_pos"):
        cfg.set("rewards.weights.track_joint_pos", "much")


def test_a_term_whose_data_are_not_there_is_one_line():
    composer = RewardComposer({"imitate_pose": [0.7, 0.0]})
    assert set(composer.needs) == {"imitate_pose"}
    with pytest.raises(InputError) as error:
        composer(random_data(8))
    text = str(error.value)
    assert text.startswith("rewards.terms.imitate_pose: needs") and "\n" not in text
    assert text.endswith(f"valid on recordings: {', '.join(sorted(TERMS))}")
