"""TensorBoard's file of a run, which costs a training at most a warning."""

from __future__ import annotations

import sys
from contextlib import suppress

from torch.utils.tensorboard import SummaryWriter

from animRL.utils.errors import InputError

FLUSH_SECONDS = 10


class EventFile:
    """Scalars for TensorBoard; after a full disk it takes them and writes no more."""

    def __init__(self, folder: str, first_step: int) -> None:
        """Begin a file.

        Args:
            folder: where.
            first_step: iteration from which on values of earlier files count no more.

        Raises:
            InputError: if it cannot be written.
        """
        purged = first_step if first_step > 1 else None
        self._writer: SummaryWriter | None = None
        try:
            self._writer = SummaryWriter(folder, flush_secs=FLUSH_SECONDS, purge_step=purged)
            self._writer.flush()
        except OSError as error:
            self._drop()
            reason = error.strerror or error
            raise InputError(f"cannot write TensorBoard's file in '{folder}': {reason}") from None

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        """Write one number at an iteration."""
        if self._writer is not None:
            try:
                self._writer.add_scalar(tag, value, step)
            except (OSError, ValueError) as error:  # of an earlier value: a thread writes them
                self._give_up(error)

    def close(self) -> None:
        """Write everything out; safe to call twice."""
        if self._writer is not None:
            try:
                self._writer.close()
                self._writer = None
            except (OSError, ValueError) as error:
                self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        reason = getattr(error, "strerror", None) or error
        with suppress(OSError, ValueError):
            print(f"TensorBoard's file is not written any more: {reason}; training goes on",
                  file=sys.stderr, flush=True)  # fmt: skip
        self._drop()

    def _drop(self) -> None:
        """Close what can be closed; what tensorboard still holds is lost."""
        writer, self._writer = self._writer, None
        if writer is not None:
            with suppress(OSError, ValueError):
                writer.close()
