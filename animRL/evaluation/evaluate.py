"""Deterministic roll-outs of a policy and what they say of it; for training and for eval.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from animRL.envs.bodies import reference_pose
from animRL.envs.mimic_task import MimicTask
from animRL.envs.step_result import StepResult
from animRL.evaluation.failures import Failures
from animRL.evaluation.metrics import (
    BodyGroups,
    Pose,
    imitation_reward,
    mean_body_distance,
    position_error,
)
from animRL.utils.seeding import forked_rng

Policy = Callable[[Tensor], Tensor]
"""Observations (N, 108) -> actions (N, 32)."""

LOST_DISTANCE = 0.5
"""Mean body position error [m] beyond which an episode is no success."""
EPISODE_SECONDS = 20.0
"""Length of an episode of a looping clip [s]; others last as long as the clip."""
JOINT_NOISE, ROOT_VELOCITY_NOISE = 0.05, 0.1
"""Uniform noise at the start: joints [rad], root velocity [m/s]."""


@dataclass
class Trace:
    """Environment 0 of a roll-out, step by step; rows are steps."""

    obs: list[Tensor] = field(default_factory=list)
    dones: list[bool] = field(default_factory=list)
    falls: list[bool] = field(default_factory=list)
    rewards: dict[str, list[float]] = field(default_factory=dict)
    total: list[float] = field(default_factory=list)
    poses: list[tuple[Tensor, Tensor, Tensor]] = field(default_factory=list)
    """(root position, root rotation, joint angles) of the character."""
    reference_poses: list[tuple[Tensor, Tensor, Tensor]] = field(default_factory=list)
    """The same of the reference that judged it."""
    clips: list[int] = field(default_factory=list)
    """Number of the clip that was followed."""
    phases: list[float] = field(default_factory=list)
    """Of the reference."""
    ground_forces: list[Tensor] = field(default_factory=list)
    """Force of the ground on each body (B, 3) [N]."""


@dataclass(frozen=True)
class Episodes:
    """What N episodes gave; every tensor is (N,)."""

    success: Tensor
    """Neither fallen nor farther than ``LOST_DISTANCE`` from the reference (bool)."""
    steps: Tensor
    """Steps until the fall, or to the end."""
    length: Tensor
    """Steps of the whole episode."""
    position_error: Tensor
    """Mean over those steps [m]."""
    normalised_return: Tensor
    """Mean imitation reward over the whole length; steps after a fall count 0."""
    course_reward: Tensor
    """Mean reward of a step, with the task's own terms and sigmas, until the fall."""
    drift_m_per_min: Tensor
    """Planar distance forgiven at the loops, each counted by its length [m/min]."""
    clip_ids: Tensor
    """Number of the clip that was followed."""

    def part(self, chosen: Tensor) -> Episodes:
        """Return some of the episodes, (N,) bool."""
        return Episodes(**{f.name: getattr(self, f.name)[chosen] for f in fields(self)})


def evaluation_config(env_cfg: Any, episodes: int) -> Any:
    """Copy a task's configuration for evaluation: noisy starts, ends by falls alone, no pushes.

    Nor is a window opened.
    """
    cfg = type(env_cfg).from_dict(env_cfg.to_dict())
    cfg.set("env.num_envs", episodes)
    cfg.set("env.episode_length", 1_000_000)
    cfg.set("termination.pose_lost.enabled", False)
    cfg.set("init_state.reference_state_initialisation", True)
    cfg.set("init_state.joint_noise", JOINT_NOISE)
    cfg.set("init_state.root_velocity_noise", ROOT_VELOCITY_NOISE)
    cfg.set("disturbances.push_interval", 0.0)
    cfg.set("sim.window", False)
    return cfg


def start_phases(num_envs: int, from_zero: int, seed: int, device: torch.device) -> Tensor:
    """Phases (N,): the first ``from_zero`` environments at 0, the others at seeded random ones."""
    generator = torch.Generator().manual_seed(seed)
    phases = torch.rand(num_envs, generator=generator)
    phases[:from_zero] = 0.0
    return phases.to(device)


