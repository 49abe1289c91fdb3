"""When a motion begins and ends, how fast it goes, and how often it is sampled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from animRL.motion.extras import require
from animRL.motion.rotations import Array
from animRL.motion.trajectory import Trajectory, extended, seam_transform
from animRL.utils.errors import InputError

MARGIN = 12
"""Frames beyond the seam that a loop's spline is fitted to; an end is felt 0.27 times as much at
every knot further inside (de Boor, A Practical Guide to Splines, 1978), here 1e-7."""


def trim(trajectory: Trajectory, start: float, end: float) -> Trajectory:
    """The part from start to end [s], at whole frames; it does not loop.

    Raises:
        InputError: unless 0 <= start < end <= duration and two frames remain.
    """
    duration = trajectory.duration
    if not 0.0 <= start < end <= duration + 0.5 * trajectory.dt:
        raise InputError(
            f"trim from {start:g} s to {end:g} s; valid: from 0 to {duration:.4g} s, start "
            "before end"
        )
    first = round(start / trajectory.dt)
    last = min(round(end / trajectory.dt), len(trajectory) - 1)
    if last <= first:
        raise InputError(
            f"trim from {start:g} s to {end:g} s is less than a frame; valid: at least "
            f"{trajectory.dt:g} s"
        )
    return trajectory.frames(slice(first, last + 1))


def lasting(trajectory: Trajectory, duration: float) -> Trajectory:
    """The same motion faster or slower, so that it lasts a time [s], at about the same rate.

    The frame time changes by at most half a frame over the whole motion, so that the duration is
    met exactly.

    Raises:
        InputError: if the duration is not longer than a frame.
    """
    if not trajectory.dt <= duration < np.inf:
        raise InputError(
            f"a duration of {duration:g} s; valid: at least a frame, {trajectory.dt} s"
        )
    steps = round(duration / trajectory.dt)
    return resampled(trajectory, steps + 1, duration / steps)


def at_rate(trajectory: Trajectory, fps: float) -> Trajectory:
    """The same motion with fps frames a second; it lasts up to half a frame more or less.

    Raises:
        InputError: if fps is not positive, or the motion has less than a frame of it.
    """
    if not 0.0 < fps < np.inf or round(trajectory.duration * fps) < 1:
        raise InputError(f"{fps:g} frames a second; valid: at least {1 / trajectory.duration:.3g}")
    return resampled(trajectory, round(trajectory.duration * fps) + 1, 1.0 / fps)


def resampled(trajectory: Trajectory, count: int, dt: float) -> Trajectory:
    """Sample a motion evenly from its first to its last frame and lay the samples dt [s] apart.

    Cubic splines run through positions, angles and the components of the root's quaternion, which
    is then normalised; for rotations of less than about 1 rad a frame that is as exact as a spline
    of rotations and, unlike spherical linear interpolation, has no steps in angular velocity. A
    loop's splines go on over its seam.
    """
    if count == len(trajectory):
        return replace(trajectory, dt=dt)
    if len(trajectory) < 2:
        raise InputError("a motion of one frame cannot be sampled anew; valid: at least 2 frames")
    margin = min(MARGIN, len(trajectory) - 1) if trajectory.loop else 0
    source = extended(trajectory, margin) if margin else trajectory
    knots: Array = np.arange(-margin, len(source) - margin, dtype=np.float64)
    moments: Array = np.linspace(0.0, len(trajectory) - 1.0, count, dtype=np.float64)
    quat = _spline(knots, source.root_quat, moments)
    quat /= np.linalg.norm(quat, axis=1, keepdims=True)
    return Trajectory(
        _spline(knots, source.root_pos, moments),
        quat,
        _spline(knots, source.joint_pos, moments),
        dt,
        trajectory.loop,
    )


def _spline(knots: Array, values: Array, moments: Array) -> Array:
    """Values (n, D) at moments (n,) of the cubic spline through values (T, D) at knots (T,)."""
    spline = require("scipy.interpolate").CubicSpline(knots, values, axis=0)
    return np.asarray(spline(moments))


def repeated(trajectory: Trajectory, times: int) -> Trajectory:
    """A motion several times over; a loop is carried on, another begins again where it began.

    Raises:
        InputError: if times is below 1.
    """
    if times < 1:
        raise InputError(f"a motion {times} times over; valid: at least once")
    onward, rounds = seam_transform(trajectory), [trajectory]
    for _ in range(times - 1):
        again = onward.apply(rounds[-1]) if trajectory.loop else trajectory
        rounds.append(again)
    # A loop's last frame is the next round's first.
    later = slice(1, None) if trajectory.loop else slice(None)
    return Trajectory(
        np.concatenate([rounds[0].root_pos, *(r.root_pos[later] for r in rounds[1:])]),
        np.concatenate([rounds[0].root_quat, *(r.root_quat[later] for r in rounds[1:])]),
        np.concatenate([rounds[0].joint_pos, *(r.joint_pos[later] for r in rounds[1:])]),
        trajectory.dt,
        trajectory.loop,
    )
