"""Write the project's own walk clip, made from published figures of human gait."""

from __future__ import annotations

from pathlib import Path

from animRL.cfg.characters.bob_config import BobConfig
from animRL.dataloader.clip import save_clip
from animRL.motion.gait import author_walk
from animRL.scripts.cli import Parser, add_common_arguments, run_main
from animRL.sim.character import Character
from animRL.utils.errors import InputError
from animRL.utils.paths import RESOURCES


def main(argv: list[str] | None = None) -> int:
    """Write the clip."""
    parser = Parser(__doc__ or "", "python scripts/author_walk.py --out my_walk.txt")
    add_common_arguments(parser, ("debug",))
    parser.add_argument(
        "--out", type=Path, default=RESOURCES / "datasets" / "bob3" / "Walk.txt", metavar="FILE",
        help="file to write (default: the clip that is part of the package)",
    )  # fmt: skip
    args = parser.parse_args(argv)
    clip = author_walk(Character.from_config(BobConfig()))
    try:
        args.out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out: cannot write {args.out} ({error.strerror})") from None
    save_clip(clip, args.out)
    print(f"{args.out}: {len(clip.frames)} frames, {clip.duration:.2f} s")
    return 0


if __name__ == "__main__":
    run_main(main)
