"""Headless Chromium for tests of the page, or the reason why there is none here."""

from __future__ import annotations

import importlib.util
import os
import shutil

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome")
     if (found := shutil.which(name))), None,
)  # fmt: skip
MISSING = (
    "Chromium is not installed" if CHROMIUM is None
    else "the package playwright is not installed"
    if importlib.util.find_spec("playwright") is None
    else "the extra viewer is not installed" if importlib.util.find_spec("viser") is None
    else None
)  # fmt: skip
FLAGS = (
    *("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"),
    *(("--no-sandbox",) if hasattr(os, "geteuid") and os.geteuid() == 0 else ()),
)
"""Draw in software; a sandbox of its own is refused to root."""
