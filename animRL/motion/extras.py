"""Libraries that only this folder needs; scipy comes with the package, the others with extras."""

from __future__ import annotations

import importlib
from types import ModuleType

from animRL.utils.errors import InputError


def require(name: str) -> ModuleType:
    """Import such a library by its dotted name.

    Raises:
        InputError: one line with the command that installs it, if it is missing.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        package = name.partition(".")[0]
        if error.name != package:
            raise
        raise InputError(
            f"this needs {package}, which is not installed: pip install -c constraints.txt "
            "-e '.[motion]'"
        ) from None
