"""A sparse least-squares problem over a motion's frames, and its damped Gauss-Newton step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from animRL.motion.extras import require
from animRL.motion.rotations import Array


class NormalEquations:
    """Sums J^T J and J^T r of residuals r that depend on a few neighbouring frames each.

    The unknowns are one tangent (V,) for each of n frames. A frame outside 0 to n - 1 is, in a
    loop, the one inside after whole cycles of the planar turn ``turn`` (3, 3), with which tangents
    of the root's position turn; without ``turn`` it is the nearest one inside: motions that do not
    loop begin and end at rest.

    Without ``derivatives`` only ``cost``, half the sum of squares, is summed.
    """

    def __init__(self, frames: int, size: int, turn: Array | None, derivatives: bool) -> None:
        self.derivatives = derivatives
        self.cost = 0.0
        self._frames, self._size, self._turn = frames, size, turn
        self._blocks: dict[tuple[int, int], Array] = {}
        self._gradient = np.zeros((frames, size))

    def add(self, residual: Array, jacobians: dict[int, Array]) -> None:
        """Add rows r (R,) with their derivatives (R, V) by the tangents of some frames."""
        self.cost += 0.5 * float(residual @ residual)
        if not self.derivatives:
            return
        parts: dict[int, Array] = {}
        for frame, jacobian in jacobians.items():
            inside, turned = self._inside(frame, jacobian)
            parts[inside] = parts[inside] + turned if inside in parts else turned
        for a, left in parts.items():
            self._gradient[a] += left.T @ residual
            for b, right in parts.items():
                if b >= a:
                    block, known = left.T @ right, self._blocks.get((a, b))
                    self._blocks[a, b] = block if known is None else known + block

    def step(self, damping: float) -> Array:
        """Solve (J^T J + damping) x = -J^T r for the tangents (n, V)."""
        sparse, linalg = require("scipy.sparse"), require("scipy.sparse.linalg")
        size, count = self._size, self._frames * self._size
        places, values = np.array(list(self._blocks)), np.array(list(self._blocks.values()))
        off = places[:, 0] != places[:, 1]
        places = np.concatenate([places, places[off][:, ::-1]])
        values = np.concatenate([values, values[off].transpose(0, 2, 1)])
        base = np.arange(size)
        rows = places[:, 0, None, None] * size + base[None, :, None]
        columns = places[:, 1, None, None] * size + base[None, None, :]
        indices = tuple(np.broadcast_to(i, values.shape).ravel() for i in (rows, columns))
        matrix = sparse.csc_matrix((values.ravel(), indices), shape=(count, count))
        matrix = matrix + damping * sparse.identity(count, format="csc")
        solved: NDArray[np.float64] = linalg.spsolve(matrix, -self._gradient.ravel())
        return solved.reshape(self._frames, size)

    def _inside(self, frame: int, jacobian: Array) -> tuple[int, Array]:
        """The frame inside that stands for one, and the derivative by that one's tangent."""
        if self._turn is None:
            return min(max(frame, 0), self._frames - 1), jacobian
        cycles, inside = divmod(frame, self._frames)
        if cycles:
            jacobian = jacobian.copy()
            jacobian[:, :3] = jacobian[:, :3] @ np.linalg.matrix_power(self._turn, cycles)
        return inside, jacobian
