"""What a character did beside its reference, as plots: joints, path, phase, contacts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from animRL.utils.plots import ACCENT_LINE, FALL_LINE, INK, LINE, plot_style
from animRL.viewer.poses import Array, Poses

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

REFERENCE, POLICY = "reference", "policy"
_COLUMNS = 4
_JOINT_SIZE = (2.9, 1.35)
"""Of a joint's panel [in]."""
_SMALLEST_RANGE = 10.0
"""Degrees that a panel shows at least, so that stillness does not look like motion."""
_STYLES: dict[str, dict[str, Any]] = {
    REFERENCE: {"color": ACCENT_LINE, "linewidth": 1.2, "linestyle": (0, (4, 1.5))},
    POLICY: {"color": LINE, "linewidth": 1.4},
}


@dataclass(frozen=True)
class Tracking:
    """T control steps of a character and of what it was to do, dt [s] apart."""

    dt: float
    poses: Poses
    reference: Poses
    phases: Array
    """(T,)"""
    contacts: dict[str, tuple[NDArray[np.bool_], NDArray[np.bool_]]]
    """Body -> whether it touched the ground (T,), and whether the reference does."""
    falls: Sequence[int] = ()
    """Steps at which the character fell."""
    starts: Sequence[int] = ()
    """Steps at which another episode began."""

    @property
    def time(self) -> Array:
        """Of each step [s]."""
        return np.linspace(0.0, self.dt * (len(self.poses) - 1), len(self.poses))

    def gaps(self, values: Array) -> Array:
        """Values (T, ...) with a gap where an episode begins, for lines that do not cross it."""
        values = np.array(values, dtype=float)
        values[list(self.starts)] = np.nan
        return values


def plot_joints(
    path: str | Path, tracking: Tracking, joint_names: Sequence[str], title: str
) -> Path:
    """Draw every joint's angle beside the reference's, and return the file written (PNG).

    Args:
        path: file to write; its folder is made if need be.
        tracking: what was done.
        joint_names: names of the joints (J,).
        title: line above the figure.
    """
    actual = np.degrees(tracking.gaps(tracking.poses.joint_pos))
    wanted = np.degrees(tracking.gaps(tracking.reference.joint_pos))
    rows = -(-len(joint_names) // _COLUMNS)
    with plot_style():
        width, height = _COLUMNS * _JOINT_SIZE[0], 1.2 + rows * _JOINT_SIZE[1]
        figure = _figure(width, height)
        axes = figure.subplots(rows, _COLUMNS, sharex=True, squeeze=False)
        for number, ax in enumerate(axes.flat):
            if number >= len(joint_names):
                ax.set_visible(False)
                continue
            ax.plot(tracking.time, wanted[:, number], label=REFERENCE, **_STYLES[REFERENCE])
            ax.plot(tracking.time, actual[:, number], label=POLICY, **_STYLES[POLICY])
            error = np.sqrt(np.nanmean((actual[:, number] - wanted[:, number]) ** 2))
            name = joint_names[number].removeprefix("joint_")
            ax.set_title(f"{name}   rms {error:.1f}°", fontsize=8.5)
            ax.tick_params(labelsize=7.5)
            _at_least(ax, _SMALLEST_RANGE)
            _mark(ax, tracking)
        for ax in axes[-1]:
            ax.set_xlabel("time [s]", fontsize=8.5)
        figure.supylabel("joint angle [degrees]", fontsize=10.0)
        return _finish(figure, axes.flat[0], path, title)


def plot_motion(path: str | Path, tracking: Tracking, title: str) -> Path:
    """Draw path, height, phase and contacts beside the reference's, and return the PNG written.

    Args:
        path: file to write; its folder is made if need be.
        tracking: what was done.
        title: line above the figure.
    """
    with plot_style():
        figure = _figure(9.0, 8.0 + 0.25 * len(tracking.contacts))
        height, phase, contacts, path_ax = figure.subplots(
            4, 1, height_ratios=[1.0, 0.8, 0.25 + 0.25 * len(tracking.contacts), 1.1]
        )
        pairs = ((REFERENCE, tracking.reference), (POLICY, tracking.poses))
        for name, poses in pairs:
            root = tracking.gaps(poses.root_pos)
            height.plot(tracking.time, root[:, 2], label=name, **_STYLES[name])
            path_ax.plot(root[:, 0], root[:, 1], label=name, **_STYLES[name])
        height.set_title("height of the root [m]")
        phase.plot(tracking.time, tracking.gaps(_sawtooth(tracking.phases)), color=INK)
        phase.set_title("phase of the clip [1]")
        phase.set_ylim(-0.03, 1.03)
        _draw_contacts(contacts, tracking)
        path_ax.set_title("path of the root, from above [m]")
        path_ax.set_xlabel("x [m]")
        path_ax.set_ylabel("y [m]")
        path_ax.set_aspect("equal", adjustable="datalim")
        path_ax.plot(*tracking.poses.root_pos[0, :2], "o", color=INK, markersize=4)
        for ax in (height, phase, contacts):
            ax.set_xlim(0.0, tracking.time[-1])
            _mark(ax, tracking)
        contacts.set_xlabel("time [s]")
        return _finish(figure, height, path, title)


def _draw_contacts(ax: Axes, tracking: Tracking) -> None:
    """Two bars a body, while it touches the ground: the reference's above the character's."""
    names = list(tracking.contacts)
    for row, name in enumerate(names):
        touched, wanted = tracking.contacts[name]
        for who, values, offset in ((REFERENCE, wanted, -0.17), (POLICY, touched, 0.17)):
            spans = [(first * tracking.dt, (last - first) * tracking.dt)
                     for first, last in _spans(values)]  # fmt: skip
            ax.broken_barh(spans, (row + offset - 0.14, 0.28), color=_STYLES[who]["color"])
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.grid(False, axis="y")
    ax.set_axisbelow(True)
    ax.set_title("on the ground")


def _spans(values: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last-but-one index of every stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], values.astype(int), [0]])))
    return [(int(first), int(last)) for first, last in zip(edges[::2], edges[1::2], strict=True)]


def _sawtooth(phases: Array) -> Array:
    """Phases with a gap where the clip begins anew, in place of a line back through the figure."""
    drawn = np.array(phases, dtype=float)
    drawn[1:][np.diff(phases) < 0.0] = np.nan
    return drawn


def _mark(ax: Axes, tracking: Tracking) -> None:
    for step in tracking.falls:
        ax.axvline(tracking.dt * step, color=FALL_LINE, linewidth=1.1, linestyle=(0, (4, 2)),
                   label="fall" if step == tracking.falls[0] else None)  # fmt: skip


def _at_least(ax: Axes, smallest: float) -> None:
    low, high = ax.get_ylim()
    if high - low < smallest:
        middle = 0.5 * (low + high)
        ax.set_ylim(middle - 0.5 * smallest, middle + 0.5 * smallest)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _finish(figure: Figure, legend_of: Axes, path: str | Path, title: str) -> Path:
    handles, labels = legend_of.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower right", ncols=len(handles), fontsize=9.0)
    figure.suptitle(title, fontsize=12.5, x=0.01, ha="left")
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    return path
