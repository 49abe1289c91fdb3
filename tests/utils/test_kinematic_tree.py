"""Trees small enough for hand arithmetic."""

from __future__ import annotations

import math

import torch

from animRL.utils.kinematic_tree import KinematicTree, Node

STRAIGHT = [0.0, 0.0, 0.0, 1.0]
ROOT = Node(-1, [0.0] * 3, STRAIGHT)


def at_origin(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.zeros(count, 3), torch.tensor([STRAIGHT]).repeat(count, 1)


def test_two_links_in_a_plane() -> None:
    links = [
        ROOT,
        Node(0, [0.0, 0.0, 1.0], STRAIGHT, joint=1, axis=[0.0, 1.0, 0.0]),
        Node(1, [0.0, 0.0, 1.0], STRAIGHT, joint=0, axis=[0.0, 1.0, 0.0]),
        Node(2, [0.0, 0.0, 0.5], STRAIGHT),
    ]
    tree = KinematicTree.build(links, num_joints=2, outputs=[3, 1, 2, 0])
    angles = torch.tensor([[0.0, 0.0], [-math.pi / 2, math.pi / 2]])
    pos, quat = tree.forward(*at_origin(2), angles)
    expected = [[0.0, 0.0, 2.5], [1.0, 0.0, 1.5]]
    torch.testing.assert_close(pos[:, 0], torch.tensor(expected), atol=1e-6, rtol=0.0)
    half = math.sqrt(0.5)
    torch.testing.assert_close(quat[1, 1], torch.tensor([0.0, half, 0.0, half]))
    torch.testing.assert_close(quat[1, 0], torch.tensor(STRAIGHT), atol=1e-6, rtol=0.0)


def test_hinge_away_from_the_origin_with_a_reference_angle() -> None:
    link = Node(
        0, [0.0, 0.0, 0.0], STRAIGHT, joint=0, axis=[0.0, 0.0, 1.0],
        anchor=[1.0, 0.0, 0.0], reference=1.0,
    )  # fmt: skip
    tree = KinematicTree.build([ROOT, link], num_joints=1, outputs=[1])
    angles = torch.tensor([[1.0], [1.0 + math.pi / 2]])
    pos, _ = tree.forward(*at_origin(2), angles)
    expected = torch.tensor([[0.0, 0.0, 0.0], [1.0, -1.0, 0.0]])
    torch.testing.assert_close(pos[:, 0], expected, atol=1e-6, rtol=0.0)


def test_a_root_alone_is_where_it_was_put() -> None:
    tree = KinematicTree.build([ROOT], num_joints=0, outputs=[0])
    root_pos, root_quat = torch.rand(3, 3), torch.tensor([STRAIGHT]).repeat(3, 1)
    pos, quat = tree.forward(root_pos, root_quat, torch.zeros(3, 0))
    assert torch.equal(pos[:, 0], root_pos) and torch.equal(quat[:, 0], root_quat)
