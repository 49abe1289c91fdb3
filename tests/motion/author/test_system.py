"""The sparse step against a dense least-squares solution, in a turning loop and between ends."""

from __future__ import annotations

import numpy as np
import pytest

from animRL.motion.author.system import NormalEquations

FRAMES, SIZE = 5, 7
TURN = np.array([[0.6, -0.8, 0.0], [0.8, 0.6, 0.0], [0.0, 0.0, 1.0]])


def random_rows() -> list[tuple[np.ndarray, dict[int, np.ndarray]]]:
    """Residuals of one frame, of neighbours, and of frames past both ends."""
    random = np.random.default_rng(0)
    rows = []
    for frame in range(FRAMES):
        rows.append((random.normal(size=3), {frame: random.normal(size=(3, SIZE))}))
    for frame in range(-2, FRAMES + 1):
        near = {frame + k: random.normal(size=(2, SIZE)) for k in range(3)}
        rows.append((random.normal(size=2), near))
    return rows


def in_the_unknowns(frame: int, turn: np.ndarray | None) -> np.ndarray:
    """The matrix (SIZE, FRAMES x SIZE) that gives the tangent of any frame."""
    picked = np.zeros((SIZE, FRAMES, SIZE))
    if turn is None:
        picked[:, np.clip(frame, 0, FRAMES - 1)] = np.eye(SIZE)
        return picked.reshape(SIZE, -1)
    onward = np.eye(SIZE)
    while frame >= FRAMES:
        frame, onward[:3, :3] = frame - FRAMES, onward[:3, :3] @ turn
    while frame < 0:
        frame, onward[:3, :3] = frame + FRAMES, onward[:3, :3] @ turn.T
    picked[:, frame] = onward
    return picked.reshape(SIZE, -1)


@pytest.mark.parametrize("turn", [None, np.eye(3), TURN], ids=["ends", "straight", "turning"])
@pytest.mark.parametrize("damping", [1e-3, 10.0])
def test_step_is_that_of_the_dense_problem(turn: np.ndarray | None, damping: float) -> None:
    system = NormalEquations(FRAMES, SIZE, turn, derivatives=True)
    residuals, jacobians = [], []
    for residual, derivatives in random_rows():
        system.add(residual, derivatives)
        residuals.append(residual)
        jacobians.append(sum(d @ in_the_unknowns(f, turn) for f, d in derivatives.items()))
    residual, jacobian = np.concatenate(residuals), np.concatenate(jacobians)
    unknowns = jacobian.shape[1]
    system_rows = np.concatenate([jacobian, np.sqrt(damping) * np.eye(unknowns)])
    wanted, *_ = np.linalg.lstsq(system_rows, np.append(-residual, np.zeros(unknowns)), rcond=None)
    np.testing.assert_allclose(system.step(damping), wanted.reshape(FRAMES, SIZE), atol=1e-9)
    assert system.cost == pytest.approx(0.5 * residual @ residual)


def test_cost_alone_is_the_same_cost() -> None:
    costs = []
    for derivatives in (True, False):
        system = NormalEquations(FRAMES, SIZE, TURN, derivatives)
        for residual, jacobians in random_rows():
            system.add(residual, jacobians if derivatives else {})
        costs.append(system.cost)
    assert costs[0] == costs[1] > 0.0
