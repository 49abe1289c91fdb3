"""Every residual: its cost by hand, and its gradient against finite differences of the cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from animRL.cfg.characters.bob_config import BobConfig
from animRL.dataloader.clip import load_clip
from animRL.motion.author import residuals
from animRL.motion.author.overlap import add_overlap
from animRL.motion.author.residuals import GroundForces
from animRL.motion.author.system import NormalEquations
from animRL.motion.author.timeline import Rates, Timeline
from animRL.motion.body_shapes import BodyShapes
from animRL.motion.ground import ContactSpheres, contact_spheres, sphere_centres, sphere_heights
from animRL.motion.model import CharacterModel
from animRL.motion.rotations import Array
from animRL.motion.trajectory import Trajectory, body_poses
from animRL.sim.character import Character
from animRL.utils.paths import RESOURCES
from tests.motion.small_characters import BALL, BOX, CLAPPER, about, make_character, rigid

G = 9.81
FRAMES = 6
Residual = Callable[[NormalEquations, "Bench", Array], None]


@dataclass
class Bench:
    """A character's motion, solved for at ``qpos``, and which spheres are planted."""

    tool: CharacterModel
    timeline: Timeline
    spheres: ContactSpheres
    qpos: Array
    planted: np.ndarray

    @classmethod
    def of(cls, character: Character, motion: Trajectory, planted: np.ndarray | None = None):
        tool = CharacterModel(character)
        tool.model.opt.gravity[:] = (0.0, 0.0, -G)
        timeline, spheres = Timeline(tool, motion), contact_spheres(character)
        if planted is None:
            planted = np.zeros((len(motion), len(spheres)), dtype=bool)
        return cls(tool, timeline, spheres, tool.to_qpos(motion)[: timeline.count], planted)

    def system(self, add: Residual, qpos: Array, derivatives: bool) -> NormalEquations:
        """The equations of one residual at some positions."""
        nv = self.tool.model.nv
        system = NormalEquations(self.timeline.count, nv, self.timeline.turn, derivatives)
        add(system, self, qpos)
        return system

    def cost(self, add: Residual) -> float:
        return self.system(add, self.qpos, derivatives=False).cost


@pytest.fixture(scope="module")
def bob() -> Character:
    return Character.from_config(BobConfig())


def turning_walk(bob: Character) -> tuple[Trajectory, np.ndarray]:
    """A few poses about one of the walk, closed to a loop that turns by 0.3 rad."""
    walk = Trajectory.from_clip(load_clip(RESOURCES / "datasets/bob3/Walk.txt")).frames([4])
    share = np.arange(FRAMES + 1) / FRAMES
    random = np.random.default_rng(0)
    wave = np.sin(2.0 * np.pi * share[:, None] + random.uniform(0.0, 6.0, 35))
    place = np.column_stack([2.0 * np.sin(0.3 * share), 1.0 - 2.0 * np.cos(0.3 * share)])
    pos = np.column_stack([place, walk.root_pos[0, 2] + 0.002 * wave[:, 0]])
    joints = walk.joint_pos + 0.02 * wave[:, 3:]
    motion = Trajectory(pos, about((0, 0, 1), 0.3 * share), joints, 0.02, loop=True)
    spheres = contact_spheres(bob)
    heights = sphere_heights(spheres, sphere_centres(spheres, *body_poses(bob, motion)))
    pos[:, 2] -= heights.min() + 0.004
    foot = spheres.body == bob.body_index("lFoot")
    planted = np.tile(foot, (FRAMES + 1, 1))
    planted[2, np.flatnonzero(foot)[:3]] = False
    return motion, planted


@pytest.fixture(scope="module", params=["loop", "ends"])
def bench(request: pytest.FixtureRequest, bob: Character) -> Bench:
    motion, planted = turning_walk(bob)
    if request.param == "ends":
        motion = motion.frames(slice(0, FRAMES))
    return Bench.of(bob, motion, planted)


def pose(system: NormalEquations, bench: Bench, qpos: Array) -> None:
    price = np.linspace(0.5, 2.0, bench.tool.model.nv)[None].repeat(bench.timeline.count, axis=0)
    price[:, 3:6] = 0.7
    sketch = bench.timeline.moved(
        bench.qpos, 0.1 * np.cos(np.arange(price.size)).reshape(price.shape)
    )
    residuals.add_pose(system, bench.tool, qpos, sketch, price)


def jerk(system: NormalEquations, bench: Bench, qpos: Array) -> None:
    price = np.full(bench.tool.model.nv, 3e-4)
    residuals.add_jerk(system, bench.timeline, Rates.of(bench.timeline, qpos), price)


