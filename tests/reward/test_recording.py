from __future__ import annotations

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from animRL.reward.composer import RewardComposer
from animRL.reward.recording import (
    KEYS,
    anchor_recording,
    load_recording,
    record_step,
    save_recording,
)
from animRL.utils.errors import InputError
from tests.reward.oracle import (
    TERMS,
    about_z,
    anchored_by_hand,
    matrix,
    quaternion,
    random_data,
    rewards,
)

STEPS, ENVS, JOINTS, EFFECTORS = 6, 3, 4, 2
EXTERNAL = os.environ.get("ANIMRL_EXTERNAL_DATA")
COURSE_TERMS = {
    "track_base_height": [0.1, 0.0],
    "track_base_orientation": [0.7, 0.02],
    "track_joint_pos": [2.0, 0.0],
    "track_base_vel": [3.0, 0.1],
    "track_ee_pos": [0.4, 0.0],
    "joint_targets_rate": [20.0, 0.0],
}


def steps_of_two_episodes():
    """Steps as a file holds them; environment 1 begins a new episode at step 4."""
    steps = [record_step(random_data(t, ENVS, JOINTS, EFFECTORS), False) for t in range(STEPS)]
    later = {key: steps[5][key][1] for key in ("reset_frames", "reset_phase")}
    for t, step in enumerate(steps):
        del step["anchored"]
        for key in ("env_origins", "reset_frames", "reset_phase"):
            step[key] = json.loads(json.dumps(steps[0][key]))
        if t >= 4:
            for key, value in later.items():
                step[key][1] = value
    return steps


def write(folder, steps, name="recording.json"):
    path = Path(folder) / name
    path.write_text(steps if isinstance(steps, str) else json.dumps(steps), encoding="utf-8")
    return path


def assert_same_frames(got, steps):
    for key in ("target_frames", "reset_frames"):
        frames = got.arrays[key].numpy()
        expected = np.array([step[key] for step in steps])
        sign = np.sign((frames[..., 3:7] * expected[..., 3:7]).sum(-1, keepdims=True))
        expected[..., 3:7] *= sign
        np.testing.assert_allclose(frames, expected, atol=5e-6)


def test_reads_what_stands_in_the_file(tmp_path):
    steps = steps_of_two_episodes()
    recording = load_recording(write(tmp_path, steps))
    assert (recording.num_steps, recording.num_envs) == (STEPS, ENVS)
    assert (recording.num_dof, recording.num_ee) == (JOINTS, EFFECTORS)
    assert not recording.anchored
    for key in KEYS:
        expected = np.array([step[key] for step in steps])
        np.testing.assert_allclose(recording.arrays[key].numpy(), expected, rtol=1e-6)


def test_rotations_are_made_unit(tmp_path):
    steps = steps_of_two_episodes()
    expected = np.array(steps[0]["target_frames"])[:, 3:7]
    for n in range(ENVS):
        steps[0]["target_frames"][n][3:7] = (0.992 * expected[n]).tolist()
    got = load_recording(write(tmp_path, steps)).arrays["target_frames"][0, :, 3:7]
    np.testing.assert_allclose(got.numpy(), expected, atol=1e-6)


def test_data_dictionary_holds_all_rows_step_by_step(tmp_path):
    steps = steps_of_two_episodes()
    data = load_recording(write(tmp_path, steps)).task_data()
    assert (data["num_dof"], data["num_ee"], data["motion_loader"]) == (JOINTS, EFFECTORS, None)
    row = data["dof_pos"][2 * ENVS + 1]
    np.testing.assert_allclose(row.numpy(), steps[2]["dof_pos"][1], rtol=1e-6)
    assert data["target_frames"].shape == (STEPS * ENVS, 13 + 2 * JOINTS + 6 * EFFECTORS)


def test_anchoring_by_hand(tmp_path):
    step = record_step(random_data(0, 1, JOINTS, EFFECTORS), anchored=False)
    step["env_origins"] = [[2.0, 4.0, 0.0]]
    step["base_quat"] = [[0.0, 0.0, math.sqrt(0.5), math.sqrt(0.5)]]  # heading +y
    step["reset_frames"][0][:7] = [10.0, 20.0, 0.9, 0.0, 0.0, 0.0, 1.0]  # heading +x
    step["target_frames"][0][:7] = [10.5, 20.25, 0.8, 0.0, 0.0, 0.0, 1.0]
    got = anchor_recording(load_recording(write(tmp_path, [step])))
    expected = torch.tensor([1.75, 4.5, 0.8, 0.0, 0.0, math.sqrt(0.5), math.sqrt(0.5)])
    torch.testing.assert_close(got.arrays["target_frames"][0, 0, :7], expected)
    torch.testing.assert_close(got.arrays["reset_frames"][0, 0, :2], torch.tensor([2.0, 4.0]))


