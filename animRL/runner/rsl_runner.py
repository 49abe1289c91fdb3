"""rsl-rl's runner as this project uses it: quiet, and told from outside what it would decide."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from typing import Any

from animRL.envs.mimic_task import MimicTask
from animRL.evaluation.evaluate import Policy
from animRL.runner.policy import inference_policy
from animRL.runner.processes import Processes
from animRL.runner.rsl import OnPolicyRunner, QuietLogger
from animRL.runner.rsl_config import rsl_config
from animRL.runner.vec_env import RslVecEnv

_LOGGER_STATE = (
    *("rewbuffer", "lenbuffer", "cur_reward_sum", "cur_episode_length"),
    *("tot_timesteps", "tot_time"),
)


class RslRunner(OnPolicyRunner):
    """Networks, optimiser, storage and logger of rsl-rl for one of ``processes``."""

    current_learning_iteration: int
    """Iterations finished so far."""

    def __init__(self, env: MimicTask, train_cfg: Any, processes: Processes) -> None:
        """Build them for ``env``; nothing is written.

        Args:
            env: this process's environments.
            train_cfg: a ``MimicTrainConfig``.
            processes: who trains together.
        """
        self.train_cfg, self.processes = train_cfg, processes
        with redirect_stdout(io.StringIO()):  # rsl-rl prints its networks
            super().__init__(RslVecEnv(env), rsl_config(train_cfg), None, str(env.device))
        self._set_logger(None)

    def log_into(self, folder: str, **settings: Any) -> None:
        """Write logs into a folder, with ``settings`` for the log writer, from what is logged now.

        Running means and the episodes under way stay as they are.
        """
        self.cfg["logger"].update(settings)
        before = self.logger
        self._set_logger(folder)
        for name in _LOGGER_STATE:
            setattr(self.logger, name, getattr(before, name))

    def inference_policy(self) -> Policy:
        """Return the deterministic policy: observations (N, 108) to actions (N, J)."""
        self.alg.eval_mode()
        return inference_policy(self.alg.get_policy())

    def set_learning_rate(self, rate: float | None) -> None:
        """Take another learning rate; None: go on with the present one."""
        if rate is not None:
            self.alg.learning_rate = rate
            for group in self.alg.optimizer.param_groups:
                group["lr"] = rate

    def set_action_std(self, std: float | None) -> None:
        """Take another spread of the actions; None: go on with the present one."""
        if std is not None:
            self.alg.get_policy().distribution.std_param.data.fill_(std)

    def _configure_multi_gpu(self) -> None:
        """Replace rsl-rl's method, which takes the environment's word and knows nccl alone."""
        processes = self.processes
        self.is_distributed, self.gpu_world_size = processes.many, processes.world_size
        self.gpu_global_rank, self.gpu_local_rank = processes.rank, processes.local_rank
        self.cfg["multi_gpu"] = None
        if processes.many:
            processes.open_group(self.device)
            self.cfg["multi_gpu"] = {
                "global_rank": processes.rank,
                "local_rank": processes.local_rank,
                "world_size": processes.world_size,
            }

    def _set_logger(self, log_dir: str | None) -> None:
        self.logger = QuietLogger(
            log_dir=log_dir, cfg=self.cfg, env_cfg=self.env.cfg,
            num_envs=self.env.num_envs, is_distributed=self.is_distributed,
            gpu_world_size=self.gpu_world_size, gpu_global_rank=self.gpu_global_rank,
            device=str(self.device),
        )  # fmt: skip
