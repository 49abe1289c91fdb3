"""What common mistake would explain stored end effectors that miss forward kinematics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from animRL.motion.check.measures import Measures, end_effectors
from animRL.motion.edit.mirror import partners
from animRL.motion.rotations import Array, invert, rotate

# A reading explains the mismatch if it leaves this share of it, or less than this [m].
EXPLAINS, CLOSE = 0.2, 0.005


@dataclass(frozen=True)
class Explanation:
    """A reading under which stored and computed end effectors agree.

    ``joint_pos`` (T, J) are the angles so read; None if it is the end effectors that are wrong.
    """

    text: str
    joint_pos: Array | None = None


def explain_end_effectors(measures: Measures) -> Explanation | None:
    """Find the reading of the clip that explains its end effectors, if one of those known does."""
    stored = measures.clip.frames[:, measures.clip.layout.ee_pos]
    stored = stored.reshape(measures.end_effectors.shape)
    as_is = _distance(stored, measures.end_effectors)
    enough = max(EXPLAINS * as_is, min(CLOSE, 0.5 * as_is))
    for text, other in _readings(measures, stored):
        if _distance(other, measures.end_effectors) < enough:
            return Explanation(text)
    for text, joints in _joint_readings(measures):
        joints = np.ascontiguousarray(joints)
        if _distance(stored, end_effectors(measures.character, joints)) < enough:
            return Explanation(text, joints)
    return None


def _readings(measures: Measures, stored: Array) -> Iterator[tuple[str, Array]]:
    """Other readings of the end effectors, in the base frame and metres (T, E, 3)."""
    poses, mend = measures.trajectory, "--fix computes them from the joints"
    yield f"stored in centimetres, metres are wanted; {mend}", stored / 100.0
    inverse = invert(poses.root_quat)[:, None]
    yield f"stored in the world's axes; {mend}", rotate(inverse, stored)
    moved = rotate(inverse, stored - poses.root_pos[:, None])
    yield f"stored in the world frame; {mend}", moved
    yield f"stored with y mirrored; {mend}", stored * [1.0, -1.0, 1.0]
    yield f"stored in another order of EndEffectorNames; {mend}", stored[:, ::-1]


def _joint_readings(measures: Measures) -> Iterator[tuple[str, Array]]:
    """Other readings of the joint angles (T, J)."""
    joints, names = measures.trajectory.joint_pos, measures.character.joint_names
    if measures.stored_order is not None:
        yield (
            "the columns fit in the character's joint order: JointNames are shuffled, not they "
            "(--fix keeps the columns)",
            joints[:, measures.stored_order],
        )
    swapped = [names.index(name) for name in partners(names)]
    yield "left and right joints are exchanged (--fix exchanges them)", joints[:, swapped]
    yield "the joint angles have the other sign: mirrored axes (--fix turns them)", -joints
    yield "the joint angles are degrees (--fix turns them to radians)", np.radians(joints)


def _distance(a: Array, b: Array) -> float:
    return float(np.linalg.norm(a - b, axis=2).mean())
