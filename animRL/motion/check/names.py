"""Joint and end-effector names against the character's, and a clip that bears the latter."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from animRL.dataloader.clip import Clip, permuted_to
from animRL.dataloader.frame_layout import FrameLayout
from animRL.motion.check.findings import Finding, Verdict
from animRL.sim.character import Character

JOINTS, ENDS = "joint names", "end-effector names"
# Least likeness of two names to be taken for the same (difflib's ratio).
ALIKE = 0.6


@dataclass(frozen=True)
class Named:
    """A clip in the character's names and order, what was found, and the way there.

    ``order`` says where each column of the file now stands; None if they stand where they did.
    ``end_effectors`` is False if the file's cannot be told apart, or are others.
    """

    clip: Clip
    findings: tuple[Finding, ...]
    order: tuple[int, ...] | None = None
    end_effectors: bool = True


def named_for(clip: Clip, character: Character) -> Named:
    """Read a clip's joints by name; by likeness, then by place, if the names are others."""
    joints, have = character.joint_names, clip.joint_names
    ends_found, ends_usable = _end_effectors(clip, character)
    if set(have) == set(joints):
        ends = clip.end_effector_names
        wanted = character.end_effector_names if ends_usable else ends
        moved = permuted_to(clip, joints, wanted)
        if not ends_usable:
            moved = _without_end_effectors(moved, character)
        if have == joints:
            finding = Finding(JOINTS, Verdict.OK, len(joints), len(joints), "joints")
            return Named(moved, (finding, ends_found), None, ends_usable)
        others = sum(a != b for a, b in zip(have, joints))
        first = next(a for a, b in zip(have, joints) if a != b)
        advice = "another order than the character's; read by name (--fix writes its order)"
        finding = Finding(JOINTS, Verdict.WARNING, others, 0, "moved", None, first, advice)
        order = tuple(joints.index(name) for name in have)
        return Named(moved, (finding, ends_found), order, ends_usable)
    return _renamed(clip, character, ends_found)


def matched_names(have: Sequence[str], want: Sequence[str]) -> dict[str, str]:
    """Guess which of the names wanted each name at hand stands for: name at hand -> wanted."""
    free, found = list(want), {}
    for name in have:
        if name in free:
            found[name] = name
            free.remove(name)
    plain = {_plain(name): name for name in free}
    for name in (n for n in have if n not in found):
        close = difflib.get_close_matches(_plain(name), plain, n=1, cutoff=ALIKE)
        if close:
            found[name] = plain.pop(close[0])
    return found


def _renamed(clip: Clip, character: Character, ends_found: Finding) -> Named:
    """The clip with what joints could be guessed; the rest at rest."""
    joints, have = character.joint_names, clip.joint_names
    missing = [n for n in joints if n not in have]
    unknown = [n for n in have if n not in joints]
    matches = matched_names(have, joints)
    by_place = len(have) == len(joints) and len(matches) < len(joints)
    if by_place:
        matches = dict(zip(have, joints))
    parts = []
    if unknown:
        example = unknown[0]
        meant = f" ({matches[example]}?)" if example in matches and not by_place else ""
        parts.append(f"{len(unknown)} unknown, as {example}{meant}")
    if missing:
        parts.append(f"{len(missing)} missing, as {missing[0]}")
    how = "by their place" if by_place else "by likeness"
    advice = f"{'; '.join(parts)}; the rest of this table reads them {how}"
    value = len(unknown) + len(missing)
    where = (unknown or missing)[0]
    finding = Finding(JOINTS, Verdict.FAIL, value, 0, "names", None, where, advice)
    layout = FrameLayout(len(joints), len(character.end_effector_names))
    frames = np.zeros((len(clip.frames), layout.width))
    frames[:, layout.joint_pos] = character.default_joint_pos.double().numpy()
    old = clip.layout
    for columns, source in (
        (layout.root_pos, old.root_pos), (layout.root_rot, old.root_rot),
        (layout.root_lin_vel, old.root_lin_vel), (layout.root_ang_vel, old.root_ang_vel),
    ):  # fmt: skip
        frames[:, columns] = clip.frames[:, source]
    for place, name in enumerate(have):
        if name in matches:
            joint = joints.index(matches[name])
            frames[:, layout.joint_pos.start + joint] = clip.frames[:, old.joint_pos.start + place]
            frames[:, layout.joint_vel.start + joint] = clip.frames[:, old.joint_vel.start + place]
    usable = clip.end_effector_names == character.end_effector_names
    if usable:
        frames[:, layout.ee_pos] = clip.frames[:, old.ee_pos]
        frames[:, layout.ee_vel] = clip.frames[:, old.ee_vel]
    renamed = replace(
        clip, frames=frames, joint_names=joints, end_effector_names=character.end_effector_names
    )
    return Named(renamed, (finding, ends_found), None, usable)


def _end_effectors(clip: Clip, character: Character) -> tuple[Finding, bool]:
    have, want = clip.end_effector_names, character.end_effector_names
    if have == want:
        return Finding(ENDS, Verdict.OK, len(want), len(want), "names"), True
    if set(have) == set(want):
        advice = "another order than the character's; read by name (--fix writes its order)"
        return Finding(ENDS, Verdict.WARNING, len(want), 0, "moved", None, have[0], advice), True
    others = sorted(set(have) ^ set(want))
    advice = f"wanted are {', '.join(want)}; --fix computes them from the joints"
    return Finding(ENDS, Verdict.FAIL, len(others), 0, "names", None, others[0], advice), False


def _without_end_effectors(clip: Clip, character: Character) -> Clip:
    """The clip with the character's end effectors in place of others, at 0."""
    old, layout = clip.layout, FrameLayout(
        len(clip.joint_names), len(character.end_effector_names)
    )  # fmt: skip
    frames = np.zeros((len(clip.frames), layout.width))
    for field in ("root_pos", "root_rot", "joint_pos", "root_lin_vel", "root_ang_vel", "joint_vel"):
        frames[:, getattr(layout, field)] = clip.frames[:, getattr(old, field)]
    return replace(clip, frames=frames, end_effector_names=character.end_effector_names)


def _plain(name: str) -> str:
    """A name without case, separators and the word joint."""
    return re.sub(r"joint|[^a-z0-9]", "", name.lower())
