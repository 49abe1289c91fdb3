"""Where a training's numbers go: TensorBoard events always, Weights & Biases when asked."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import torch

from animRL.runner.event_file import EventFile
from animRL.runner.rsl import LogWriter

PANEL_TAGS = {
    "Loss/learning_rate": "Learn/learning_rate",
    "Policy/mean_std": "Learn/action_std",
    "Perf/total_fps": "Perf/samples_per_second",
    "Perf/collection_time": "Perf/collection_seconds",
    "Perf/learning_time": "Perf/learning_seconds",
}
"""Dashboard names of rsl-rl-lib's tags; ``Loss/<x>`` becomes ``Learn/loss_<x>``, others stay."""

WANDB_ID_NAME = "wandb_run_id.txt"
"""File in a run's folder that says which W&B run it is, for who goes on with it."""
_WANDB_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
WANDB_INIT_SECONDS = 15.0
WANDB_FINISH_SECONDS = 60.0
WANDB_SETTINGS: dict[str, Any] = {
    "silent": True,
    "console": "off",
    "disable_git": True,
    "disable_code": True,
    "save_code": False,
    "host": "",
    "disable_job_creation": True,
    "init_timeout": WANDB_INIT_SECONDS,
    "finish_timeout": WANDB_FINISH_SECONDS,
    "finish_timeout_raises": True,
    "x_disable_meta": True,
    "x_disable_stats": True,
    "x_disable_machine_info": True,
    "x_save_requirements": False,
}
"""W&B receives numbers, configurations and videos: no code, diffs, command lines, machine data."""


def panel_tag(tag: str) -> str | None:
    """Return the dashboard's name of an rsl-rl-lib tag, None for the ``/time`` duplicates."""
    if tag.endswith("/time"):
        return None
    if tag in PANEL_TAGS:
        return PANEL_TAGS[tag]
    if tag.startswith("Loss/"):
        return "Learn/loss_" + tag.removeprefix("Loss/")
    return tag


class WandbRun:
    """One W&B run that costs a training at most a warning, whatever happens to it.

    Scalars of an iteration are collected and sent together, when the next iteration begins or at
    ``close``. Without an account, without network, or with ``WANDB_MODE=offline`` the run is
    recorded in the run's own folder, and one line on stderr says how to upload it later.
    """

    def __init__(self, run_dir: Path, project: str, before: Path | None = None) -> None:
        """Start recording, online where possible; go on with the W&B run of a folder ``before``."""
        self.sync_command: str | None = None
        """How to upload an offline run; None while online or without a run."""
        self._run: Any = None
        self._pending: dict[str, Any] = {}
        self._step = 0
        try:
            self._open(run_dir, project, None if before is None else _read_id(before))
            self._keep_id(run_dir)
        except Exception as error:  # an optional service: nothing it raises may end a training
            self._give_up("could not be started", error)

    def _open(self, run_dir: Path, project: str, run_id: str | None) -> None:
        """Start the run online where a key and the network allow it, else offline."""
        try:
            import wandb
        except ModuleNotFoundError:
            _say("W&B: the package wandb is not installed; going on without (pip install wandb)")
            return
        known = WANDB_SETTINGS.keys() & wandb.Settings.model_fields.keys()
        settings = wandb.Settings(**{key: WANDB_SETTINGS[key] for key in known})
        wished = wandb.setup(settings).settings.mode  # WANDB_MODE and W&B's settings files included
        if wished == "disabled":
            _say("W&B: switched off by its own settings (WANDB_MODE=disabled)")
            return
        arguments: dict[str, Any] = {"project": project, "name": run_dir.name, "dir": str(run_dir)}
        arguments["settings"] = settings
        if run_id is not None:
            arguments["id"] = run_id
        offline = wished in ("offline", "dryrun")
        reason = f"WANDB_MODE={wished}" if offline else _missing_login(wandb)
        if reason is None:
            try:
                resume: Any = None if run_id is None else "allow"
                self._run = wandb.init(mode="online", resume=resume, **arguments)
                _say(f"W&B: {self._run.url}")
                return
            except Exception as error:
                reason = _first_line(error)
        self._run = wandb.init(mode="offline", **arguments)
        self.sync_command = _sync_command(self._run.settings.sync_dir)
        _say(f"W&B: recording offline ({reason}); to upload later: {self.sync_command}")

    def _keep_id(self, run_dir: Path) -> None:
        if self._run is not None:
            (run_dir / WANDB_ID_NAME).write_text(f"{self._run.id}\n", encoding="utf-8")

    def config(self, values: dict[str, Any]) -> None:
        """Show values on the run's page."""
        if self._run is not None:
            try:
                self._run.config.update(values, allow_val_change=True)
            except Exception as error:
                self._give_up("refused the configuration", error)

    def add(self, tag: str, value: Any, step: int) -> None:
        """Collect a value for an iteration; a late one counts for the current iteration."""
        if self._run is None:
            return
        if step > self._step:
            self._send()
            self._step = step
        self._pending[tag] = value

    def add_video(self, path: Path, step: int) -> None:
        """Collect an mp4 file for the Media panel."""
        if self._run is None:
            return
        try:
            import wandb

            self.add("Media/video", wandb.Video(str(path), format="mp4"), step)
        except Exception as error:
            self._give_up(f"refused {path.name}", error)

    def close(self) -> None:
        """Send what is left and finish the run; safe to call twice."""
        self._send()
        run, self._run = self._run, None
        if run is None:
            return
        folder = run.settings.sync_dir
        try:
            run.finish()
        except Exception as error:
            _say(f"W&B: upload not finished ({_first_line(error)}); later: {_sync_command(folder)}")

    def _send(self) -> None:
        """Hand the collected values of one iteration to W&B."""
        pending, self._pending = self._pending, {}
        if self._run is None or not pending:
            return
        try:
            self._run.log(pending, step=self._step)
        except Exception as error:
            self._give_up("stopped taking values", error)

    def _give_up(self, what: str, error: Exception) -> None:
        """Go on without W&B, saying so once."""
        self._run = None
        _say(f"W&B {what} ({_first_line(error)}); going on without, TensorBoard has everything")