def limits(system: NormalEquations, bench: Bench, qpos: Array) -> None:
    """Limits so narrow that many joints are beyond them."""
    middle = bench.qpos[:, bench.tool.qpos_columns].mean(axis=0)
    residuals.add_limits(system, bench.tool, qpos, np.stack([middle - 0.01, middle + 0.01]), 100.0)


def ground(system: NormalEquations, bench: Bench, qpos: Array) -> None:
    residuals.add_ground(
        system, bench.timeline, qpos, bench.spheres, bench.planted, (1000.0, 300.0)
    )


def contacts_of(bench: Bench, qpos: Array) -> list[residuals.Contacts]:
    unused = NormalEquations(bench.timeline.count, bench.tool.model.nv, None, derivatives=False)
    prices = (0.0, 0.0)
    return residuals.add_ground(unused, bench.timeline, qpos, bench.spheres, bench.planted, prices)


def slip(system: NormalEquations, bench: Bench, qpos: Array) -> None:
    residuals.add_slip(system, bench.timeline, contacts_of(bench, qpos), 1000.0)


def wrench(system: NormalEquations, bench: Bench, qpos: Array) -> None:
    weight = G * float(bench.tool.model.body_subtreemass[0])
    residuals.add_wrench(
        system, bench.timeline, qpos, Rates.of(bench.timeline, qpos), contacts_of(bench, qpos),
        GroundForces(0.8, weight, 0.05), 60.0,
    )  # fmt: skip


@pytest.mark.parametrize("add", [pose, jerk, limits, ground, slip, wrench])
def test_gradient_is_that_of_the_cost(add: Residual, bench: Bench) -> None:
    """Along random directions; a step under very large damping is the gradient, reversed.

    What is left is the square of the turns from frame to frame (0.05 rad) in ``Rates``; of slip,
    what the first-order roll of a sphere of 1 cm leaves out.
    """
    system = bench.system(add, bench.qpos, derivatives=True)
    assert system.cost > 0.0
    gradient = -1e16 * system.step(1e16)
    random, numeric, exact = np.random.default_rng(1), [], []
    for _ in range(6):
        direction = random.normal(size=gradient.shape)
        costs = [
            bench.system(add, bench.timeline.moved(bench.qpos, s * direction), False).cost
            for s in (1e-6, -1e-6)
        ]
        numeric.append((costs[0] - costs[1]) / 2e-6)
        exact.append((gradient * direction).sum())
    np.testing.assert_allclose(exact, numeric, atol=1e-3 * np.linalg.norm(gradient))


def test_gradient_of_overlap(tmp_path: Path) -> None:
    """Two balls of 0.1 m on arms of 0.5 m, 0.15 m apart: 0.05 m deep, and a gap is asked for."""
    apart = {"a": 1.0, "b": -1.0}
    clapper = make_character(tmp_path, CLAPPER, ("a", "b"), default=apart)
    half = np.arcsin(0.15)
    motion = Trajectory(np.zeros((2, 3)), about((1, 2, 3), np.array([0.2, 0.4])),
                        np.array([[half, -half], [1.0, -1.0]]), 0.1)  # fmt: skip
    bench, shapes = Bench.of(clapper, motion), BodyShapes(clapper)

    def overlap(system: NormalEquations, bench: Bench, qpos: Array) -> None:
        add_overlap(system, shapes, qpos, 0.005, 50.0)

    system = bench.system(overlap, bench.qpos, derivatives=True)
    assert system.cost == pytest.approx(0.5 * (50.0 * 0.055) ** 2, rel=1e-3)
    assert bench.cost(overlap) == system.cost
    gradient = -1e16 * system.step(1e16)
    lever = 50.0**2 * 0.055 * 0.5 * np.cos(half)  # d depth / d a = -0.5 cos(half)
    wanted = np.zeros((2, 8))
    wanted[0, 6:] = [-lever, lever]
    np.testing.assert_allclose(gradient, wanted, atol=1e-3 * lever)


def test_shapes_that_just_touch_cost_the_same_with_derivatives(tmp_path: Path) -> None:
    """There is no line along which to part them, but the price of the gap is due."""
    clapper = make_character(tmp_path, CLAPPER, ("a", "b"), default={"a": 1.0, "b": -1.0})
    half, shapes = np.arcsin(0.2), BodyShapes(clapper)
    upright = about((0, 0, 1), np.zeros(1))
    motion = Trajectory(np.zeros((1, 3)), upright, np.array([[half, -half]]), 0.1)
    bench = Bench.of(clapper, motion)
    for derivatives in (True, False):
        system = NormalEquations(1, 8, None, derivatives)
        add_overlap(system, shapes, bench.qpos, 0.005, 50.0)
        assert system.cost == pytest.approx(0.5 * (50.0 * 0.005) ** 2, rel=1e-6)


