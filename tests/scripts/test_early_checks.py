"""What is known to be wrong before torch is loaded."""

from __future__ import annotations

import shutil
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest

from animRL.reward.composer import term_names
from animRL.reward.rewards import REWARDS
from animRL.scripts.early_checks import check_early, reward_names
from animRL.tasks import task_names
from animRL.utils.errors import InputError
from animRL.utils.paths import REPO_ROOT


def typed(**values: object) -> Namespace:
    return Namespace(**{"task": "walk", "load_run": None, "experiment_name": None, **values})


@pytest.mark.parametrize("task", task_names())
def test_each_task_and_the_policy_that_ships_pass(task: str) -> None:
    check_early(typed(task=task))
    if (REPO_ROOT / "results" / task / "bob.json").is_file():
        check_early(typed(task=task, load_run=f"results/{task}"), of_run=True)


def test_the_names_of_terms_are_those_of_their_class() -> None:
    assert reward_names() == sorted(term_names(REWARDS))


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys\nfrom argparse import Namespace\n"
        "from animRL.scripts.early_checks import check_early\n"
        "check_early(Namespace(task='walk'))\n"
        "assert not {'torch', 'rsl_rl', 'tensordict', 'matplotlib'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPO_ROOT, capture_output=True)
    assert done.returncode == 0, done.stderr


def test_a_bad_policy_is_told_before_torch_is_loaded(tmp_path: Path) -> None:
    """It takes seconds to load; here each kind is refused in a process that never does."""
    shipped, run = REPO_ROOT / "results" / "run", tmp_path / "run"
    run.mkdir()
    shutil.copy(shipped / "bob.json", run)
    content = (shipped / "model.pt").read_bytes()
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 1
    files = {
        "cut": content[:-1000],
        "flipped": bytes(flipped),
        "text": b"not a policy " * 100,
        "other networks": (REPO_ROOT / "results" / "walk" / "model.pt").read_bytes(),
    }
    code = (
        "import sys\nfrom argparse import Namespace\n"
        "from animRL.scripts.early_checks import check_early\n"
        "args = Namespace(task='run', experiment_name=None, load_run=sys.argv[1], resume=True,\n"
        "                 checkpoint=None)\n"
        "try:\n    check_early(args, of_run=True)\n"
        "except ValueError as error:\n    print(error)\n"
        "assert not {'torch', 'rsl_rl', 'tensordict'} & set(sys.modules)\n"
    )
    told = {}
    for kind, data in {**files, "whole": content}.items():
        (run / "model.pt").write_bytes(data)
        command = [sys.executable, "-c", code, str(run)]
        done = subprocess.run(command, cwd=REPO_ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        told[kind] = done.stdout
    assert told.pop("whole") == ""
    for kind, line in told.items():
        words = "does not fit" if kind == "other networks" else "damaged or not a checkpoint"
        assert words in line and "model.pt" in line and line.count("\n") == 1, kind


def test_the_run_that_is_named_is_read(tmp_path: Path) -> None:
    (tmp_path / "bob.json").write_text("{")
    (tmp_path / "model.pt").write_bytes(b"not looked at yet")
    with pytest.raises(InputError, match="bob.json"):
        check_early(typed(load_run=str(tmp_path)), of_run=True)


def test_with_a_run_that_is_not_known_yet_motions_may_be_any_characters(tmp_path: Path) -> None:
    path = tmp_path / "clip.txt"
    path.write_text(
        '{"Frames": [[0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],'
        '[0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]], "FrameDuration": 0.1,'
        '"JointNames": ["knee"], "EndEffectorNames": []}'
    )
    check_early(typed(motion=[str(path)]), of_run=True, may_be_none=True)
    with pytest.raises(InputError, match="no run"):
        check_early(typed(motion=[str(path)], experiment_name="none"), of_run=True)
    with pytest.raises(InputError, match="JointNames: missing"):
        check_early(typed(motion=[str(path)]))


def test_one_of_many_processes_leaves_it_to_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    check_early(typed(motion=["none.txt"]))
    with pytest.raises(InputError, match="--task"):
        check_early(typed(task="fly"))