def test_anchoring_follows_each_environment_and_begins_anew_with_an_episode(tmp_path):
    steps = steps_of_two_episodes()
    got = anchor_recording(load_recording(write(tmp_path, steps)))
    assert got.anchored
    assert_same_frames(got, anchored_by_hand(steps))


def test_anchoring_upside_down_turns_about_the_vertical(tmp_path):
    steps = steps_of_two_episodes()
    over = matrix([1.0, 0.0, 0.0, 0.0])
    for step in steps:
        for n in range(ENVS):
            step["base_quat"][n] = quaternion(about_z(0.7 * n) @ over).tolist()
            step["reset_frames"][n][3:7] = quaternion(over).tolist()
    got = anchor_recording(load_recording(write(tmp_path, steps)))
    assert_same_frames(got, anchored_by_hand(steps))
    for n in range(ENVS):
        turned = matrix(got.arrays["reset_frames"][0, n, 3:7])
        np.testing.assert_allclose(turned, about_z(0.7 * n) @ over, atol=1e-5)


def test_anchoring_ignores_where_the_clip_lies(tmp_path):
    steps = steps_of_two_episodes()
    elsewhere = json.loads(json.dumps(steps))
    spin = about_z(1.3)
    for step in elsewhere:
        for key in ("target_frames", "reset_frames"):
            for frame in step[key]:
                frame[:2] = (spin[:2, :2] @ frame[:2] + [3.0, -5.0]).tolist()
                frame[3:7] = quaternion(spin @ matrix(frame[3:7])).tolist()
    one, other = (
        RewardComposer(TERMS)(anchor_recording(load_recording(path)).task_data())[1]
        for path in (write(tmp_path, steps, "a.json"), write(tmp_path, elsewhere, "b.json"))
    )
    for name in TERMS:
        torch.testing.assert_close(one[name], other[name], atol=1e-5, rtol=0.0)


def test_anchored_recording_keeps_its_frames(tmp_path):
    steps = [{**step, "anchored": True} for step in steps_of_two_episodes()]
    recording = load_recording(write(tmp_path, steps))
    assert recording.anchored
    assert anchor_recording(recording) is recording


def test_anchoring_does_not_edit_the_recording(tmp_path):
    recording = load_recording(write(tmp_path, steps_of_two_episodes()))
    before = {key: value.clone() for key, value in recording.arrays.items()}
    anchor_recording(recording)
    assert all(torch.equal(recording.arrays[key], value) for key, value in before.items())


def test_what_is_recorded_is_read_again(tmp_path):
    data = [random_data(t, ENVS, JOINTS, EFFECTORS) for t in range(3)]
    path = tmp_path / "own.json"
    save_recording((record_step(step) for step in data), path)
    recording = load_recording(path)
    assert recording.anchored
    for t, step in enumerate(data):
        for key in KEYS:
            torch.testing.assert_close(recording.arrays[key][t], step[key], rtol=1e-6, atol=0.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "empty"),
        ("[{", "not JSON"),
        ("[]", "an empty list"),
        ("{}", "dict; valid: a list with one object for each step"),
        ("[3]", "step 0: int; valid: an object of arrays"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_file_that_is_no_recording_is_refused(tmp_path, text, expected):
    path = write(tmp_path, text)
    with pytest.raises(InputError) as error:
        load_recording(path)
    assert str(error.value).startswith(f"{path}: {expected}")
    assert "\n" not in str(error.value)


def test_a_missing_file_a_folder_and_bytes_are_refused(tmp_path):
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00\x80")
    for name, expected in {
        "no.json": "No such file",
        ".": "directory",
        "bytes.json": "not a text",
    }.items():
        with pytest.raises(InputError, match=expected):
            load_recording(tmp_path / name)


def _set(key, value):
    return lambda step: step.update({key: value})


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda s: s.pop("ee_local"), "missing ee_local; valid: env_origins, root_states"),
        (_set("dof_pos", [[0.0] * 3] * ENVS), "dof_pos: shape (3, 3); valid: (3, 4)"),
        (_set("phase", [[0.0]] * ENVS), "phase: shape (3, 1); valid: (3,)"),
        (_set("phase", 0.5), "phase: shape (); valid: (3,)"),
        (_set("root_states", [[0.0] * 13] * 2), "root_states: shape (2, 13); valid: (3, 13)"),
        (_set("ee_global", [[[0.0] * 3]] * ENVS), "ee_global: shape (3, 1, 3); valid: (3, 2, 3)"),
        (lambda s: s["dof_vel"][1].pop(), "dof_vel: rows of unequal length"),
        (lambda s: s["target_frames"][2].append(0.0), "target_frames: rows of unequal length"),
        (_set("phase", [0.0, "half", 0.0]), "phase: not all numbers"),
        (_set("phase", [0.0, None, 0.0]), "phase: not all numbers"),
        (_set("phase", None), "phase: not all numbers"),
        (_set("phase", [10**400, 0, 0]), "phase: not all numbers"),
        (_set("phase", [0.0, math.nan, 0.0]), "phase: NaN or infinite; valid: finite numbers"),
        (_set("phase", [0.0, 1e39, 0.0]), "phase: NaN or infinite; valid: finite numbers"),
        (_set("base_quat", [[0.0] * 4] * ENVS), "base_quat: rotation of length 0; valid: unit"),
        (_set("base_quat", [[0.0, 0, 0, 1.1]] * ENVS), "base_quat: rotation of length 1.1; valid:"),
    ],
)
def test_a_bad_step_is_refused_with_file_step_and_key(tmp_path, change, expected):
    steps = steps_of_two_episodes()
    change(steps[4])
    path = write(tmp_path, steps)
    with pytest.raises(InputError) as error:
        load_recording(path)
    assert str(error.value).startswith(f"{path}: step 4: {expected}")
    assert "\n" not in str(error.value)


