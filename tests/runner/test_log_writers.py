"""Numbers reach TensorBoard and W&B under the dashboard's names, and W&B can fail without harm."""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from animRL.runner import log_writers
from animRL.runner.log_writers import WANDB_ID_NAME, AnimLogWriter, panel_tag
from animRL.runner.rsl import QuietLogger

wandb = pytest.importorskip("wandb")


@pytest.fixture
def no_account(monkeypatch, tmp_path: Path) -> None:
    """Hide every credential and setting of W&B on the machine that runs the tests."""
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_IDENTITY_TOKEN_FILE", "WANDB_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    monkeypatch.chdir(tmp_path)
    wandb.teardown()
    yield
    wandb.teardown()


def event_scalars(run_dir: Path) -> dict[str, list[tuple[int, float]]]:
    events = EventAccumulator(str(run_dir)).Reload()
    tags = events.Tags()["scalars"]
    return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in tags}


def offline_records(run_dir: Path) -> list[Any]:
    """Read the records of an offline run: LevelDB's log format, after a header of 7 bytes."""
    wandb.teardown()  # waits until everything is on the disk
    from wandb.proto.wandb_internal_pb2 import Record

    (path,) = run_dir.glob("wandb/offline-run-*/*.wandb")
    data, position, records, parts = path.read_bytes(), 7, [], b""
    while position + 7 <= len(data):
        if 32768 - position % 32768 < 7:  # too little left of a block for a record
            position += 32768 - position % 32768
            continue
        length, kind = struct.unpack_from("<HB", data, position + 4)
        parts += data[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (1, 4):  # whole, or the last part
            records.append(Record.FromString(parts))
            parts = b""
    return records


def history(records: list[Any]) -> list[dict[str, Any]]:
    rows = []
    for record in records:
        if record.HasField("history"):
            items = record.history.item
            rows.append({i.key or "/".join(i.nested_key): json.loads(i.value_json) for i in items})
    return rows


def test_tags_stand_under_the_panels() -> None:
    assert panel_tag("Loss/surrogate") == "Learn/loss_surrogate"
    assert panel_tag("Loss/learning_rate") == "Learn/learning_rate"
    assert panel_tag("Policy/mean_std") == "Learn/action_std"
    assert panel_tag("Perf/total_fps") == "Perf/samples_per_second"
    for kept in ("Train/mean_reward", "Train/mean_episode_length", "Episode/total_reward"):
        assert panel_tag(kept) == kept
        assert panel_tag(kept + "/time") is None
    assert panel_tag("Eval/success") == "Eval/success"


def test_tensorboard_is_always_written(tmp_path: Path) -> None:
    writer = AnimLogWriter(str(tmp_path))
    writer.store_config({"a": 1}, {"b": 2})
    for step in range(3):
        writer.add_scalar("Loss/surrogate", torch.tensor(0.5 * step), step)
        writer.add_scalar("Train/mean_reward/time", 1.0, step)
        writer.add_scalar("Eval/success", torch.tensor([0.25]), step)
    writer.save_model("absent.pt", 1)
    writer.save_file("absent.diff")
    writer.save_video(tmp_path / "absent.mp4", 1)
    writer.stop()
    writer.stop()
    assert event_scalars(tmp_path) == {
        "Learn/loss_surrogate": [(0, 0.0), (1, 0.5), (2, 1.0)],
        "Eval/success": [(0, 0.25), (1, 0.25), (2, 0.25)],
    }
    assert writer.sync_command is None
    assert not (tmp_path / "wandb").exists()


def logger_config(**logger: Any) -> dict[str, Any]:
    name = "animRL.runner.log_writers:AnimLogWriter"
    return {"algorithm": {}, "num_steps_per_env": 4, "logger": {"class_name": name, **logger}}


def log_two_iterations(logger: QuietLogger) -> None:
    logger.init_logging_writer()
    for it in range(2):
        extras = {"episode": {"total_reward": torch.tensor(0.5), "track_joint_pos": 0.75}}
        logger.process_env_step(torch.ones(2), torch.tensor([1, 0]), extras)
        logger.log(it, 0, 2, 0.5, 0.5, {"surrogate": 0.1}, 1e-3, torch.ones(3), None)
    logger.stop_logging_writer()


def test_the_logger_of_rsl_rl_feeds_the_panels_and_is_quiet(tmp_path: Path, capsys) -> None:
    logger = QuietLogger(str(tmp_path), logger_config(), {}, 2, False, 1, 0, "cpu")
    assert logger.mean_reward is None and logger.mean_episode_length is None
    log_two_iterations(logger)
    assert logger.mean_reward == 1.0 and logger.mean_episode_length == 1.0
    scalars = event_scalars(tmp_path)
    assert set(scalars) == {
        "Learn/loss_surrogate", "Learn/learning_rate", "Learn/action_std",
        "Train/mean_reward", "Train/mean_episode_length",
        "Episode/total_reward", "Episode/track_joint_pos",
        "Perf/samples_per_second", "Perf/collection_seconds", "Perf/learning_seconds",
    }  # fmt: skip
    assert scalars["Episode/track_joint_pos"] == [(0, 0.75), (1, 0.75)]
    assert scalars["Perf/samples_per_second"] == [(0, 8.0), (1, 8.0)]
    output = capsys.readouterr()
    assert output.out == "" and output.err == ""
    assert not (tmp_path / "git").exists()


def test_without_account_wandb_records_offline(tmp_path: Path, no_account, capsys) -> None:
    run_dir = tmp_path / "2026-11-21_14-03-07_walk"
    run_dir.mkdir()
    (run_dir / "clip.mp4").write_bytes(b"\0" * 64)
    config = logger_config(use_wandb=True, project="bob")
    logger = QuietLogger(str(run_dir), config, {"env": {"n": 2}}, 2, False, 1, 0, "cpu")
    log_two_iterations(logger)

    records = offline_records(run_dir)
    rows = history(records)
    assert [row["_step"] for row in rows] == [0, 1]  # one upload an iteration
    for row in rows:
        assert row["Learn/loss_surrogate"] == 0.1 and row["Episode/total_reward"] == 0.5
        assert row["Train/mean_reward"] == 1.0
    (run,) = [record.run for record in records if record.HasField("run")][:1]
    assert (run.display_name, run.project) == (run_dir.name, "bob")
    configs = {item.key: item.value_json for r in records for item in r.config.update}
    assert json.loads(configs["env_cfg"]) == {"env": {"n": 2}}
    assert "num_steps_per_env" in configs["train_cfg"] and "logger" not in configs["train_cfg"]
    videos = list(run_dir.glob("wandb/offline-run-*/files/media/videos/**/*.mp4"))
    assert len(videos) == 1 and sum("Media/video" in json.dumps(row) for row in rows) == 1

    output = capsys.readouterr()
    lines = [text for text in output.err.splitlines() if text]
    assert output.out == "" and len(lines) == 1
    assert "offline (no account" in lines[0] and " sync " in lines[0]
    assert lines[0].endswith(logger.writer.sync_command)
    (folder,) = run_dir.glob("wandb/offline-run-*")
    assert lines[0].endswith(str(folder))
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "config") == [run_dir.name]