def start_clips(env: MimicTask, from_zero: int) -> Tensor:
    """Clips (N,): of both groups of ``start_phases`` each clip gets its share by weight.

    A clip's number of episodes differs from that share by less than one, so that none is missed
    for bad luck.
    """
    bounds = env.motion_loader.weights.double().cumsum(0).to(env.device)
    groups = [
        torch.searchsorted(bounds, (torch.arange(n, device=env.device).double() + 0.5) / max(n, 1))
        for n in (from_zero, env.num_envs - from_zero)
    ]
    return torch.cat(groups).clamp(max=len(bounds) - 1)


def roll_out(
    env: MimicTask,
    policy: Policy,
    phases: Tensor,
    seed: int,
    trace: Trace | None = None,
    clip_ids: Tensor | None = None,
    failures: Failures | None = None,
) -> Episodes:
    """Run one episode in each environment of ``env``, built from an ``evaluation_config``.

    Args:
        env: the task; its random draws are those of ``seed``, and training's are left alone.
        policy: deterministic actions.
        phases: start phases (N,).
        seed: of the noise at the start.
        trace: filled with environment 0 if given.
        clip_ids: clips (N,), see ``start_clips``; by default drawn by their weights.
        failures: filled with how episodes failed if given.
    """
    with forked_rng(env.device), torch.inference_mode():
        torch.manual_seed(seed)
        obs = env.reset(phases, clip_ids=clip_ids)
        return _roll_out(env, policy, obs, _Tally(env, episode_steps(env, phases), failures), trace)


def record(env: MimicTask, policy: Policy, steps: int, seed: int, clip: int = 0) -> Trace:
    """Trace environment 0 on one clip, from phase 0 and again after each episode."""
    trace, start = Trace(), torch.zeros(env.num_envs, device=env.device)
    clip_ids = torch.full((env.num_envs,), clip, device=env.device)
    with forked_rng(env.device), torch.inference_mode():
        torch.manual_seed(seed)
        obs = env.reset(start, clip_ids=clip_ids)
        for _ in range(steps):
            result = env.step(policy(obs))
            _record(trace, env, obs, result, clip)
            obs = env.reset(start, clip_ids=clip_ids) if result.done[0] else result.obs
    return trace


def _roll_out(
    env: MimicTask, policy: Policy, obs: Tensor, tally: _Tally, trace: Trace | None
) -> Episodes:
    while bool(tally.running.any()):
        actions = policy(obs)
        result = env.step(actions)
        if trace is not None and bool(tally.running[0]):
            _record(trace, env, obs, result, int(tally.clip_ids[0]))
        tally.add(result)
        obs = result.obs
    env.backend.check()
    return tally.episodes()


def episode_steps(env: MimicTask, phases: Tensor) -> Tensor:
    """Control steps (N,) of whole episodes that begin at ``phases`` (N,) of the present clips."""
    clips, loader = env.reference.clip_ids, env.motion_loader
    to_the_end = ((1.0 - phases) / loader.phase_step(clips) - 1e-3).ceil().clamp(min=1.0).long()
    return torch.where(loader.loops[clips], round(EPISODE_SECONDS / env.dt), to_the_end)


