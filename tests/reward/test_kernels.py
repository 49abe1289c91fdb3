from __future__ import annotations

import math

import pytest
import torch

from animRL.reward.kernels import exponential_kernel


def test_values_by_hand():
    errors = torch.tensor([0.0, 0.5, 1.0, 2.0])
    expected = torch.tensor([1.0, math.exp(-0.0625), math.exp(-0.25), math.exp(-1.0)])
    torch.testing.assert_close(exponential_kernel(errors, sigma=2.0), expected)


def test_error_counts_as_zero_up_to_the_tolerance_and_in_full_above():
    errors = torch.tensor([0.0, 0.2, 0.25, 0.2501, 0.5])
    expected = torch.tensor([1.0, 1.0, 1.0, math.exp(-(0.2501**2)), math.exp(-0.25)])
    torch.testing.assert_close(exponential_kernel(errors, 1.0, tolerance=0.25), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tolerance_is_inclusive_for_numbers_without_an_exact_binary_form(dtype):
    tolerances = [0.1, 0.3, 0.7]
    for tolerance in tolerances:
        error = torch.tensor([tolerance], dtype=dtype)
        assert exponential_kernel(error, 0.01, tolerance).item() == 1.0


@pytest.mark.parametrize("tolerance", [0.0, 0.3])
def test_range_and_monotony(tolerance):
    rewards = exponential_kernel(torch.linspace(0.0, 100.0, 1001), 0.7, tolerance)
    assert rewards[0] == 1.0
    assert ((rewards >= 0.0) & (rewards <= 1.0)).all()
    assert (rewards.diff() <= 0.0).all()


@pytest.mark.parametrize("tolerance", [0.0, 0.5])
def test_a_broken_state_earns_nothing(tolerance):
    rewards = exponential_kernel(torch.tensor([math.nan, math.inf]), 1.0, tolerance)
    assert rewards[0].isnan()
    assert rewards[1] == 0.0


def test_input_is_not_edited():
    errors = torch.tensor([0.1, 2.0])
    exponential_kernel(errors, 1.0, tolerance=0.5)
    assert errors.tolist() == torch.tensor([0.1, 2.0]).tolist()