def test_beyond_a_limit_by_hand(tmp_path: Path) -> None:
    clapper = make_character(tmp_path, CLAPPER, ("b", "a"))
    motion = Trajectory(
        np.zeros((1, 3)), about((0, 0, 1), np.zeros(1)), np.array([[0.3, -0.7]]), 0.1
    )
    bench = Bench.of(clapper, motion)

    def narrow(system: NormalEquations, bench: Bench, qpos: Array) -> None:
        residuals.add_limits(system, bench.tool, qpos, np.array([[-1, -0.5], [0.1, 1]]), 10.0)

    assert bench.cost(narrow) == pytest.approx(0.5 * (2.0**2 + 2.0**2))


def test_heights_by_hand(tmp_path: Path) -> None:
    """A box 2 cm too high with its lower corners planted; then sunk by 1 cm and not planted."""
    box = make_character(tmp_path, BOX)
    planted = (contact_spheres(box).centre[:, 2] < 0.0)[None]
    high = Bench.of(box, rigid(np.array([[0.0, 0.0, 0.07]]), 0.1), planted)
    assert high.cost(ground) == pytest.approx(0.5 * 4 * (1000.0 * 0.02) ** 2)
    sunk = Bench.of(box, rigid(np.array([[0.0, 0.0, 0.04]]), 0.1))
    assert sunk.cost(ground) == pytest.approx(0.5 * 4 * (300.0 * 0.01) ** 2)


def test_a_ball_may_roll_but_not_slip(tmp_path: Path) -> None:
    """Turning about (-2, 1, 0) it rolls along z x that; turning alone, or sliding, it slips."""
    ball = make_character(tmp_path, BALL)
    angle = 0.01 * np.arange(4)
    ahead = np.cross([-2.0, 1.0, 0.0], [0.0, 0.0, 1.0]) / np.sqrt(5.0)
    place = np.outer(0.1 * angle, ahead) + [0.0, 0.0, 0.1]
    planted, spin = np.ones((4, 1), dtype=bool), about((-2, 1, 0), angle)
    rolling = Bench.of(ball, rigid(place, 0.1, spin), planted)
    sliding = Bench.of(ball, rigid(place, 0.1), planted)
    spinning = Bench.of(ball, rigid(place[[0] * 4], 0.1, spin), planted)
    slipped = 0.5 * 3 * (1000.0 * 0.1 * 0.01) ** 2
    assert rolling.cost(slip) < 1e-6 * slipped
    assert sliding.cost(slip) == pytest.approx(slipped)
    assert spinning.cost(slip) == pytest.approx(slipped, rel=1e-3)


def test_jerk_by_hand(tmp_path: Path) -> None:
    """From rest to rest by 0.1 m in one frame of 0.1 s: third differences 1, -2, 1."""
    ball = make_character(tmp_path, BALL)
    place = np.array([[0.0, 0.0, 0.0], [0.1, 0.0, 0.0]])
    bench = Bench.of(ball, rigid(place, 0.1))
    steps = 3e-4 * 0.1 / 0.1**3 * np.array([1.0, -2.0, 1.0])
    assert bench.cost(jerk) == pytest.approx(0.5 * steps @ steps)


def test_a_loops_jerk_is_counted_once_a_frame(tmp_path: Path) -> None:
    """A cosine's third differences over n frames: sum of squares n / 2 x (2 sin(pi / n))^6."""
    ball = make_character(tmp_path, BALL)
    share = np.arange(9) / 8
    place = np.column_stack([share, np.zeros(9), 0.1 * np.cos(2.0 * np.pi * share)])
    bench = Bench.of(ball, replace(rigid(place, 0.1), loop=True))
    squares = 8 / 2 * 0.1**2 * (2.0 * np.sin(np.pi / 8)) ** 6
    assert bench.cost(jerk) == pytest.approx(0.5 * (3e-4 / 0.1**3) ** 2 * squares)


def test_what_the_ground_cannot_give_by_hand(tmp_path: Path) -> None:
    """At rest in the air the weight is missing; on four corners, only the price of force is left.

    The load is shared by 32 edges of cones alike, 1/32 of the weight each.
    """
    box = make_character(tmp_path, BOX)
    rest = rigid(np.array([[0.0, 0.0, 0.05]] * 2), 0.1)
    planted = np.tile(contact_spheres(box).centre[:, 2] < 0.0, (2, 1))
    assert Bench.of(box, rest).cost(wrench) == pytest.approx(0.5 * 2 * 60.0**2)
    price = 0.5 * 2 * (60.0 * 0.05) ** 2 / 32
    assert Bench.of(box, rest, planted).cost(wrench) == pytest.approx(price, rel=1e-3)