class _Tally:
    """Sums over the steps of N episodes, each counted until it falls or is over."""

    def __init__(self, env: MimicTask, length: Tensor, failures: Failures | None = None) -> None:
        self.env, self.length, self.failures = env, length, failures
        self.groups = BodyGroups(env.character)
        self.clip_ids = env.reference.clip_ids  # a reset replaces them
        self.running = torch.ones_like(length, dtype=torch.bool)
        self.failed = torch.zeros_like(self.running)
        self.steps = torch.zeros_like(length)
        self.sums = {n: torch.zeros(length.shape, device=length.device) for n in ("pe", "nr", "cr")}
        self.drift = torch.zeros(length.shape, device=length.device)

    def add(self, result: StepResult) -> None:
        """Count one step in the episodes that are still running."""
        actual, reference = self._poses(result)
        fell = result.terminated & self.running
        counted = self.running & ~fell
        far = mean_body_distance(actual, reference, self.groups) > LOST_DISTANCE
        failing = (fell | (far & counted)) & ~self.failed
        self.failed = self.failed | failing
        if self.failures is not None:
            self.failures.add(result, self.clip_ids, failing, fell, counted)
        values = {
            "pe": position_error(actual, reference, self.groups),
            "nr": imitation_reward(actual, reference, self.groups),
            "cr": result.reward,
        }
        for name, value in values.items():
            self.sums[name] = self.sums[name] + torch.where(counted, value, 0.0)
        self.steps = self.steps + counted
        going_on = counted & ~result.done  # others have been reset by now
        self.drift = torch.where(going_on, self.env.reference.drift, self.drift)
        self.running = counted & (self.steps < self.length) & ~result.timed_out

    def episodes(self) -> Episodes:
        """Return the means."""
        steps = self.steps.clamp(min=1)
        return Episodes(
            success=~self.failed,
            steps=self.steps,
            length=self.length,
            position_error=self.sums["pe"] / steps,
            normalised_return=self.sums["nr"] / self.length,
            course_reward=self.sums["cr"] / steps,
            drift_m_per_min=self.drift / (steps * self.env.dt) * 60.0,
            clip_ids=self.clip_ids,
        )

    def _poses(self, result: StepResult) -> tuple[Pose, Pose]:
        """The character and the reference by which it was judged, after the same step."""
        env, frames, state = self.env, result.data["target_frames"], result.state
        actual = Pose(state.body_pos, state.body_quat, state.joint_vel)
        layout = env.motion_loader.layout
        return actual, reference_pose(env.character, layout, frames, env.env_origins)


def _record(trace: Trace, env: MimicTask, obs: Tensor, result: StepResult, clip: int) -> None:
    """Append environment 0 of a step to a trace."""
    state, frames, loader = result.state, result.data["target_frames"][:1], env.motion_loader
    trace.obs.append(obs[0])
    trace.clips.append(clip)
    trace.phases.append(float(result.data["phase"][0]))
    trace.ground_forces.append(state.ground_contact_force[0])
    trace.dones.append(bool(result.done[0]))
    trace.falls.append(bool(result.terminated[0]))
    trace.total.append(float(result.reward[0]))
    for name, value in result.terms.items():
        trace.rewards.setdefault(name, []).append(float(value[0]))
    trace.poses.append((state.root_pos[0], state.root_quat[0], state.joint_pos[0]))
    root = loader.get_root_pos(frames) + pad(env.env_origins[:1, 2:], (2, 0))
    trace.reference_poses.append(
        (root[0], loader.get_root_rot(frames)[0], loader.get_joint_pose(frames)[0])
    )


def summarise(episodes: Episodes, from_zero: int) -> dict[str, float]:
    """Means over episodes of which the first ``from_zero`` began at phase 0.

    Position error, drift and course reward are means over all steps until a fall, returns and
    success over episodes.
    """
    weight = episodes.steps / episodes.steps.sum().clamp(min=1)

    def over_steps(values: Tensor) -> float:
        return float((weight * values).sum())

    success = episodes.success.double()
    groups = {"success_rate": success[:from_zero], "success_rate_random_phase": success[from_zero:]}
    return {
        **{name: float(s.mean()) if len(s) else float("nan") for name, s in groups.items()},
        "position_error_m": over_steps(episodes.position_error),
        "drift_m_per_min": over_steps(episodes.drift_m_per_min),
        "normalised_return": float(episodes.normalised_return.mean()),
        "course_reward": over_steps(episodes.course_reward),
    }


def summarise_clips(episodes: Episodes, from_zero: int) -> dict[int, dict[str, float]]:
    """The same for the episodes of each clip alone, and their number; by the clip's number.

    A clip that was not drawn is left out, and so is a rate of episodes that there are none of.
    """
    summaries = {}
    for clip in episodes.clip_ids.unique().tolist():
        own = episodes.clip_ids == clip
        zero = int(own[:from_zero].sum())
        summary = summarise(episodes.part(own), zero)
        known = {name: value for name, value in summary.items() if value == value}
        summaries[clip] = {**known, "episodes": int(own.sum())}
    return summaries
