"""The picture of a check is written for good and for bad clips."""

from __future__ import annotations

import numpy as np

from animRL.motion.check.plot import plot_inspection


def size_of(path) -> tuple[int, int]:
    header = path.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(header[16:20], "big"), int.from_bytes(header[20:24], "big")


def test_a_plot_is_a_png_of_some_size(bench, tmp_path) -> None:
    path = plot_inspection(tmp_path / "walk.png", bench.file(lambda data: None))
    width, height = size_of(path)
    assert width > 1000 and height > 1000


def test_faults_are_drawn_too(bench, tmp_path) -> None:
    def harm(table: np.ndarray) -> None:
        table[20, 3:7] *= -1.0
        table[:, 2] += 0.03
        table[:, bench.layout.joint_vel] *= 0.5

    good = plot_inspection(tmp_path / "good.png", bench.file(lambda data: None)).read_bytes()
    bad = plot_inspection(tmp_path / "bad.png", bench.frames(harm)).read_bytes()
    assert bad != good
    assert plot_inspection(tmp_path / "again.png", bench.frames(harm)).read_bytes() == bad
