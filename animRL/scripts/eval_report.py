"""What an evaluation tells: a table of its metrics with units, and where episodes failed."""

from __future__ import annotations

from typing import Any

from animRL.scripts.tables import print_columns

ROWS = (
    ("position error", "position_error_m", "{:.3f}", "m"),
    ("drift hidden by anchoring", "drift_m_per_min", "{:.2f}", "m/min"),
    ("normalised return", "normalised_return", "{:.3f}", "of 1"),
    ("course reward of a step", "course_reward", "{:.3f}", "of 1"),
)
"""Name of a metric, its key, how it is written, its unit."""


def print_report(env: Any, episodes: Any, from_zero: int, failures: Any) -> None:
    """Print metrics of episodes from phase 0, from random phases and of all, then the failures.

    Args:
        env: of which the episodes are.
        episodes: as ``roll_out`` returns them.
        from_zero: that many of them, the first ones, began at phase 0.
        failures: notes of the same roll-out, see ``evaluation.failures``.
    """
    import torch

    numbers = torch.arange(len(episodes.success), device=episodes.success.device)
    everyone = numbers >= 0
    groups = {"from phase 0": numbers < from_zero, "random phases": numbers >= from_zero}
    print_columns(_metrics_table(env, episodes, {**groups, "all": everyone}))
    loader = env.motion_loader
    if loader.num_motions > 1:
        clips = {
            name: episodes.clip_ids == number
            for number, name in enumerate(loader.labels)
            if bool((episodes.clip_ids == number).any())
        }
        print_columns(_clips_table(episodes, clips))
    for name, own in groups.items():
        print(f"  failures, {name}: {failures_text(env, failures, own)}")


def _metrics_table(env: Any, episodes: Any, groups: dict[str, Any]) -> list[list[str]]:
    """A row a metric, a column a group of episodes (N,) bool."""
    from animRL.evaluation.evaluate import summarise

    parts = [episodes.part(own) for own in groups.values()]
    summaries = [summarise(part, 0) for part in parts]
    seconds = [f"{float(part.length.float().mean()) * env.dt:.1f}" for part in parts]
    return [
        ["metric", *groups, "unit"],
        ["success", *(_percent(part.success) for part in parts), "%"],
        *(
            [name, *(form.format(summary[key]) for summary in summaries), unit]
            for name, key, form, unit in ROWS
        ),
        ["episodes", *(str(len(part.success)) for part in parts), ""],
        ["length of an episode", *seconds, "s"],
    ]


def _clips_table(episodes: Any, clips: dict[str, Any]) -> list[list[str]]:
    """A row a clip."""
    from animRL.evaluation.evaluate import summarise

    rows = [["clip", "success, %", "position error, m", "normalised return", "episodes"]]
    for name, own in clips.items():
        part = episodes.part(own)
        summary = summarise(part, 0)
        rows.append([
            name, _percent(part.success), f"{summary['position_error_m']:.3f}",
            f"{summary['normalised_return']:.3f}", str(len(part.success)),
        ])  # fmt: skip
    return rows


def failures_text(env: Any, failures: Any, own: Any) -> str:
    """Say how many of some episodes (N,) bool failed, how, and where in the clip most of them."""
    found = failures.summary(own)
    if found.failed == 0:
        return f"none of {found.episodes}"
    how = f"{found.fell} by a fall" if found.fell else "none by a fall (too far from the reference)"
    text = f"{found.failed} of {found.episodes}, {how}"
    if found.first_bodies:
        body, count = next(iter(found.first_bodies.items()))
        text += f" ({body} first in {count})"
    place = f" of {found.clip}" if env.motion_loader.num_motions > 1 else ""
    return text + f"; {found.near_phase} of them around phase {found.phase:.2f}{place}"


def _percent(success: Any) -> str:
    return f"{100 * float(success.double().mean()):.0f}" if len(success) else "-"
