"""From skeleton to character: the same motion, at other proportions, standing on the ground."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from animRL.dataloader.clip import Clip
from animRL.dataloader.skeleton import Skeleton
from animRL.motion.ground import contact_spheres, sphere_centres, sphere_heights
from animRL.motion.importers.entry import import_motion
from animRL.motion.retarget.entry import Retargeted, RetargetOptions, retarget
from animRL.motion.skeleton_character import skeleton_character
from animRL.motion.trajectory import PlanarTransform, Trajectory, body_poses
from animRL.sim.character import Character
from animRL.utils.errors import InputError

SEGMENTS = {
    "left_hip": ("lUpperLeg", "lLowerLeg", "left_knee"),
    "right_knee": ("rLowerLeg", "rFoot", "right_ankle"),
    "left_shoulder": ("lUpperArm", "lLowerArm", "left_elbow"),
    "right_elbow": ("rLowerArm", "rHand", "right_wrist"),
}
"""Start of a segment -> Bob's two bodies, and its end."""


def moved(clip: Clip, bob: Character, silent, options: RetargetOptions | None = None) -> Retargeted:
    assert clip.skeleton is not None
    source = skeleton_character(clip.skeleton)
    return retarget(clip, source, bob, options or RetargetOptions(), progress=silent)


def places(character: Character, clip: Clip) -> np.ndarray:
    return body_poses(character, Trajectory.from_clip(clip))[0]


@pytest.fixture(scope="module")
def walked(walk_of_skeleton: Clip, bob: Character, silent) -> Retargeted:
    return moved(walk_of_skeleton, bob, silent)


@pytest.fixture(scope="module")
def squatted(squat: Clip, bob: Character, silent) -> Retargeted:
    return moved(squat, bob, silent)


def test_the_own_walk_comes_back(
    walk_of_skeleton: Clip, walked: Retargeted, bob: Character
) -> None:
    """Bob's Walk through a skeleton of Bob's: the anatomical joints stay within about 1 cm."""
    before = places(skeleton_character(walk_of_skeleton.skeleton), walk_of_skeleton)
    after = places(bob, walked.clip)
    joints = bob.body_indices(bob.anatomical_joints).tolist()
    error = np.linalg.norm(after[:, joints] - before[:, joints], axis=-1)
    assert error.mean() < 0.01
    assert error.max() < 0.03
    assert walked.report.mean < 0.01


def test_limbs_keep_their_directions(squat: Clip, squatted: Retargeted, bob: Character) -> None:
    """The arms of the skeleton stand out at rest, Bob's hang; all lengths differ."""
    skeleton = squat.skeleton
    assert skeleton is not None
    figure = skeleton_character(skeleton)
    source, target = places(figure, squat), places(bob, squatted.clip)
    names = figure.body_names
    for start, (upper, lower, end) in SEGMENTS.items():
        want = source[:, names.index(end)] - source[:, names.index(start)]
        have = target[:, bob.body_index(lower)] - target[:, bob.body_index(upper)]
        cosine = (want * have).sum(axis=1)
        cosine /= np.linalg.norm(want, axis=1) * np.linalg.norm(have, axis=1)
        assert np.rad2deg(np.arccos(np.clip(cosine, -1.0, 1.0))).max() < 10.0, start


def test_planted_feet_stay_and_stand_on_the_ground(squatted: Retargeted, bob: Character) -> None:
    """The soles do not move for the whole squat, and touch the ground without entering it."""
    trajectory = Trajectory.from_clip(squatted.clip)
    spheres = contact_spheres(bob)
    centres = sphere_centres(spheres, *body_poses(bob, trajectory))
    heights = sphere_heights(spheres, centres)
    assert heights.min() > -0.002
    for name in ("lFoot", "rFoot"):
        soles = spheres.of(bob.body_index(name))
        ways = np.linalg.norm(centres[:, soles, :2] - centres[:1, soles, :2], axis=-1)
        assert ways.max() < 0.005
        assert heights[:, soles].min(axis=1).max() < 0.002
    assert squatted.report.slide < 0.005
    assert squatted.report.stances == {"left_ankle": 1, "right_ankle": 1}


def test_the_pelvis_sinks_in_proportion_to_the_legs(
    squat: Clip, squatted: Retargeted, bob: Character
) -> None:
    ratio = 0.84375 / 0.72  # Bob's thigh and shank over the skeleton's
    depths = [np.ptp(places(skeleton_character(squat.skeleton), squat)[:, 0, 2])]
    depths.append(np.ptp(places(bob, squatted.clip)[:, 0, 2]))
    assert depths[1] == pytest.approx(ratio * depths[0], abs=0.03)


