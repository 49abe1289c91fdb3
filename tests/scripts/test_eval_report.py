"""The table of an evaluation, from episodes written by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from animRL.dataloader.clip import load_clip, save_clip
from animRL.envs.mimic_task import MimicTask
from animRL.evaluation.evaluate import Episodes
from animRL.evaluation.failures import Failures
from animRL.scripts.eval_report import failures_text, print_report
from animRL.scripts.tables import print_columns
from animRL.utils.paths import RESOURCES

Make = Callable[[dict], MimicTask]


def episodes(clip_ids: list[int]) -> Episodes:
    """Four episodes, of which the second one failed."""
    return Episodes(
        success=torch.tensor([True, False, True, True]),
        steps=torch.tensor([50, 10, 50, 30]),
        length=torch.tensor([50, 50, 50, 30]),
        position_error=torch.tensor([0.01, 0.07, 0.02, 0.05]),
        normalised_return=torch.tensor([0.9, 0.1, 0.8, 0.7]),
        course_reward=torch.tensor([1.0, 0.4, 0.5, 0.5]),
        drift_m_per_min=torch.tensor([0.0, 0.0, 1.0, 1.0]),
        clip_ids=torch.tensor(clip_ids),
    )


def failures_of(env: MimicTask, phases: dict[int, float], bodies: dict[int, str]) -> Failures:
    """Episodes that failed at these phases, some of them by a fall on these bodies."""
    failures = Failures(env)
    for number, phase in phases.items():
        failures.failed[number], failures.phase[number] = True, phase
    for number, body in bodies.items():
        failures.fell[number] = True
        failures.body[number] = failures.body_names.index(body)
    return failures


def test_metrics_stand_by_group_with_their_units(
    make_task: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    env = make_task({"sim.engine": "kinematic"})
    failures = failures_of(env, {1: 0.25}, {1: "pelvis"})
    print_report(env, episodes([0, 0, 0, 0]), 2, failures)
    lines = capsys.readouterr().out.splitlines()
    rows = {line[:27].strip(): line[27:].split() for line in lines[:8]}
    assert lines[0].split("   ")[0].strip() == "metric" and lines[0].endswith("unit")
    assert rows["success"] == ["50", "100", "75", "%"]
    # By steps: (50 x 0.01 + 10 x 0.07) / 60, (50 x 0.02 + 30 x 0.05) / 80.
    assert rows["position error"] == ["0.020", "0.031", "0.026", "m"]
    assert rows["normalised return"] == ["0.500", "0.750", "0.625", "of", "1"]
    assert rows["episodes"] == ["2", "2", "4"]
    assert rows["length of an episode"] == ["1.0", "0.8", "0.9", "s"]  # of 0.02 s a step
    assert lines[8] == (
        "  failures, from phase 0: 1 of 2, 1 by a fall (pelvis first in 1); 1 of them around "
        "phase 0.25"
    )
    assert lines[9] == "  failures, random phases: none of 2"


def test_failures_are_told_by_body_and_by_where_most_of_them_are(make_task: Make) -> None:
    env = make_task({"sim.engine": "kinematic", "env.num_envs": 6})
    everyone = torch.ones(6, dtype=torch.bool)
    phases = {0: 0.95, 1: 0.02, 2: 0.05, 3: 0.5}
    text = failures_text(
        env, failures_of(env, phases, {0: "torso", 1: "neck", 2: "neck"}), everyone
    )
    # The walk loops: 0.95, 0.02 and 0.05 lie together, around 1.02 / 3 past 0.95 - 1.
    assert text == "4 of 6, 3 by a fall (neck first in 2); 3 of them around phase 0.01"
    text = failures_text(env, failures_of(env, {3: 0.5}, {}), everyone)
    assert text.startswith("1 of 6, none by a fall (too far from the reference); 1 of them")
    assert failures_text(env, failures_of(env, phases, {}), torch.arange(6) > 3) == "none of 2"


def test_of_several_clips_each_has_its_row(
    make_task: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = load_clip(RESOURCES / "datasets/bob3/Walk.txt")
    for name in ("one", "two", "unused"):
        save_clip(replace(clip, frames=clip.frames[:31], loop=False), tmp_path / f"{name}.txt")
    files = [str(tmp_path / f"{name}.txt") for name in ("one", "two", "unused")]
    env = make_task({"sim.engine": "kinematic", "motion_loader.motion_files": files})
    failures = failures_of(env, {1: 0.75}, {})
    failures.clip_ids[1] = 1
    print_report(env, episodes([0, 1, 0, 1]), 2, failures)
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split()[0]: line.split()[1:] for line in lines[8:11]}
    assert rows["one"] == ["100", "0.015", "0.850", "2"]
    assert rows["two"] == ["50", "0.055", "0.400", "2"]
    assert "unused" not in rows
    assert lines[11].endswith("1 of them around phase 0.75 of two")


def test_columns_are_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    print_columns([["a", "long heading"], ["longer", "1"]])
    assert capsys.readouterr().out == "  a        long heading\n  longer              1\n"
