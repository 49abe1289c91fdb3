"""Bob: a humanoid of 32 hinge joints, 1.77 m and 68.5 kg."""

from __future__ import annotations

from animRL.cfg.base_config import BaseConfig
from animRL.cfg.validators import Length, Range

_LEGS = ("Hip_1", "Hip_2", "Hip_torsion", "Knee", "Ankle_1")
_BACK = ("lowerback_x", "lowerback_z", "upperback_x", "upperback_y", "upperback_z")
_ARMS = (
    "Scapula_y",
    "Shoulder_1",
    "Shoulder_2",
    "Shoulder_torsion",
    "Elbow_flexion_extension",
    "Elbow_torsion",
    "Wrist_x",
    "Wrist_z",
)


def _joints(side: str, names: tuple[str, ...]) -> list[str]:
    return [f"joint_{side}{name}" for name in names]


class BobConfig(BaseConfig):
    """What the project decides about Bob; masses, limits and shape stand in the asset."""

    name = "bob"

    asset = "robots/bob/bob.xml"
    """MJCF or URDF: a path inside animRL/resources, or any other."""

    joint_names = [
        *_joints("l", _LEGS),
        *_joints("", _BACK),
        *_joints("l", _ARMS),
        "joint_lowerneck_y",
        *_joints("r", _ARMS),
        *_joints("r", _LEGS),
    ]
    """The order of joints in clips, observations and actions; every joint of the asset, once."""

    default_joint_angles = {
        "joint_lShoulder_2": 0.13,
        "joint_lShoulder_torsion": -0.5,
        "joint_lElbow_flexion_extension": -0.25,
        "joint_lWrist_z": -0.2,
        "joint_rShoulder_2": -0.13,
        "joint_rShoulder_torsion": 0.5,
        "joint_rElbow_flexion_extension": -0.25,
        "joint_rWrist_z": 0.2,
    }
    """Standing pose [rad]; 0 for a joint that is not listed."""

    stiffness = {"default": 300.0}
    """Drive stiffness [N m/rad]: "default", and joints that differ by name."""

    damping = {"default": 50.0}
    """Drive damping [N m s/rad]: "default", and joints that differ by name."""

    effort_limit = 1000.0
    """Largest torque of a drive [N m]."""

    end_effectors = {"lFoot": [0.07, 0.0, -0.02], "rFoot": [0.07, 0.0, -0.02]}
    """Body -> point in its frame [m]; the order is that of clips."""

    fall_bodies = [
        "pelvis",
        "lumbar",
        "torso",
        "neck",  # the head is part of it
        "lScapula",
        "rScapula",
        "lUpperArm",
        "rUpperArm",
        "lUpperLeg",
        "rUpperLeg",
    ]
    """Bodies that may not touch the ground."""

    anatomical_joints = [
        *("lumbar", "torso", "neck"),
        *("lScapula", "lUpperArm", "lLowerArm", "lHand"),
        *("rScapula", "rUpperArm", "rLowerArm", "rHand"),
        *("lUpperLeg", "lLowerLeg", "lFoot"),
        *("rUpperLeg", "rLowerLeg", "rFoot"),
    ]
    """Bodies whose origin is a joint of the anatomy; position errors are measured there."""

    hands = ["lHand", "rHand"]
    feet = ["lFoot", "rFoot"]

    friction = 1.0
    """Sliding friction on the ground."""

    _valid = {
        "joint_names": Length(1, 1000),
        "default_joint_angles": Range(-100.0, 100.0),
        "stiffness": Range(0.0, 1e6, inclusive=(False, True)),
        "damping": Range(0.0, 1e6),
        "effort_limit": Range(0.0, 1e9, inclusive=(False, True)),
        "end_effectors": Range(-100.0, 100.0),
        "fall_bodies": Length(0, 1000),
        "anatomical_joints": Length(0, 1000),
        "friction": Range(0.0, 1e3),
    }
