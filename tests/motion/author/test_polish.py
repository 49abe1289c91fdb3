"""A clip made physical: its contacts kept, what the ground cannot give taken out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from animRL.cfg.characters.bob_config import BobConfig
from animRL.dataloader.clip import load_clip
from animRL.motion.author.polish import make_physical, planted
from animRL.motion.check.checker import check_clip
from animRL.motion.edit.timing import at_rate
from animRL.motion.ground import contact_spheres
from animRL.motion.trajectory import Trajectory, to_clip
from animRL.sim.character import Character
from animRL.utils.paths import RESOURCES

CLIPS = RESOURCES / "datasets" / "bob3"


@pytest.fixture(scope="module")
def bob() -> Character:
    return Character.from_config(BobConfig())


def motion(name: str) -> Trajectory:
    return Trajectory.from_clip(load_clip(CLIPS / f"{name}.txt"))


def test_feet_are_planted_in_turn_in_a_walk_and_not_in_flight(bob: Character) -> None:
    spheres = contact_spheres(bob)
    left, right = (spheres.of(bob.body_index(foot)) for foot in ("lFoot", "rFoot"))
    walk = planted(bob, motion("Walk"))
    stands = np.stack([walk[:, feet].any(axis=1) for feet in (left, right)])
    assert stands.any(axis=0).all()  # a walk has no flight
    assert 0.55 < stands[0].mean() < 0.7 and 0.55 < stands[1].mean() < 0.7
    jump = motion("Jump")
    flying = jump.root_pos[:, 2] > jump.root_pos[0, 2] + 0.15
    assert flying.sum() > 10
    assert not planted(bob, jump)[flying].any()


def test_a_shaken_squat_is_carried_again_and_stays_the_same_motion(bob: Character) -> None:
    squat = at_rate(motion("Squat"), 20.0)
    # The trunk thrown to and fro about the hips: more than the feet can hold.
    shaken = squat.joint_pos.copy()
    times = squat.dt * np.arange(len(squat))
    swing = np.sin(2.0 * np.pi * 5.0 * times / squat.duration)
    shaken[:, bob.joint_names.index("joint_lowerback_x")] += 0.35 * swing
    harmed = replace(squat, joint_pos=shaken)
    before = check_clip(to_clip(bob, harmed), bob).report
    assert not before.find("tipping").verdict.value == "ok"
    mended = make_physical(bob, harmed)
    after = check_clip(to_clip(bob, mended), bob).report
    for check in ("tipping", "ground force", "foot skating", "penetration", "seam"):
        assert after.find(check).verdict.value == "ok", check
    assert np.abs(mended.root_pos - harmed.root_pos).max() < 0.1
    assert np.abs(mended.joint_pos - squat.joint_pos).max() < 0.5


def test_what_is_physical_hardly_changes(bob: Character) -> None:
    squat = at_rate(motion("Squat"), 20.0)
    again = make_physical(bob, squat)
    assert np.abs(again.joint_pos - squat.joint_pos).max() < 0.05
    assert np.abs(again.root_pos - squat.root_pos).max() < 0.01
