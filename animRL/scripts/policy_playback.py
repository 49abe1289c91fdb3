"""A policy, or no policy at all, for the live view: N characters in an engine of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from animRL.envs import terminations
from animRL.envs.phase_sampling import FixedPhase
from animRL.envs.starts import state_on_clip
from animRL.envs.step_result import StepResult
from animRL.evaluation.evaluate import evaluation_config
from animRL.runner.checkpoint import load_checkpoint
from animRL.runner.policy import policy_of
from animRL.runner.run_dir import LIVE_NAME, checkpoints_of
from animRL.sim.base import PhysParams, SimState
from animRL.tasks import make_env
from animRL.utils.errors import InputError
from animRL.viewer.live.playback import Playback, Shown
from animRL.viewer.poses import Poses

ZERO, RANDOM, NEWEST = "zero actions", "random actions", "newest of the training"
"""Names that stand beside those of checkpoints."""
DOWN_SECONDS = 1.5
"""How long a fallen character is seen to lie before it starts again."""
LEAST_SECONDS = 0.3
"""What is shown at least of a clip that ends."""
_NO_FALL = 1e6
"""Ground force [N] that nothing reaches: here a fall does not end an episode at once."""


class PolicyPlayback(Playback):
    """Plays what a run has learned; what is changed here changes nothing there.

    A training's newest policy is followed by the file that it leaves now and then. Episodes start
    at the phase and on the clip chosen last, a single character's without noise.
    """

    def __init__(
        self,
        task: str,
        env_cfg: Any,
        train_cfg: Any,
        count: int = 1,
        run: Path | None = None,
        checkpoint: Path | None = None,
        actions: str = ZERO,
    ) -> None:
        """Build the task and load the policy.

        Args:
            task: its name.
            env_cfg: as the run was configured.
            train_cfg: as the run was configured.
            count: number of characters N.
            run: the run's folder; None: there is no policy.
            checkpoint: which of its checkpoints; None: the newest of a training that goes on.
            actions: without a run, ``ZERO`` or ``RANDOM``.

        Raises:
            InputError: if the task or the checkpoint cannot be loaded.
        """
        cfg = evaluation_config(env_cfg, count)
        self._fall_force = float(cfg.termination.fall_contact_force)
        cfg.set("termination.fall_contact_force", _NO_FALL)
        if count == 1:
            cfg.set("init_state.joint_noise", 0.0)
            cfg.set("init_state.root_velocity_noise", 0.0)
        self._env = env = make_env(task, cfg)
        self._starts = env.phase_sampling = FixedPhase(env.motion_loader, LEAST_SECONDS)
        self._task, self._train_cfg, self._run = task, train_cfg, run
        self.character, self.count, self.dt = env.character.to("cpu"), count, env.dt
        self.can_push = "push_force" in env.backend.caps
        self.clips = env.motion_loader.labels
        self._everyone = torch.arange(count, device=env.device)
        self._fall_bodies = env.character.body_indices(env.character.fall_bodies).to(env.device)
        self._files: dict[str, Path] = {}
        self._clip = 0
        self._trained_kernels = env.compose_reward.parameters
        self._own_kernels: dict[str, dict[str, float]] = {}
        self._last: StepResult | None = None
        self._obs: Tensor
        self._down_steps: Tensor
        self._seen = 0
        self._policy, self.playing = self._without_policy(actions), actions
        if run is not None:
            self._list_checkpoints(checkpoint)
        self._restart()

    @property
    def title(self) -> str:  # type: ignore[override]
        """Task, run and checkpoint."""
        where = "" if self._run is None else f"  ·  {self._run.name}"
        return f"**{self._task}**{where}  ·  {self.playing}"

    @property
    def checkpoints(self) -> list[str]:  # type: ignore[override]
        """Names of the run's checkpoints, and of playing without one."""
        return [*self._files, ZERO, RANDOM]

    def step(self) -> Shown:
        """Go on by a control step; who has lain long enough starts again with the next."""
        env = self._env
        self._push_now()
        with torch.inference_mode():
            result = env.step(self._policy(self._obs))
        self._obs, self._last = result.obs, result
        down = self._down_steps > 0
        down = down | terminations.fallen(
            result.state.ground_contact_force, self._fall_bodies, self._fall_force
        )
        self._down_steps = torch.where(down, self._down_steps + 1, 0)
        shown = self._judged(result)
        over = self._down_steps * self.dt >= DOWN_SECONDS
        env.episode_steps = torch.where(over, env.max_episode_length, env.episode_steps)
        for who in result.done.nonzero().flatten().tolist():  # who starts again is pushed no more
            self._down_steps[who] = self._push_steps[who] = 0
        return shown

    def reset(self, phase: float) -> Shown:
        """Start all characters at a phase, of a clip that ends some steps before its end."""
        self._starts.phase = min(max(phase, 0.0), 1.0)
        self._restart()
        self._last = None
        env = self._env
        on_clip = state_on_clip(
            env.motion_loader, env.reference.reset_frames, env.env_origins[:, 2]
        )
        reference = Poses.of(on_clip.root_pos, on_clip.root_quat, on_clip.joint_pos)
        phases = env.reference.reset_phase.cpu().numpy().copy()
        return Shown(_poses(env.backend.state()), reference, phases)

    def choose_clip(self, name: str) -> Shown:
        """Follow another clip of the task."""
        self._clip = list(self.clips).index(name)
        weights = self._env.motion_loader.weights
        self._env.motion_loader.weights = torch.zeros_like(weights)
        self._env.motion_loader.weights[self._clip] = 1.0
        return self.reset(0.0)

    def push(self, who: int, force: Any, seconds: float) -> None:
        """Push from the next step on; 0 s end a push."""
        if not self.can_push:
            return
        self._forces[who] = torch.as_tensor(force, dtype=torch.float32)
        self._push_steps[who] = round(seconds / self.dt)

    def choose_checkpoint(self, name: str) -> None:
        """Play another checkpoint of the run, or none."""
        if name == NEWEST:
            self._seen = 0  # loaded by the next `refresh`, if there is one yet
        elif name in self._files:
            self._load(self._files[name])
        elif name in (ZERO, RANDOM):
            self._policy = self._without_policy(name)
        else:
            raise InputError(f"no checkpoint '{name}'; valid: {', '.join(self.checkpoints)}")
        self.playing = name

    def refresh(self) -> str | None:
        """Load the training's newest policy if there is one and it is followed."""
        if NEWEST not in self._files or self._run is None:
            return None
        there = {path.name: path for path in checkpoints_of(self._run)}
        self._files = {NEWEST: self._files[NEWEST], **there}  # a training deletes older ones
        if self.playing != NEWEST:
            return None
        try:
            written = self._files[NEWEST].stat().st_mtime_ns
            if written == self._seen:
                return None
            iteration = self._load(self._files[NEWEST])
        except (OSError, InputError):  # not there yet, or no more
            return None
        self._seen = written
        return f"policy of iteration {iteration}"

    @property
    def kernels(self) -> dict[str, tuple[float, float]]:
        """Of the task's reward, as far as training has narrowed them."""
        return self._env.compose_reward.parameters

    def set_kernel(
        self, name: str, sigma: float | None = None, tolerance: float | None = None
    ) -> Shown | None:
        """Judge by another kernel from now on, the present instant first."""
        given = {"sigma": sigma, "tolerance": tolerance}
        own = self._own_kernels.setdefault(name, {})
        own.update({key: value for key, value in given.items() if value is not None})
        return self._with_kernels()

    def forget_kernels(self) -> Shown | None:
        """Judge by the kernels of the policy's training again."""
        self._own_kernels.clear()
        return self._with_kernels()

    def close(self) -> None:
        """Release the engine."""
        self._env.backend.close()

    def _list_checkpoints(self, checkpoint: Path | None) -> None:
        assert self._run is not None
        if checkpoint is None:
            self._files[NEWEST] = self._run / LIVE_NAME
        self._files |= {path.name: path for path in checkpoints_of(self._run)}
        if checkpoint is None:
            self.choose_checkpoint(NEWEST)  # until there is one: no policy
            self.refresh()
        else:
            self._files.setdefault(checkpoint.name, checkpoint)
            self.choose_checkpoint(checkpoint.name)

    def _load(self, path: Path) -> int:
        """Take over a policy, and the kernels that its training had narrowed."""
        payload = load_checkpoint(path)
        self._policy = policy_of(payload, self._train_cfg, self._env, str(path))
        composer, configured = self._env.compose_reward, self._env.narrowing.first
        for name, sigma in configured.items():
            composer.set_sigma(name, sigma)
        self._env.load_training_state(payload.get("infos") or {})
        trained = composer.parameters
        self._trained_kernels = {
            name: (sigma, self._trained_kernels[name][1]) for name, (sigma, _) in trained.items()
        }
        self._with_kernels()
        return int(payload["iter"])

    def _with_kernels(self) -> Shown | None:
        """Put the kernels of now into force, and judge the present instant by them."""
        composer = self._env.compose_reward
        for name, (sigma, tolerance) in self._trained_kernels.items():
            own = self._own_kernels.get(name, {})
            composer.set_sigma(name, own.get("sigma", sigma))
            composer.set_tolerance(name, own.get("tolerance", tolerance))
        return None if self._last is None else self._judged(self._last, anew=True)

    def _without_policy(self, actions: str) -> Callable[[Tensor], Tensor]:
        shape, device = (self.count, self._env.num_actions), self._env.device
        if actions == RANDOM:
            return lambda _obs: torch.randn(shape, device=device)
        return lambda _obs: torch.zeros(shape, device=device)

    def _restart(self) -> None:
        """Start everybody at the chosen phase of the chosen clip; nobody is pushed or down."""
        clips = torch.full_like(self._everyone, self._clip)
        self._obs = self._env.reset(self._starts.draw(clips), clip_ids=clips)
        self._down_steps = torch.zeros_like(self._everyone)
        self._push_steps = [0] * self.count
        self._forces = torch.zeros(self.count, 3, device=self._env.device)
        self._pushing = True  # so that the engine forgets, too

    def _push_now(self) -> None:
        """Tell the engine the forces of the step that follows, while there are or were any."""
        for who, left in enumerate(self._push_steps):
            if left == 0:
                self._forces[who] = 0.0
            self._push_steps[who] = max(0, left - 1)
        pushing = bool(self._forces.any())
        if self.can_push and (pushing or self._pushing):
            params = PhysParams(push_force=self._forces.clone())
            self._env.backend.set_params(self._everyone, params)
        self._pushing = pushing

    def _judged(self, result: StepResult, anew: bool = False) -> Shown:
        """What a step showed; ``anew``: by the kernels of now."""
        reward, terms = result.reward, result.terms
        if anew:
            reward, terms = self._env.compose_reward(result.data)
        loader, frames = self._env.motion_loader, result.data["target_frames"]
        root = loader.get_root_pos(frames).clone()
        root[:, 2] += self._env.env_origins[:, 2]
        reference = Poses.of(root, loader.get_root_rot(frames), loader.get_joint_pose(frames))
        return Shown(
            poses=_poses(result.state),
            reference=reference,
            phases=result.data["phase"].cpu().numpy().clip(0.0, 1.0),
            terms={name: value.cpu().numpy() for name, value in terms.items()},
            total=reward.cpu().numpy(),
            down=(self._down_steps > 0).cpu().numpy(),
            pushes=self._forces.cpu().numpy().copy(),
        )


def _poses(state: SimState) -> Poses:
    return Poses.of(state.root_pos, state.root_quat, state.joint_pos)
