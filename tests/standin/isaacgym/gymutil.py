"""The part of gymutil that needs no simulation."""

from __future__ import annotations


def parse_device_str(device_str):
    """ "cuda:1" -> ("cuda", 1); "cpu" -> ("cpu", 0)."""
    kind, _, number = device_str.partition(":")
    if kind not in ("cpu", "cuda") or (number and not number.isdigit()):
        raise ValueError("Invalid device string %r" % device_str)
    return kind, int(number or 0)
