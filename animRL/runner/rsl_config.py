"""From the training configuration to the dictionary that rsl-rl reads."""

from __future__ import annotations

from typing import Any

from animRL.runner.vec_env import OBS_GROUP


def rsl_config(train_cfg: Any) -> dict[str, Any]:
    """Translate a ``MimicTrainConfig`` into the dictionary that rsl-rl reads (and edits)."""
    runner = train_cfg.runner
    return {
        "num_steps_per_env": runner.num_steps_per_env,
        "save_interval": runner.save_interval,
        "obs_groups": {"actor": [OBS_GROUP], "critic": [OBS_GROUP]},
        "algorithm": _algorithm_config(train_cfg),
        "actor": actor_config(train_cfg),
        "critic": network_config(train_cfg),
        "logger": {
            "class_name": "animRL.runner.log_writers:AnimLogWriter",
            "use_wandb": False,
            "project": runner.experiment_name,
        },
    }


def _algorithm_config(train_cfg: Any) -> dict[str, Any]:
    """PPO; the runner itself sets the rate of the schedule "linear" (see ``learning_rate``)."""
    values = train_cfg.algorithm.to_dict()
    del values["final_learning_rate"], values["decay_iterations"]
    if values["schedule"] == "linear":
        values["schedule"] = "fixed"
    return {"class_name": "PPO", **values}


def learning_rate(train_cfg: Any, iteration: int) -> float | None:
    """Rate of an iteration, counted from 1, by the schedule; None where rsl-rl adapts it itself."""
    algorithm = train_cfg.algorithm
    if algorithm.schedule == "adaptive":
        return None
    if algorithm.schedule == "fixed":
        return float(algorithm.learning_rate)
    return _falling(train_cfg, iteration, algorithm.learning_rate, algorithm.final_learning_rate)


def action_std(train_cfg: Any, iteration: int) -> float | None:
    """Standard deviation of the actions in an iteration, from 1; None where no schedule sets it."""
    policy = train_cfg.policy
    if policy.final_std is None:
        return None
    return _falling(train_cfg, iteration, policy.init_std, policy.final_std)


def decay_iterations(train_cfg: Any) -> int:
    """Iterations over which rate and spread fall: as configured, else the whole training."""
    return int(train_cfg.algorithm.decay_iterations or train_cfg.runner.max_iterations)


def _falling(train_cfg: Any, iteration: int, first: float, last: float) -> float:
    """Linear from ``first`` to ``last`` over the first ``decay_iterations``."""
    done = min(1.0, iteration / decay_iterations(train_cfg))
    return float((1.0 - done) * first + done * last)


def network_config(train_cfg: Any) -> dict[str, Any]:
    """Translate ``train_cfg.policy`` into the network that rsl-rl builds for actor and critic."""
    policy = train_cfg.policy
    network = {
        "class_name": "MLPModel",
        "hidden_dims": list(policy.hidden_dims),
        "activation": policy.activation,
        "obs_normalization": policy.obs_normalization,
    }
    if policy.phase_harmonics or policy.phase_bins:
        network["class_name"] = "animRL.runner.networks:PhaseModel"
        network["harmonics"] = policy.phase_harmonics
        network["phase_bins"] = policy.phase_bins
        network["phase_memory"] = policy.phase_memory
    return network


def actor_config(train_cfg: Any) -> dict[str, Any]:
    """The actor: that network with a Gaussian whose spread does not depend on the state."""
    policy = train_cfg.policy
    distribution = {
        "class_name": "GaussianDistribution",
        "init_std": policy.init_std,
        "learn_std": policy.learn_std and policy.final_std is None,
    }
    return {**network_config(train_cfg), "distribution_cfg": distribution}
