"""A check as a picture: heights, slip, missing forces, margins over time, the faults marked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from animRL.motion.check.checker import Inspection
from animRL.motion.check.contact import planted_bodies, slides, stances
from animRL.motion.check.findings import Finding, Verdict
from animRL.motion.check.joints import beyond_limits
from animRL.motion.check.measures import Measures
from animRL.motion.check.report import summary
from animRL.motion.check.seam import meant_to_loop
from animRL.motion.check.stored import comparisons
from animRL.utils.errors import one_line
from animRL.utils.plots import ACCENT_LINE, FALL_LINE, INK, LINE, plot_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WARNING_LINE = "#b8860b"
PALETTE = (LINE, ACCENT_LINE, "#4d8f5b", "#7a5195", "#8a6d3b", "#5b7083")
# Height over the ground that is shown: higher, nothing touches [m].
SHOWN_HEIGHT = (-0.06, 0.25)


def plot_inspection(path: str | Path, inspection: Inspection) -> Path:
    """Draw a check that found poses, and return the file written (PNG).

    Panels: lowest point of feet and hands, slip of each stance, what no contact can give, the
    joints nearest their limits, stored velocities against the poses, a loop's mismatch at the seam.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    measures = inspection.measures
    assert measures is not None, "nothing to draw: no poses were read"
    findings = {f.check: f for f in inspection.report.findings}
    loops = measures.clip.loop or (measures.clip.loop is None and meant_to_loop(measures))
    panels = PANELS if loops else PANELS[:-1]
    with plot_style():
        figure = Figure(figsize=(11.5, 2.2 * len(panels)), layout="constrained")
        FigureCanvasAgg(figure)
        axes = list(figure.subplots(len(panels), 1).flat)
        for ax, (draw, checks) in zip(axes, panels):
            draw(ax, inspection, measures)
            if draw is not _seam:
                ax.set_xlim(0.0, measures.clip.duration)
                _mark(ax, [findings[c] for c in checks if c in findings], measures)
            _title(ax, [findings[c] for c in checks if c in findings])
        axes[len(PANELS) - 2].set_xlabel("time [s]")
        figure.suptitle(one_line(summary(inspection.report)), fontsize=10.5, x=0.01, ha="left")
        path = Path(path)
        figure.savefig(path)
    return path


def _heights(ax: Axes, inspection: Inspection, measures: Measures) -> None:
    thresholds = measures.thresholds
    ax.axhspan(-thresholds.penetration[0], thresholds.floating[0], color="#e4efe4", zorder=0)
    names = planted_bodies(measures)
    for color, name in zip(PALETTE, [n for n in measures.character.body_names if n in names]):
        spheres = measures.spheres.of(measures.character.body_index(name))
        if len(spheres):
            ax.plot(_time(measures), measures.heights[:, spheres].min(axis=1), color, label=name)
    if len(measures.spheres):
        ax.plot(_time(measures), measures.lowest, INK, linewidth=0.8, alpha=0.5, label="lowest")
    ax.set_ylim(*SHOWN_HEIGHT)
    ax.set_ylabel("height [m]")
    _legend(ax)


def _slip(ax: Axes, inspection: Inspection, measures: Measures) -> None:
    dt = measures.clip.frame_duration
    colors: dict[str, str] = {}
    for stance in [*stances(measures), *slides(measures)] if len(measures.spheres) else []:
        name = measures.body_name(stance.sphere)
        color = colors.setdefault(name, PALETTE[len(colors) % len(PALETTE)])
        span = [stance.start * dt, stance.stop * dt]
        label = name if sum(v == color for v in colors.values()) == 1 else None
        seen = {line.get_label() for line in ax.lines}
        ax.plot(
            span, [100.0 * stance.slip] * 2, color, linewidth=2.5, alpha=0.8,
            label=None if label in seen else label,
        )  # fmt: skip
    _limits(ax, *(100.0 * limit for limit in measures.thresholds.skating))
    ax.set_ylim(bottom=0.0)
    ax.set_ylabel("slip in a stance [cm]")
    _legend(ax)


def _forces(ax: Axes, inspection: Inspection, measures: Measures) -> None:
    effort = inspection.effort
    if effort is not None:
        time = effort.frames * measures.clip.frame_duration
        ax.plot(time, effort.force, LINE, label="force [weights]")
        ax.plot(time, effort.moment, ACCENT_LINE, label="moment [weight m]")
    for color, limits in (
        (LINE, measures.thresholds.ground_force),
        (ACCENT_LINE, measures.thresholds.ground_moment),
    ):
        ax.axhline(limits[1], color=color, linewidth=0.9, linestyle=":")
    ax.set_ylim(bottom=0.0)
    ax.set_ylabel("missing support")
    _legend(ax)


