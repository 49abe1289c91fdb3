"""Write the project's own walk clip, made from published figures of human gait.

Example: python scripts/author_walk.py --out resources/datasets/bob3/Walk.txt
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from animRL.cfg.characters.bob_config import BobConfig
from animRL.dataloader.clip import save_clip
from animRL.motion.gait import author_walk
from animRL.sim.character import Character
from animRL.utils.errors import InputError
from animRL.utils.paths import RESOURCES


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the clip; return 0, or 2 with one line where it cannot be made or written."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, default=RESOURCES / "datasets" / "bob3" / "Walk.txt",
        help="file to write (default: the clip that is part of the package)",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    try:
        clip = author_walk(Character.from_config(BobConfig()))
        options.out.parent.mkdir(parents=True, exist_ok=True)
        save_clip(clip, options.out)
    except (InputError, OSError) as error:
        print(f"author_walk: {error}", file=sys.stderr)
        return 2
    print(f"{options.out}: {len(clip.frames)} frames, {clip.duration:.2f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
