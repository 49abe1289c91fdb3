"""Trainings where the machine is against them: each works, or says why in one line."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from animRL.runner.checkpoint_archive import is_valid_checkpoint
from animRL.runner.run_config import read_made_with
from animRL.utils import paths
from tests.robustness.trainer import SMALL

REPO = Path(__file__).resolve().parents[2]
LAUNCH = (
    "import sys; from pathlib import Path; from animRL.utils import paths; "
    "paths.LOGS = Path(sys.argv[1]); from animRL.scripts import train; "
    "train.EVALUATION_EPISODES = 2; "
    "from animRL.scripts.cli import run_main; run_main(train.main, sys.argv[2:])"
)
NOBODY = 65534


def launch(logs: Path, *more: str, **options: object) -> subprocess.CompletedProcess[str]:
    """Train for three iterations in a process of its own."""
    argv = [*SMALL, "--max_iterations=3", *more]
    environment = {
        **os.environ, "PYTHONPATH": str(REPO), "OMP_NUM_THREADS": "1",
        **options.pop("environment", {}),  # type: ignore[dict-item]
    }  # fmt: skip
    for name in options.pop("without", ()):  # type: ignore[attr-defined]
        environment.pop(name, None)
    prefix = options.pop("prefix", [])
    command = [*prefix, sys.executable, "-c", options.pop("code", LAUNCH), str(logs), *argv]  # type: ignore
    given = {"capture_output": True, "text": True, "cwd": logs.parent, **options}
    return subprocess.run(command, env=environment, timeout=120, check=False, **given)  # type: ignore


def assert_trained(done: subprocess.CompletedProcess[str], logs: Path) -> Path:
    assert done.returncode == 0, done.stderr
    (run,) = (logs / "bob").iterdir()
    assert is_valid_checkpoint(run / "model.pt")
    return run


def assert_one_line(done: subprocess.CompletedProcess[str], words: str) -> None:
    assert done.returncode == 2, (done.returncode, done.stderr)
    assert "Traceback" not in done.stderr
    told = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(told) == 1 and re.search(words, told[0]), done.stderr


def test_a_folder_where_nothing_may_be_written(tmp_path: Path) -> None:
    """As somebody who may not write there; the superuser may write everywhere."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    if os.access(closed, os.W_OK):
        if not Path("/sys/kernel").is_dir():
            pytest.skip("the superuser writes everywhere here")
        closed = Path("/sys/kernel")  # where not even the superuser may make a folder
    done = launch(closed / "logs", cwd=tmp_path)
    assert_one_line(done, "cannot make a run's folder in '.*logs/bob'")


def test_without_git_home_or_network(tmp_path: Path) -> None:
    logs, programs = tmp_path / "logs", tmp_path / "bin"
    programs.mkdir()  # a PATH on which there is nothing
    prefix = []
    if shutil.which("unshare") and not os.getuid():
        works = subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False)
        prefix = [str(shutil.which("unshare")), "-n"] if works.returncode == 0 else []
    done = launch(
        logs, without=("HOME", "USER", "LOGNAME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"),
        environment={"PATH": str(programs)}, prefix=prefix,
    )  # fmt: skip
    run = assert_trained(done, logs)
    assert read_made_with(run)["git_commit"] is None
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_home_that_is_not_there(tmp_path: Path) -> None:
    done = launch(tmp_path / "logs", environment={"HOME": "/nowhere/at/all"})
    assert_trained(done, tmp_path / "logs")


def test_the_plainest_of_languages_and_odd_names(tmp_path: Path) -> None:
    folder = tmp_path / "Übungs Ordner 'für' \"Bob\" $HOME 走る"
    folder.mkdir()
    done = launch(
        folder / "logs", environment={"LANG": "C", "LC_ALL": "C"}, without=("PYTHONUTF8",)
    )
    run = assert_trained(done, folder / "logs")
    assert (run / "learning_curve.png").is_file()
    plain = {"LANG": "C", "LC_ALL": "C"}
    clip = folder / "ein Gang.txt"
    shutil.copyfile(paths.RESOURCES / "datasets" / "bob3" / "Walk.txt", clip)
    done = launch(folder / "other", "--motion", str(clip), environment=plain)
    run = assert_trained(done, folder / "other")
    assert [path.name for path in (run / "files").iterdir()] == ["ein Gang.txt"]


