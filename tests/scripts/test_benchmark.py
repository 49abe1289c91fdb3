from __future__ import annotations

import json

import pytest
import torch

from animRL.scripts import benchmark
from animRL.sim import factory
from animRL.utils.errors import InputError

FEW = ["--blocks=1", "--iterations=1", "--clips=0", "--set",
       "sim.threads=1", "runner.num_steps_per_env=4"]  # fmt: skip


def test_several_numbers_of_environments_give_a_growth_curve(tmp_path, capsys):
    picture = tmp_path / "growth.png"
    assert benchmark.main(["--num_envs", "2", "4", "--json", "--plot", str(picture), *FEW]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [entry["num_envs"] for entry in report["growth"]] == [2, 4]
    assert report["raw"] == report["growth"][1]["raw"] and report["num_envs"] == 4
    assert report["memory"]["process_peak_mib"] > 0.0
    assert picture.stat().st_size > 10_000


def test_a_measurement_cut_short_leaves_what_it_has(tmp_path, monkeypatch):
    out, picture = tmp_path / "out.json", tmp_path / "growth.png"
    calls = []

    def training(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return 7.0

    monkeypatch.setattr(benchmark, "_training", training)
    files = ["--out", str(out), "--plot", str(picture)]
    with pytest.raises(KeyboardInterrupt):
        benchmark.main(["--num_envs", "2", "4", *files, *FEW])
    first, second = json.loads(out.read_text())["growth"]
    assert first["training"] == 7.0 and "unfinished" not in first
    assert second["num_envs"] == 4 and second["environment"] > 0.0
    assert second["unfinished"] and "training" not in second
    assert sorted(p.name for p in tmp_path.iterdir()) == ["growth.png", "out.json"]


def test_every_clock_waits_for_the_gpu_that_is_measured(monkeypatch):
    waited = []
    monkeypatch.setattr(torch.cuda, "synchronize", waited.append)
    device = torch.device("cuda:1")
    benchmark._time(device, waited.append, ["work"])
    assert waited == [device, "work", device]
    benchmark._time(torch.device("cpu"), lambda value: None, ["work"])
    assert len(waited) == 3


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(InputError, match="--out: cannot write"):
        benchmark.main(["--num_envs=2", "--out", str(tmp_path / "none" / "b.json"), *FEW])


def test_without_the_engine_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(factory, "warp_is_installed", lambda: False)
    with pytest.raises(InputError, match="pip install") as error:
        benchmark.main(["--num_envs=2", "--sim=warp", "--device=cpu", *FEW])
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_warp_is_measured_on_its_cpu_device(capsys):
    pytest.importorskip("mujoco_warp", reason="the extra gpu (mujoco-warp) is not installed")
    argv = ["--num_envs=2", "--sim=warp", "--device=cpu", "--json", *FEW]
    assert benchmark.main(argv) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["engine_name"] == "MujocoWarpBackend" and "warp-lang" in report["versions"]
    assert all(report[name] > 0.0 for name in ("raw", "engine", "environment", "training"))
