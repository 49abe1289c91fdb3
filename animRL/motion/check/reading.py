"""Read a motion file with all its faults: what is wrong with the file, and a clip of the rest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from animRL.dataloader.clip import MAX_JOINT_ANGLE, Clip, clip_from_data, read_clip_data
from animRL.dataloader.clip_files import FOREIGN_SUFFIXES, other_format
from animRL.dataloader.frame_layout import FrameLayout
from animRL.motion.check.findings import Finding, Verdict, judge
from animRL.motion.check.frame_table import (
    array,
    column_name,
    interpolated,
    is_number,
    names_fault,
    rotation_shift,
)
from animRL.motion.check.joints import looks_like_degrees
from animRL.motion.check.names import matched_names
from animRL.motion.check.stored import common_frame_time
from animRL.motion.check.thresholds import Thresholds
from animRL.motion.rotations import Array
from animRL.sim.character import Character
from animRL.utils.errors import InputError

FIELDS, COLUMNS, NUMBERS, NORM, ANGLES = (
    "file fields", "columns", "numbers", "quaternion norm", "angle unit",
)  # fmt: skip
# A file with none of these is of another format, such as DeepMimic's.
HEADER = ("JointNames", "EndEffectorNames", "FrameDuration")
# Nothing in a motion is larger, whatever its units.
LARGEST = 1e6
# FrameDuration when the file has none and its velocities cannot tell [s].
GUESSED_DURATION = 1.0 / 30.0


@dataclass(frozen=True)
class Reading:
    """What a file gave: findings on the file, a clip of what could be read, None if nothing.

    ``stored`` is False if velocities and end effectors were not there to be read; ``changes``
    says what was done to the numbers so that the rest can be checked.
    """

    source: str
    findings: tuple[Finding, ...]
    clip: Clip | None
    stored: bool = True
    changes: tuple[str, ...] = ()


def read_leniently(path: Path, character: Character, thresholds: Thresholds) -> Reading:
    """Read a motion file and tell its faults instead of refusing it.

    Raises:
        InputError: if it is no motion clip at all: no JSON object, no frames or no header in it.
    """
    if path.suffix.lower() in FOREIGN_SUFFIXES and path.is_file():
        raise other_format(str(path))
    data = read_clip_data(path)
    rows = data.get("Frames")
    if not isinstance(rows, list) or len(rows) < 2 or not any(isinstance(r, list) for r in rows):
        raise InputError(f"{path}: no motion clip: Frames is not a list of at least 2 frames")
    if not any(field in data for field in HEADER):
        raise other_format(str(path))
    data = dict(data)
    lists = _Lists(path, data, character)
    lists.fields()
    table = lists.table()
    if table is None:
        return Reading(str(path), tuple(lists.findings), None)
    table = lists.numbers(table)
    table = lists.rotations(table, thresholds)
    table = lists.angles(table)
    data["Frames"] = table.tolist()
    lists.duration(table)
    clip = lists.clip()
    return Reading(str(path), tuple(lists.findings), clip, lists.stored, tuple(lists.changes))


class _Lists:
    """The fields of one file, mended one after the other; every fault becomes a finding."""

    def __init__(self, path: Path, data: dict[str, Any], character: Character) -> None:
        self.path, self.data, self.character = path, data, character
        self.findings: list[Finding] = []
        self.changes: list[str] = []
        self.odd_rows: list[int] = []
        self.stored = True

    @property
    def layout(self) -> FrameLayout:
        """Columns that the file's names ask for."""
        return FrameLayout(len(self.data["JointNames"]), len(self.data["EndEffectorNames"]))

    def fields(self) -> None:
        """Give the header valid values, telling what was wrong."""
        faults = []
        for name, names in (
            ("JointNames", self.character.joint_names),
            ("EndEffectorNames", self.character.end_effector_names),
        ):
            fault = names_fault(self.data.get(name))
            if fault:
                faults.append(f"{name} {fault}")
                self.changes.append(f"{name} taken as the character's")
                self.data[name] = list(names)
        weight = self.data.get("MotionWeight", 1.0)
        if not is_number(weight) or weight <= 0.0:
            faults.append(f"MotionWeight is {str(weight)[:20]!r}, wanted is a number above 0")
            self.data["MotionWeight"] = 1.0
            self.changes.append("MotionWeight set to 1")
        if not isinstance(self.data.get("Loop"), bool | None):
            faults.append(f"Loop is {str(self.data['Loop'])[:20]!r}, wanted is true or false")
            del self.data["Loop"]
            self.changes.append("Loop left out: no loop")
        if self.data.get("OutputMode", "ISAAC") != "ISAAC":
            faults.append(f"OutputMode is {str(self.data['OutputMode'])[:20]!r}, not 'ISAAC'")
            self.data["OutputMode"] = "ISAAC"
            self.changes.append("OutputMode set to 'ISAAC'")
        duration: Any = self.data.get("FrameDuration")
        if not is_number(duration) or not 0.0 < duration <= 1.0:
            faults.append(f"FrameDuration is {str(duration)[:20]}, wanted are seconds in (0, 1]")
            self.data["FrameDuration"] = None
        verdict = Verdict.FAIL if faults else Verdict.OK
        self.findings.append(
            Finding(FIELDS, verdict, len(faults), 0, "faults", advice="; ".join(faults))
        )

    def table(self) -> Array | None:
        """The frames as an array (T, D) of the right width, nan where there is no number."""
        rows = [row if isinstance(row, list) else [] for row in self.data["Frames"]]
        widths = np.array([len(row) for row in rows])
        width, wanted = int(np.median(widths)), self.layout.width
        odd = np.flatnonzero(widths != wanted)
        if not len(odd):
            self.findings.append(Finding(COLUMNS, Verdict.OK, wanted, wanted, "columns"))
            return array(rows, wanted)
        count = f"{len(odd)} of {len(rows)} frames have {widths[odd[0]]} columns, not {wanted}"
        if width == wanted:
            advice = f"{count}; the rest of this table puts means of their neighbours there"
            self._fault(COLUMNS, widths[odd[0]], wanted, "columns", int(odd[0]), "", advice)
            self.changes.append(f"{len(odd)} frames of a wrong width taken from their neighbours")
            self.odd_rows = odd.tolist()
            for index in self.odd_rows:
                rows[index] = [float("nan")] * wanted
            return array(rows, wanted)
        return self._pose_columns(array(rows, width), count)

    def _pose_columns(self, table: Array, count: str) -> Array | None:
        """The pose out of frames that have too many or too few columns."""
        layout, width = self.layout, table.shape[1]
        pose = layout.joint_pos.stop
        shift = rotation_shift(table)
        if shift is None or width - shift < pose:
            advice = f"{count}; root rotation and joints cannot be found: nothing else is checked"
            self._fault(COLUMNS, width, layout.width, "columns", 0, "", advice)
            return None
        extra = abs(width - layout.width)
        behind = f"{extra} too {'few' if width < layout.width else 'many'} behind the root's"
        place = f"{shift} too many before the root's" if shift else behind
        advice = f"{count}; {place}: the joints' may be shifted; velocities, end effectors not read"
        self._fault(COLUMNS, width, layout.width, "columns", 0, "", advice)
        self.changes.append("velocities and end effectors computed: their columns were not told")
        self.stored = False
        full = np.zeros((len(table), layout.width))
        full[:, :pose] = table[:, shift : shift + pose]
        return full

    def numbers(self, table: Array) -> Array:
        """Interpolate over what is no finite number of a size that a motion has."""
        table = np.where(np.abs(table) > LARGEST, np.nan, table)
        bad: NDArray[np.bool_] = np.isnan(table)
        told = np.zeros(len(table), dtype=bool)
        told[self.odd_rows] = True
        untold = bad & ~told[:, None]
        count = int(untold.sum())
        if count:
            row, column = np.argwhere(untold)[0]
            where = column_name(self.layout, self.data["JointNames"], int(column))
            advice = (
                f"{count} no numbers, not finite, or over {LARGEST:g}; the rest of this table and "
                "--fix interpolate them"
            )
            self._fault(NUMBERS, count, 0, "bad", int(row), where, advice)
            self.changes.append(f"{count} values that were no numbers interpolated")
        else:
            self.findings.append(Finding(NUMBERS, Verdict.OK, 0, 0, "bad"))
        return interpolated(table, bad)

    def rotations(self, table: Array, thresholds: Thresholds) -> Array:
        """Bring the root's quaternions to unit length; interpolate those of length 0."""
        columns = self.layout.root_rot
        norms = np.linalg.norm(table[:, columns], axis=1)
        frame = int(np.abs(norms - 1.0).argmax())
        value = float(abs(norms[frame] - 1.0))
        verdict = judge(value, *thresholds.quaternion_norm)
        zero = norms < 1e-3
        advice = ""
        if verdict is not Verdict.OK:
            what = f"{int(zero.sum())} of length 0; " if zero.any() else ""
            advice = f"{what}length {norms[frame]:.4g} in frame {frame}: --fix normalises"
            self.changes.append(f"quaternions normalised, lengths were off by up to {value:.4g}")
        self.findings.append(
            Finding(NORM, verdict, value, thresholds.quaternion_norm[0], "", frame, "root", advice)
        )
        table = table.copy()
        bad = np.zeros(table.shape, dtype=bool)
        bad[zero, columns] = True
        if zero.all():
            table[:, columns] = [0.0, 0.0, 0.0, 1.0]
        elif zero.any():
            table = interpolated(np.where(bad, np.nan, table), bad)
            norms = np.linalg.norm(table[:, columns], axis=1)
        table[:, columns] /= np.where(zero.all(), 1.0, norms)[:, None]
        return table

    def angles(self, table: Array) -> Array:
        """Turn degrees to radians where nothing else is possible."""
        columns, names = self.layout.joint_pos, self.data["JointNames"]
        matches = matched_names(names, self.character.joint_names)
        at = {matches[n]: table[:, columns.start + i] for i, n in enumerate(names) if n in matches}
        default = self.character.default_joint_pos.double().numpy()
        angles = np.column_stack(
            [
                at.get(name, np.full(len(table), default[j]))
                for j, name in enumerate(self.character.joint_names)
            ]
        )
        largest = np.abs(table[:, columns]).max(initial=0.0)
        if looks_like_degrees(self.character, angles):
            advice = "these are degrees: --fix and the rest of this table take them as such"
            self.changes.append("joint angles taken as degrees")
            return self._in_radians(table, float(largest), advice)
        if largest > MAX_JOINT_ANGLE:
            row, joint = np.unravel_index(
                np.abs(table[:, columns]).argmax(), table[:, columns].shape
            )
            advice = "more than two turns, and no degrees either; the rest of this table wraps it"
            self._fault(ANGLES, largest, MAX_JOINT_ANGLE, "rad", int(row), names[joint], advice)
            table = table.copy()
            table[:, columns] = np.remainder(table[:, columns] + np.pi, 2.0 * np.pi) - np.pi
            return table
        self.findings.append(
            Finding(ANGLES, Verdict.OK, float(largest), round(MAX_JOINT_ANGLE, 2), "rad")
        )
        return table

    def _in_radians(self, table: Array, largest: float, advice: str) -> Array:
        self._fault(ANGLES, largest, round(MAX_JOINT_ANGLE, 2), "rad", None, "", advice)
        table, layout = table.copy(), self.layout
        before = table[:, layout.joint_pos].copy()
        table[:, layout.joint_pos] = np.radians(before)
        rates = np.diff(before, axis=0) / (self.data["FrameDuration"] or GUESSED_DURATION)
        stored = table[:-1, layout.joint_vel]
        if np.linalg.norm(stored - rates) < np.linalg.norm(stored - np.radians(rates)):
            table[:, layout.joint_vel] = np.radians(table[:, layout.joint_vel])
        return table

    def duration(self, table: Array) -> None:
        """Guess a missing frame time by the stored joint velocities."""
        if self.data["FrameDuration"] is not None:
            return
        angles = table[:, self.layout.joint_pos]
        steps = 0.5 * (angles[2:] - angles[:-2])
        rates = table[1:-1, self.layout.joint_vel]
        power = float((rates**2).sum())
        guess = float((steps * rates).sum()) / power if power > 0.0 else 0.0
        told = self.stored and 1e-3 < guess <= 1.0
        guess = common_frame_time(guess) if told else GUESSED_DURATION
        self.data["FrameDuration"] = round(guess, 6)
        reason = "as the stored velocities say" if told else "a guess: nothing in the file tells"
        self.changes.append(f"FrameDuration set to {guess:.4g} s, {reason}")

    def clip(self) -> Clip:
        """The clip; a field that is still refused (its skeleton) is told and left out."""
        try:
            return clip_from_data(self.data, self.path)
        except InputError as error:
            reason = str(error).removeprefix(f"{self.path}: ")
            self._fault(FIELDS, 1, 0, "faults", None, "Skeleton", reason)
            self.data.pop("Skeleton", None)
            return clip_from_data(self.data, self.path)

    def _fault(
        self, check: str, value: float, limit: float, unit: str, frame: int | None, where: str,
        advice: str,
    ) -> None:  # fmt: skip
        self.findings.append(
            Finding(check, Verdict.FAIL, float(value), float(limit), unit, frame, where, advice)
        )