@pytest.mark.parametrize(
    "closed",
    [pytest.param((1,), marks=pytest.mark.slow), pytest.param((2,), marks=pytest.mark.slow),
     (0, 1, 2)],
    ids=str,
)  # fmt: skip
def test_closed_standard_streams(tmp_path: Path, closed: tuple[int, ...]) -> None:
    command = (
        f"import os, sys\nfor n in {closed!r}:\n    os.close(n)\n"
        f"os.execv(sys.executable, [sys.executable, '-c', {LAUNCH!r}, *sys.argv[1:]])"
    )
    done = launch(tmp_path / "logs", code=command)
    run = assert_trained(done, tmp_path / "logs")
    assert not any(b"iteration 3/3" in path.read_bytes() for path in run.glob("*.json"))


def test_a_reader_that_goes_away(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", LAUNCH, str(tmp_path / "logs"), *SMALL, "--max_iterations=3"]
    shell = f"{shlex.join(argv)} | head -c 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", shell], capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "PYTHONPATH": str(REPO), "OMP_NUM_THREADS": "1"}, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode in (0, 141) and "Traceback" not in done.stderr
    (run,) = (tmp_path / "logs" / "bob").iterdir()
    assert is_valid_checkpoint(run / "model.pt") or done.returncode == 141


def test_two_runs_in_the_same_second(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", LAUNCH, str(tmp_path / "logs"), *SMALL, "--max_iterations=3"]
    environment = {**os.environ, "PYTHONPATH": str(REPO), "OMP_NUM_THREADS": "1"}
    frozen = LAUNCH.replace(
        "train.EVALUATION",
        "import animRL.runner.run_dir as r; "
        "r.datetime = type('Now', (), {'now': staticmethod(lambda: __import__('datetime')"
        ".datetime(2026, 1, 2, 3, 4, 5))}); train.EVALUATION",
        1,
    )
    argv[2] = frozen
    both = [subprocess.Popen(argv, env=environment, stdout=subprocess.DEVNULL, cwd=tmp_path)
            for _ in range(2)]  # fmt: skip
    assert [process.wait(120) for process in both] == [0, 0]
    runs = sorted(path.name for path in (tmp_path / "logs" / "bob").iterdir())
    assert runs == ["2026-01-02_03-04-05_walk", "2026-01-02_03-04-05_walk_2"]
    for name in runs:
        assert is_valid_checkpoint(tmp_path / "logs" / "bob" / name / "model.pt")


@pytest.mark.slow
def test_a_run_that_another_process_goes_on_with(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    run = assert_trained(launch(logs), logs)
    code = f"import fcntl; f = open({str(run / '.lock')!r}, 'wb'); fcntl.flock(f, fcntl.LOCK_EX); "
    resume = ["--task=walk", "--dv", "--dr", "--resume", "--max_iterations=5"]
    holder = subprocess.Popen(
        [sys.executable, "-c", code + "print(1, flush=True); input()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert holder.stdout is not None and holder.stdout.readline()
    command = [sys.executable, "-c", LAUNCH, str(logs), *resume]
    environment = {**os.environ, "PYTHONPATH": str(REPO), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert_one_line(done, "is being written by another process")
    holder.communicate(b"\n")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "exactly where it stopped" in done.stdout


@pytest.mark.slow
def test_a_moved_run_goes_on(tmp_path: Path) -> None:
    clip = tmp_path / "my.txt"
    shutil.copyfile(paths.RESOURCES / "datasets" / "bob3" / "Walk.txt", clip)
    run = assert_trained(launch(tmp_path / "logs", "--motion", str(clip)), tmp_path / "logs")
    moved = tmp_path / "elsewhere" / "my run"
    moved.parent.mkdir()
    shutil.move(run, moved)
    clip.unlink()
    resume = [
        "--task=walk",
        "--dv",
        "--dr",
        "--resume",
        f"--load_run={moved}",
        "--max_iterations=5",
    ]
    done = subprocess.run(
        [sys.executable, "-c", LAUNCH, str(tmp_path / "logs"), *resume], text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(REPO), "OMP_NUM_THREADS": "1"}, capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"goes on in {moved} after iteration 3, exactly" in done.stdout
    assert is_valid_checkpoint(moved / "model_5.pt")
