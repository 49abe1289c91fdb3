"""A disk that is full at any write: one line, nothing half-written, and what can be saved is."""

from __future__ import annotations

import errno
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from animRL.runner.checkpoint_archive import is_valid_checkpoint
from animRL.scripts import train
from animRL.utils import files, paths
from animRL.utils.errors import InputError
from tests.robustness.trainer import SMALL

COUNTS = [pytest.param(5, id="5"), pytest.param(60, id="60", marks=pytest.mark.slow)]


class FullDisk:
    """Lets a number of writes to files of a folder through, then fails some or all others."""

    def __init__(self, folder: Path, lets: int, fails: int) -> None:
        self.folder, self.lets, self.until = folder, lets, lets + fails
        self.writes = 0

    def write(self) -> None:
        self.writes += 1
        if self.lets < self.writes <= self.until:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def open(self, file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        stream = io.open(file, mode, *args, **kwargs)  # noqa: UP020  the one that is not replaced
        inside = isinstance(file, (str, Path)) and Path(file).is_relative_to(self.folder)
        if inside and set(mode) & set("wax+"):
            write, disk = stream.write, self

            class Limited:
                def __getattr__(self, name: str) -> Any:
                    return getattr(stream, name)

                def __enter__(self) -> Any:
                    return self

                def __exit__(self, *error: object) -> None:
                    stream.close()

                def write(self, data: Any) -> int:
                    disk.write()
                    return int(write(data))

            return Limited()
        return stream


@pytest.mark.parametrize("count", COUNTS)
def test_full_at_any_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], count: int
) -> None:
    monkeypatch.setattr(train, "EVALUATION_EPISODES", 2)
    argv = [*SMALL, "runner.eval_interval=2", "--max_iterations=4"]
    ended = {"well": 0, "in one line": 0}
    for lets in range(count):
        for fails in (1, 10**9):
            logs = tmp_path / f"logs_{lets}_{fails}"
            monkeypatch.setattr(paths, "LOGS", logs)
            disk = FullDisk(logs, lets, fails)
            with monkeypatch.context() as patch:
                patch.setattr("builtins.open", disk.open)
                try:
                    assert train.main(argv) == 0
                    ended["well"] += 1
                except InputError as error:
                    assert "\n" not in str(error) and "No space left" in str(error)
                    ended["in one line"] += 1
            told = capfd.readouterr()
            assert "Traceback" not in told.err, (lets, fails, told.err)
            for path in logs.rglob("*"):
                assert not path.name.endswith(".tmp"), path
                if path.suffix == ".pt":
                    assert is_valid_checkpoint(path), path
            shutil.rmtree(logs)
    assert ended["in one line"] and (ended["well"] or count < 30)


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="only root mounts a disk")
def test_a_real_disk_that_fills_up(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        launch = (
            "import sys; from pathlib import Path; from animRL.utils import paths; "
            "paths.LOGS = Path(sys.argv[1]); from animRL.scripts import train; "
            "from animRL.scripts.cli import run_main; run_main(train.main, sys.argv[2:])"
        )
        argv = [*SMALL, "runner.eval_interval=0", "--max_iterations=40", "--run_name=x"]
        command = [sys.executable, "-c", launch, str(disk / "logs"), *argv]
        environment = {**os.environ, "PYTHONPATH": str(paths.REPO_ROOT), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
        assert "No space left on device; training goes on" in done.stderr
        (run,) = (disk / "logs" / "bob").iterdir()
        assert all(is_valid_checkpoint(path) for path in run.glob("*.pt"))
        assert not list(run.glob(".*.tmp"))
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_what_killed_processes_left_is_dropped(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                           capture_output=True, text=True, check=True)  # fmt: skip
    (tmp_path / f".model_3.pt.{ended.stdout.strip()}.tmp").write_bytes(b"half")
    own = tmp_path / f".model_4.pt.{os.getpid()}.tmp"
    own.write_bytes(b"being written")
    (tmp_path / "notes.tmp").write_text("somebody's")
    files.drop_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {own.name, "notes.tmp"}
