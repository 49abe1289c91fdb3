"""The view beside a training starts, is announced, follows, and harms nothing however it ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from argparse import Namespace
from pathlib import Path

import pytest

from animRL.scripts import live_view
from animRL.scripts.live_view import LiveView, NoView, Snapshots
from animRL.utils.paths import LOGS, PACKAGE_ROOT

SCRIPT = """
import sys, time
{body}
sys.stdin.read()
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch):
    """A view.py of our own."""

    def make(body: str) -> Namespace:
        (tmp_path / "scripts").mkdir()
        (tmp_path / "scripts" / "view.py").write_text(SCRIPT.format(body=body))
        monkeypatch.setattr(live_view, "PACKAGE_ROOT", tmp_path)
        return Namespace(viewer=None, host=None, port=None)

    return make


def told(view: LiveView, seconds: float = 20.0) -> list[str]:
    """What it says until it has said all."""
    lines: list[str] = []
    end = time.monotonic() + seconds
    while not view.silent and time.monotonic() < end:
        view.tell(lines.append)
        time.sleep(0.02)
    view.tell(lines.append)
    return lines


def test_its_words_are_passed_on_until_the_empty_line(stand_in):
    view = LiveView(stand_in("print('live view: here\\nand how\\n\\nsecret', flush=True)"), [])
    assert told(view) == ["live view: here", "and how"]
    assert view.alive
    view.close()
    assert not view.alive
    view.close()


def test_options_are_passed_on(stand_in):
    arguments = stand_in("print(*sys.argv[1:], flush=True); print(flush=True)")
    arguments.port, arguments.viewer = 8123, "web"
    view = LiveView(arguments, ["--task=walk"])
    assert told(view) == ["--task=walk --viewer=web --port=8123"]
    view.close()


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("sys.exit('error: no live view: viser is missing')", "no live view: viser is missing"),
        ("print('x\\nerror: bad', file=sys.stderr); sys.exit(2)", "no live view: bad"),
        ("raise SystemExit(1)", "no live view: it ended with status 1"),
    ],
)
def test_why_there_is_none_is_one_line(stand_in, body, line):
    view = LiveView(stand_in(body), [])
    assert told(view) == [line]
    assert not view.alive
    view.close()


def test_a_view_that_does_not_listen_is_ended(stand_in, monkeypatch):
    monkeypatch.setattr(live_view, "_END_SECONDS", 0.3)
    body = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('a\\n', flush=True)"
    view = LiveView(stand_in(f"{body}\nwhile True: time.sleep(1)"), [])
    told(view)
    view.close()
    assert not view.alive


def test_words_without_end_do_not_stop_it(stand_in):
    body = "print('here\\n', flush=True)\nfor _ in range(20000): print(80 * 'x', file=sys.stderr)"
    view = LiveView(stand_in(body + "\nprint(); open(sys.argv[1], 'w').close()"), ["done"])
    told(view)
    mark = Path("done")
    try:
        end = time.monotonic() + 20.0
        while not mark.exists() and time.monotonic() < end:
            time.sleep(0.05)
        assert mark.exists(), "it is not held up by a full pipe"
    finally:
        view.close()
        mark.unlink(missing_ok=True)


def test_snapshots_come_now_and_then_and_cannot_fail(stand_in, tmp_path, monkeypatch):
    view = LiveView(stand_in("print('here\\n', flush=True)"), [])
    saved: list[str] = []
    snapshots = Snapshots(view, saved.append, tmp_path / "live.pt")
    said: list[str] = []
    for _ in range(3):
        snapshots(said.append)
    assert saved == [str(tmp_path / "live.pt")]
    monkeypatch.setattr(live_view, "SNAPSHOT_SECONDS", 0.0)

    def fail(path: str) -> None:
        raise OSError("disk full")

    Snapshots(view, fail, tmp_path / "live.pt")(said.append)
    told(view)
    view.close()
    snapshots(said.append)
    assert len(saved) == 1, "nobody is there to see it"


def test_nobody_looks(capsys):
    view = NoView()
    view.tell(print), view.stay(), view.close()
    assert view.silent and not view.alive and capsys.readouterr().out == ""


TRAIN = [
    sys.executable, str(PACKAGE_ROOT / "scripts" / "train.py"), "--dr", "--num_envs=8",
    "--experiment_name=live_view_test", "--set", "runner.num_steps_per_env=8",
    "algorithm.num_mini_batches=2", "sim.threads=1", "runner.eval_interval=0",
]  # fmt: skip


@pytest.mark.parametrize("script", ["train.py", "eval.py"])
def test_a_port_that_cannot_be_had_is_refused_before_the_work(script):
    done = subprocess.run(
        [sys.executable, str(PACKAGE_ROOT / "scripts" / script), "--port=0"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2 and done.stderr.startswith("error: --port: cannot listen")


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads Linux's /proc")
def test_a_training_is_watched_and_survives_the_end_of_its_view():
    pytest.importorskip("viser", reason="the extra viewer is not installed")
    process = subprocess.Popen(
        [*TRAIN, "--max_iterations=150"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("live view: "):
                for child in children_of(process.pid):
                    os.kill(child, signal.SIGKILL)
        assert process.wait(60) == 0
        text = "".join(lines)
        assert "live view: http://localhost:" in text and "iteration 150/150" in text
        assert "ssh -L " in text
    finally:
        process.kill()
        shutil.rmtree(LOGS / "live_view_test", ignore_errors=True)


def children_of(parent: int) -> list[int]:
    path = Path(f"/proc/{parent}/task/{parent}/children")
    return [int(number) for number in path.read_text().split()]
