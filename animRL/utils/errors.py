"""The one exception that means: the input is wrong, not the program."""

from __future__ import annotations


class InputError(ValueError):
    """Bad input from a user, told in one line: what, in which file and field, what would be valid.

    The scripts print it without a traceback and exit with code 2.
    """
