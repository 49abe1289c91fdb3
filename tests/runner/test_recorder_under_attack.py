"""Whatever is done to the process that films, training goes on and nothing piles up."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from animRL.cfg.characters.bob_config import BobConfig
from animRL.cfg.mimic.walk_config import WalkTrainConfig
from animRL.evaluation.evaluate import evaluation_config
from animRL.runner.ppo_runner import PpoRunner
from animRL.runner.recorder import LOG_NAME, RENDER_COMMAND, VideoRecorder, VideoSettings

CONFIG = BobConfig().to_dict()
ATTACKS = ("kill", "stop", "full disk", "no GL", "no encoder")
ROUNDS = 4
# Stands in for a renderer: writes a film and ends.
PRETEND = [
    sys.executable, "-S", "-c",
    "import sys, pathlib; p = pathlib.Path(sys.argv[1]);"
    "(p.parent / (p.name[1:-4] + '.mp4')).write_bytes(b'video')",
]  # fmt: skip


def command_under(attack: str) -> list[str]:
    """The renderer, in surroundings that make it fail."""
    if attack == "full disk":  # no file may be larger than 1 KiB; the kernel enforces it
        return ["bash", "-c", 'ulimit -f 1; exec "$@"', "renderer", *RENDER_COMMAND]
    surroundings = {"no GL": "MUJOCO_GL=disable", "no encoder": "IMAGEIO_FFMPEG_EXE=/no/such"}
    if attack in surroundings:
        return ["env", surroundings[attack], *RENDER_COMMAND]
    return list(RENDER_COMMAND)


def children() -> set[int]:
    """Processes that this one has started and that have not ended."""
    out = subprocess.run(
        ["ps", "-o", "pid=,comm=", "--ppid", str(os.getpid())], capture_output=True, text=True
    ).stdout
    return {int(line.split()[0]) for line in out.splitlines() if "ps" not in line.split()[1:]}


class Attacked:
    """An ``on_evaluation`` that films, and does to each film what its turn says."""

    def __init__(self, folder: Path) -> None:
        self.settings = VideoSettings(size=(64, 48), max_frames=10)
        self.recorder = VideoRecorder(CONFIG, folder, 0.02, self.settings)
        self.attacks = [ATTACKS[n % len(ATTACKS)] for n in range(ROUNDS * len(ATTACKS))]
        self.attacked: list[str] = []
        self.threads: list[threading.Thread] = []

    def __call__(self, iteration, metrics, trace) -> None:
        recorder = self.recorder
        while recorder.busy:  # one at a time: here every film has its turn
            time.sleep(0.05)
        if not self.attacks:
            return
        attack = self.attacks.pop(0)
        recorder._command = tuple(command_under(attack))
        recorder.begin(iteration)
        assert recorder.active
        for pose, reference in zip(trace.poses, trace.reference_poses, strict=True):
            recorder.add(pose, reference, attack)
        recorder.finish()
        self.attacked.append(attack)
        if attack in ("kill", "stop"):
            number = signal.SIGKILL if attack == "kill" else signal.SIGSTOP
            self.threads.append(threading.Thread(target=self.strike, args=(number,)))
            self.threads[-1].start()

    def strike(self, number: int) -> None:
        render = self.recorder._render
        time.sleep(0.3 + 0.4 * (len(self.attacked) % 3))
        os.killpg(render.process.pid, number)
        if number == signal.SIGSTOP:
            render.deadline = time.monotonic() + 0.5  # as if its ten minutes were over


@pytest.mark.slow
def test_training_goes_on_whatever_befalls_the_films(make_task, tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    env = make_task({"env.num_envs": 8})
    eval_env = make_task({"env.num_envs": 8})
    eval_env.cfg = evaluation_config(eval_env.cfg, 8)
    cfg = WalkTrainConfig()
    iterations = len(ATTACKS) * ROUNDS + 1
    for name, value in (("eval_interval", 1), ("num_steps_per_env", 8), ("save_interval", 100)):
        cfg.set(f"runner.{name}", value)
    cfg.set("algorithm.num_mini_batches", 2)
    cfg.set("runner.max_iterations", iterations)
    runner = PpoRunner(env, cfg, eval_env)
    folder = tmp_path / "run"
    folder.mkdir()
    runner.open_run(folder)
    before = children()
    films = Attacked(tmp_path / "films")
    runner.evaluations.on_evaluation = films
    runner.learn(iterations)
    for thread in films.threads:
        thread.join()
    films.recorder.close(60.0)
    assert runner.current_learning_iteration == iterations, "training has done all of its work"
    assert films.attacked.count("kill") == films.attacked.count("full disk") == ROUNDS
    warned = [text for text in caplog.messages if "was not recorded" in text]
    assert len(warned) == 4 * ROUNDS, "one warning a lost film; without GL it is a stick figure"
    assert sum("took too long" in text for text in warned) == ROUNDS
    kept = sorted(path.name for path in (tmp_path / "films").iterdir())
    assert len([name for name in kept if name.endswith(".mp4")]) == ROUNDS
    assert not [name for name in kept if name.startswith(".")], "nothing half-written stays"
    assert LOG_NAME in kept
    assert children() <= before, "no process is left"


def resident_bytes() -> int:
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("VmRSS"))
    return 1024 * int(line.split()[1])


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads Linux's /proc")
def test_memory_is_flat_over_a_thousand_videos(tmp_path):
    settings = VideoSettings(max_frames=250)
    recorder = VideoRecorder(CONFIG, tmp_path, 0.02, settings, command=PRETEND)
    pose = torch.zeros(3), torch.tensor([0.0, 0.0, 0.0, 1.0]), torch.zeros(32)
    sizes, files, threads = {}, {}, {}
    for number in range(1000):
        recorder.begin(number)
        for _ in range(250):
            recorder.add(pose, pose, "1.0 s   phase 0.50   reward 0.90")
        recorder.finish()
        while recorder.busy:
            time.sleep(0.001)
        (tmp_path / f"video_{number}.mp4").unlink()
        if number in (199, 999):
            sizes[number] = resident_bytes()
            files[number] = len(os.listdir("/proc/self/fd"))
            threads[number] = threading.active_count()
    recorder.close()
    assert sizes[999] - sizes[199] < 2 * 2**20, "grown by less than 2 MiB over 800 videos"
    assert files[999] == files[199] and threads[999] == threads[199]
    assert {path.name for path in tmp_path.iterdir()} == {LOG_NAME}