def test_an_account_without_network_goes_offline(tmp_path, no_account, monkeypatch, capsys) -> None:
    start = wandb.init

    def unreachable(mode: str, **arguments: Any) -> Any:
        if mode == "online":
            raise wandb.errors.CommError("no such host\nmore about it")
        return start(mode=mode, **arguments)

    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setattr(wandb, "init", unreachable)
    writer = AnimLogWriter(str(tmp_path), use_wandb=True)
    writer.add_scalar("Eval/success", 0.5, 10)
    writer.stop()
    (line,) = capsys.readouterr().err.splitlines()
    assert "offline (no such host)" in line and " sync " in line
    assert history(offline_records(tmp_path))[0]["Eval/success"] == 0.5


def test_the_users_mode_is_respected(tmp_path: Path, no_account, monkeypatch, capsys) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    writer = AnimLogWriter(str(tmp_path), use_wandb=True)
    writer.add_scalar("Eval/success", 0.5, 1)
    writer.stop()
    assert "switched off" in capsys.readouterr().err and not (tmp_path / "wandb").exists()
    wandb.teardown()
    monkeypatch.setenv("WANDB_MODE", "offline")
    AnimLogWriter(str(tmp_path), use_wandb=True).stop()
    assert "offline (WANDB_MODE=offline)" in capsys.readouterr().err
    wandb.teardown()
    monkeypatch.setenv("WANDB_MODE", "nonsense")
    AnimLogWriter(str(tmp_path), use_wandb=True).stop()
    assert len(capsys.readouterr().err.splitlines()) == 1