def _margins(ax: Axes, inspection: Inspection, measures: Measures) -> None:
    beyond = beyond_limits(measures.character, measures.trajectory.joint_pos)
    ax.axhspan(-10.0, 0.0, color="#f3e0e0", zorder=0)
    nearest = np.argsort(beyond.max(axis=0))[::-1][:4]
    for color, joint in zip(PALETTE, nearest):
        name = measures.character.joint_names[joint]
        ax.plot(_time(measures), -beyond[:, joint], color, label=name)
    margin = -beyond[:, nearest]
    finite = margin[np.isfinite(margin)]
    low, high = (finite.min(), finite.max()) if len(finite) else (0.0, 1.0)
    ax.set_ylim(min(low, 0.0) - 0.05, high + 0.05)
    ax.set_ylabel("margin to limit [rad]")
    _legend(ax)


def _stored(ax: Axes, inspection: Inspection, measures: Measures) -> None:
    """Each frame's difference over the rms speed, so that all stand on one axis."""
    for color, item in zip(PALETTE, comparisons(measures)):
        if not item.stored.size:
            continue
        difference = np.sqrt(np.mean((item.stored - item.expected) ** 2, axis=1))
        scale = max(float(np.sqrt(np.mean(item.expected**2))), 1e-3)
        ax.plot(_time(measures), 100.0 * difference / scale, color, label=item.name)
    ax.set_ylim(0.0, max(ax.get_ylim()[1], 5.0))
    ax.set_ylabel("stored velocities off [%]")
    _legend(ax)


def _seam(ax: Axes, inspection: Inspection, measures: Measures) -> None:
    mismatch = 100.0 * measures.seam_mismatch
    names = [n.removeprefix("joint_") for n in measures.character.joint_names]
    ax.bar(np.arange(len(names)), mismatch, color=LINE)
    _limits(ax, *(100.0 * limit for limit in measures.thresholds.seam_pose))
    ax.set_xticks(np.arange(len(names)), names, rotation=60, ha="right", fontsize=6.5)
    ax.grid(visible=False, axis="x")
    ax.set_ylabel("end off start [%]")


def _mark(ax: Axes, findings: list[Finding], measures: Measures) -> None:
    for finding in findings:
        color = {Verdict.FAIL: FALL_LINE, Verdict.WARNING: WARNING_LINE}.get(finding.verdict)
        if color is None or finding.frame is None:
            continue
        time = finding.frame * measures.clip.frame_duration
        ax.axvline(time, color=color, linewidth=1.1, linestyle=(0, (4, 2)))


def _title(ax: Axes, findings: list[Finding]) -> None:
    """Name the faults of a panel over it, in the colour of the worst."""
    bad = [f for f in findings if f.verdict in (Verdict.WARNING, Verdict.FAIL)]
    if not bad:
        return
    fails = any(f.verdict is Verdict.FAIL for f in bad)
    text = ";  ".join(
        f"{f.check} {f.value:.3g} {f.unit} {f.where}".rstrip() for f in bad if f.value is not None
    )
    ax.set_title(text, color=FALL_LINE if fails else WARNING_LINE, fontsize=8.5)


def _legend(ax: Axes) -> None:
    """The panel's lines, named beside it."""
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8)


def _limits(ax: Axes, warn: float, fail: float) -> None:
    ax.axhline(warn, color=WARNING_LINE, linewidth=0.9, linestyle=":")
    ax.axhline(fail, color=FALL_LINE, linewidth=0.9, linestyle=":")


def _time(measures: Measures) -> np.ndarray:
    return np.arange(len(measures.trajectory)) * measures.clip.frame_duration


PANELS = (
    (_heights, ("penetration", "floating", "root jumps", "heading jumps", "frozen frames")),
    (_slip, ("foot skating", "axes")),
    (_forces, ("ground force", "ground jolts", "tipping", "joint torque")),
    (_margins, ("joint limits", "joint jumps", "joint speeds", "self-collision")),
    (
        _stored,
        (
            "frame time", "root velocity", "root turn rate", "joint velocities",
            "end-effector velocities", "end effectors", "quaternion signs",
        ),
    ),
    (_seam, ("seam", "seam velocity")),
)  # fmt: skip
"""What each panel draws, and the checks whose faults it marks; the seam's is the last."""
