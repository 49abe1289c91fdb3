"""Starts trainings quickly: imports everything once and forks a process for each.

Reads a JSON object a line from stdin, {"logs": folder, "argv": [...], "output": file, "done":
file}, and answers with the number of the process, then, once it has ended, with its exit status.
Each finished iteration is appended to "done" at once, so that a test knows how far a killed
training was.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

SMALL = [
    "--task=walk", "--dv", "--dr", "--num_envs=8", "--set", "sim.threads=1", "runner.threads=1",
    "runner.num_steps_per_env=4", "runner.eval_interval=7", "policy.hidden_dims=[8]",
    "algorithm.num_mini_batches=2", "algorithm.decay_iterations=1000", "runner.save_interval=2",
]  # fmt: skip
SAVE_INTERVAL = 2


class Trainer:
    """The forking process, as a test sees it."""

    def __init__(self, folder: Path) -> None:
        self.logs, self.output, self.done = folder / "logs", folder / "out.txt", folder / "done.txt"
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Trainer:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.robustness.trainer"], text=True, cwd=self.logs.parent,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={
                **os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1",
            },
        )  # fmt: skip
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)

    def start(self, argv: list[str]) -> int:
        """Start a training and return the number of its process."""
        self.done.write_text("")
        command = {"logs": str(self.logs), "argv": argv, "output": str(self.output)}
        return int(self._ask({**command, "done": str(self.done)}))

    def wait(self) -> int:
        """Wait for its end and return its exit status, negative after a signal."""
        return int(self._answer())

    def run(self, argv: list[str]) -> int:
        self.start(argv)
        return self.wait()

    @property
    def finished(self) -> int:
        """The last iteration that the newest training finished; 0: none."""
        lines = self.done.read_text().split()
        return int(lines[-1]) if lines else 0

    def _ask(self, command: dict[str, Any]) -> str:
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> str:
        assert self._process is not None and self._process.stdout is not None
        return self._process.stdout.readline()


def serve() -> None:
    import torch

    torch.set_num_threads(1)
    from animRL.runner import ppo_runner  # noqa: F401
    from animRL.sim import mujoco_cpu  # noqa: F401
    from animRL.tasks import make_env, make_env_cfg

    cfg = make_env_cfg("walk")
    cfg.set("env.num_envs", 2)
    cfg.set("sim.threads", 1)
    make_env("walk", cfg).backend.close()  # loads what is loaded late
    for line in sys.stdin:
        command = json.loads(line)
        process = os.fork()
        if process == 0:
            _train(command)
        print(process, flush=True)
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        print(status, flush=True)


def _train(command: dict[str, Any]) -> None:
    from animRL.runner.saving import Saving
    from animRL.scripts import train
    from animRL.scripts.cli import run_main
    from animRL.utils import paths

    paths.LOGS, train.EVALUATION_EPISODES = Path(command["logs"]), 2
    output = os.open(command["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    done = os.open(command["done"], os.O_WRONLY | os.O_APPEND)
    keep = Saving.keep

    def kept(saving: Saving) -> None:
        keep(saving)
        os.write(done, f"{saving.iteration}\n".encode())

    Saving.keep = kept  # type: ignore[method-assign]
    try:
        run_main(train.main, command["argv"])
    except SystemExit as end:
        os._exit(end.code if isinstance(end.code, int) else 1)
    except BaseException:
        import traceback

        traceback.print_exc()
        os._exit(99)


if __name__ == "__main__":
    serve()
