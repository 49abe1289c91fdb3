"""DeepMimic's own reward, for a task that wants it."""

from __future__ import annotations


class DeepMimicRewards:
    """The sum of four terms by weight (Peng et al. 2018, section 5.1).

    A task takes it by ``class rewards(DeepMimicRewards)``. The sigmas are the paper's factors, of
    squares, as widths: 1 / sqrt(2), sqrt(10), 1 / sqrt(40), 1 / sqrt(10).
    """

    combine = "sum"

    class narrowing:
        """Its kernels stay as they are."""

        above = 1.0

    class terms:
        """These four alone."""

        imitate_pose = [0.7071, 0.0]
        imitate_velocity = [3.1623, 0.0]
        imitate_end_effectors = [0.1581, 0.0]
        imitate_center_of_mass = [0.3162, 0.0]
        track_base_height = None
        track_base_orientation = None
        track_joint_pos = None
        track_base_vel = None
        track_ee_pos = None
        joint_targets_rate = None

    class weights:
        """The paper's."""

        imitate_pose = 0.65
        imitate_velocity = 0.1
        imitate_end_effectors = 0.15
        imitate_center_of_mass = 0.1