def test_bad_frames_and_a_bad_first_step_are_refused(tmp_path):
    steps = steps_of_two_episodes()
    steps[0]["reset_frames"][1][3:7] = [0.0, 0.0, 0.0, 2.0]
    with pytest.raises(InputError, match="step 0: reset_frames: rotation of length 2"):
        load_recording(write(tmp_path, steps))
    steps[0]["dof_pos"] = [0.0]
    with pytest.raises(InputError, match=r"step 0: dof_pos: shape \(1,\); valid: \(env"):
        load_recording(write(tmp_path, steps))
    steps[0]["dof_pos"], steps[0]["ee_global"] = [[0.0] * 4] * ENVS, [[0.0] * 3] * ENVS
    with pytest.raises(InputError, match=r"step 0: ee_global: shape \(3, 3\); valid: \(env"):
        load_recording(write(tmp_path, steps))


def test_steps_anchored_in_part_are_refused(tmp_path):
    steps = steps_of_two_episodes()
    steps[3]["anchored"] = True
    with pytest.raises(InputError, match='"anchored" differs between steps'):
        load_recording(write(tmp_path, steps))


@pytest.mark.skipif(EXTERNAL is None, reason="ANIMRL_EXTERNAL_DATA is not set")
@pytest.mark.parametrize("name", ["test_walk_random", "test_cartwheel_random"])
def test_terms_on_the_course_recordings_equal_plain_numpy(name):
    path = Path(EXTERNAL) / "course" / "recordings" / f"{name}.json"
    recording = anchor_recording(load_recording(path))
    assert (recording.num_steps, recording.num_envs) == (25, 4)
    assert (recording.num_dof, recording.num_ee) == (32, 2)
    steps = anchored_by_hand(json.loads(path.read_text()))
    assert_same_frames(recording, steps)
    rows = [{k: np.array(step[k][n]) for k in KEYS} for step in steps for n in range(4)]
    expected = rewards(rows, 32, 2, COURSE_TERMS)
    total, terms = RewardComposer(COURSE_TERMS)(recording.task_data())
    for term, values in terms.items():
        assert np.std(expected[term]) > 1e-3, term
        np.testing.assert_allclose(values.numpy(), expected[term], atol=1e-5, err_msg=term)
    product = np.prod(list(expected.values()), axis=0)
    np.testing.assert_allclose(total.numpy(), product, atol=1e-5)


@pytest.mark.skipif(EXTERNAL is None, reason="ANIMRL_EXTERNAL_DATA is not set")
def test_the_course_cartwheel_is_near_its_reference_after_each_reset():
    path = Path(EXTERNAL) / "course" / "recordings" / "test_cartwheel_random.json"
    data = anchor_recording(load_recording(path)).task_data()
    _, terms = RewardComposer({"track_ee_pos": [0.3, 0.0]})(data)
    rewards_of_steps = terms["track_ee_pos"].view(25, 4)
    assert (rewards_of_steps[0] > 0.8).all()
    assert rewards_of_steps[12, 2] < 0.1  # the last record before environment 2 is reset
    assert rewards_of_steps[13, 2] > 0.99
