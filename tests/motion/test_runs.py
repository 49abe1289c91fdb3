"""Runs of True: together they are the mask, and false frames keep them apart."""

from __future__ import annotations

import numpy as np
import pytest

from animRL.motion.runs import runs


def test_runs_are_the_stretches_of_true() -> None:
    mask = np.array([1, 1, 0, 1, 0, 0, 1], dtype=bool)
    assert list(runs(mask)) == [slice(0, 2), slice(3, 4), slice(6, 7)]
    assert list(runs(np.zeros(3, dtype=bool))) == []
    assert list(runs(np.zeros(0, dtype=bool))) == []


@pytest.mark.parametrize("seed", range(5))
def test_runs_make_up_the_mask_and_do_not_touch(seed: int) -> None:
    mask = np.random.default_rng(seed).random(50) < 0.6
    found = list(runs(mask))
    rebuilt = np.zeros_like(mask)
    for run in found:
        rebuilt[run] = True
    np.testing.assert_array_equal(rebuilt, mask)
    assert all(before.stop < after.start for before, after in zip(found, found[1:]))