class AnimLogWriter(LogWriter):
    """rsl-rl-lib's log writer of this project, configured as ``cfg["logger"]``.

    ``class_name`` is ``"animRL.runner.log_writers:AnimLogWriter"``, the other keys are the
    arguments of the constructor but ``log_dir``, which rsl-rl-lib adds.
    Scalars appear under the panels Learn, Train, Episode, Perf and Eval, videos under Media.
    Models and files are never uploaded.
    """

    def __init__(
        self,
        log_dir: str,
        use_wandb: bool = False,
        project: str = "bob",
        before: str | None = None,
        first_step: int = 1,
    ) -> None:
        """Open the TensorBoard file in the run's folder and, if asked, a W&B run of its name.

        Args:
            log_dir: the run's folder.
            use_wandb: whether W&B is asked for.
            project: W&B's name of the project.
            before: folder of the run that this one goes on with; its W&B run goes on, too.
            first_step: iteration from which on earlier values in the folder count no more.
        """
        self.run_dir = Path(log_dir)
        self._events = EventFile(log_dir, first_step)
        earlier = None if before is None else Path(before)
        self._wandb = WandbRun(self.run_dir.resolve(), project, earlier) if use_wandb else None
        self._seen_videos: set[tuple[str, int]] = set()

    @property
    def sync_command(self) -> str | None:
        """How to upload a W&B run that is recorded offline, None where there is none."""
        return self._wandb.sync_command if self._wandb else None

    def add_scalar(self, tag: str, scalar_value: float | torch.Tensor, global_step: int) -> None:
        """Log one number at an iteration, under its panel."""
        name = panel_tag(tag)
        if name is None:
            return
        value = float(scalar_value)
        self._events.add_scalar(name, value, global_step)
        if self._wandb:
            self._wandb.add(name, value, global_step)

    def store_config(self, env_cfg: dict[str, Any] | object, train_cfg: dict[str, Any]) -> None:
        """Show both configurations on the W&B run's page, as plain values."""
        if self._wandb:
            shown = {key: value for key, value in train_cfg.items() if key != "logger"}
            self._wandb.config({"train_cfg": _plain(shown), "env_cfg": _plain(env_cfg)})

    def save_video(self, video: Path, it: int) -> None:
        """Send a finished video to W&B, once per file and content."""
        video = Path(video)
        inside = video.relative_to(self.run_dir) if video.is_relative_to(self.run_dir) else video
        if self._wandb is None or inside.parts[0] in ("wandb", ".wandb"):
            return  # W&B keeps copies of its videos inside the run's folder
        if video.name.startswith("."):
            return  # still being written
        try:
            key = (str(video), video.stat().st_mtime_ns)
        except OSError:
            return
        if key not in self._seen_videos:
            self._seen_videos.add(key)
            self._wandb.add_video(video, it)

    def stop(self) -> None:
        """Write everything out and close; safe to call twice."""
        self._events.close()
        if self._wandb:
            self._wandb.close()


def _read_id(run_dir: Path) -> str | None:
    """The W&B run of a folder; None if it has none, or the file holds something else."""
    try:
        with open(run_dir / WANDB_ID_NAME, encoding="utf-8") as file:
            text = file.read(100).strip()
    except (OSError, UnicodeDecodeError):
        return None
    return text if _WANDB_ID.fullmatch(text) else None


def _missing_login(wandb: Any) -> str | None:
    """Return why W&B has no login (it would prompt for one), None where credentials are set."""
    try:
        return None if wandb.login(prompt=False, verify=False) else "no account on this machine"
    except Exception as error:
        return _first_line(error)


def _sync_command(folder: str) -> str:
    """Return the shell command that uploads a recorded run."""
    beside = Path(os.path.abspath(sys.executable)).with_name("wandb")
    program = "wandb" if shutil.which("wandb") or not beside.exists() else str(beside)
    return f"{shlex.quote(program)} sync {shlex.quote(str(folder))}"


def _plain(value: Any) -> Any:
    """Return a configuration as dictionaries, lists, numbers, strings and None."""
    if hasattr(value, "to_dict"):
        value = value.to_dict()
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _first_line(error: Exception) -> str:
    """Return the first line of an error's text, short enough for one line on a terminal."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:120]


def _say(text: str) -> None:
    """Print one line beside the progress, where a pipe of the output does not swallow it."""
    print(text, file=sys.stderr, flush=True)