@pytest.mark.parametrize("which", ["walked", "squatted"])
def test_a_loop_closes(which: str, request: pytest.FixtureRequest) -> None:
    clip = request.getfixturevalue(which).clip
    assert clip.loop is True
    end = Trajectory.from_clip(clip)
    first, last = end.frames(slice(0, 1)), end.frames(slice(-1, None))
    seam = PlanarTransform.between(
        first.root_pos[0], first.root_quat[0], last.root_pos[0], last.root_quat[0]
    )
    onward = seam.apply(first)
    np.testing.assert_allclose(onward.root_pos, last.root_pos, atol=1e-6)
    assert abs((onward.root_quat * last.root_quat).sum()) > 1.0 - 1e-9
    np.testing.assert_allclose(first.joint_pos, last.joint_pos, atol=1e-9)


def test_velocities_do_not_leap_over_the_seam(walked: Retargeted) -> None:
    clip = walked.clip
    rates = clip.frames[:, clip.layout.joint_vel]
    inside = np.abs(np.diff(rates, axis=0)).max()
    step = np.abs(rates[1] - rates[0])
    assert step.max() < 1.5 * inside


def test_limits_and_signs(squatted: Retargeted, walked: Retargeted, bob: Character) -> None:
    lower, upper = bob.joint_lower.numpy(), bob.joint_upper.numpy()
    for result in (squatted, walked):
        trajectory = Trajectory.from_clip(result.clip)
        assert (trajectory.joint_pos >= lower - 1e-6).all()
        assert (trajectory.joint_pos <= upper + 1e-6).all()
        quat = result.clip.frames[:, result.clip.layout.root_rot]
        assert ((quat[1:] * quat[:-1]).sum(axis=1) > 0.0).all()


def test_a_mirrored_motion_gives_the_mirrored_result(
    squatted: Retargeted, mirrored_squat: Clip, bob: Character, silent
) -> None:
    """Bob's limits are not quite symmetric; within them left and right are treated alike."""
    other = places(bob, moved(mirrored_squat, bob, silent).clip)
    own = places(bob, squatted.clip)
    pairs = [("lHand", "rHand"), ("lFoot", "rFoot"), ("lLowerArm", "rLowerArm"), ("neck", "neck")]
    for left, right in pairs:
        image = own[:, bob.body_index(left)] * [1.0, -1.0, 1.0]
        assert np.abs(other[:, bob.body_index(right)] - image).max() < 0.02, left


def test_coarse_frames_are_resampled_and_told(
    spread_skeleton: Skeleton, squat: Clip, bob: Character, silent
) -> None:
    coarse = replace(squat, frames=squat.frames[::6], frame_duration=6 * squat.frame_duration)
    result = moved(coarse, bob, silent)
    assert len(result.clip.frames) == 101 and result.clip.frame_duration == pytest.approx(0.02)
    assert "resampled from 10 to 50 Hz" in result.notes[0]
    kept = moved(coarse, bob, silent, RetargetOptions(fps=25.0))
    assert len(kept.clip.frames) == 51 and "resampled" not in " ".join(kept.notes)


def test_a_loop_is_opened_and_closed_as_asked(squat: Clip, bob: Character, silent) -> None:
    half = replace(squat, frames=squat.frames[:40], loop=None)
    assert moved(half, bob, silent).clip.loop is False
    opened = replace(half, loop=True)
    result = moved(opened, bob, silent)
    assert result.clip.loop is False and "not a loop" in result.notes[0]
    closed = moved(half, bob, silent, RetargetOptions(loop=True))
    assert closed.clip.loop is True and "seam closed" in closed.notes[0]


def test_what_cannot_be_retargeted_is_named(squat: Clip, bob: Character, silent) -> None:
    skeleton = squat.skeleton
    assert skeleton is not None
    roles = {name: name for name in skeleton.joint_names if name != "left_knee"}
    with pytest.raises(InputError, match=r"squat.bvh has no body known as left_knee.*--map"):
        moved(squat, bob, silent, RetargetOptions(source_roles=roles))
    with pytest.raises(InputError, match="one frame"):
        moved(replace(squat, frames=squat.frames[:1], loop=False), bob, silent)
    with pytest.raises(InputError, match="JointNames are not those of"):
        retarget(squat, bob, bob, progress=silent)


CLIPS = ["run"] + [
    pytest.param(name, marks=pytest.mark.slow)
    for name in ("walk", "jump", "cartwheel", "backflip", "spinkick", "getup_faceup")
]


@pytest.mark.parametrize("name", CLIPS)
def test_captured_motions(external_data: Path, bob: Character, silent, name: str) -> None:
    """Hands, feet and head come within 6 cm of their goals on average; nothing enters the floor."""
    path = external_data / "deepmimic" / "motions" / f"humanoid3d_{name}.txt"
    report = moved(import_motion(path).clip, bob, silent).report
    assert {row.what for row in report.rows} == {
        "left hand", "right hand", "left foot", "right foot", "head (neck)",
    }  # fmt: skip
    for row in report.rows:
        assert row.mean < 0.06, row
    assert report.lowest > -0.005
    assert report.fastest[1] < 40.0
