"""Rough sketches end physical: carried by their contacts, planted points still, limits kept."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from animRL.cfg.characters.bob_config import BobConfig
from animRL.motion.author.description import parse_description
from animRL.motion.author.problem import PhysicalMotion, Sketch
from animRL.motion.author.sketch import draw
from animRL.motion.dynamics import root_wrench
from animRL.motion.trajectory import body_poses, seam_transform
from animRL.sim.character import Character
from tests.motion.author.hopping import DT, G, Physics, crouch_and_jump, even, hop, soles
from tests.motion.small_characters import HOPPER, make_character


@pytest.fixture
def hopper(tmp_path: Path) -> Character:
    return make_character(tmp_path, HOPPER, ("ankle", "hip", "knee"))


def test_a_jump_drawn_roughly_becomes_one(hopper: Character) -> None:
    motion, down = crouch_and_jump()
    planted = soles(hopper, down)
    before = Physics.of(hopper, motion, planted)
    assert np.abs(before.missing).max() > 0.5
    solved = PhysicalMotion(hopper, Sketch(motion, planted, even(motion))).solve()
    after = Physics.of(hopper, solved, planted)
    assert (
        np.abs(after.missing[1:-1]).max() < 0.02
    )  # at 20 Hz its inverse dynamics and momenta differ by 1 %
    assert np.abs(after.heights[planted]).max() < 1e-3
    assert after.heights.min() > -1e-3
    assert after.slipped.max() < 1e-3
    limits = hopper.joint_lower.numpy() - 1e-3, hopper.joint_upper.numpy() + 1e-3
    assert (solved.joint_pos > limits[0]).all() and (solved.joint_pos < limits[1]).all()
    flight = slice(12, 17)
    fall = np.diff(root_wrench(hopper, solved).centre[11:18, 2], 2) / DT**2
    np.testing.assert_allclose(fall, -G, atol=0.02 * G)
    assert after.heights[flight].min(axis=1).max() > 0.02, "it still leaves the ground"


def test_what_stands_well_stays_where_it_is(hopper: Character) -> None:
    motion = hop(np.zeros(6), np.zeros(6))
    planted = soles(hopper, np.ones(6, dtype=bool))
    solved = PhysicalMotion(hopper, Sketch(motion, planted, even(motion))).solve()
    for field in ("root_pos", "root_quat", "joint_pos"):
        np.testing.assert_allclose(getattr(solved, field), getattr(motion, field), atol=1e-4)


def test_limits_are_kept_where_the_sketch_breaks_them(hopper: Character) -> None:
    """A knee bent backwards, beyond the asset's limit; then limits narrower than the asset's."""
    motion = hop(np.full(4, -0.2), np.zeros(4))
    planted = soles(hopper, np.ones(4, dtype=bool))
    sketch = Sketch(motion, planted, even(motion))
    knee = hopper.joint_names.index("knee")
    assert PhysicalMotion(hopper, sketch).solve().joint_pos[:, knee].min() > -1e-3
    limits = np.stack([hopper.joint_lower.numpy(), hopper.joint_upper.numpy()]).astype(float)
    limits[0, knee] = 0.3
    solved = PhysicalMotion(hopper, replace(sketch, limits=limits)).solve()
    assert solved.joint_pos[:, knee].min() > 0.3 - 1e-3


def test_steps_are_counted_and_can_be_few(hopper: Character) -> None:
    """No more steps than asked for in each of the two stages, and watched over as they go."""
    motion, down = crouch_and_jump()
    sketch, seen = Sketch(motion, soles(hopper, down), even(motion)), []

    def watch(steps: range):
        assert len(steps) == 6
        for step in steps:
            seen.append(step)
            yield step

    few = PhysicalMotion(hopper, sketch).solve(3, watch)
    assert seen == list(range(6))
    missing = [
        np.abs(Physics.of(hopper, m, sketch.planted).missing[1:-1]).max() for m in (motion, few)
    ]
    assert 1e-3 < missing[1] < missing[0]


def test_a_turning_loop_is_physical_over_its_seam(hopper: Character) -> None:
    """Hops along a circle, a push and a flight a cycle, the seam in the middle of the push."""
    share = np.arange(15) / 14
    bend = 0.6 + 0.3 * np.cos(2.0 * np.pi * share)
    rise = np.interp(share, [0, 0.35, 0.5, 0.65, 1], [0, 0, 0.1, 0, 0])
    motion, down = hop(bend, rise, loop=True, turn=0.3), rise == 0.0
    planted = soles(hopper, down)
    weight = even(motion)
    weight[:, :2] = 0.1
    solved = PhysicalMotion(hopper, Sketch(motion, planted, weight)).solve()
    after = Physics.of(hopper, solved, planted)
    assert np.abs(after.missing).max() < 0.01
    assert np.abs(after.heights[planted]).max() < 1e-3
    assert after.slipped.max() < 1e-3
    assert solved.loop and len(solved) == 15
    before, onward = seam_transform(motion), seam_transform(solved)
    assert onward.turn == pytest.approx(before.turn, abs=1e-9)
    np.testing.assert_allclose(onward.offset, before.offset, atol=1e-9)


CROUCH = """
[motion]
frame_rate = 20
loop = true
duration = 1.2
[[keyframe]]
time = 0.0
root = { x = 0.03, z = 0.86, pitch = 0 }
both = { Shoulder_1 = -10 }
left_foot = [0.0, 0.12]
right_foot = [0.0, -0.12]
[[keyframe]]
time = 0.6
root = { x = -0.20, z = 0.62, pitch = 15 }
both = { Shoulder_1 = -30 }
left_foot = [0.0, 0.12]
right_foot = [0.0, -0.12]
[[plant]]
part = "left_foot"
from = 0.0
to = 1.2
[[plant]]
part = "right_foot"
from = 0.0
to = 1.2
"""


def test_bob_crouches_without_falling() -> None:
    """As he is drawn, he would fall over backwards."""
    bob = Character.from_config(BobConfig())
    sketch = draw(bob, parse_description(tomllib.loads(CROUCH), "crouch.toml"))
    before = Physics.of(bob, sketch.trajectory, sketch.planted)
    assert np.abs(before.missing).max() > 0.02
    solved = PhysicalMotion(bob, sketch).solve()
    after = Physics.of(bob, solved, sketch.planted)
    assert np.abs(after.missing).max() < 1e-3
    assert np.abs(after.heights[sketch.planted]).max() < 1e-3
    feet = [bob.body_index("lFoot"), bob.body_index("rFoot")]
    assert np.ptp(body_poses(bob, solved)[0][:, feet], axis=0).max() < 2e-3
    assert np.ptp(solved.root_pos[:, 2]) > 0.2, "he still crouches"
