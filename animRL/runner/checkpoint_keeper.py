"""Which checkpoints of a run stay."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from animRL.runner.checkpoint import save_checkpoint
from animRL.runner.run_dir import BEST_NAME, FINAL_NAME, iteration_path, numbered_checkpoints
from animRL.utils.errors import InputError
from animRL.utils.files import replacing


class CheckpointKeeper:
    """Writes a run's checkpoints and deletes those that are no longer wanted.

    What stays: the last ``keep_last``, every iteration that is a multiple of ``keep_every`` (0:
    none), the best policy and the final one.
    """

    def __init__(self, run_dir: Path, keep_last: int, keep_every: int) -> None:
        """Take charge of a folder."""
        self.run_dir, self.keep_last, self.keep_every = run_dir, keep_last, keep_every

    def save_iteration(self, payload: dict[str, Any]) -> Path:
        """Write the checkpoint of an iteration, then drop older ones.

        Raises:
            InputError: if it cannot be written; all others are there still.
        """
        path = iteration_path(self.run_dir, payload["iter"])
        save_checkpoint(path, payload)
        self._drop_old(int(payload["iter"]))
        return path

    def save_best(self, payload: dict[str, Any]) -> None:
        """Write the best policy so far.

        Raises:
            InputError: if it cannot be written; the one before is there still.
        """
        save_checkpoint(self.run_dir / BEST_NAME, payload)

    def finish(self, last: int) -> None:
        """Leave ``model.pt``: the best policy, or that of iteration ``last`` if none is the best.

        Raises:
            InputError: if it cannot be written.
        """
        best = self.run_dir / BEST_NAME
        source = best if best.exists() else iteration_path(self.run_dir, last)
        if not source.exists():
            return  # no iteration was made
        try:
            content = source.read_bytes()
        except OSError as error:
            raise InputError(f"cannot read '{source}': {error.strerror or error}") from None
        with replacing(self.run_dir / FINAL_NAME) as stream:
            stream.write(content)

    def _drop_old(self, newest: int) -> None:
        """Later ones are damaged, or they would have been gone on from; they count for none."""
        there = [number for number in numbered_checkpoints(self.run_dir) if number <= newest]
        for iteration in there[self.keep_last :]:
            if not self.keep_every or iteration % self.keep_every:
                with suppress(OSError):
                    iteration_path(self.run_dir, iteration).unlink()
