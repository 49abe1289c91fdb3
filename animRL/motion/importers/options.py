"""What a user can say about a file, and what importing it returns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from animRL.dataloader.clip import Clip
    from animRL.sim.character import Character

FORMATS = ("clip", "deepmimic", "bvh", "smpl", "npz", "csv")
AXES = ("x", "y", "z", "-x", "-y", "-z")


@dataclass(frozen=True)
class ImportOptions:
    """What to take as given instead of detecting it; None leaves it to the file."""

    format: str | None = None
    """One of `FORMATS`."""
    skeleton: Path | None = None
    """DeepMimic: the character's file; CSV and npz: the robot's MJCF or URDF."""
    role_map: Path | None = None
    """JSON file {role: joint}; see ``motion/anatomy.py``."""
    up: str | None = None
    """Axis of the file's world that points up: y or z."""
    forward: str | None = None
    """Axis along which the character looks in its rest pose, one of `AXES`."""
    scale: float | None = None
    """Metres of one unit of length in the file."""
    fps: float | None = None
    """Frames a second, for files that do not say (and instead of those that do)."""
    character: Character | None = None
    """Whose joints a CSV or npz file without a skeleton holds."""


@dataclass(frozen=True)
class ImportedMotion:
    """A clip with its skeleton, and what was detected on the way: pairs (what, value)."""

    clip: Clip
    report: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...] = ()
