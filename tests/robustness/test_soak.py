"""A training of an hour, with films: it takes no more of the machine at its end than at its start.

ANIMRL_SOAK_MINUTES says for how long (60); ANIMRL_SOAK_REPORT names a file for the figures.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from animRL.utils import paths

MINUTES = float(os.environ.get("ANIMRL_SOAK_MINUTES", "60"))
WARM_UP = 1 / 6
"""Share of the time that is left out of the slopes."""
SAMPLE_SECONDS = 2.0
PARTS = 10
"""The time after the warm-up is cut into so many; of each the median counts. Within an iteration
some 25 MB come and go, now and then 50 MB go for a while, and either would drown 1 MB an hour."""
ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": "262144", "MALLOC_TRIM_THRESHOLD_": "262144"}
"""Of glibc: what is freed goes back to the system at once, not when its heap allows it, so
that memory tells what is held."""
LAUNCH = (
    "import sys; from pathlib import Path; from animRL.utils import paths; "
    "paths.LOGS = Path(sys.argv[1]); from animRL.scripts.cli import run_main; "
    "from animRL.scripts import train; run_main(train.main, sys.argv[2:])"
)


def status_of(process: int) -> dict[str, float]:
    """Memory of its own [MB], threads, open files and used processor time [s] of a process."""
    folder = Path("/proc") / str(process)
    text = (folder / "status").read_text()
    ticks = (folder / "stat").read_text().rsplit(")", 1)[1].split()
    return {
        "seconds": time.time(),
        "memory_mb": int(re.search(r"RssAnon:\s+(\d+)", text).group(1)) / 1024.0,
        "threads": int(re.search(r"Threads:\s+(\d+)", text).group(1)),
        "files": len(list((folder / "fd").iterdir())),
        "cpu_seconds": (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK"),
    }


def held(samples: list[dict[str, float]]) -> np.ndarray:
    """Memory that is held (PARTS, 2): the middle of each part [h], and the median in it [MB]."""
    hours, memory = (np.array([s[name] for s in samples]) for name in ("seconds", "memory_mb"))
    parts = zip(np.array_split(hours / 3600.0, PARTS), np.array_split(memory, PARTS), strict=True)
    return np.array([[np.mean(hour), np.median(values)] for hour, values in parts])


def slope_per_hour(samples: list[dict[str, float]]) -> tuple[float, float]:
    """Slope [MB/h] of a straight line through what is held (least squares), and its error."""
    hours, memory = held(samples).T
    fit, others, *_ = np.polyfit(hours - hours[0], memory, 1, full=True)
    spread = (hours - hours.mean()) @ (hours - hours.mean())
    error = float(others.sum()) / max(len(hours) - 2, 1) / spread
    return float(fit[0]), error**0.5


def seconds_per_iteration(samples: list[dict[str, float]], finished: list[Any]) -> float:
    """The processor's time for an iteration, between the first and the last of some samples."""
    ends = [event.wall_time for event in finished]
    done = np.interp([samples[0]["seconds"], samples[-1]["seconds"]], ends, range(len(ends)))
    return (samples[-1]["cpu_seconds"] - samples[0]["cpu_seconds"]) / float(done[1] - done[0])


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="reads /proc")
def test_an_hour_of_training_takes_no_more_and_more(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    # From a policy that walks: a falling body costs the physics more, so that a training that
    # learns gets faster or slower by what it learns.
    command = [
        sys.executable, "-c", LAUNCH, str(logs), "--task=walk", "--dv", "--resume",
        f"--load_run={paths.REPO_ROOT / 'results' / 'walk'}", "--max_iterations=1000000",
        "--set", "runner.save_interval=10",
    ]  # fmt: skip
    with open(tmp_path / "out.txt", "wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd=tmp_path,
                                   env={**os.environ, **ALLOCATOR})  # fmt: skip
    samples = []
    try:
        end = time.monotonic() + 60.0 * MINUTES
        while time.monotonic() < end:
            time.sleep(SAMPLE_SECONDS)
            assert process.poll() is None, (tmp_path / "out.txt").read_text()[-2000:]
            samples.append(status_of(process.pid))
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 143
    (run,) = (logs / "bob").iterdir()
    films = len(list(run.glob("video_*.mp4")))
    events = EventAccumulator(str(run), size_guidance={"scalars": 0}).Reload()
    finished = events.Scalars("Perf/samples_per_second")
    part = max(2, round(WARM_UP * len(samples)))
    after = samples[part:]
    # By the processor's time, evaluations and saving included: by the clock it would tell as much
    # of what else runs on the machine.
    first, last = (
        seconds_per_iteration(s, finished) for s in (samples[part : 2 * part], samples[-part:])
    )
    report = {
        "minutes": MINUTES,
        "iterations": len(finished),
        "films": films,
        "memory_held_mb": [round(float(m), 1) for m in held(after)[:, 1]],
        "memory_slope_mb_per_hour": slope_per_hour(after),
        "files": sorted({sample["files"] for sample in after}),
        "threads": sorted({sample["threads"] for sample in after}),
        "processor_seconds_per_iteration": [first, last],
        "speed_at_end": first / last,
        "samples_per_second": [event.value for event in finished],
        "samples": samples,
    }
    if where := os.environ.get("ANIMRL_SOAK_REPORT"):
        Path(where).write_text(json.dumps(report))
    print({name: value for name, value in report.items() if "samples" not in name})
    assert films >= 1
    assert report["memory_slope_mb_per_hour"][0] < 1.0
    assert len(list(run.glob("model_[0-9]*.pt"))) <= 5 + len(finished) // 200 + 1
    # A film's process has its pipes while it runs.
    assert report["files"][-1] - report["files"][0] <= 3
    assert report["threads"][-1] == report["threads"][0]
    assert report["speed_at_end"] >= 0.98
