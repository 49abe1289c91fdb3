"""Curves of past good runs: their band, who keeps up with them, for which settings they hold."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from animRL.cfg.mimic.walk_config import WalkConfig, WalkTrainConfig
from animRL.runner.reference_curves import (
    COLUMNS,
    FOLDER,
    ReferenceCurves,
    bands_beside,
    collect_curves,
    find_reference,
)
from animRL.runner.run_config import write_config
from animRL.utils.errors import InputError
from animRL.utils.paths import RESOURCES

WALK = str(RESOURCES / "datasets/bob3/Walk.txt")


def rows(*points: tuple[float, float]) -> np.ndarray:
    """A curve of (samples, normalised return), the error 1 less that, no success."""
    return np.array([[at, 0.0, 1.0 - value, value, at / 10] for at, value in points])


TWO = ReferenceCurves((
    rows((100, 0.1), (200, 0.5), (400, 0.9)),
    rows((100, 0.2), (200, 0.3), (300, 0.8)),
))  # fmt: skip


def test_the_band_is_from_the_least_to_the_largest_within_a_quarter_of_the_samples() -> None:
    low, high = TWO.band("normalised_return", [40.0, 79.0, 80.0, 160.0, 240.0, 375.0, 376.0])
    assert np.isnan(low[:2]).all() and np.isnan(high[:2]).all()  # 79 x 1.25 is before 100
    assert np.isnan(low[6]) and np.isnan(high[6])  # 376 / 1.25 is after 300, where one ends
    # 80: from 64 to 100, both at their first value.
    # 160: from 128 to 200: the first 0.1 + 0.4 x 0.28 and 0.5, the second 0.228 and 0.3.
    # 240: from 192 to 300: the second 0.292 at 192, 0.8 at 300; the first goes from 0.468 to 0.7.
    # 375: both at 300, where one ends.
    np.testing.assert_allclose(low[2:6], [0.1, 0.212, 0.292, 0.7])
    np.testing.assert_allclose(high[2:6], [0.2, 0.5, 0.8, 0.8])
    low, high = TWO.band("position_error_m", 160.0)
    np.testing.assert_allclose((low[0], high[0]), (0.5, 0.788))


def test_a_peak_between_the_edges_of_the_window_belongs_to_the_band() -> None:
    peak = ReferenceCurves((rows((100, 0.1), (150, 0.7), (200, 0.2), (400, 0.2)),))
    low, high = peak.band("normalised_return", 160.0)  # from 128 to 200
    np.testing.assert_allclose((low[0], high[0]), (0.2, 0.7))


@pytest.mark.parametrize(
    ("samples", "value", "said"),
    [
        (60, 0.0, None), (160, 0.2, "behind"), (160, 0.21, "on track"),
        (160, 0.509, "on track"), (160, 0.511, "ahead"), (300, 0.1, "behind"), (9000, 0.79, None),
    ],
)  # fmt: skip
def test_a_run_is_ahead_on_track_or_behind(samples: int, value: float, said: str | None) -> None:
    assert TWO.standing({"samples": samples, "normalised_return": value}) == said


def test_bands_are_beside_the_points_that_they_are_drawn_with() -> None:
    bands = bands_beside([{"samples": 50.0}, {"samples": 375.0}], TWO)
    assert set(bands) == {"success_rate", "position_error_m", "normalised_return"}
    low, high = bands["position_error_m"]
    assert math.isnan(low[0]) and low[1] == pytest.approx(0.2) and high[1] == pytest.approx(0.3)


def configurations(seed: int = 1, **settings: Any) -> tuple[WalkConfig, WalkTrainConfig]:
    env_cfg, train_cfg = WalkConfig(), WalkTrainConfig()
    env_cfg.set("env.num_envs", 512)
    train_cfg.set("runner.seed", seed)
    for path, value in settings.items():
        config = train_cfg if path.startswith(("runner", "algorithm", "policy")) else env_cfg
        config.set(path.replace("__", "."), value)
    return env_cfg, train_cfg


def finished_run(folder: Path, name: str, seed: int, **settings: Any) -> Path:
    """A run's folder with a configuration and a curve of two evaluations."""
    run = folder / name
    run.mkdir()
    env_cfg, train_cfg = configurations(seed, **settings)
    write_config(run, train_cfg.to_dict(), env_cfg.to_dict())
    points = [
        {"iteration": i, "evaluation_seconds": 1.0, "drift_m_per_min": 0.0, "course_reward": 0.5,
         "samples": 1000 * i, "success": 0.0, "position_error_m": 0.123456, "training_seconds": 9.5,
         "normalised_return": 0.1 * i + 0.01 * seed}
        for i in (1, 2)
    ]  # fmt: skip
    (run / "learning_curve.json").write_text(json.dumps(points))
    return run


@pytest.fixture
def curves_of_two(tmp_path: Path) -> Path:
    """A folder with walk.json, made from two runs."""
    runs = [finished_run(tmp_path, f"run{seed}", seed) for seed in (2, 1)]
    content = collect_curves("walk", runs)
    (tmp_path / "walk.json").write_text(json.dumps(content))
    return tmp_path


