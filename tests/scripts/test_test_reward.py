from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from animRL.reward.recording import anchor_recording, load_recording, record_step, save_recording
from animRL.scripts import cli
from animRL.scripts.test_reward import main
from animRL.tasks import make_env_cfg
from animRL.utils.errors import InputError
from animRL.utils.paths import PACKAGE_ROOT, RESOURCES
from tests.reward.oracle import random_data, rewards, rows_of

SHIPPED = RESOURCES / "tests" / "walk.json"
EXTERNAL = os.environ.get("ANIMRL_EXTERNAL_DATA")
SIGMAS = {"rewards.terms.track_ee_pos": [2.0, 0.5], "rewards.terms.track_joint_pos": [2.5, 0.0]}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def recording(folder):
    steps = [record_step(random_data(t, count=3), anchored=False) for t in range(5)]
    save_recording(steps, folder / "states.json")
    return folder / "states.json"


def numbers(text):
    """The table's rows: name -> (sigma, tolerance, mean, min, max), the product's last three."""
    lines = text.splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("term "))
    rows = [line.split() for line in lines[first + 1 :] if not line.startswith("plot:")]
    return {row[0]: [float(x) for x in row[1:]] for row in rows}


def expected_numbers(path, terms):
    """The same from the definitions in plain NumPy, on the anchored recording."""
    data = anchor_recording(load_recording(path)).task_data()
    values = rewards(rows_of(data), 32, 2, terms)
    values["product"] = np.prod(list(values.values()), axis=0)
    return {
        name: [*terms.get(name, []), np.mean(value), np.min(value), np.max(value)]
        for name, value in values.items()
    }


def assert_table(text, path, terms):
    found, expected = numbers(text), expected_numbers(path, terms)
    assert list(found) == list(expected)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], atol=6e-5, err_msg=name)


def image_size(path):
    header = Path(path).read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(header[16:20], "big"), int.from_bytes(header[20:24], "big")


def test_prints_the_numbers_and_saves_a_plot(recording, folder, capsys):
    assert main(["--data", str(recording)]) == 0
    output = capsys.readouterr().out
    assert_table(output, recording, make_env_cfg("walk").rewards.terms.to_dict())
    assert f"{recording}: 5 steps of 0.02 s, 3 environments" in output
    assert "plot: states_rewards.png" in output
    assert min(image_size(folder / "states_rewards.png")) > 500


def test_set_changes_a_term(recording, capsys):
    typed = [f"{path}={value}" for path, value in SIGMAS.items()]
    assert main(["--data", str(recording), "--set", *typed]) == 0
    terms = make_env_cfg("walk").rewards.terms.to_dict()
    terms |= {path.split(".")[-1]: value for path, value in SIGMAS.items()}
    assert_table(capsys.readouterr().out, recording, terms)


def test_out_names_a_file_or_a_folder(recording, folder, capsys):
    (folder / "plots").mkdir()
    assert main(["--data", str(recording), "--out", "plots"]) == 0
    assert main(["--data", str(recording), "--out", "new/own.png"]) == 0
    image_size(folder / "plots" / "states_rewards.png")
    image_size(folder / "new" / "own.png")


def test_shipped_recording_is_read_by_default(folder, capsys):
    assert main([]) == 0
    output = capsys.readouterr().out
    assert_table(output, SHIPPED, make_env_cfg("walk").rewards.terms.to_dict())
    assert "25 steps of 0.02 s, 4 environments" in output
    image_size(folder / "walk_rewards.png")


@pytest.mark.skipif(EXTERNAL is None, reason="ANIMRL_EXTERNAL_DATA is not set")
@pytest.mark.parametrize("task", ["walk", "cartwheel"])
def test_course_recordings(task, folder, capsys):
    path = Path(EXTERNAL) / "course" / "recordings" / f"test_{task}_random.json"
    assert main([f"--task={task}", "--data", str(path)]) == 0
    assert_table(capsys.readouterr().out, path, make_env_cfg(task).rewards.terms.to_dict())
    image_size(folder / f"test_{task}_random_rewards.png")


def test_bad_input_is_told_in_one_line(recording, folder):
    steps = json.loads(recording.read_text())
    steps[2]["dof_vel"][1][7] = float("nan")
    (folder / "bad.json").write_text(json.dumps(steps))
    cases = {
        "no.json: cannot be read": ["--data", "no.json"],
        "bad.json: step 2: dof_vel: NaN or infinite": ["--data", "bad.json"],
        "no method REWARDS.reward_walk_well; valid: imitate_center_of_mass, imitate_end_": [
            *("--data", str(recording), "--set", "rewards.terms.walk_well=[1.0,0.0]")
        ],
        "rewards.terms: empty": [
            *("--data", str(recording), "--set"),
            *(
                f"rewards.terms.{name}=None"
                for name in make_env_cfg("walk").rewards.terms.to_dict()
            ),
        ],
        "rewards.terms.imitate_pose: needs body_groups, body_pose, target_body_pose": [
            *("--data", str(recording), "--set", "rewards.terms.imitate_pose=[0.7,0.0]")
        ],
        "valid: a file that ends in .png": ["--data", str(recording), "--out", "plot.pdf"],
        "--out: cannot write": ["--data", str(recording), "--out", "bad.json/plot.png"],
        "no task 'fly'; valid: walk, cartwheel": ["--task", "fly"],
    }
    for expected, argv in cases.items():
        with pytest.raises(InputError) as error:
            main(argv)
        assert expected in str(error.value)
        assert "\n" not in str(error.value)


def test_a_task_without_a_recording_asks_for_one(folder, monkeypatch):
    monkeypatch.setattr("animRL.scripts.test_reward.RESOURCES", folder)
    with pytest.raises(InputError, match="no recording ships for task 'walk'; valid: --data FILE"):
        main([])


def test_bad_input_exits_with_two(folder, capsys):
    with pytest.raises(SystemExit) as code:
        cli.run_main(main, ["--data", "no.json"])
    assert code.value.code == 2
    errors = capsys.readouterr().err
    assert errors.startswith("error: no.json: ") and errors.count("\n") == 1


def test_runs_from_the_package_folder_as_in_the_course(recording):
    command = [sys.executable, "scripts/test_reward.py", "--task=walk", "--data", str(recording)]
    command += ["--out", str(recording.parent)]
    done = subprocess.run(command, cwd=PACKAGE_ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "product" in numbers(done.stdout)


def test_nothing_global_is_changed(recording, capsys):
    import matplotlib

    before = dict(matplotlib.rcParams), torch.get_default_dtype()
    main(["--data", str(recording)])
    assert (dict(matplotlib.rcParams), torch.get_default_dtype()) == before
