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

The numbers are those commonly quoted from these works; they were not compared with the printed
tables again.

A gait phase counts from one contact of a heel (0) to the next contact of the same heel (1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from animRL.motion.gait.minimum_jerk import Knot, MinimumJerkCurve

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
    """What defines a walk; lengths in metres, angles in degrees, phases and shares in cycles.

    Where a value departs from its source, it was chosen so that Bob's legs reach the ground, its
    feet (19.5 cm, no toe joint, no inversion) stay below the ground's push, and its leg angles
    stay near the published ones.
    """

    frames_per_cycle: int = 56
    """Even, so that the half cycles mirror each other; 56 x 20 ms: 107 steps a minute (Murray
    1964: 117; Perry: 113)."""
    frame_duration: float = 0.02
    """[s]"""
    speed: float = 1.15
    """[m/s]. Perry: 1.37 on longer legs; Bob's leg is 0.87 m."""
    stance_share: float = 0.60
    """Perry: 60 % stance, 40 % swing, twice 10 % double support."""
    step_width: float = 0.13
    """Between the ankles. Murray 1964: 0.08; wider here, as Bob's hips are (0.225 m)."""
    foot_flat: tuple[float, float] = (0.08, 0.39)
    """From when to when the sole lies flat. Perry: 0.12 and 0.31, for feet with a toe joint."""
    heel_strike_pitch: float = -18.5
    """Foot to ground at heel contact, toes up. Winter: about 20 degrees."""
    toe_off_pitch: float = 51.0
    """Foot to ground at the end of stance. Winter: about 65 degrees, with a toe joint."""
    toe_lift: float = 7.0
    """Dorsiflexion of the swinging foot beyond the published. Winter: the toes clear the ground by
    13 mm; with this by 20, as a soft hip drive lets the swinging side sag."""
    pressure_path: tuple[tuple[float, float], ...] = (
        (0.0, -0.05), (0.1, 0.04), (0.2, 0.08), (0.3, 0.102), (0.4, 0.117), (0.6, 0.122),
    )  # fmt: skip
    """Where the ground presses on the standing foot: (phase, way ahead of the ankle). Winter:
    from the heel quickly to the ball, then slowly to the toes."""
    pressure_side: float = 0.01
    """The same to the outside of the ankle."""
    load_transfer: float = 0.085
    """In what share of the cycle the weight passes to the landing foot."""
    pelvis_height: float = 0.844
    """Mean height of the hip axis: legs (0.874 m) bent as the published knee angles say."""
    pelvis_rise: float = 0.0145
    """Amplitude of the vertical motion, twice a cycle. Murray 1964: 0.024, of the head, at a
    stride of 1.56 m."""
    pelvis_low_phase: float = 0.04
    """When the pelvis is lowest: in double support (Saunders)."""
    pelvis_rotation: float = 4.5
    """To each side, the swinging hip forward. Saunders: 4 degrees."""
    pelvis_list: float = 4.0
    """Drop on the swinging side. Saunders: 5 degrees; Perry: 4."""
    pelvis_list_phase: float = 0.19
    """When the other side hangs lowest. Perry: at the end of loading response."""
    thorax_rotation: float = 3.5
    """To each side, against the pelvis. Murray 1964: 7 to 9 degrees from side to side."""
    thorax_lean: float = 4.8
    """Mean forward inclination of the trunk; it brings the mass over Bob's short feet."""
    thorax_list: float = 0.8
    """Of the trunk towards the standing leg. Perry: below 2 degrees."""
    shoulder_middle: float = -7.0
    """Mean flexion. Murray 1967: from 24 degrees of extension to 8 of flexion at free speed."""
    shoulder_swing: float = 15.0
    """Amplitude of the same."""
    shoulder_phase: float = 0.52
    """When the arm is farthest forward: near the other foot's heel contact (Murray 1967)."""
    shoulder_abduction: float = 9.5
    """Arms hang clear of the thighs."""
    shoulder_torsion: float = -17.0
    """Turned inward, so that the bent forearm points ahead and somewhat to the middle."""
    elbow_middle: float = 26.0
    """Mean flexion. Murray 1967: flexed more as the arm swings forward, never straight."""
    elbow_swing: float = 10.0
    """Amplitude of the same."""
    elbow_phase: float = 0.57
    """When the elbow is bent most: after the shoulder (Murray 1967)."""

    @property
    def cycle_seconds(self) -> float:
        """Duration of a cycle: two steps."""
        return self.frames_per_cycle * self.frame_duration

    @property
    def stride(self) -> float:
        """Way forward in a cycle [m]."""
        return self.speed * self.cycle_seconds
