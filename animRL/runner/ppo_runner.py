"""Training: rsl-rl's PPO with evaluations, checkpoints, videos and a calm terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from animRL.envs.mimic_task import MimicTask
from animRL.evaluation.evaluate import Trace
from animRL.evaluation.failures import Failures
from animRL.runner.checkpoint import load_checkpoint, save_checkpoint
from animRL.runner.checkpoint_keeper import CheckpointKeeper
from animRL.runner.evaluations import Evaluations, evaluate_policy, evaluation_text, write_curve
from animRL.runner.finite import NotFinite, check_finite, check_weights
from animRL.runner.processes import Processes
from animRL.runner.progress import ProgressLine
from animRL.runner.rollout import Rollouts
from animRL.runner.rsl_config import action_std, learning_rate
from animRL.runner.rsl_runner import RslRunner
from animRL.runner.saving import Saving
from animRL.runner.stop_requests import StopRequests
from animRL.runner.training_state import restore, take_up
from animRL.runner.verdict import is_learned
from animRL.utils.errors import InputError, ProcessLost


class PpoRunner(RslRunner):
    """One training run, alone or as one of many processes that train together.

    ``evaluations`` holds how it went so far. Of many processes the first alone evaluates and
    writes.
    """

    def __init__(
        self,
        env: MimicTask,
        train_cfg: Any,
        eval_env: MimicTask | None = None,
        processes: Processes | None = None,
    ) -> None:
        """Build networks, optimiser and storage for ``env``; nothing is written.

        Args:
            env: this process's environments.
            train_cfg: a ``MimicTrainConfig``.
            eval_env: built from an ``evaluation_config``; None: no evaluations.
            processes: who trains with this process; None: nobody.

        Raises:
            InputError: if an iteration has fewer samples than mini-batches.
        """
        processes = processes or Processes()
        samples = env.num_envs * train_cfg.runner.num_steps_per_env
        if train_cfg.algorithm.num_mini_batches > samples:
            raise InputError(
                f"algorithm.num_mini_batches is {train_cfg.algorithm.num_mini_batches}; valid: at "
                f"most {samples}, the samples of an iteration"
            )
        super().__init__(env, train_cfg, processes)
        self.samples_per_iteration = samples * processes.world_size
        self.run_dir: Path | None = None
        self.evaluations = Evaluations(eval_env)
        self.until_learned = False
        """End after the first evaluation that ``verdict.is_learned``; equal in all processes."""
        self.on_iteration: Callable[[Callable[[str], None]], None] | None = None
        """Called after each iteration with a way to say something beside the progress; must not
        raise or change anything."""
        self.on_stop: Callable[[BaseException], None] | None = None
        """Called when a training ends early and is saved, before logs are closed."""
        self.training_seconds = 0.0
        self.samples = 0
        """Seen so far, by all processes together; a resumed run may have more or fewer of them."""
        self.saving = Saving(self)
        self.requests = StopRequests(self.saving.save_on_request, alone=not processes.many)
        self.rollouts = Rollouts(self)
        self._goes_on = False
        """Whether environments and random generators are those of a checkpoint."""

    def open_run(self, run_dir: Path, use_wandb: bool = False, before: Path | None = None) -> None:
        """Write checkpoints, curves and logs into a folder; W&B goes on with that of ``before``.

        After ``resume`` the curves of the iterations that were lost are drawn anew.
        """
        self.run_dir = run_dir
        kept = self.train_cfg.runner
        self.saving.keeper = CheckpointKeeper(run_dir, kept.keep_last, kept.keep_every)
        self.log_into(
            str(run_dir), use_wandb=use_wandb, before=None if before is None else str(before),
            first_step=self.current_learning_iteration + 1,
        )  # fmt: skip

    def learn(self, num_learning_iterations: int, init_at_random_ep_len: bool = True) -> None:
        """Train for a number of iterations, with everything that happens in between.

        Raises:
            KeyboardInterrupt, SystemExit: after a signal; the last finished iteration is saved.
            NotFinite: if losses or weights are no numbers; what led there is saved.
        """
        first = self.current_learning_iteration
        last = first + num_learning_iterations
        if init_at_random_ep_len and not self._goes_on:
            # Spread the time-outs, so that not all environments end in the same step.
            self.env.episode_length_buf = torch.randint_like(
                self.env.episode_length_buf, int(self.env.max_episode_length)
            )
        self.logger.init_logging_writer()
        line = ProgressLine(
            last, self.samples_per_iteration, start_iteration=first, start_samples=self.samples,
            at_most=self.until_learned,
        )  # fmt: skip
        self.alg.train_mode()
        try:
            with self.requests:
                self._learn(first, last, line)
        except (KeyboardInterrupt, SystemExit, ProcessLost) as stopped:
            self.saving.save_at_the_end()
            line.close()
            if self.on_stop is not None:
                self.on_stop(stopped)
            raise
        except NotFinite as error:
            raise self.saving.with_cause(error) from error
        except Exception:
            self.saving.save_at_the_end()
            raise
        finally:
            line.close()
            self.logger.stop_logging_writer()
        if self.saving.keeper is not None and self.processes.is_main:
            self.saving.keeper.finish(self.current_learning_iteration)

    def _learn(self, first: int, last: int, line: ProgressLine) -> None:
        """The iterations after the ``first``, up to the ``last`` or until it is learned."""
        obs = self.env.get_observations()
        with self.processes.lockstep():
            self.processes.share([self.alg.actor, self.alg.critic])
        self.saving.keep()
        self.saving.saved = first
        if self._goes_on and self._evaluates(first, last) and not self._is_evaluated(first):
            if self._evaluate_and_save(first, last, 0.0, line):
                return
        for iteration in range(first + 1, last + 1):
            with self.processes.lockstep():
                obs, seconds = self._iteration(obs, iteration, first, last)
            self.current_learning_iteration = iteration
            self.training_seconds += seconds
            self.samples += self.samples_per_iteration
            self.saving.keep()
            if self.rollouts.warning:
                line.message(self.rollouts.warning)
            if self.rollouts.save_asked and self.processes.many:
                self.requests.save_asked = False
                self.saving.save_on_request()
            self.processes.raise_signal()
            self.requests.check()
            if self._evaluate_and_save(iteration, last, seconds, line):
                break

    def _evaluates(self, iteration: int, last: int) -> bool:
        interval = self.train_cfg.runner.eval_interval
        return interval > 0 and iteration > 0 and (iteration % interval == 0 or iteration == last)

    def _is_evaluated(self, iteration: int) -> bool:
        curve = self.evaluations.curve
        return bool(curve) and curve[-1]["iteration"] >= iteration

    def _evaluate_and_save(
        self, iteration: int, last: int, seconds: float, line: ProgressLine
    ) -> bool:
        """Do what is due after an iteration; whether the training ends here before its time."""
        if self.on_iteration is not None:
            self.on_iteration(line.message)
        interval = self.train_cfg.runner.save_interval
        evaluates = self._evaluates(iteration, last)
        saves = iteration % interval == 0 or iteration == last
        metrics = self._evaluate(iteration) if evaluates else {}
        if metrics:
            line.message(evaluation_text(iteration, metrics, self.evaluations.standing))
        line.update(
            iteration, seconds, self.logger.mean_reward, self.logger.mean_episode_length,
            metrics.get("success"), metrics.get("position_error_m"), self.evaluations.standing,
        )  # fmt: skip
        ends = self.until_learned and bool(metrics) and is_learned(metrics)
        if evaluates or saves:
            # The first process alone knows the metrics: its word on the end counts for all.
            ends = self.processes.from_main(lambda: ends)
        if saves or ends:
            self.saving.save(must=ends or iteration == last, say=line.message)
        return ends

    def time_iterations(self, count: int) -> list[float]:
        """Train ``count`` iterations with nothing in between and return their seconds."""
        self.logger.init_logging_writer()
        obs = self.env.get_observations()
        self.alg.train_mode()
        seconds = []
        for iteration in range(1, count + 1):
            obs, took = self._iteration(obs, iteration, 0, count)
            seconds.append(took)
        self.logger.stop_logging_writer()
        return seconds

    def _iteration(self, obs: Any, iteration: int, first: int, last: int) -> tuple[Any, float]:
        """Collect one rollout and learn from it; returns the next observations and seconds."""
        start = time.perf_counter()
        self.set_learning_rate(learning_rate(self.train_cfg, iteration))
        self.set_action_std(action_std(self.train_cfg, iteration))
        threads = torch.get_num_threads()
        # Small tensors gain nothing from threads, and threads that wait for the next one take
        # the physics' cores.
        torch.set_num_threads(1)
        try:
            obs = self.rollouts.collect(obs, iteration)
        finally:
            torch.set_num_threads(threads)
        collected = time.perf_counter()
        losses = self.processes.mean(self.alg.update(), self.device)
        self.processes.share([self.alg.actor, self.alg.critic])
        check_finite(losses, "loss", iteration)
        check_weights({"actor": self.alg.actor, "critic": self.alg.critic}, iteration)
        learned = time.perf_counter()
        self.logger.log(
            it=iteration, start_it=first, total_it=last, collect_time=collected - start,
            learn_time=learned - collected, loss_dict=losses,
            learning_rate=self.alg.learning_rate,
            action_std=self.alg.get_policy().output_std, rnd_weight=None,
        )  # fmt: skip
        if self.logger.writer is not None:
            for name, (sigma, _) in self.env.env.compose_reward.parameters.items():
                self.logger.writer.add_scalar(f"Learn/sigma_{name}", sigma, iteration)
        return obs, learned - start

    def _evaluate(self, iteration: int) -> dict[str, float]:
        """Evaluate, keep the policy if it is the best so far, and return the metrics."""
        taken = self.evaluations
        if taken.env is None:
            return {}
        metrics, trace = taken.run(self.evaluate, iteration, self.samples, self.training_seconds)
        if self.run_dir is not None:
            with self.saving.forgiven("the learning curve was"):
                write_curve(self.run_dir, taken.curve)
            if taken.improved:
                self.saving.save_best()
        if self.logger.writer is not None:
            for name, value in metrics.items():
                self.logger.writer.add_scalar(f"Eval/{name}", value, iteration)
        if taken.on_evaluation is not None:
            taken.on_evaluation(iteration, metrics, trace)
        return metrics

    def evaluate(
        self, env: MimicTask, trace: Trace | None = None, failures: Failures | None = None
    ) -> dict[str, float]:
        """Roll the present policy out deterministically, half from phase 0, half from anywhere."""
        policy = self.inference_policy()

        def watched(obs: torch.Tensor) -> torch.Tensor:
            self.requests.check()
            return policy(obs)

        metrics = evaluate_policy(env, watched, trace, failures)
        self.alg.train_mode()
        return metrics

    def save(self, path: str, infos: dict | None = None) -> None:
        """Write the present policy, optimiser and progress, whole or not at all."""
        save_checkpoint(path, self.saving.policy(infos))

    def progress(self) -> dict[str, Any]:
        """What a checkpoint says of the training so far, as plain values."""
        seconds, samples = self.training_seconds, self.samples
        return {"training_seconds": seconds, "samples": samples, **self.evaluations.to_dict()}

    def load(
        self,
        path: str,
        load_cfg: dict | None = None,
        strict: bool = True,
        map_location: str | None = None,
    ) -> dict:
        """Read a checkpoint safely and go on after its last finished iteration."""
        target = map_location or self.device
        payload = self.processes.from_main(lambda: load_checkpoint(path, target), target)
        return take_up(self, payload, path, load_cfg, strict)

    def resume(self, path: str) -> bool:
        """Go on exactly where the training that wrote a checkpoint stopped.

        Returns:
            Whether that could be done: not with a checkpoint that holds a policy alone, nor with
            another number of processes. Then networks and optimiser are taken up and all
            environments start anew.

        Raises:
            InputError: if the file cannot be read or does not fit the configuration.
        """
        payload = self.processes.from_main(lambda: load_checkpoint(path, self.device), self.device)
        take_up(self, payload, path)
        states = payload.get("states")
        if not isinstance(states, list) or len(states) != self.processes.world_size:
            return False
        restore(self, states[self.processes.rank], path)
        self._goes_on = True
        return True
