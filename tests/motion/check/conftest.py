"""A bench for planted faults: the shipped walk, harmed in its file or in its poses, checked."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from animRL.cfg.characters.bob_config import BobConfig
from animRL.dataloader.clip import Clip, load_clip, permuted_to
from animRL.motion.check.checker import Inspection, check_clip, check_file
from animRL.motion.check.findings import Verdict
from animRL.motion.trajectory import Trajectory, to_clip
from animRL.sim.character import Character
from animRL.utils.paths import RESOURCES

WALK = RESOURCES / "datasets/bob3/Walk.txt"


@dataclass
class Bench:
    """Bob, the walk as a file's data, as poses, and the check of what a test made of them."""

    bob: Character
    folder: Path
    walk: Clip
    data: dict[str, Any]

    @property
    def poses(self) -> Trajectory:
        return Trajectory.from_clip(self.walk)

    @property
    def layout(self):
        return self.walk.layout

    def joint(self, name: str) -> int:
        """Place of a joint, named without its prefix."""
        return self.bob.joint_names.index(f"joint_{name}")

    def file(self, change: Callable[[dict[str, Any]], None]) -> Inspection:
        """Check a file whose data a function changed."""
        data = copy.deepcopy(self.data)
        change(data)
        path = self.folder / "harmed.txt"
        path.write_text(json.dumps(data))
        return check_file(path, self.bob)

    def frames(self, change: Callable[[np.ndarray], np.ndarray | None]) -> Inspection:
        """Check a file whose frames (T, 89) a function changed, in place or by returning others."""

        def on_data(data: dict[str, Any]) -> None:
            table = np.array(data["Frames"])
            changed = change(table)
            data["Frames"] = (table if changed is None else changed).tolist()

        return self.file(on_data)

    def motion(self, loop: bool | None = True, **fields: Any) -> Inspection:
        """Check the walk with other root_pos, root_quat, joint_pos; all else follows from them."""
        clip = to_clip(self.bob, replace(self.poses, loop=bool(loop), **fields))
        return check_clip(replace(clip, loop=loop), self.bob)

    def joints(self, **angles: Any) -> Inspection:
        """Check the walk with some joints, named without their prefix, set to other angles."""
        joint_pos = self.poses.joint_pos.copy()
        for name, angle in angles.items():
            joint_pos[:, self.joint(name)] = angle
        return self.motion(joint_pos=joint_pos)


@pytest.fixture(scope="session")
def bob() -> Character:
    return Character.from_config(BobConfig())


@pytest.fixture
def bench(bob: Character, tmp_path: Path) -> Bench:
    walk = permuted_to(load_clip(WALK), bob.joint_names, bob.end_effector_names)
    return Bench(bob, tmp_path, walk, json.loads(WALK.read_text()))


@pytest.fixture
def bad() -> Callable[[Inspection], dict[str, str]]:
    """Names and verdicts of all findings that are not ok."""

    def collect(inspection: Inspection) -> dict[str, str]:
        good = (Verdict.OK, Verdict.SKIPPED)
        findings = inspection.report.findings
        return {f.check: str(f.verdict) for f in findings if f.verdict not in good}

    return collect
