"""The exceptions that are told in one line: they say what is wrong outside the program."""

from __future__ import annotations


class InputError(ValueError):
    """Bad input from a user, told in one line: what, in which file and field, what would be valid.

    The scripts print it without a traceback and exit with code 2.
    """

    told: bool | None = None
    """Whether another of many processes prints it; None: not known."""


class ProcessLost(RuntimeError):
    """Another process of a common training has ended, so that this one cannot go on.

    The scripts print it in one line and exit with code 1.
    """

    def __init__(self, message: str, told: bool = False) -> None:
        """Say what happened; ``told``: another process says it already."""
        super().__init__(message)
        self.told = told