def test_curves_are_collected_from_finished_runs(curves_of_two: Path) -> None:
    content = json.loads((curves_of_two / "walk.json").read_text())
    assert list(content) == [
        "task", "command", "hardware", "versions", "clips", "configuration", "curves",
    ]  # fmt: skip
    assert [curve["seed"] for curve in content["curves"]] == [1, 2]
    assert content["curves"][0]["points"] == [[1000, 0.0, 0.1235, 0.11, 9.5],
                                              [2000, 0.0, 0.1235, 0.21, 9.5]]  # fmt: skip
    assert content["configuration"]["env.num_envs"] == 512 and "torch" in content["versions"]
    assert content["command"].startswith("python scripts/train.py --task=walk --num_envs=512")


def test_all_curves_are_taken_as_far_as_the_shortest_goes(tmp_path: Path) -> None:
    runs = [finished_run(tmp_path, f"run{seed}", seed) for seed in (1, 2)]
    short = runs[1] / "learning_curve.json"
    short.write_text(json.dumps(json.loads(short.read_text())[:1]))
    curves = collect_curves("walk", runs)["curves"]
    assert [[point[0] for point in curve["points"]] for curve in curves] == [[1000], [1000]]


def test_runs_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    first = finished_run(tmp_path, "first", 1)
    other = finished_run(tmp_path, "other", 2, control__action_scale=0.5)
    with pytest.raises(InputError, match="other. differs from .*first. in control.action_scale"):
        collect_curves("walk", [first, other])
    with pytest.raises(InputError, match="another run has seed 1, too"):
        collect_curves("walk", [first, finished_run(tmp_path, "again", 1)])
    (first / "learning_curve.json").unlink()
    with pytest.raises(InputError, match="learning_curve.json. cannot be read"):
        collect_curves("walk", [first])
    with pytest.raises(InputError, match="no runs given"):
        collect_curves("walk", [])


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({}, True),
        ({"runner__seed": 77, "runner__save_interval": 5, "runner__run_name": "x"}, True),
        ({"runner__max_iterations": 5}, False),  # rate and spread would fall faster
        ({"runner__max_iterations": 5, "algorithm__decay_iterations": 400}, True),
        ({"sim__engine": "warp", "sim__threads": 3}, True),  # whatever the engine
        ({"sim__dt": 0.004}, False),
        ({"env__num_envs": 256}, False),
        ({"rewards__terms__track_ee_pos": [0.5, 0.0]}, False),
        ({"rewards__terms__track_ee_pos": None}, False),
        ({"algorithm__learning_rate": 1e-4}, False),
        ({"motion_loader__loop": False}, False),
    ],
)
def test_curves_hold_for_the_same_settings_alone(
    curves_of_two: Path, settings: dict[str, Any], found: bool
) -> None:
    reference = find_reference("walk", *configurations(**settings), [WALK], curves_of_two)
    assert (reference is not None) is found
    if reference:
        assert [len(curve) for curve in reference.curves] == [2, 2]
        assert reference.standing({"samples": 1000, "normalised_return": 0.5}) == "ahead"


def test_curves_hold_for_the_same_clip_whatever_it_is_called(curves_of_two: Path) -> None:
    same, other = curves_of_two / "copy.txt", RESOURCES / "datasets/bob3/Cartwheel.txt"
    shutil.copyfile(WALK, same)
    find = [configurations()[0], configurations()[1]]
    assert find_reference("walk", *find, [str(same)], curves_of_two) is not None
    assert find_reference("walk", *find, [str(other)], curves_of_two) is None
    assert find_reference("walk", *find, [WALK, WALK], curves_of_two) is None
    assert find_reference("cartwheel", *find, [WALK], curves_of_two) is None


def test_a_setting_younger_than_the_curves_must_have_its_default(curves_of_two: Path) -> None:
    path = curves_of_two / "walk.json"
    content = json.loads(path.read_text())
    del content["configuration"]["train.algorithm.gamma"]
    path.write_text(json.dumps(content))
    assert find_reference("walk", *configurations(), [WALK], curves_of_two) is not None
    changed = configurations(algorithm__gamma=0.9)
    assert find_reference("walk", *changed, [WALK], curves_of_two) is None
    content["configuration"]["control.gone"] = 1.0
    path.write_text(json.dumps(content))
    assert find_reference("walk", *configurations(), [WALK], curves_of_two) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"curves": [{"points": [[1, 2]]}], '
                                  '"configuration": {}, "clips": []}'])  # fmt: skip
def test_a_damaged_file_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "walk.json").write_text(text)
    with pytest.raises(InputError, match="walk.json") as error:
        find_reference("walk", *configurations(), [WALK], tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_shipped_curves_hold_for_the_task_as_it_is(path: Path) -> None:
    from animRL.tasks import make_env_cfg, make_train_cfg
    from animRL.utils.paths import resolve_resource

    env_cfg, train_cfg = make_env_cfg(path.stem), make_train_cfg(path.stem)
    content = json.loads(path.read_text())
    env_cfg.set("env.num_envs", content["configuration"]["env.num_envs"])
    clips = [str(resolve_resource(name)) for name in env_cfg.motion_loader.motion_files]
    reference = find_reference(path.stem, env_cfg, train_cfg, clips)
    assert reference is not None and len(reference.curves) >= 3
    assert all(
        (np.diff(curve[:, COLUMNS.index("samples")]) > 0).all() for curve in reference.curves
    )
