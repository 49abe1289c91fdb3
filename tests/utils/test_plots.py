from __future__ import annotations

import numpy as np
import pytest

from animRL.utils import plots
from animRL.utils.plots import PRODUCT, plot_learning_curve, plot_reward_terms


@pytest.fixture
def figures(monkeypatch):
    """Figures as they are written."""
    seen = []
    save = plots._save

    def save_and_keep(figure, path):
        seen.append(figure)
        return save(figure, path)

    monkeypatch.setattr(plots, "_save", save_and_keep)
    return seen


def lines_of(ax):
    return [line.get_xydata() for line in ax.get_lines()]


def test_one_environment_is_drawn_with_its_product_and_falls(tmp_path, figures):
    terms = {"a": np.array([1.0, 0.5, 0.2]), "b": np.array([0.5, 0.5, 1.0])}
    path = plot_reward_terms(tmp_path / "plots" / "x.png", terms, 0.02, "title", falls=[2])
    assert path.read_bytes().startswith(b"\x89PNG")
    panels = figures[0].axes
    assert [ax.get_title(loc="left").split("   ")[0] for ax in panels] == ["a", "b", PRODUCT]
    expected = {0: terms["a"], 1: terms["b"], 2: [0.5, 0.25, 0.2]}
    for index, values in expected.items():
        rewards, fall = lines_of(panels[index])
        np.testing.assert_allclose(rewards, np.column_stack([[0.0, 0.02, 0.04], values]))
        assert fall[:, 0].tolist() == [0.04, 0.04]
    assert panels[-1].get_xlabel() == "time [s]"


def test_several_environments_are_drawn_with_their_mean(tmp_path, figures):
    values = np.array([[1.0, 0.0], [0.5, 0.25]])
    plot_reward_terms(tmp_path / "x.png", {"a": values}, 0.5, "title")
    *each, mean = lines_of(figures[0].axes[0])
    assert [line[:, 1].tolist() for line in each] == [[1.0, 0.5], [0.0, 0.25]]
    assert mean.tolist() == [[0.0, 0.5], [0.5, 0.375]]


@pytest.mark.parametrize("terms", [{}, {"a": [1.0], "b": [1.0, 1.0]}, {"a": 1.0}])
def test_terms_of_no_common_shape_are_refused(tmp_path, terms):
    with pytest.raises(ValueError, match="valid: all \\(T,\\) or all \\(T, N\\)"):
        plot_reward_terms(tmp_path / "x.png", terms, 0.02, "title")


def test_a_learning_curve_is_drawn_against_minutes(tmp_path, figures):
    names = ("success_rate", "success_rate_random_phase", "position_error_m", "course_reward")
    curve = [
        {"training_seconds": 60.0 * i, "samples": 1e6 * i, "normalised_return": 0.1 * i}
        | {name: 0.2 * i for name in names}
        for i in (1, 2)
    ]
    path = plot_learning_curve(tmp_path / "curve.png", curve, "title")
    assert path.read_bytes().startswith(b"\x89PNG")
    success, error, reward = figures[0].axes
    np.testing.assert_allclose(lines_of(error)[0], [[1.0, 0.2], [2.0, 0.4]])
    np.testing.assert_allclose(lines_of(reward)[1], [[1.0, 0.1], [2.0, 0.2]])
    assert len(lines_of(success)) == 2 and "2.00 million samples" in reward.get_xlabel()
    low, high = np.array([np.nan, 0.1]), np.array([np.nan, 0.3])
    plot_learning_curve(tmp_path / "band.png", curve, "title", {"position_error_m": (low, high)})
    success, error, reward = figures[1].axes
    assert [len(ax.collections) for ax in (success, error, reward)] == [0, 1, 0]
    (area,) = error.collections
    assert area.get_label() == "past good runs" and area.get_zorder() < 1.0
    (outline,) = area.get_paths()
    assert {tuple(p) for p in np.round(outline.vertices, 6)} == {(2.0, 0.1), (2.0, 0.3)}
    with pytest.raises(ValueError, match="at least one"):
        plot_learning_curve(tmp_path / "none.png", [], "title")
