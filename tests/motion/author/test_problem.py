"""Rough sketches end physical: carried by their contacts, planted points still, limits kept."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from animRL.cfg.characters.bob_config import BobConfig
from animRL.motion.author.description import parse_description
from animRL.motion.author.problem import PhysicalMotion, Sketch
from animRL.motion.author.sketch import draw
from animRL.motion.dynamics import contact_forces, root_wrench
from animRL.motion.ground import contact_spheres, sphere_centres, sphere_heights
from animRL.motion.trajectory import Array, Trajectory, body_poses, seam_transform
from animRL.sim.character import Character
from tests.motion.small_characters import HOPPER, about, make_character

G = 9.81
DT = 0.05


@dataclass
class Physics:
    """What a motion asks of its planted contacts, in shares of the body's weight and metres."""

    missing: Array
    """(T, 6): force, and moment over 1 m, that the contacts cannot give."""
    heights: Array
    """(T, S) of all contact spheres."""
    slipped: Array
    """Way of the planted spheres from frame to frame, their roll left out."""

    @classmethod
    def of(cls, character: Character, motion: Trajectory, planted: np.ndarray) -> Physics:
        spheres = contact_spheres(character)
        centres = sphere_centres(spheres, *body_poses(character, motion))
        wrench, weight = root_wrench(character, motion), G * float(character.body_mass.sum())
        missing = []
        for t, down in enumerate(planted):
            points = centres[t, down] * [1.0, 1.0, 0.0]
            parts = wrench.centre[t], wrench.force[t], wrench.moment[t]
            missing.append(contact_forces(points, *parts, character.friction, weight)[1] / weight)
        both = planted[1:] & planted[:-1] & (spheres.radius == 0.0)
        slipped = np.linalg.norm(np.diff(centres[..., :2], axis=0), axis=-1)[both]
        return cls(np.array(missing), sphere_heights(spheres, centres), slipped)


@pytest.fixture
def hopper(tmp_path: Path) -> Character:
    return make_character(tmp_path, HOPPER, ("ankle", "hip", "knee"))


def hop(bend: Array, rise: Array, loop: bool = False, turn: float = 0.0) -> Trajectory:
    """Bent in hip, knee and ankle by so much [rad], the foot level and ``rise`` above the ground.

    With ``turn`` it goes round in a circle of half a metre.
    """
    share = turn * np.linspace(0.0, 1.0, len(bend))
    place = 0.5 * np.column_stack([np.sin(share), 1.0 - np.cos(share)])
    height = 0.06 + 0.8 * np.cos(bend) + rise
    joints = np.column_stack([-bend, -bend, 2.0 * bend])
    quat = about((0, 0, 1), share)
    return Trajectory(np.column_stack([place, height]), quat, joints, DT, loop)


def soles(hopper: Character, down: np.ndarray) -> np.ndarray:
    """The lower corners of the foot planted in some frames (T,)."""
    spheres = contact_spheres(hopper)
    foot = spheres.body == hopper.body_index("foot")
    return np.outer(down, foot & (spheres.centre[:, 2] < -0.05))


def even(motion: Trajectory) -> Array:
    return np.ones((len(motion), 6 + motion.joint_pos.shape[1]))


def crouch_and_jump() -> tuple[Trajectory, np.ndarray]:
    """Crouch, stretch, a third of a second in the air drawn as a triangle, land, stand up."""
    bend = np.interp(
        np.arange(29), [0, 3, 8, 11, 14, 17, 20, 25, 28], [0.3, 0.3, 1, 0.2, 0.4, 0.2, 1, 0.3, 0.3]
    )
    rise = np.interp(np.arange(29), [0, 11, 14, 17, 28], [0.0, 0.0, 0.2, 0.0, 0.0])
    return hop(bend, rise), (np.arange(29) <= 11) | (np.arange(29) >= 17)


def test_a_jump_drawn_roughly_becomes_one(hopper: Character) -> None:
    motion, down = crouch_and_jump()
    planted = soles(hopper, down)
    before = Physics.of(hopper, motion, planted)
    assert np.abs(before.missing).max() > 0.5
    solved = PhysicalMotion(hopper, Sketch(motion, planted, even(motion))).solve()
    after = Physics.of(hopper, solved, planted)
    assert np.abs(after.missing[1:-1]).max() < 1e-3
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
    assert np.abs(after.missing).max() < 2e-3
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
    sketch = draw(bob, parse_description(tomllib.loads(CROUCH), "crouch.toml", "crouch"))
    before = Physics.of(bob, sketch.trajectory, sketch.planted)
    assert np.abs(before.missing).max() > 0.02
    solved = PhysicalMotion(bob, sketch).solve()
    after = Physics.of(bob, solved, sketch.planted)
    assert np.abs(after.missing).max() < 1e-3
    assert np.abs(after.heights[sketch.planted]).max() < 1e-3
    feet = [bob.body_index("lFoot"), bob.body_index("rFoot")]
    assert np.ptp(body_poses(bob, solved)[0][:, feet], axis=0).max() < 2e-3
    assert np.ptp(solved.root_pos[:, 2]) > 0.2, "he still crouches"
