"""All checks on one clip, in the order of the table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from animRL.dataloader.clip import Clip
from animRL.motion.check import axes, contact, continuity, forces, joints, seam, stored
from animRL.motion.check.findings import Finding, Report, Verdict
from animRL.motion.check.measures import Measures
from animRL.motion.check.names import ENDS, JOINTS, named_for
from animRL.motion.check.reading import read_leniently
from animRL.motion.check.self_collision import check_self_collision
from animRL.motion.check.thresholds import Thresholds
from animRL.sim.character import Character
from animRL.utils.errors import InputError


@dataclass(frozen=True)
class Inspection:
    """A report, and what it was made from, for the plot and for mending.

    ``measures`` and ``effort`` are None if the file holds no poses that could be read;
    ``changes`` says what was already done to the file's numbers to read them.
    """

    report: Report
    measures: Measures | None = None
    effort: forces.Effort | None = None
    changes: tuple[str, ...] = ()


def check_file(
    path: str | Path,
    character: Character,
    thresholds: Thresholds | None = None,
    loop: bool | None = None,
) -> Inspection:
    """Check a motion file against a character; faults of the file are findings, too.

    ``loop`` takes the place of the file's word, if given.

    Raises:
        InputError: if the file is no motion clip at all.
    """
    thresholds = thresholds or Thresholds()
    reading = read_leniently(Path(path), character, thresholds)
    if reading.clip is None:
        report = Report(reading.source, character.name, reading.findings)
        return Inspection(report, changes=reading.changes)
    clip = reading.clip if loop is None else replace(reading.clip, loop=loop)
    rest = check_clip(clip, character, thresholds, reading.stored)
    findings = reading.findings + rest.report.findings
    return replace(rest, report=replace(rest.report, findings=findings), changes=reading.changes)


def check_clip(
    clip: Clip,
    character: Character,
    thresholds: Thresholds | None = None,
    stored_columns: bool = True,
) -> Inspection:
    """Check a clip against a character.

    With ``stored_columns`` False its velocities and end effectors are not looked at.
    """
    if clip.skeleton is not None and set(clip.joint_names) != set(character.joint_names):
        return Inspection(
            Report(clip.source, character.name, (_other_skeleton(clip),), clip.frame_duration)
        )
    named = named_for(clip, character)
    measures = Measures(named.clip, character, thresholds or Thresholds(), named.order)
    effort, support = _support(measures)
    findings = [
        *named.findings,
        *_on_stored(measures, stored_columns, named.end_effectors),
        *_on_poses(measures),
        *support,
    ]
    report = Report(clip.source, character.name, tuple(findings), clip.frame_duration)
    return Inspection(report, measures, effort)


def _support(measures: Measures) -> tuple[forces.Effort | None, list[Finding]]:
    """What the ground and the drives must give; skipped where the solver is not installed."""
    try:
        effort = forces.effort(measures)
    except InputError as error:
        return None, [
            Finding(name, Verdict.SKIPPED, advice=str(error))
            for name in (*forces.FORCE_CHECKS, "joint torque")
        ]
    findings = forces.check_ground_forces(measures, effort)
    return effort, [*findings, forces.check_torques(measures, effort)]


def _other_skeleton(clip: Clip) -> Finding:
    """The finding on an imported clip that is held against another character."""
    assert clip.skeleton is not None
    advice = "it moves a skeleton of its own: retarget it (motion.py retarget)"
    return Finding(
        JOINTS, Verdict.FAIL, len(clip.joint_names), 0, "joints", None, clip.skeleton.name, advice
    )


def _on_stored(measures: Measures, columns: bool, end_effectors: bool) -> list[Finding]:
    """What compares stored columns with the poses."""
    items = stored.comparisons(measures)
    names = [item.name for item in items]
    findings = [
        stored.check_frame_time(measures, items),
        *(stored.check_velocities(measures, item) for item in items),
        stored.check_end_effectors(measures),
    ]
    unread = set() if columns else {"frame time", *names, "end effectors"}
    unread |= set() if end_effectors else {names[-1], "end effectors"}
    advice = f"not read, see columns and {ENDS}"
    return [
        Finding(f.check, Verdict.SKIPPED, advice=advice) if f.check in unread else f
        for f in findings
    ]


def _on_poses(measures: Measures) -> list[Finding]:
    """What looks at the poses alone (and, for the axes, at the root's stored velocity)."""
    items = stored.comparisons(measures)
    return [
        axes.check_length_unit(measures),
        axes.check_quaternion_order(measures),
        continuity.check_signs(measures),
        axes.check_axes(measures, items[0]),
        joints.check_limits(measures),
        joints.check_joint_speed(measures),
        *joints.check_root_speed(measures),
        *continuity.check_jumps(measures),
        continuity.check_frozen(measures),
        *seam.check_seam(measures),
        contact.check_skating(measures),
        contact.check_penetration(measures),
        contact.check_floating(measures),
        check_self_collision(measures),
    ]
