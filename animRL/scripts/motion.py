"""Make, check and convert motion clips.

Every command explains itself: motion.py check --help
"""

from __future__ import annotations

import difflib
import importlib
import sys
from types import ModuleType

from animRL.scripts.cli import Parser, run_main

COMMANDS = {
    "author": "author",
    "check": "check",
    "edit": "edit",
    "import": "import_clip",
    "retarget": "retarget",
    "view": "view",
}
"""Name of each command -> its module in ``motion_commands``: NAME, EXAMPLE, add_arguments, run."""
_PACKAGE = "animRL.scripts.motion_commands"


def main(argv: list[str] | None = None) -> int:
    """Run the command named first; its exit code is ours."""
    argv = sys.argv[1:] if argv is None else argv
    if argv and argv[0] in COMMANDS:
        return int(_load(argv[0]).run(build_parser(argv[0]).parse_args(argv[1:])))
    overview = _overview()
    if argv and not argv[0].startswith("-"):
        close = difflib.get_close_matches(argv[0], COMMANDS, n=1)
        hint = f"did you mean {close[0]}?" if close else f"valid: {', '.join(COMMANDS)}"
        overview.error(f"no command '{argv[0]}' ({hint})")
    overview.parse_args(argv)
    overview.error(f"no command; valid: {', '.join(COMMANDS)}")


def _load(command: str) -> ModuleType:
    return importlib.import_module(f"{_PACKAGE}.{COMMANDS[command]}")


def build_parser(command: str) -> Parser:
    """The parser of one command, its docstring as help."""
    module = _load(command)
    parser = Parser(module.__doc__ or "", module.EXAMPLE)
    parser.prog = f"motion.py {module.NAME}"
    module.add_arguments(parser)
    return parser


def _overview() -> Parser:
    """A parser that knows ``--help`` alone: one line a command."""
    lines = []
    for name in COMMANDS:
        summary = (_load(name).__doc__ or "").strip().splitlines()[0]
        lines.append(f"  {name:<9} {summary}")
    description = f"{(__doc__ or '').strip()}\n\ncommands:\n" + "\n".join(lines)
    parser = Parser(description, "python scripts/motion.py view my_clip.txt")
    parser.usage = "motion.py COMMAND [options]"
    return parser


if __name__ == "__main__":
    run_main(main)
