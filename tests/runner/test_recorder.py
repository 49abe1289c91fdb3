"""Recording gives a video or one warning, and never more than that."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import pytest
import torch

from animRL.cfg.characters.bob_config import BobConfig
from animRL.runner.recorder import LOG_NAME, Recorder, VideoRecorder, VideoSettings

CONFIG = BobConfig().to_dict()
SLEEP = [sys.executable, "-S", "-c", "import time; time.sleep(60)"]
# Stands in for a renderer: the video's name is that of the job file, without its dot.
PRETEND = [
    sys.executable, "-S", "-c",
    "import sys, pathlib; p = pathlib.Path(sys.argv[1]);"
    "(p.parent / (p.name[1:-4] + '.mp4')).write_text('video')",
]  # fmt: skip
SAY_NO = [sys.executable, "-S", "-c", "import sys; print('no', file=sys.stderr); sys.exit(2)"]


def pose(num_joints: int = 32) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return (
        torch.tensor([0.0, 0.0, 0.9]),
        torch.tensor([0.0, 0.0, 0.0, 1.0]),
        torch.zeros(num_joints),
    )


def record(recorder: Recorder, iteration: int, states: int = 3) -> None:
    recorder.begin(iteration)
    for index in range(states):
        recorder.add(pose(), pose(), f"phase {index}")
    recorder.finish()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.WARNING)
    return lambda: caplog.messages


def test_the_default_recorder_does_nothing():
    recorder = Recorder()
    record(recorder, 0)
    recorder.close()
    assert not recorder.active


def test_a_video_appears_under_its_name_and_nothing_else_stays(tmp_path: Path, warnings):
    settings = VideoSettings(size=(64, 48), backend="matplotlib")
    recorder = VideoRecorder(CONFIG, tmp_path / "videos", 0.04, settings)
    record(recorder, 100)
    recorder.close(60.0)
    assert warnings() == []
    assert names(tmp_path / "videos") == {"video_100.mp4", LOG_NAME}
    video = tmp_path / "videos" / "video_100.mp4"
    assert imageio_ffmpeg.count_frames_and_secs(str(video))[0] == 3


def test_finish_does_not_wait_and_one_child_runs_at_a_time(tmp_path: Path, warnings):
    recorder = VideoRecorder(CONFIG, tmp_path, 0.02, command=SLEEP)
    start = time.monotonic()
    record(recorder, 1)
    assert time.monotonic() - start < 1.0
    child = recorder._render.process
    recorder.begin(2)
    assert not recorder.active
    record(recorder, 2)
    assert recorder._render.process is child
    assert warnings() == []
    recorder.close(0.1)
    assert child.poll() is not None
    assert len(warnings()) == 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_killed_child_costs_one_warning(tmp_path: Path, warnings, number: signal.Signals):
    recorder = VideoRecorder(CONFIG, tmp_path, 0.02, command=SLEEP)
    record(recorder, 7)
    child = recorder._render.process
    (tmp_path / f".video_7.{child.pid}.part.mp4").write_text("half")
    os.kill(child.pid, number)
    child.wait(10.0)
    recorder.begin(8)
    assert recorder.active, "recording goes on with the next film"
    assert len(warnings()) == 1
    assert "video_7.mp4" in warnings()[0] and "\n" not in warnings()[0]
    recorder.close()
    assert len(warnings()) == 1
    assert names(tmp_path) == {LOG_NAME}


def test_a_child_that_hangs_is_ended(tmp_path: Path, warnings):
    settings = VideoSettings(render_seconds=0.0)
    recorder = VideoRecorder(CONFIG, tmp_path, 0.02, settings, command=SLEEP)
    record(recorder, 1)
    child = recorder._render.process
    os.kill(child.pid, signal.SIGSTOP)
    time.sleep(0.01)
    recorder.begin(2)
    assert child.poll() is not None
    assert recorder.active
    assert len(warnings()) == 1 and "too long" in warnings()[0]


def test_a_child_that_fails_leaves_its_words_in_the_log(tmp_path: Path, warnings):
    recorder = VideoRecorder(CONFIG, tmp_path, 0.02, command=SAY_NO)
    record(recorder, 1)
    recorder.close(10.0)
    assert len(warnings()) == 1 and "status 2" in warnings()[0]
    assert (tmp_path / LOG_NAME).read_text() == "no\n"


def test_a_missing_program_and_a_folder_that_cannot_be_made_cost_one_warning(tmp_path, warnings):
    record(VideoRecorder(CONFIG, tmp_path, 0.02, command=[str(tmp_path / "absent")]), 1)
    assert len(warnings()) == 1
    assert names(tmp_path) == {LOG_NAME}
    (tmp_path / "file").write_text("")
    record(VideoRecorder(CONFIG, tmp_path / "file", 0.02, command=PRETEND), 1)
    assert len(warnings()) == 2


def test_states_are_copied_and_no_more_than_asked_for(tmp_path: Path):
    settings = VideoSettings(max_frames=2)
    recorder = VideoRecorder(CONFIG, tmp_path, 0.02, settings, command=PRETEND)
    recorder.begin(1)
    state = pose()
    for _ in range(5):
        recorder.add(state)
        state[0].add_(1.0)
    heights = [float(row[2]) for row in recorder._film.rows["root_pos"]]
    assert heights == pytest.approx([0.9, 1.9])
    assert not recorder.active
    recorder.close()


def test_a_film_without_states_is_dropped(tmp_path: Path):
    recorder = VideoRecorder(CONFIG, tmp_path, 0.02, command=PRETEND)
    recorder.begin(1)
    recorder.finish()
    recorder.finish()
    recorder.close()
    assert names(tmp_path) == set()


def test_videos_follow_one_another(tmp_path: Path, warnings):
    recorder = VideoRecorder(CONFIG, tmp_path, 0.02, command=PRETEND)
    for iteration in (1, 2):
        record(recorder, iteration)
        recorder._render.process.wait(10.0)
    recorder.close()
    assert names(tmp_path) == {"video_1.mp4", "video_2.mp4", LOG_NAME}
    assert warnings() == []
