"""``--sim=isaacgym`` from the command line, over the stand-in."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from animRL.runner.run_dir import numbered_checkpoints
from animRL.scripts.cli import run_main
from animRL.sim import contract, physics_contract
from animRL.sim.isaac_gym import selfcheck
from animRL.utils.paths import REPO_ROOT
from tests.standin.start import VARIABLE, standin_variables, use_standin

LAUNCH = (
    "import sys; from pathlib import Path; from animRL.utils import paths; "
    "paths.LOGS = Path(sys.argv[1]); from animRL.scripts.cli import run_main; "
    "from importlib import import_module; "
    "run_main(import_module('animRL.scripts.' + sys.argv[2]).main, sys.argv[3:])"
)
SMALL = ("--task=walk", "--dv", "--sim=isaacgym", "--device=cpu", "--num_envs=4", "--set",
         "sim.isaacgym.pipeline=cpu", "policy.hidden_dims=[16]", "runner.num_steps_per_env=8",
         "algorithm.num_mini_batches=2", "runner.save_interval=1")  # fmt: skip
WHOLE = [pytest.param(False, id="part"), pytest.param(True, id="whole", marks=pytest.mark.slow)]
KILLS = [pytest.param(1, id="1"), pytest.param(20, id="20", marks=pytest.mark.slow)]


def command(logs: Path, script: str, *argv: str) -> list[str]:
    return [sys.executable, "-c", LAUNCH, str(logs), script, *argv]


def run(
    logs: Path, script: str, *argv: str, with_standin: bool = True
) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name != VARIABLE}
    return subprocess.run(
        command(logs, script, *argv), capture_output=True, text=True, timeout=300, cwd=logs,
        env={**env, **(standin_variables() if with_standin else {})},
    )  # fmt: skip


def workers() -> list[int]:
    """Processes that run a worker."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and b"isaac_gym/worker.py" in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def test_a_few_iterations_are_trained_to_a_video_and_gone_on_with(tmp_path: Path) -> None:
    before = workers()
    done = run(tmp_path, "train", *SMALL, "runner.eval_interval=2", "runner.video_interval=2",
               "--max_iterations=2")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "IsaacGymBackend on cpu, 4 environments" in done.stdout
    (folder,) = (tmp_path / "bob").iterdir()
    assert (folder / "video_2.mp4").stat().st_size > 10_000
    saved = json.loads((folder / "bob.json").read_text())
    assert saved["env_cfg"]["sim"]["engine"] == "isaacgym"
    assert saved["made_with"]["engine"] == "isaacgym"
    done = run(tmp_path, "train", "--task=walk", "--dv", "--dr", "--resume", "--max_iterations=3")
    assert done.returncode == 0, done.stderr
    assert "after iteration 2, where it stopped; its engine keeps a part" in done.stdout
    # Who has no Isaac Gym sees the run by another engine.
    given = ("--task=walk", "--dv", "--dr", "--episodes=1")
    done = run(tmp_path, "eval", *given, with_standin=False)
    assert done.returncode == 2 and "--sim=mujoco" in done.stderr
    assert done.stderr.count("\n") == 1
    done = run(tmp_path, "eval", *given, "--sim=mujoco", with_standin=False)
    assert done.returncode == 0, done.stderr
    assert workers() == before


def test_without_isaac_gym_one_line_says_so_at_once(tmp_path: Path) -> None:
    began = time.monotonic()
    done = run(tmp_path, "train", "--task=walk", "--dv", "--sim=isaacgym", with_standin=False)
    assert done.returncode == 2
    assert done.stderr.startswith(
        "error: sim.engine is 'isaacgym', which needs Isaac Gym Preview 4"
    )
    assert done.stderr.count("\n") == 1 and time.monotonic() - began < 5.0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("count", KILLS)
