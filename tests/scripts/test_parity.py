from __future__ import annotations

import json

import pytest

from animRL.scripts.parity import main
from animRL.utils.errors import InputError

FEW = ["--num_envs=2", "--steps=3", "--set", "sim.threads=1"]


def test_one_engine_agrees_with_itself(tmp_path, capsys):
    files = ["--json", str(tmp_path / "p.json"), "--plot", str(tmp_path / "p.png")]
    assert main([*FEW, "--sim", "mujoco", "mujoco", *files]) == 0
    report = json.loads((tmp_path / "p.json").read_text())
    assert report["agree"] and report["problems"] == []
    assert report["one_step"]["differences"]["joint position [rad]"]["largest"] == 0.0
    assert (tmp_path / "p.png").stat().st_size > 10_000
    assert sorted(p.name for p in tmp_path.iterdir()) == ["p.json", "p.png"]
    assert "the engines agree" in capsys.readouterr().out


def test_engines_that_differ_give_a_verdict_of_no(capsys):
    assert main([*FEW, "--sim", "mujoco", "kinematic"]) == 1
    assert "beyond its bound: one step: ground force" in capsys.readouterr().out


@pytest.mark.parametrize("sims", [["mujoco", "bullet"], ["bullet", "mujoco"]])
def test_an_unknown_engine_is_refused_in_one_line(sims):
    with pytest.raises(InputError, match="valid: auto, mujoco") as error:
        main([*FEW, "--sim", *sims])
    assert "\n" not in str(error.value)


def test_a_file_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(InputError, match="--json: cannot write"):
        main([*FEW, "--sim", "mujoco", "mujoco", "--json", str(tmp_path / "none" / "p.json")])
