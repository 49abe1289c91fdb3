"""The joint torques that a clip's motion takes, for drives to be told beforehand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from animRL.dataloader.clip import Clip
from animRL.motion.check.forces import Effort, effort
from animRL.motion.check.measures import Measures
from animRL.motion.check.thresholds import Thresholds
from animRL.motion.rotations import Array
from animRL.sim.character import Character

# Measured on Bob, zero action, 96 starts on the clip: how far the joints are off after 20 control
# steps, sum of squares in rad^2, median of who is still up (and their mean product reward). Without
# torques; with those of single frames; of means over 0.06 s; over 0.1 s. "Missing": the force that
# contacts fail to give at single frames, mean over the clip, in weights.
#
#   clip                       missing   without        1 frame        0.06 s         0.1 s
#   Walk, shipped              0.0000    0.056 (0.37)   0.006 (0.94)   0.006 (0.93)   0.008 (0.88)
#   Cartwheel, shipped         0.0000    0.103 (0.45)   0.007 (0.95)   0.008 (0.94)   0.009 (0.91)
#   Run, shipped               0.0001    0.148 (0.17)   0.017 (0.90)   0.017 (0.90)   0.020 (0.75)
#   Jump, Squat, Turn          < 0.0004  within 0.002 (0.01) of each other for any window
#   backflip, made physical    0.011     0.300 (0.12)   0.033 (0.64)   0.035 (0.57)   0.033 (0.47)
#   Walk of the course         0.019     0.088 (0.51)   0.035 (0.54)   0.038 (0.74)   0.035 (0.78)
#   Cartwheel of the course    0.093     0.183 (0.43)   0.118 (0.28)   0.063 (0.44)   0.055 (0.49)
#   run, captured              0.41      0.145 (0.02)   0.269 (0.00)   0.247 (0.00)   0.221 (0.01)
#   backflip, captured         0.70      0.168 (0.14)   0.195 (0.08)   0.168 (0.12)   0.151 (0.14)
#
# So a window smooths what is right in a motion that was solved for, and what is noise in one that
# was captured; from 0.1 to 0.2 s it hardly matters which. Between the two:
CLEAN = 0.015
"""Missing force up to which single frames are believed, mean over the clip, over the weight."""
WINDOW = 0.1
"""Time over which the others are means [s]."""
# Where no contact can make the motion its torques are those of another one. Fading them out with
# the missing force leaves all clips but the last two as they are; those get 0.20 and 0.12 rad^2 in
# place of 0.22 and 0.15.
HOPELESS = 0.5
"""Missing force at which nothing is left of them, over the weight."""


def joint_torques(clip: Clip, character: Character, loop: bool) -> Array:
    """Torques (T, J) [N m] of the joints at each frame of a clip, in the character's order.

    Inverse dynamics of the motion less what the contact forces do that come nearest to carrying
    it (``motion.check.forces.effort``); less of it where they miss (none at half a weight), and
    within the drives' effort limits. Between the frames for which they are worked out, linear in
    time. A clip with too few frames for accelerations, and a character that has nothing to touch
    the ground with, get zeros.

    Args:
        clip: joints in the character's order; the ground is at z = 0.
        character: on any device.
        loop: whether the clip repeats, whatever its file says.
    """
    character = character.to("cpu")
    count = len(clip.frames)
    found = _effort(replace(clip, loop=loop), character)
    if found is None:
        return np.zeros((count, len(character.joint_names)))
    limit = character.effort.double().numpy()
    share = np.clip(1.0 - found.force / HOPELESS, 0.0, 1.0)
    torque = np.clip(share[:, None] * found.torque, -limit, limit)
    return np.column_stack([np.interp(np.arange(count), found.frames, t) for t in torque.T])


def _effort(clip: Clip, character: Character) -> Effort | None:
    """The effort frame by frame where the motion is clean, else its mean over a window.

    None if none can be worked out.
    """
    found = _over_a_window(clip, character, clip.frame_duration)
    if found is None or found.force.mean() <= CLEAN:
        return found
    return _over_a_window(clip, character, WINDOW) or found


def _over_a_window(clip: Clip, character: Character, window: float) -> Effort | None:
    measures = Measures(clip, character, replace(Thresholds(), force_window=window))
    if not len(measures.spheres):
        return None
    found = effort(measures)
    return found if len(found.frames) else None
