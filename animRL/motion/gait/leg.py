"""A leg of three hip hinges, a knee and an ankle: where its rolling foot stands, and its angles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from animRL.motion.rotations import matrix_about_coordinate
from animRL.utils.errors import InputError


@dataclass(frozen=True)
class LegGeometry:
    """Lengths of a left leg [m]; the right one is its mirror image.

    ``hip`` (3,) lies in the pelvis's frame; the foot touches the ground with spheres of
    ``radius`` whose outer heel and toe centres, ``heel`` and ``toe`` (3,), lie in its frame.
    """

    hip: np.ndarray
    thigh: float
    shank: float
    heel: np.ndarray
    toe: np.ndarray
    radius: float


def leg_roll(hip: np.ndarray, ankle: np.ndarray) -> np.ndarray:
    """Roll (M,) [rad] of the plane of thigh, shank and forward-pointing foot, hips, ankles (M, 3).

    Without an inversion joint the foot leans with the leg.
    """
    reach = hip - ankle
    return -np.arctan2(reach[:, 1], reach[:, 2])


def standing_ankle(leg: LegGeometry, pitch: np.ndarray, roll: np.ndarray) -> np.ndarray:
    """Ankle (M, 3) of a left foot that rolls on the ground without sliding.

    Pitch and roll (M,) [rad]: it rolls about the outer heel sphere while the toes are up (pitch
    below 0) and about the outer toe sphere while the heel is up. The origin is the point of the
    ground below the ankle of the flat foot.
    """
    foot = matrix_about_coordinate(0, roll) @ matrix_about_coordinate(1, pitch)
    pivot = np.where((pitch < 0.0)[:, None], leg.heel, leg.toe)
    centre = pivot * [1.0, 1.0, 0.0] + leg.radius * np.stack(
        [pitch, -roll, np.ones_like(pitch)], axis=1
    )
    return centre - np.einsum("mij,mj->mi", foot, pivot)


def reach_ankle(leg: LegGeometry, hip: np.ndarray, ankle: np.ndarray) -> np.ndarray:
    """Roll, thigh and knee angles (M, 3) [rad] with which a leg reaches from hip to ankle (M, 3).

    Roll is the lean of the leg's plane, thigh its inclination in it (backward positive).

    Raises:
        InputError: if the leg is too short.
    """
    roll = leg_roll(hip, ankle)
    reach = np.einsum("mji,mj->mi", matrix_about_coordinate(0, roll), ankle - hip)
    length = np.linalg.norm(reach, axis=1)
    if length.max() >= leg.thigh + leg.shank:
        raise InputError(
            f"walk style: the legs of {leg.thigh + leg.shank:.3f} m would have to reach "
            f"{length.max():.3f} m; valid: a lower pelvis_height or speed"
        )
    knee = np.arccos((length**2 - leg.thigh**2 - leg.shank**2) / (2.0 * leg.thigh * leg.shank))
    lean = np.arctan2(-reach[:, 0], -reach[:, 2])
    offset = np.arctan2(leg.shank * np.sin(knee), leg.thigh + leg.shank * np.cos(knee))
    return np.stack([roll, lean - offset, knee], axis=1)


def leg_angles(pelvis: np.ndarray, pose: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """Angles (M, 5) [rad] of hip (about y, x, z), knee and ankle in a leg's pose in the world.

    Pelvis rotation (M, 3, 3); roll, thigh and knee (M, 3) as ``reach_ankle`` gives them; pitch
    (M,) of the foot, which points forward.
    """
    roll, thigh, knee = pose.T
    hip = np.einsum(
        "mji,mjk->mik", pelvis, matrix_about_coordinate(0, roll) @ matrix_about_coordinate(1, thigh)
    )
    # The hip's three hinges turn in the order R = Ry(flexion) Rx(abduction) Rz(torsion).
    abduction = np.arcsin(-hip[:, 1, 2])
    flexion = np.arctan2(hip[:, 0, 2], hip[:, 2, 2])
    torsion = np.arctan2(hip[:, 1, 0], hip[:, 1, 1])
    return np.stack([flexion, abduction, torsion, knee, pitch - thigh - knee], axis=1)
