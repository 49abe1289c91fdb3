"""The plots of what a character did show the figures they are given."""

from __future__ import annotations

import numpy as np
import pytest

from animRL.viewer import tracking_plots
from animRL.viewer.poses import Poses
from animRL.viewer.tracking_plots import POLICY, REFERENCE, Tracking, plot_joints, plot_motion

STEPS, DT = 10, 0.5


@pytest.fixture
def figures(monkeypatch):
    """Figures as they are written."""
    seen = []
    finish = tracking_plots._finish

    def finish_and_keep(figure, *rest):
        seen.append(figure)
        return finish(figure, *rest)

    monkeypatch.setattr(tracking_plots, "_finish", finish_and_keep)
    return seen


@pytest.fixture
def tracking() -> Tracking:
    root = np.stack([np.arange(STEPS), np.zeros(STEPS), np.full(STEPS, 0.9)], axis=1)
    quat = np.tile([0.0, 0.0, 0.0, 1.0], (STEPS, 1))
    joints = np.radians(np.stack([np.arange(STEPS), np.full(STEPS, 5.0)], axis=1))
    touched = np.array([1, 1, 0, 0, 1, 1, 1, 0, 0, 1], dtype=bool)
    return Tracking(
        DT, Poses(root, quat, joints), Poses(root, quat, joints + np.radians([2.0, 0.0])),
        np.linspace(0.0, 1.8, STEPS) % 1.0, {"foot": (touched, ~touched)}, falls=[6], starts=[7],
    )  # fmt: skip


def line(ax, label):
    return next(line for line in ax.get_lines() if line.get_label() == label)


def test_joints_in_degrees_with_a_gap_between_episodes(tmp_path, figures, tracking):
    path = plot_joints(tmp_path / "new" / "joints.png", tracking, ["joint_knee", "hip"], "walk")
    assert path.read_bytes().startswith(b"\x89PNG")
    knee, hip = (ax for ax in figures[0].axes if ax.get_visible())
    assert knee.get_title(loc="left") == "knee   rms 2.0°"
    values = line(knee, POLICY).get_ydata()
    assert np.isnan(values[7]) and values[6] == pytest.approx(6.0)
    assert line(knee, REFERENCE).get_ydata()[0] == pytest.approx(2.0)
    assert line(knee, POLICY).get_xdata()[3] == pytest.approx(1.5)
    assert line(knee, "fall").get_xdata()[0] == pytest.approx(3.0)
    low, high = hip.get_ylim()
    assert high - low == pytest.approx(10.0), "stillness is drawn as stillness"


def test_motion_shows_path_phase_and_contacts(tmp_path, figures, tracking):
    plot_motion(tmp_path / "motion.png", tracking, "walk")
    height, phase, contacts, path = figures[0].axes
    assert line(height, POLICY).get_ydata()[0] == 0.9
    drawn = phase.get_lines()[0].get_ydata()
    assert np.isnan(drawn[5]) and drawn[4] == pytest.approx(0.8), "no line back from 1 to 0"
    reference, policy = contacts.collections
    boxes = [piece.get_extents() for piece in policy.get_paths()]
    assert [(box.x0, box.x1) for box in boxes] == [(0.0, 1.0), (2.0, 3.5), (4.5, 5.0)]
    above = reference.get_paths()[0].get_extents().y0
    assert above < boxes[0].y0 and contacts.yaxis_inverted()
    assert line(path, POLICY).get_xdata()[3] == 3.0


def test_no_contact_and_all_contact():
    spans = tracking_plots._spans
    assert spans(np.zeros(4, dtype=bool)) == [] and spans(np.ones(4, dtype=bool)) == [(0, 4)]
