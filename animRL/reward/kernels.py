"""How an error becomes a reward."""

from __future__ import annotations

import torch
from torch import Tensor


def exponential_kernel(error: Tensor, sigma: float, tolerance: float = 0.0) -> Tensor:
    """Turn errors (N,) >= 0 into rewards (N,) in [0, 1]: exp(-(e / sigma)^2).

    An error counts as 0 while it is at most `tolerance`, and in full above it. `sigma` > 0 and
    `tolerance` >= 0 are in the unit of the error; at e = sigma the reward is 1/e = 0.37. The form
    is that of DeepMimic's imitation reward (Peng et al. 2018). A non-finite error is never rewarded
    as a small one: NaN stays NaN, infinity gives 0.
    """
    if tolerance > 0.0:
        error = torch.threshold(error, tolerance, 0.0)
    return torch.exp((error / sigma).square().neg())
