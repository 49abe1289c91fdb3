"""Published figures of normal human walking, from which the project's own walk is made.

Sources, by the short names used below:

- Perry: J. Perry and J. M. Burnfield, Gait Analysis: Normal and Pathological Function, 2nd ed.,
  SLACK 2010, the chapters on the ankle and foot, knee, hip and pelvis, trunk, and arm.
- Winter: D. A. Winter, Biomechanics and Motor Control of Human Movement, 4th ed., Wiley 2009.
- Murray 1964: M. P. Murray, A. B. Drought, R. C. Kory, Walking Patterns of Normal Men,
  J. Bone Joint Surg. 46-A, 335-360.
- Murray 1967: M. P. Murray, S. B. Sepic, E. J. Barnard, Patterns of Sagittal Rotation of the Upper
  Limbs in Walking, Phys. Ther. 47, 272-284.
- Saunders: J. B. Saunders, V. T. Inman, H. D. Eberhart, The Major Determinants in Normal and
  Pathological Gait, J. Bone Joint Surg. 35-A, 543-558, 1953.

A gait phase counts from one contact of a heel (0) to the next contact of the same heel (1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from animRL.motion.minimum_jerk import Knot, MinimumJerkCurve

# (phase, degrees) at the borders and peaks of Perry's eight phases of gait.
THIGH_FLEXION = (
    (0.00, 20.0), (0.12, 17.0), (0.31, 0.0), (0.50, -20.0), (0.62, -10.0), (0.75, 15.0),
    (0.87, 25.0),
)  # fmt: skip
"""Inclination of the thigh from the vertical, forward positive (Perry)."""
KNEE_FLEXION = (
    (0.00, 5.0), (0.13, 19.0), (0.27, 12.0), (0.40, 5.0), (0.50, 10.0), (0.62, 40.0),
    (0.72, 60.0), (0.87, 25.0), (0.96, 2.0),
)  # fmt: skip
"""Flexion of the knee (Perry)."""
ANKLE_DORSIFLEXION = (
    (0.00, 0.0), (0.06, -5.0), (0.15, 0.0), (0.31, 5.0), (0.46, 10.0), (0.52, 7.0),
    (0.62, -15.0), (0.75, -5.0), (0.87, 0.0),
)  # fmt: skip
"""Dorsiflexion of the ankle (Perry)."""
PUBLISHED_LEG = (THIGH_FLEXION, KNEE_FLEXION, ANKLE_DORSIFLEXION)


def published_curve(key_values: tuple[tuple[float, float], ...]) -> MinimumJerkCurve:
    """Periodic curve of gait phase [rad] through key values in degrees."""
    return MinimumJerkCurve([Knot(p, np.radians(v)) for p, v in key_values], period=1.0)


@dataclass(frozen=True)
class WalkStyle:
    """What defines a walk: lengths in metres, angles in degrees, times in cycles or seconds."""

    frames_per_cycle: int = 56
    """Even, so that left and right half cycles mirror each other; 56 x 20 ms: 107 steps a minute."""
    frame_duration: float = 0.02
    speed: float = 1.15
    """Murray 1964: 1.3 to 1.5 m/s at a stride of 1.5 m for taller men; Bob's leg is 0.87 m."""
    stance_share: float = 0.60
    """Perry: 60 % stance, 40 % swing, twice 10 % double support."""
    step_width: float = 0.14
    """Between the ankles. Murray 1964: 0.08 m; wider here in proportion to Bob's hips."""
    foot_flat: tuple[float, float] = (0.09, 0.40)
    """Phases between which the sole lies flat. Perry: 12 % and 31 %, for feet with a toe joint."""
    heel_strike_pitch: float = -18.0
    """Foot to ground at heel contact, toes up. Perry: about 20 degrees."""
    toe_off_pitch: float = 52.0
    """Foot to ground at the end of stance. Less than the human 65 degrees (Winter): no toe joint."""
    toe_lift: float = 0.0
    pelvis_height: float = 0.840
    """Mean height of the hip axis: the legs (0.874 m) slightly bent."""
    pelvis_rise: float = 0.017
    """Amplitude of the vertical motion, twice a cycle. Murray 1964: 4 to 5 cm from low to high."""
    pelvis_low_phase: float = 0.035
    """When the pelvis is lowest: in double support (Saunders)."""
    pelvis_rotation: float = 4.5
    """To each side, the swinging hip forward. Saunders: 4 degrees."""
    pelvis_list: float = 3.5
    """Drop on the swinging side. Saunders: 5 degrees; Perry: 4."""
    pelvis_list_phase: float = 0.19
    thorax_rotation: float = 3.5
    """To each side, against the pelvis. Murray 1964: about 3.5 degrees."""
    thorax_lean: float = 4.0
    """Mean forward inclination of the trunk."""
    thorax_list: float = 0.8
    """Of the trunk towards the standing leg. Perry: below 2 degrees."""
    shoulder_middle: float = -7.0
    """Murray 1967: from 24 degrees of extension to 8 of flexion at free speed."""
    shoulder_swing: float = 15.0
    shoulder_phase: float = 0.52
    """Phase of the greatest flexion: near the other foot's heel contact (Murray 1967)."""
    shoulder_abduction: float = 7.5
    shoulder_torsion: float = -20.0
    """Turned inward, so that the bent forearm points ahead and somewhat to the middle."""
    elbow_middle: float = 26.0
    """Murray 1967: flexed more as the arm swings forward, never straight."""
    elbow_swing: float = 10.0
    elbow_phase: float = 0.57

    pressure_path: tuple[tuple[float, float], ...] = (
        (0.0, -0.05), (0.1, 0.055), (0.2, 0.095), (0.3, 0.115), (0.4, 0.13), (0.6, 0.135),
    )  # fmt: skip
    pressure_side: float = 0.015
    load_transfer: float = 0.085
    pendulum_height: float = 0.95
    start_offset: float = -0.30

    @property
    def cycle_seconds(self) -> float:
        """Duration of a cycle: two steps."""
        return self.frames_per_cycle * self.frame_duration

    @property
    def stride(self) -> float:
        """Way forward in a cycle [m]."""
        return self.speed * self.cycle_seconds
