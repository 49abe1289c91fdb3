"""Plots, drawn to files without a display; matplotlib is imported when one is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#2b2b2b"
LINE = "#1f6f9c"
ACCENT_LINE = "#c2571a"
FALL_LINE = "#9b1c31"
PRODUCT = "product of the terms"
SUM = "sum of the terms by their weights"
STYLE: dict[Any, Any] = {
    "figure.dpi": 130,
    "font.size": 10.0,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
}


def plot_style() -> AbstractContextManager[None]:
    """Context in which figures of the project are made: one style for all, no display needed."""
    import matplotlib

    return matplotlib.rc_context(STYLE)


def plot_reward_terms(
    path: str | Path,
    terms: Mapping[str, ArrayLike],
    dt: float,
    title: str,
    falls: Sequence[int] | None = None,
    total: tuple[str, ArrayLike] | None = None,
) -> Path:
    """Draw each reward term and the reward against time, and return the file written (PNG).

    Args:
        path: file to write; its folder is made if need be.
        terms: name -> rewards in [0, 1], (T,) of one environment or (T, N) of several, which are
            drawn as thin lines under their mean. All of one shape; step t is drawn at t dt.
        dt: time between two steps [s].
        title: line above the figure.
        falls: steps at which an episode ended by a fall, drawn as vertical lines.
        total: what the reward is called, and its values, of one shape with the terms'; None: their
            product.

    Raises:
        ValueError: no terms, or terms of different shapes.
    """
    values = _as_columns(terms)
    whole, rewards = total or (PRODUCT, np.prod(list(values.values()), axis=0))
    panels = {**values, **_as_columns({whole: rewards})}
    time = dt * np.arange(len(panels[whole]))
    with plot_style():
        figure, axes = _stack_of_panels(len(panels))
        for ax, (name, rewards) in zip(axes, panels.items()):
            _draw_rewards(ax, time, rewards, ACCENT_LINE if name == whole else LINE)
            _mark_falls(ax, dt, falls or ())
            ax.set_title(f"{name}   mean {rewards.mean():.3f}")
        axes[-1].set_xlabel("time [s]")
        figure.supylabel("reward [1]", fontsize=10.0)
        figure.suptitle(title, fontsize=12.5, x=0.01, ha="left")
        _add_legend(figure, axes[-1])
        return _save(figure, path)


CURVE_PANELS = {
    "success [share of episodes]": ("success_rate", "success_rate_random_phase"),
    "position error [m]": ("position_error_m",),
    "course reward and normalised return [1]": ("course_reward", "normalised_return"),
}


Band = tuple[np.ndarray, np.ndarray]
"""Least and largest value at each point of a curve; NaN: none there."""


def plot_learning_curve(
    path: str | Path,
    curve: Sequence[Mapping[str, float]],
    title: str,
    bands: Mapping[str, Band] | None = None,
) -> Path:
    """Draw the evaluations of a training against its minutes, and return the file written (PNG).

    Args:
        path: file to write; its folder is made if need be.
        curve: one mapping an evaluation, as in ``learning_curve.json``.
        title: line above the figure.
        bands: metric -> band of past runs, drawn behind it; values at each evaluation of the curve.

    Raises:
        ValueError: no evaluation.
    """
    if not curve:
        raise ValueError("a learning curve needs at least one evaluation")
    minutes = [point["training_seconds"] / 60.0 for point in curve]
    with plot_style():
        figure, axes = _stack_of_panels(len(CURVE_PANELS))
        for ax, (label, names) in zip(axes, CURVE_PANELS.items()):
            for name, color in zip(names, (LINE, ACCENT_LINE)):
                values = [point[name] for point in curve]
                ax.plot(minutes, values, "o-", color=color, markersize=3.0, label=name)
            for name, color in zip(names, (LINE, ACCENT_LINE)):  # last in the legend
                if bands and name in bands:
                    ax.fill_between(minutes, *bands[name], color=color, **_BAND_STYLE)
            ax.set_title(label)
            ax.set_ylim(bottom=0.0)
            ax.legend(fontsize=8.5)
        samples = curve[-1]["samples"] / 1e6
        axes[-1].set_xlabel(f"training time [min], {samples:.2f} million samples in all")
        figure.suptitle(title, fontsize=12.5, x=0.01, ha="left")
        return _save(figure, path)


RUN_COLOURS = (LINE, ACCENT_LINE, "#3c8d40", "#8257b5", FALL_LINE, "#7f5539", "#d667ad", INK)


def plot_runs(
    path: str | Path,
    panels: Mapping[str, Mapping[str, tuple[ArrayLike, ArrayLike]]],
    x_label: str,
    title: str,
) -> Path:
    """Draw quantities of several runs, two panels beside each other, and return the PNG written.

    Args:
        path: file to write; its folder is made if need be.
        panels: quantity with unit -> run -> places (P,) and values (P,).
        x_label: under the panels.
        title: line above the figure.

    Raises:
        ValueError: nothing to draw.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if not panels:
        raise ValueError("a plot of runs needs at least one quantity")
    runs = list(dict.fromkeys(run for curves in panels.values() for run in curves))
    colours = {run: RUN_COLOURS[number % len(RUN_COLOURS)] for number, run in enumerate(runs)}
    with plot_style():
        rows = -(-len(panels) // 2)
        figure = Figure(figsize=(11.0, 1.3 + 2.0 * rows), layout="constrained")
        FigureCanvasAgg(figure)
        axes = list(figure.subplots(rows, 2, squeeze=False).flat)
        for ax, (name, curves) in zip(axes, panels.items()):
            for run, (x, y) in curves.items():
                marker = "o" if np.size(x) <= 40 else ""
                ax.plot(x, y, color=colours[run], label=run, marker=marker, markersize=3.0)
            ax.set_title(name)
        for ax in axes[len(panels) :]:
            ax.set_visible(False)
        figure.supxlabel(x_label, fontsize=10.0)
        handles = {str(line.get_label()): line for ax in axes for line in ax.get_lines()}
        figure.legend(list(handles.values()), list(handles), loc="outside lower left", fontsize=9.0)
        figure.suptitle(title, fontsize=12.5, x=0.01, ha="left")
        return _save(figure, path)


_BAND_STYLE: dict[str, Any] = {
    "alpha": 0.18, "linewidth": 0.0, "zorder": 0.5, "label": "past good runs",
}  # fmt: skip


def _as_columns(terms: Mapping[str, ArrayLike]) -> dict[str, np.ndarray]:
    values = {name: np.asarray(value, dtype=float) for name, value in terms.items()}
    shapes = {value.shape for value in values.values()}
    if len(shapes) != 1 or len(next(iter(shapes))) not in (1, 2):
        raise ValueError(f"reward terms of shapes {shapes}; valid: all (T,) or all (T, N)")
    return {name: value.reshape(len(value), -1) for name, value in values.items()}


def _stack_of_panels(count: int) -> tuple[Figure, list[Axes]]:
    """One panel under the other on one time axis, the last one taller."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 1.9 + 1.15 * count), layout="constrained")
    FigureCanvasAgg(figure)
    heights = [1.0] * (count - 1) + [1.6]
    axes = figure.subplots(count, 1, sharex=True, squeeze=False, height_ratios=heights)
    return figure, list(axes.flat)


def _draw_rewards(ax: Axes, time: np.ndarray, rewards: np.ndarray, color: str) -> None:
    count = rewards.shape[1]
    if count > 1:
        alpha = max(0.1, 2.0 / (1 + count))
        lines = ax.plot(time, rewards, color=color, linewidth=0.8, alpha=alpha)
        lines[0].set_label("one environment")
    label = "mean of the environments" if count > 1 else None
    ax.plot(time, rewards.mean(axis=1), color=color, linewidth=1.9, label=label)
    ax.set_ylim(-0.04, 1.04)
    ax.set_yticks([0.0, 0.5, 1.0])
    ax.margins(x=0.01)


def _mark_falls(ax: Axes, dt: float, falls: Sequence[int]) -> None:
    for number, step in enumerate(falls):
        label = None if number else "fall"
        ax.axvline(dt * step, color=FALL_LINE, linewidth=1.1, linestyle=(0, (4, 2)), label=label)


def _add_legend(figure: Figure, ax: Axes) -> None:
    handles, labels = ax.get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower right", ncols=len(handles), fontsize=9.0)


def _save(figure: Figure, path: str | Path) -> Path:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    return path


def plot_curves(
    path: str | Path,
    panels: Mapping[str, Mapping[str, Sequence[float]]],
    x_label: str,
    title: str,
    x: Sequence[float] | None = None,
) -> Path:
    """Draw named curves, one panel for each quantity, on a logarithmic axis; return the PNG.

    Args:
        path: file to write.
        panels: quantity with unit -> label -> values; NaN and zero leave a gap.
        x_label: under the last panel.
        title: line above the figure.
        x: places of the values, drawn on a logarithmic axis; left out: 1, 2, 3, ...
    """
    with plot_style():
        figure, axes = _stack_of_panels(len(panels))
        for ax, (name, curves) in zip(axes, panels.items()):
            for color, (label, values) in zip((LINE, ACCENT_LINE, FALL_LINE, INK), curves.items()):
                drawn = np.where(np.asarray(values) > 0.0, values, np.nan)
                places = np.arange(1, len(drawn) + 1) if x is None else np.asarray(x)
                marker = "" if len(drawn) > 20 else "o"
                ax.plot(places, drawn, color=color, label=label, marker=marker, markersize=4)
            ax.set_yscale("log")
            if x is not None:
                ax.set_xscale("log", base=2)
            ax.set_title(name)
            ax.legend()
        axes[-1].set_xlabel(x_label)
        figure.suptitle(title, fontsize=12.5, x=0.01, ha="left")
        return _save(figure, path)
