"""Where things lie, whatever the working directory."""

from __future__ import annotations

from pathlib import Path

from animRL.utils.errors import InputError

PACKAGE_ROOT = Path(__file__).resolve().parents[1]
REPO_ROOT = PACKAGE_ROOT.parent
RESOURCES = PACKAGE_ROOT / "resources"
LOGS = PACKAGE_ROOT / "logs"


def resolve_resource(path: str | Path, what: str = "file") -> Path:
    """Find a file named by a user or a configuration and return its absolute path.

    Tried in order: the path itself (absolute or from the working directory), inside
    ``animRL/resources``, from the repository's root.

    Raises:
        InputError: if none of them is a file.
    """
    path = expand_user(path)
    candidates = (
        [path] if path.is_absolute() else [Path.cwd() / path, RESOURCES / path, REPO_ROOT / path]
    )
    for candidate in candidates:
        if is_file(candidate):
            return candidate.resolve()
    places = ", ".join(str(c) for c in candidates)
    raise InputError(f"{what} '{path}' does not exist (looked at {places})")


def expand_user(path: str | Path) -> Path:
    """A path with its ``~`` replaced, left as it is for a user who does not exist."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def is_file(path: Path) -> bool:
    """Whether there is such a regular file; no name, however odd, is an error."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long, with a NUL in it, in a folder that is closed to us
        return False


def is_dir(path: Path) -> bool:
    """Whether there is such a folder; likewise."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