class BrokenRun:
    """A W&B run whose connection is lost."""

    url = "https://wandb.test/run"

    class settings:
        sync_dir = "/runs/one two"

    def log(self, values: dict[str, Any], step: int) -> None:
        raise OSError("connection lost")

    def finish(self) -> None:
        raise TimeoutError("timed out")


def test_a_failure_on_the_way_costs_one_warning(tmp_path: Path, monkeypatch, capsys) -> None:
    writer = AnimLogWriter(str(tmp_path))
    monkeypatch.setattr(log_writers.WandbRun, "_open", lambda self, *_: None)
    writer._wandb = log_writers.WandbRun(tmp_path, "bob")
    writer._wandb._run = BrokenRun()
    for step in range(5):
        writer.add_scalar("Eval/success", 1.0, step)
    writer.stop()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and "connection lost" in lines[0]
    assert len(event_scalars(tmp_path)["Eval/success"]) == 5

    writer._wandb._run = BrokenRun()
    writer.stop()
    (line,) = capsys.readouterr().err.splitlines()
    assert "upload not finished (timed out)" in line and line.endswith("sync '/runs/one two'")


def test_without_the_package_it_goes_on(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    writer = AnimLogWriter(str(tmp_path), use_wandb=True)
    writer.add_scalar("Eval/success", 1.0, 0)
    writer.stop()
    assert "not installed" in capsys.readouterr().err


def test_a_resumed_run_goes_on_with_its_wandb_run(tmp_path: Path, no_account, capsys) -> None:
    ids, steps = [], []
    for name, before in (("first", None), ("second", "first"), ("third", "second")):
        run_dir = tmp_path / name
        run_dir.mkdir()
        earlier = None if before is None else str(tmp_path / before)
        writer = AnimLogWriter(str(run_dir), use_wandb=True, before=earlier)
        for iteration in (1, 2):
            writer.add_scalar("Train/mean_reward", 1.0, 2 * len(ids) + iteration)
        writer.stop()
        records = offline_records(run_dir)
        ids.append(next(record.run.run_id for record in records if record.HasField("run")))
        steps += [row["_step"] for row in history(records)]
    assert len(set(ids)) == 1 and steps == [1, 2, 3, 4, 5, 6]
    (tmp_path / "third" / WANDB_ID_NAME).write_text("../../etc\n")
    (tmp_path / "fourth").mkdir()
    writer = AnimLogWriter(str(tmp_path / "fourth"), use_wandb=True, before=str(tmp_path / "third"))
    writer.stop()
    fresh = (tmp_path / "fourth" / WANDB_ID_NAME).read_text().strip()
    assert fresh not in (ids[0], "../../etc"), "what is no id is not taken for one"


def test_a_film_that_is_being_written_is_left_alone(tmp_path: Path, monkeypatch) -> None:
    sent: list[Path] = []

    class Taking:
        def __init__(self, *arguments: Any) -> None: ...

        def add_video(self, path: Path, step: int) -> None:
            sent.append(path)

        def close(self) -> None: ...

    monkeypatch.setattr(log_writers, "WandbRun", Taking)
    writer = AnimLogWriter(str(tmp_path), use_wandb=True)
    part, whole = tmp_path / ".video_50.7.part.mp4", tmp_path / "video_50.mp4"
    for path in (part, whole):
        path.write_bytes(b"video")
        writer.save_video(path, 50)
    whole.unlink()
    writer.save_video(whole, 51)  # gone between listing and reading
    writer.stop()
    assert sent == [whole]
