"""Names in a configuration, checked against the names there are."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence

from animRL.utils.errors import InputError


def known_names(names: Collection[str], available: Sequence[str], field: str) -> tuple[str, ...]:
    """Return the names; raises InputError for one that is not available or comes twice.

    Args:
        names: as written in the configuration.
        available: what they may be; listed in the error.
        field: where they were written, for the error.
    """
    for position, name in enumerate(names):
        if name not in available:
            close = difflib.get_close_matches(name, available, n=1)
            hint = f" (did you mean '{close[0]}'?)" if close else ""
            raise InputError(f"{field}: no '{name}'{hint}; available: {', '.join(available)}")
        if name in list(names)[:position]:
            raise InputError(f"{field}: '{name}' is listed twice")
    return tuple(names)


def values_by_name(
    values: float | Mapping[str, float], names: Sequence[str], field: str
) -> list[float]:
    """One number for each name, from a number for all or a mapping with the key "default".

    Raises:
        InputError: for a key that is neither "default" nor a name, and for a name without value.
    """
    if not isinstance(values, Mapping):
        values = {"default": values}
    known_names([key for key in values if key != "default"], names, field)
    missing = [name for name in names if name not in values]
    if missing and "default" not in values:
        raise InputError(f"{field}: no value for '{missing[0]}', and no 'default' for the rest")
    return [float(values.get(name, values.get("default", 0.0))) for name in names]
