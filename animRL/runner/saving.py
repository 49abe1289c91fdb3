"""When and how a training saves itself: in time, when asked, when stopped, when it goes wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from animRL.runner.checkpoint import TooLarge, save_checkpoint
from animRL.runner.checkpoint_keeper import CheckpointKeeper
from animRL.runner.finite import NotFinite
from animRL.runner.training_state import networks_of, state_of
from animRL.runner.vec_env import OBS_GROUP
from animRL.utils.errors import InputError, ProcessLost

if TYPE_CHECKING:
    from animRL.runner.ppo_runner import PpoRunner

END_SECONDS = 6.0
"""How long the first of many processes waits for the others when the training ends early."""
_ROLLOUT = ("actions", "rewards", "dones", "values", "returns", "advantages")


class Saving:
    """Saves a training's last finished iteration, which it keeps in memory for that.

    What it keeps is a copy made between two iterations, so that it can be saved at any instant, in
    the middle of the next one, too.
    """

    def __init__(self, runner: PpoRunner) -> None:
        """Keep nothing yet, and write nothing until there is a ``keeper``."""
        self._runner = runner
        self.keeper: CheckpointKeeper | None = None
        """Of the run's folder; None: nothing is written."""
        self.saved = 0
        """The newest iteration that need not be saved any more; the same in all processes."""
        self._last: dict[str, Any] = {}

    @property
    def iteration(self) -> int:
        """The last finished iteration, 0 before the first."""
        return int(self._last.get("iter", 0))

    def keep(self) -> None:
        """Remember the iteration that was just finished."""
        runner = self._runner
        self._last = {
            **networks_of(runner),
            "infos": {**runner.progress(), **runner.env.env.training_state()},
            "state": state_of(runner),
        }

    def save(self, must: bool, say: Callable[[str], None], ends: bool = False) -> bool:
        """Write the checkpoint of the last finished iteration; returns whether this process did.

        Args:
            must: raise if that fails; else the training goes on without, and says so.
            say: takes that line.
            ends: the training ends here; of many processes those that do not come soon are not
                waited for.
        """
        kept = dict(self._last)
        state = kept.pop("state")
        processes = self._runner.processes
        limit = END_SECONDS if ends else None
        states = processes.to_main(state, f"state/{self.iteration}", limit)
        if processes.many:
            self.saved = self.iteration
        if self.keeper is None or not processes.is_main:
            return False
        if len(states) < processes.world_size:
            say("the other processes' environments did not come: all will start anew")
            states = []
        # The evaluation of this iteration came after it was kept.
        infos = {**kept["infos"], **self._runner.evaluations.to_dict()}
        payload = {**kept, "infos": infos}
        try:
            try:
                self.keeper.save_iteration({**payload, "states": states})
            except TooLarge as error:
                say(f"{error}: it is written without environments, which will start anew")
                self.keeper.save_iteration(payload)
            self.saved = self.iteration
        except InputError as error:
            if must:
                raise
            say(f"checkpoint of iteration {kept['iter']} not saved: {error}; training goes on")
            return False
        return True

    def save_best(self) -> None:
        """Write the present policy as the best so far."""
        if self.keeper is not None:
            with self.forgiven("the best policy was"):
                self.keeper.save_best(self.policy())

    @contextmanager
    def forgiven(self, what: str) -> Iterator[None]:
        """What a full disk may cost, but not the training; a line says so."""
        try:
            yield
        except InputError as error:
            complain(f"{what} not written: {error}; training goes on")

    def save_on_request(self) -> None:
        """Save because a signal asked for it, and say so."""
        if self.iteration:
            if self.save(must=False, say=complain) and self.keeper is not None:
                with suppress(OSError, ValueError):  # the reader of the output may have gone
                    print(
                        f"\nsaved iteration {self.iteration} in {self.keeper.run_dir}", flush=True
                    )

    def save_at_the_end(self) -> None:
        """Save what is not saved yet, before the training ends early."""
        if self.iteration > self.saved:
            with self._runner.processes.lockstep():  # torchrun's SIGTERM must not cut it short
                self.save(must=False, say=complain, ends=True)

    def with_cause(self, error: NotFinite) -> NotFinite:
        """Save what led to numbers that are none; returns the error that says where.

        The iteration before is saved as any other, and a second time together with the samples.
        """
        processes = self._runner.processes
        self.save_at_the_end()
        cause = error
        if self.keeper is not None and processes.is_main and self._last:
            with processes.lockstep():
                cause = NotFinite(f"{error}; {self._write_cause()}")
            cause.told = error.told
        with suppress(ProcessLost):
            processes.wait_for_main()  # the end of one process is the end of all
        return cause

    def _write_cause(self) -> str:
        """Save the last iteration once more, with the samples since; returns where."""
        assert self.keeper is not None
        storage = self._runner.alg.storage
        samples = {name: getattr(storage, name).clone() for name in _ROLLOUT}
        samples["observations"] = storage.observations[OBS_GROUP].clone()
        path = self.keeper.run_dir / f"not_finite_{self.iteration + 1}.pt"
        kept = dict(self._last)
        state = kept.pop("state")
        try:
            save_checkpoint(path, {**kept, "states": [state], "rollout": samples})
        except InputError as unsaved:
            return f"what led to it was not saved: {unsaved}"
        good = f"iteration {self.iteration} before it, which is good"
        return f"{good}, and the samples since are in '{path}'"

    def policy(self, infos: dict | None = None) -> dict[str, Any]:
        """What a checkpoint of the present policy holds, without environments."""
        runner = self._runner
        own = {**runner.progress(), **runner.env.env.training_state(), **(infos or {})}
        return {**runner.alg.save(), "iter": runner.current_learning_iteration, "infos": own}


def complain(text: str) -> None:
    """Print a line on stderr, if anybody reads it."""
    with suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)
