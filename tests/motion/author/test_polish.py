"""A motion that exists becomes physical with the contacts that it has."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from animRL.motion.author.polish import make_physical, planted
from animRL.motion.trajectory import body_poses
from animRL.sim.character import Character
from tests.motion.author.hopping import Physics, crouch_and_jump, soles
from tests.motion.small_characters import HOPPER, make_character


@pytest.fixture
def hopper(tmp_path: Path) -> Character:
    return make_character(tmp_path, HOPPER, ("ankle", "hip", "knee"))


def test_contacts_are_those_of_the_motion(hopper: Character) -> None:
    """At the frames of take-off and landing the sole is down but already moves: either is right."""
    motion, down = crouch_and_jump()
    found, drawn = planted(hopper, motion), soles(hopper, down)
    inside = np.setdiff1d(np.arange(len(motion)), [11, 17])
    np.testing.assert_array_equal(found[inside], drawn[inside])


def test_a_jump_that_cannot_be_becomes_one_that_can(hopper: Character) -> None:
    motion, _ = crouch_and_jump()
    contacts = planted(hopper, motion)
    seen: list[int] = []
    physical = make_physical(hopper, motion, lambda steps: (seen.append(i) or i for i in steps))
    assert seen
    before = Physics.of(hopper, motion, contacts)
    after = Physics.of(hopper, physical, contacts)
    assert np.abs(before.missing[1:-1]).max() > 0.5
    assert np.abs(after.missing[1:-1]).max() < 2e-3
    assert np.abs(after.heights[contacts]).max() < 1e-3
    assert after.slipped.max() < 1e-3
    moved = body_poses(hopper, physical)[0] - body_poses(hopper, motion)[0]
    assert np.linalg.norm(moved, axis=-1).mean() < 0.1