def test_a_worker_that_is_killed_ends_the_training_in_one_line(tmp_path: Path, count: int) -> None:
    draw, memory = Random(6), set(os.listdir("/dev/shm"))
    for number in range(count):
        logs = tmp_path / str(number)
        logs.mkdir()
        others = set(workers())
        process = subprocess.Popen(
            command(logs, "train", *SMALL, "--dr", "--max_iterations=100000"), cwd=logs,
            stdout=open(logs / "out.txt", "w"), stderr=subprocess.PIPE, text=True,
            env={**os.environ, **standin_variables(), "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        while not (own := set(workers()) - others) and process.poll() is None:
            time.sleep(0.05)
        log = logs / "out.txt"
        if number == 0:  # one of them when there is something to save
            while "iteration 1/" not in log.read_text() and process.poll() is None:
                time.sleep(0.05)
        time.sleep(draw.uniform(0.0, 6.0) if number else 0.0)
        victim = draw.choice(sorted(set(workers()) - others) or sorted(own))
        os.kill(victim, signal.SIGKILL)
        _, errors = process.communicate(timeout=60)
        out = log.read_text()
        assert process.returncode == 1, (number, errors)
        lines = [line for line in errors.splitlines() if "SIGKILL" in line]
        assert len(lines) == 1 and "the Isaac Gym worker was ended by SIGKILL" in lines[0]
        # The worker's last lines may be those of a program that it had started itself.
        assert not [line for line in (out + errors).splitlines() if line.startswith("Traceback")]
        assert "iteration 1/" in out or number > 0
        if "iteration 1/" in out:
            assert "stopped; to go on:" in out
            (folder,) = (logs / "bob").iterdir()
            assert numbered_checkpoints(folder)
        assert set(workers()) <= others, number
    assert set(os.listdir("/dev/shm")) == memory


def test_a_training_that_is_killed_leaves_no_worker(tmp_path: Path) -> None:
    others = set(workers())
    process = subprocess.Popen(
        command(tmp_path, "train", *SMALL, "--dr", "--max_iterations=100000"), cwd=tmp_path,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, **standin_variables()},
    )  # fmt: skip
    while not set(workers()) - others:
        time.sleep(0.05)
    time.sleep(1.0)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 10.0
    while set(workers()) - others and time.monotonic() < deadline:
        time.sleep(0.05)
    assert set(workers()) <= others


def test_the_bridge_is_measured(tmp_path: Path) -> None:
    done = run(tmp_path, "benchmark", "--bridge", "--num_envs=3", "--device=cpu", "--json",
               "--set", "sim.isaacgym.pipeline=cpu")  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["num_envs"] == 3 and report["worker"]["device"] == "cpu"
    assert 0.0 < report["bridge_ms"]["median"] <= report["bridge_ms"]["90 %"] < 100.0
    assert report["physics_ms"] > 0.5  # MuJoCo's, 3 x 4 steps: what is taken off
    done = run(tmp_path, "benchmark", "--bridge", "--videos=1")
    assert done.returncode == 2 and "valid: one of them" in done.stderr


@pytest.mark.parametrize("whole", WHOLE)
def test_the_self_check_reports(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    whole: bool,
) -> None:
    use_standin(monkeypatch)
    if not whole:
        monkeypatch.setattr(contract, "KINEMATIC", contract.KINEMATIC[:1])
        monkeypatch.setattr(physics_contract, "PHYSICAL", physics_contract.PHYSICAL[-3:-2])
    report = tmp_path / "report.txt"
    argv = ["--pipeline=cpu", "--num_envs=2", f"--episodes={2 * whole}", f"--out={report}"]
    with pytest.raises(SystemExit) as ended:
        run_main(selfcheck.main, argv)
    text = capsys.readouterr().out
    assert ended.value.code == 0, text
    assert report.read_text().strip() in text
    assert text.count("\n  kept ") == (14 if whole else 2) and "FAILED" not in text
    assert "a root's velocity is that of its centre of mass (the origin moves at 0.2" in text
    forces = text.split("the ground's horizontal force is ")[1].split(" N (0:")[0]
    assert (
        min(float(force) for force in forces.split(" to ")) < -20.0
    )  # the stand-in's has friction
    assert "standing, his pelvis is at 0.87" in text
    assert "environments: " in text and "of it the bridge" in text
    assert "terminated in one only" in text and "could not be answered" not in text
    assert str(REPO_ROOT) not in text  # it is to be sent to others


def test_the_self_check_finds_a_promise_that_is_not_kept(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    use_standin(monkeypatch)

    def broken_promise(make: object) -> None:
        raise AssertionError("joint_pos differs by 3")

    monkeypatch.setattr(contract, "KINEMATIC", (broken_promise,))
    monkeypatch.setattr(physics_contract, "PHYSICAL", ())
    questions = ("_velocity_of_the_root", "_friction_in_the_forces", "_height_at_rest", "_speed")
    for question in (*questions, "_parity"):
        monkeypatch.setattr(selfcheck, question, lambda args: "answered")
    with pytest.raises(SystemExit) as ended:
        run_main(selfcheck.main, ["--pipeline=cpu"])
    text = capsys.readouterr().out
    assert ended.value.code == 1
    assert "FAILED   broken promise: AssertionError: joint_pos differs by 3" in text
    assert "promises not kept: 1" in text


def test_the_self_check_reports_a_worker_that_does_not_start_without_telling_places(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "home" / "env" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho no kernel image in {tmp_path}/home/isaacgym\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv(VARIABLE, str(program))
    report = tmp_path / "report.txt"
    with pytest.raises(SystemExit) as ended:
        run_main(selfcheck.main, [f"--out={report}"])
    text = capsys.readouterr().out
    assert ended.value.code == 1 and report.read_text().strip() in text
    assert "the worker does not start: the Isaac Gym worker ended with code 3" in text
    assert "no kernel image in ~/isaacgym" in text and "processor" in text
    assert str(tmp_path) not in report.read_text()


def test_the_self_check_needs_isaac_gym(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(SystemExit) as ended:
        run_main(selfcheck.main, [])
    assert ended.value.code == 2 and VARIABLE in capsys.readouterr().err
