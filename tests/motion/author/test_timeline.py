"""How motions go on past their ends, and the derivatives of their rates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from animRL.motion.author.timeline import Rates, Timeline
from animRL.motion.model import CharacterModel
from animRL.motion.trajectory import Trajectory, extended, seam_transform, velocities
from tests.motion.small_characters import HOPPER, about, make_character

FRAMES = 8
TURN = 0.6


@pytest.fixture
def tool(tmp_path: Path) -> CharacterModel:
    return CharacterModel(make_character(tmp_path, HOPPER, ("ankle", "hip", "knee")))


@pytest.fixture
def loop() -> Trajectory:
    """A walk along a circle, bobbing, nodding and swinging, turned by TURN in a cycle."""
    share = np.arange(FRAMES + 1) / FRAMES
    wave = np.sin(2.0 * np.pi * share[:, None] + [0.0, 1.0, 2.0])
    place = np.column_stack([np.sin(TURN * share), 1.0 - np.cos(TURN * share)])
    heading, nod = about((0, 0, 1), 0.2 + TURN * share), 0.05 * wave[:, 0]
    (z, w), (s, c) = heading[:, 2:].T, (np.sin(nod), np.cos(nod))
    quat = np.column_stack([-z * s, w * s, z * c, w * c])  # heading, then a nod about y
    pos = np.column_stack([place, 0.8 + 0.02 * wave[:, 1]])
    return Trajectory(pos, quat, 0.3 * wave, 0.05, loop=True)


def test_a_loop_goes_on_as_the_trajectory_does(tool: CharacterModel, loop: Trajectory) -> None:
    timeline = Timeline(tool, loop)
    qpos = tool.to_qpos(loop)[:-1]
    assert timeline.count == FRAMES
    wanted = tool.to_qpos(extended(loop, 4))
    found = np.stack([timeline.at(qpos, t) for t in range(-4, FRAMES + 5)])
    np.testing.assert_allclose(found[:, :3], wanted[:, :3], atol=1e-12)
    np.testing.assert_allclose(np.abs((found * wanted)[:, 3:7].sum(axis=1)), 1.0, atol=1e-12)
    np.testing.assert_allclose(found[:, 7:], wanted[:, 7:], atol=1e-12)


def test_two_cycles_on_is_the_seam_taken_twice(tool: CharacterModel, loop: Trajectory) -> None:
    timeline, seam = Timeline(tool, loop), seam_transform(loop)
    qpos = tool.to_qpos(loop)[:-1]
    onward = tool.to_qpos(seam.apply(seam.apply(loop)))[3]
    np.testing.assert_allclose(timeline.at(qpos, 2 * FRAMES + 3), onward, atol=1e-12)


def test_a_point_of_the_next_cycle(tool: CharacterModel, loop: Trajectory) -> None:
    timeline = Timeline(tool, loop)
    np.testing.assert_allclose(timeline.next_cycle(loop.root_pos[0]), loop.root_pos[-1], atol=1e-12)
    c, s = np.cos(TURN), np.sin(TURN)
    np.testing.assert_allclose(timeline.turn, [[c, -s, 0], [s, c, 0], [0, 0, 1]], atol=1e-12)


def test_without_a_loop_it_stands_still_past_its_ends(
    tool: CharacterModel, loop: Trajectory
) -> None:
    timeline = Timeline(tool, replace(loop, loop=False))
    qpos = tool.to_qpos(loop)
    assert (timeline.count, timeline.turn) == (FRAMES + 1, None)
    for frame, inside in ((-3, 0), (0, 0), (FRAMES, FRAMES), (FRAMES + 5, FRAMES)):
        np.testing.assert_array_equal(timeline.at(qpos, frame), qpos[inside])
    point = np.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(timeline.next_cycle(point), point)


def test_moved_by_nothing_it_is_the_same_motion(tool: CharacterModel, loop: Trajectory) -> None:
    timeline = Timeline(tool, loop)
    qpos = tool.to_qpos(loop)[:-1]
    same = timeline.trajectory(timeline.moved(qpos, np.zeros((FRAMES, tool.model.nv))))
    assert (same.loop, same.dt) == (True, loop.dt)
    for field in ("root_pos", "root_quat", "joint_pos"):
        np.testing.assert_allclose(getattr(same, field), getattr(loop, field), atol=1e-12)


def test_moved_by_tangents(tool: CharacterModel, loop: Trajectory) -> None:
    qpos = tool.to_qpos(loop)[:-1]
    tangents = 0.1 * np.random.default_rng(0).normal(size=(FRAMES, tool.model.nv))
    moved = Timeline(tool, loop).moved(qpos, tangents)
    np.testing.assert_allclose(tool.difference(qpos, moved), tangents, atol=1e-12)


def test_rates_are_the_velocities_between_the_frames(
    tool: CharacterModel, loop: Trajectory
) -> None:
    timeline = Timeline(tool, loop)
    rates = Rates.of(timeline, tool.to_qpos(loop)[:-1])
    assert rates.half.shape == (FRAMES + 3, tool.model.nv)
    wanted = velocities(loop)
    for t in range(FRAMES):
        (before, _, _), (after, _, _) = rates.around(t)
        middle = 0.5 * (before + after)
        np.testing.assert_allclose(middle[:3], wanted.root_lin[t], atol=1e-12)
        np.testing.assert_allclose(middle[tool.dof_columns], wanted.joint[t], atol=1e-12)


@pytest.mark.parametrize("looping", [True, False])
def test_derivatives_of_the_rates(tool: CharacterModel, loop: Trajectory, looping: bool) -> None:
    """By central differences over the tangent of one frame; 1e-3 is the square of the turns."""
    timeline = Timeline(tool, replace(loop, loop=looping))
    qpos = tool.to_qpos(loop)[: timeline.count]
    rates, nv, step = Rates.of(timeline, qpos), tool.model.nv, 1e-5
    onward = np.eye(nv)
    if timeline.turn is not None:
        onward[:3, :3] = timeline.turn
    for frame in (0, 3, timeline.count - 1):
        for direction in np.eye(nv):
            tangents = np.zeros((timeline.count, nv))
            tangents[frame] = step * direction
            ahead, behind = (
                Rates.of(timeline, timeline.moved(qpos, sign * tangents)) for sign in (1.0, -1.0)
            )
            numeric = (ahead.half - behind.half) / (2.0 * step) * timeline.dt
            (_, _, after), (_, before, _) = rates.around(frame)
            inner = 0 < frame < timeline.count - 1
            if looping or inner:
                np.testing.assert_allclose(numeric[frame + 1], after @ direction, atol=1e-3)
                np.testing.assert_allclose(numeric[frame + 2], -before @ direction, atol=1e-3)
            if looping and frame == 0:  # the frame after the last is this one, turned
                _, (_, _, after) = rates.around(timeline.count - 1)
                wanted = after @ onward @ direction
                np.testing.assert_allclose(numeric[timeline.count + 1], wanted, atol=1e-3)
