"""The exceptions that are told in one line: they say what is wrong outside the program."""

from __future__ import annotations

MOST_CHARACTERS = 400
"""Of an error: a line that can be read; what is longer loses its middle."""


class InputError(ValueError):
    """Bad input from a user, told in one line: what, in which file and field, what would be valid.

    The scripts print it without a traceback and exit with code 2.
    """

    told: bool | None = None
    """Whether another of many processes prints it; None: not known."""

    def __init__(self, message: str) -> None:
        """Keep the message as one line; names in it may come from a file."""
        super().__init__(one_line(message))


class ProcessLost(RuntimeError):
    """A process that this one needs has ended: of a common training, or of an engine.

    The scripts print it in one line and exit with code 1.
    """

    def __init__(self, message: str, told: bool = False) -> None:
        """Say what happened; ``told``: another process says it already."""
        super().__init__(message)
        self.told = told


def one_line(text: str) -> str:
    """Return a text of one line, not too long, in which control characters are visible."""
    text = " ".join(text.splitlines())
    if not text.isprintable():
        text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    if len(text) <= MOST_CHARACTERS:
        return text
    head, tail = 2 * MOST_CHARACTERS // 3, MOST_CHARACTERS // 3 - len(" ... ")
    return f"{text[:head]} ... {text[-tail:]}"
