"""One rollout of a training: every environment stepped some times, what came of it stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from animRL.runner.finite import Faults, check_finite, mend_transition, totals

if TYPE_CHECKING:
    from animRL.runner.ppo_runner import PpoRunner

_FAULT, _SAVE = "fault ", "save asked"
"""Names of sums that go with those of the rewards: one trip to the other processes for all."""


class Rollouts:
    """Collects the rollouts of a training."""

    def __init__(self, runner: PpoRunner) -> None:
        """Begin without any."""
        self._runner = runner
        self._faults = Faults()
        self.warning: str | None = None
        """What there is to tell of the newest one, if anything."""
        self.save_asked = False
        """Whether a process was asked for a checkpoint by then; the same in all processes."""

    def collect(self, obs: Any, iteration: int) -> Any:
        """Fill rsl-rl's storage, narrow the rewards' kernels; returns the next observations.

        Raises:
            NotFinite: if a reward is no number everywhere.
            KeyboardInterrupt, SystemExit: after a signal, between two steps.
        """
        runner = self._runner
        steps, scale = (
            runner.train_cfg.runner.num_steps_per_env,
            runner.train_cfg.runner.reward_scale,
        )
        logs: list[dict[str, torch.Tensor]] = []
        with torch.inference_mode():
            for _ in range(steps):
                actions = runner.alg.act(obs)
                mend_transition(runner.alg.transition)
                obs, rewards, dones, extras = runner.env.step(actions)
                faults = {_FAULT + name: share for name, share in extras["faults"].items()}
                logs.append({**extras["log"], **faults})
                runner.alg.process_env_step(obs, scale * rewards, dones, extras)
                runner.logger.process_env_step(rewards, dones, extras)
                runner.requests.check()
            runner.alg.compute_returns(obs)
        # Once an iteration: reading a number waits for the device.
        asked = {_SAVE: torch.tensor(float(steps * runner.requests.save_asked))}
        sums = runner.processes.mean({**totals(logs), **asked}, runner.device)
        means = {name: float(total) / steps for name, total in sums.items()}
        self.save_asked = means.pop(_SAVE) > 0.0
        shares = {n.removeprefix(_FAULT): m for n, m in means.items() if n.startswith(_FAULT)}
        self.warning = self._faults.add(shares, runner.samples_per_iteration, iteration)
        check_finite(means, "reward", iteration)
        runner.env.env.narrowing.update(means)
        runner.env.env.backend.check()
        return obs
