from __future__ import annotations

import pytest
import torch

from animRL.reward.composer import RewardComposer, term_names
from animRL.reward.rewards import REWARDS
from animRL.utils.errors import InputError
from tests.reward.oracle import TERMS, perfect_data, random_data

VALID = ", ".join(sorted(TERMS))


def test_every_method_is_a_term():
    assert term_names() == sorted(TERMS)


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
