"""Where ok ends and where failing begins, each number with its source or reason.

Figures of athletes are those commonly quoted; they were not compared with printed tables again.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Thresholds:
    """Pairs are (ok up to, warning up to); beyond the second a check fails.

    "Shipped" marks what the project promises of its own clips.
    """

    quaternion_norm: tuple[float, float] = (1e-3, 0.02)
    """|norm - 1|: four decimals round to 1e-4; the loader refuses more than 0.02."""
    frame_time: tuple[float, float] = (0.12, 0.15)
    """|factor - 1| between stored and differenced velocities. Central differences lose 10 % of a
    2 Hz motion sampled at 16 Hz; the nearest honest mistake, 25 for 30 Hz, is a factor of 1.2."""
    root_velocity: tuple[float, float] = (0.04, 0.08)
    """Rms difference to finite differences over the rms speed. The course's clips: 0.04 to 0.06;
    world axes instead of the base's: 0.06 where the heading hardly turns, else far more."""
    joint_velocity: tuple[float, float] = (0.08, 0.15)
    """The same. Analytic velocities of a 50 Hz walk differ by 0.05; filtered ones by 0.25."""
    velocity_floor: tuple[float, float] = (0.005, 0.01)
    """Rms difference never asked about [m/s], [rad/s]: five decimals at 120 Hz give 1e-3."""
    velocity_peak: float = 0.5
    """One entry may differ by this much of the peak speed: at a heel strike the differences of a
    50 Hz walk round off 0.1 of it; a wrong entry is usually off by the whole."""
    velocity_column: float = 0.75
    """One joint or axis may differ by this much of its own rms: the course's clips reach 0.34; a
    column of zeros, of double speed or of another joint is off by 1 or more, of other sign by 2."""
    end_effector: tuple[float, float] = (1e-4, 5e-3)
    """Stored against forward kinematics [m]. Shipped: 1e-4; 5 mm is within a marker's accuracy."""
    joint_limit: tuple[float, float] = (1e-3, 0.05)
    """Beyond a limit [rad]: rounding; then 3 degrees, which a drive at its stop hardly shows."""
    joint_speed: tuple[float, float] = (20.0, 40.0)
    """[rad/s]. Knees and hips in sprinting and tumbling reach 15 to 20, a kicking knee or a
    throwing elbow 30 to 40 (J. Hamill, K. Knutzen, Biomechanical Basis of Human Movement)."""
    root_speed: tuple[float, float] = (8.0, 12.5)
    """[m/s]. A fast run; the fastest sprinter reached 12.4."""
    root_turn: tuple[float, float] = (15.0, 25.0)
    """[rad/s]. A tucked double somersault turns at about 14, a fast twist at 20."""
    jump_length: tuple[float, float] = (0.02, 0.04)
    """Kink of the root's path in one frame [m], beyond what ``jump_acceleration`` explains:
    captures are accurate to a few mm."""
    jump_angle: tuple[float, float] = (0.15, 0.30)
    """Kink of a joint or of the root's turn in one frame [rad]: capture noise stays under 0.1."""
    jump_acceleration: float = 40.0
    """[m/s^2] that a landing may need of the root: 4 body weights."""
    jump_angular_acceleration: float = 400.0
    """[rad/s^2]: a leg's joints at a heel strike or a kick; the trunk needs less."""
    frozen_frames: tuple[int, int] = (0, 0)
    """Repeated frames amid motion: resampling done wrong; one makes velocity drop to 0."""
    skating: tuple[float, float] = (0.01, 0.03)
    """Slip of a contact point in one stance [m]. Shipped: 1 cm; beyond 3 cm it is seen."""
    penetration: tuple[float, float] = (0.005, 0.02)
    """Depth under the ground [m]. Shipped: 5 mm; at 2 cm a start throws the character upwards."""
    floating: tuple[float, float] = (0.01, 0.02)
    """Lowest point over the ground while the motion needs support [m]: a character that stands
    cannot match its height; 2 cm is also what a reset adds before it drops."""
    seam_pose: tuple[float, float] = (0.01, 0.03)
    """Joint mismatch over the joint's range. Shipped: 1 %."""
    seam_height: tuple[float, float] = (0.005, 0.02)
    """Height mismatch of the root [m], as for penetration."""
    seam_tilt: tuple[float, float] = (0.03, 0.10)
    """Tilt of the root after the planar transform [rad]: 1 % of pi, then 6 degrees."""
    seam_velocity: tuple[float, float] = (2.5, 4.0)
    """Step of a velocity at the seam, in the largest steps at frames elsewhere: an impact at the
    seam, as of a foot, is no worse than those within the clip; but sampled at 25 Hz one may look
    twice as large as its like."""
    self_collision: tuple[float, float] = (0.02, 0.06)
    """Depth of one body's visible shape in another's [m]: clothes and flesh give; at 6 cm, half a
    wrist and half a waist, a limb passes through."""
    ground_force: tuple[float, float] = (0.20, 0.50)
    """Force that no contact can give, over the weight, mean of ``force_window``."""
    ground_jolt: tuple[float, float] = (0.50, 1.00)
    """The same over ``jolt_window``, for shaking that a longer mean hides. Captured clips that
    pass otherwise reach 0.27 there, clean motions 0.02."""
    ground_moment: tuple[float, float] = (0.10, 0.20)
    """The same for moments, over weight x 1 m, mean of ``moment_window`` (in flight, where nothing
    makes good for a wrong spin, of ``force_window``): how far outside the
    support the weight is held up. Half a foot's length tips a person over within a second; two
    captured clips that policies learned to follow reach 0.03 and 0.12."""
    force_window: float = 0.1
    """[s]. A step's worth of momentum; differences of captures are noise on shorter times."""
    jolt_window: float = 0.06
    """[s]. Short enough for 10 Hz, of which a mean over 0.1 s sees nothing."""
    moment_window: float = 0.3
    """[s]. In sqrt(height / g), 0.3 s for a centre of mass at 0.9 m, an inverted pendulum's lean
    grows e-fold; a shorter imbalance is made good by the next one."""
    effort: tuple[float, float] = (0.8, 1.0)
    """Torque over the drive's effort limit, mean of ``force_window``."""
    touching: float = 0.02
    """Points lower than this over the support may push [m]: captured soles are no better."""
    slip_height: float = 0.01
    """Up to this height a point counts as planted, less with height [m]; after the measure of
    Zhang et al., Mode-Adaptive Neural Networks for Quadruped Motion Control, 2018, who fade it
    out over 2.5 cm; less here, as heels and toes roll off."""
