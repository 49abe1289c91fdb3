"""Write a character as a URDF file, for programs that read nothing else, and check it.

The file is loaded back into MuJoCo and compared: masses, inertias, shapes that collide, limits,
axes, and where the bodies are in random poses.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from animRL.scripts.cli import Parser, add_common_arguments, run_main
from animRL.scripts.motion_commands.common import CHARACTERS, output_path
from animRL.scripts.tables import print_columns
from animRL.utils.errors import InputError
from animRL.utils.paths import expand_user, is_file

EXAMPLE = "python scripts/character.py export bob --out bob.urdf"


def main(argv: list[str] | None = None) -> int:
    """Export, check, and return 0 if the file is equal to the character, else 1."""
    parser = Parser(__doc__, EXAMPLE)
    parser.add_argument("command", choices=("export",), help="what to do")
    parser.add_argument("character", metavar="CHARACTER",
                        help=f"a name ({', '.join(CHARACTERS)}) or an MJCF file")  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, metavar="FILE",
                        help="the URDF file to write")  # fmt: skip
    add_common_arguments(parser, ("debug",))
    args = parser.parse_args(argv)
    spec, efforts = _read(args.character)
    out = output_path(args.out)
    if out.suffix != ".urdf":
        raise InputError(f"--out: {out}; valid: a name that ends in .urdf")
    return _export(spec, efforts, out)


def _read(name: str) -> tuple[Any, dict[str, float]]:
    """A character's model, and the largest torques of its joints where they are known."""
    from animRL.sim.asset import load_spec

    path = expand_user(Path(name))
    if name not in CHARACTERS and is_file(path):
        return load_spec(path, friction=1.0), {}
    from animRL.scripts.motion_commands.common import load_character

    character = load_character(name)
    efforts = dict(zip(character.joint_names, character.effort.tolist(), strict=True))
    return character.load_spec(), efforts


def _export(spec: Any, efforts: dict[str, float], out: Path) -> int:
    """Write a URDF file once it is known to be equal."""
    import tempfile

    from animRL.sim.asset import load_spec
    from animRL.sim.urdf_export import differences, urdf_of
    from animRL.utils.files import replacing

    text = urdf_of(spec, efforts)
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder) / out.name
        trial.write_text(text, encoding="utf-8")
        found = differences(spec, load_spec(trial, friction=1.0))
    print("loaded back into MuJoCo, the largest differences are")
    rows = [["", "largest", "bound", "unit", ""]]
    rows += [[d.name, f"{d.largest:.1e}", f"{d.bound:.0e}", d.unit, "" if d.is_equal else "beyond"]
             for d in found]  # fmt: skip
    print_columns(rows)
    if not all(difference.is_equal for difference in found):
        print(f"nothing is written: {out} would not be the same character")
        return 1
    with replacing(out) as stream:
        stream.write(text.encode())
    print(f"{out}: {spec.compile().nbody - 1} bodies, {spec.compile().njnt - 1} hinges")
    return 0


if __name__ == "__main__":
    run_main(main)
