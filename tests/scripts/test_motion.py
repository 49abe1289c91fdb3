"""The motion tools' command line: commands, help, errors; and that each command is complete."""

from __future__ import annotations

import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from animRL.cfg.characters.bob_config import BobConfig
from animRL.dataloader.clip import Clip, load_clip
from animRL.dataloader.skeleton import Hinge, Skeleton, SkeletonJoint
from animRL.scripts import motion
from animRL.scripts.motion_commands import common
from animRL.sim.character import Character
from animRL.utils.errors import InputError
from animRL.utils.paths import PACKAGE_ROOT, RESOURCES

WALK = RESOURCES / "datasets" / "bob3" / "Walk.txt"
SCRIPT = PACKAGE_ROOT / "scripts" / "motion.py"
OURS = ("edit", "view")


def leave(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    """Exit code, output and errors of a call that ends the program."""
    with pytest.raises(SystemExit) as end:
        motion.main(list(argv))
    captured = capsys.readouterr()
    return int(str(end.value.code)), captured.out, captured.err


def test_help_lists_each_command_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = leave(capsys, "--help")
    assert (code, err) == (0, "")
    listed = dict(re.findall(r"^  ([a-z]+) +(\S.*)$", out, flags=re.MULTILINE))
    assert set(OURS) <= set(listed)
    assert all(listed[name].endswith((".", ")")) for name in OURS)
    assert "python scripts/motion.py" in out


@pytest.mark.parametrize("name", motion.COMMANDS)
def test_each_command_is_complete_and_its_example_can_be_parsed(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    module = importlib.import_module(f"animRL.scripts.motion_commands.{motion.COMMANDS[name]}")
    assert name == module.NAME
    assert callable(module.run)
    code, out, _ = leave(capsys, name, "--help")
    assert code == 0
    assert out.startswith(f"usage: motion.py {name} ")
    assert module.EXAMPLE in out and "--debug" in out
    words = shlex.split(module.EXAMPLE)
    assert words[:3] == ["python", "scripts/motion.py", name]
    motion.build_parser(name).parse_args(words[3:])


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "no command; valid: author, check, edit, import, retarget, view"),
        (["chek"], "no command 'chek' (did you mean check?)"),
        (["frobnicate"], "no command 'frobnicate' (valid: author, check, edit"),
        (["--hepl"], "unrecognized arguments: --hepl (did you mean --help?)"),
        (["edit", "a.txt", "--out", "b.txt", "--miror"], "--miror (did you mean --mirror?)"),
        (["edit", "a.txt"], "required: --out"),
        (["edit", "a.txt", "--out", "b", "--loop", "worst"], "invalid choice: 'worst'"),
        (["view"], "required: CLIP"),
        (["view", "a.txt", "--speed", "fast"], "--speed: invalid float value: 'fast'"),
    ],
)
def test_a_wrong_call_is_one_line_and_code_two(
    capsys: pytest.CaptureFixture[str], argv: list[str], message: str
) -> None:
    code, out, err = leave(capsys, *argv)
    assert (code, out) == (2, "")
    assert err.startswith("error: ") and err.count("\n") == 1
    assert message in err


def test_it_runs_as_a_file_and_bad_input_is_one_line(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "view", "nothing.txt"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: nothing.txt: cannot be read")
    assert done.stderr.count("\n") == 1


def test_characters_are_found_by_name() -> None:
    assert common.load_character(None).name == "bob"
    assert common.load_character("bob").joint_names == tuple(BobConfig().joint_names)
    with pytest.raises(InputError, match=r"no 'bop' \(did you mean 'bob'\?\); available: bob"):
        common.load_character("bop")


def test_a_clip_moves_the_character_named_else_its_own_skeleton() -> None:
    walk = load_clip(WALK)
    assert common.character_of(walk, None).name == "bob"
    hinge = SkeletonJoint("knee", 0, (0.0, 0.0, -0.5), hinges=(Hinge("knee", (0.0, 1.0, 0.0)),))
    skeleton = Skeleton("stick", (SkeletonJoint("root", -1, (0.0, 0.0, 0.0)), hinge))
    own = Clip(walk.frames, 0.02, ("knee",), ("knee",), skeleton=skeleton)
    assert common.character_of(own, None).joint_names == ("knee",)
    assert common.character_of(own, "bob").name == "bob"


def test_a_clip_of_another_order_is_put_into_the_characters() -> None:
    walk, bob = load_clip(WALK), Character.from_config(BobConfig())
    names = tuple(reversed(walk.joint_names))
    turned = Clip(walk.frames, 0.02, names, walk.end_effector_names)
    ordered = common.ordered_for(bob, turned)
    assert ordered.joint_names == bob.joint_names
    columns = walk.layout.joint_pos
    assert (ordered.frames[:, columns] == walk.frames[:, columns][:, ::-1]).all()


def test_an_output_gets_its_folder(tmp_path: Path) -> None:
    path = common.output_path(tmp_path / "new" / "clip.txt")
    assert path.parent.is_dir()
    with pytest.raises(InputError, match="is a folder; valid: a file to write"):
        common.output_path(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="--out: cannot write"):
        common.output_path(tmp_path / "file" / "clip.txt")
