"""The imitation task: N characters that follow a motion clip, stepped together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from animRL.dataloader.motion_loader import MotionLoader
from animRL.envs import soundness, terminations
from animRL.envs.action_offset import ActionOffset, InverseDynamics
from animRL.envs.bodies import with_bodies
from animRL.envs.disturbances import Pushes
from animRL.envs.observations import ObservationLayout, observe
from animRL.envs.phase_sampling import make_phase_sampling
from animRL.envs.reference import Reference
from animRL.envs.rows import like, put_rows, rows_of
from animRL.envs.starts import Starts, grid, state_on_clip
from animRL.envs.step_result import StepResult
from animRL.reward.composer import RewardComposer
from animRL.reward.imitation import BodyGroups
from animRL.reward.narrowing import Narrowing
from animRL.reward.rewards import target_ee_global
from animRL.reward.task_data import TaskData
from animRL.sim.base import ResetState, SimBackend, SimState
from animRL.utils import rotations as rot

_EPISODE_TENSORS = (
    *("actions", "_scaled_actions", "_joint_targets_rate"),
    *("episode_steps", "_first_step", "_unseen"),
)


class MimicTask:
    """Phase, reference state initialisation, rewards and terminations over any engine.

    The order of a step: engine step, read state, terminate, reward, reset the finished
    environments, advance every phase, observe. The target in an observation is the one by which
    the next state is judged.
    """

    def __init__(
        self, cfg: Any, backend: SimBackend, inverse_dynamics: InverseDynamics | None = None
    ) -> None:
        """Build the task of ``cfg`` (a ``MimicConfig``) on an engine.

        Args:
            cfg: the configuration.
            backend: the engine.
            inverse_dynamics: gives the torques of a clip; for an action offset "feedforward".

        Raises:
            InputError: for a motion file, reward term or action offset that cannot be used.
        """
        self.cfg, self.backend = cfg, backend
        self.character = backend.character
        self.num_envs, self.device, self.dt = backend.num_envs, backend.device, backend.dt
        self.num_actions = len(self.character.joint_names)
        self.observation_layout = ObservationLayout(self.num_actions)
        self.compose_reward = RewardComposer.from_config(cfg.rewards)
        narrowing = cfg.rewards.narrowing
        self.narrowing = Narrowing(
            self.compose_reward, narrowing.above, narrowing.rate, narrowing.least
        )
        self._body_groups = BodyGroups(self.character) if self.compose_reward.needs else None
        self.motion_loader = self.load_motions(cfg.motion_loader)
        self.reference = Reference(self.motion_loader, self.num_envs)
        self.env_origins = grid(self.num_envs, cfg.env.spacing).to(self.device)
        self.masked_resets = self.device.type != "cpu"
        """Draw a start for every environment in every step and take those that are needed: more
        work, but the host need not wait to learn which; on the CPU there is nothing to wait for."""
        self.max_episode_length = int(cfg.env.episode_length)
        lost = cfg.termination.pose_lost
        self._pose_limits = terminations.PoseLimits(
            lost.height, lost.orientation, lost.ee_height, lost.ee_distance
        )
        self._fall_bodies = self.character.body_indices(self.character.fall_bodies).to(self.device)
        self._action_offset = ActionOffset(
            cfg.control.action_offset, self.character, self.motion_loader, inverse_dynamics
        )
        self.phase_sampling = make_phase_sampling(cfg.init_state, self.motion_loader)
        self._pushes = Pushes(cfg.disturbances, backend)
        self._starts = Starts(cfg.init_state, self.character, self.motion_loader)
        zeros = torch.zeros(self.num_envs, self.num_actions, device=self.device)
        self.actions, self._scaled_actions = zeros, zeros
        self._joint_targets_rate = torch.zeros(self.num_envs, device=self.device)
        self.episode_steps = torch.zeros(self.num_envs, dtype=torch.long, device=self.device)
        self._first_step = torch.ones(self.num_envs, dtype=torch.bool, device=self.device)
        self._unseen = torch.zeros_like(self._first_step)
        self.reset()

    def load_motions(self, cfg: Any) -> MotionLoader:
        """Load clips of this task's character (see ``MotionLoader``), without taking them up."""
        character = self.character
        return MotionLoader(
            self.device, cfg, self.dt, self.num_actions, len(character.end_effector_names),
            character.joint_names, character.end_effector_names, self._end_effectors_of,
        )  # fmt: skip

    def reset(
        self,
        phases: Tensor | None = None,
        yaw: Tensor | None = None,
        clip_ids: Tensor | None = None,
    ) -> Tensor:
        """Start new episodes everywhere and return the observations (N, 108).

        Args:
            phases: start phases (N,); by default as the configuration says.
            yaw: turns of the whole start about z (N,) [rad]; by default none.
            clip_ids: the clip of each (N,); by default drawn by their weights.
        """
        everyone = torch.arange(self.num_envs, device=self.device)
        self._reset_environments(everyone, phases, yaw, clip_ids)
        return self._advance_and_observe()

    def step(self, actions: Tensor) -> StepResult:
        """Apply actions (N, J) for one control step.

        An environment with a number that is none, in its action, state, observation or reward, is
        started anew alone; nothing that is returned but ``state`` and ``data`` holds such numbers.
        """
        actions, no_action = soundness.cleaned(actions)
        self._apply(actions)
        state = self.backend.state()
        data = self.task_data()
        self.episode_steps = self.episode_steps + 1
        reward, terms = self.compose_reward(data)
        faults, sound = soundness.judge(no_action, self._unseen, state, reward, terms)
        failed = self._terminated(state, data) & sound
        terminated = failed | ~sound
        timed_out = (self.episode_steps >= self.max_episode_length) | self.reference.finished()
        timed_out = timed_out & ~terminated
        self.phase_sampling.count(self.reference.clip_ids, self.reference.phase, failed)
        reward = torch.where(sound, reward, 0.0)
        terms = {name: torch.where(sound, value, 0.0) for name, value in terms.items()}
        self._reset_finished(terminated | timed_out)
        obs = self._advance_and_observe()
        return StepResult(obs, reward, terms, terminated, timed_out, faults, state, data)

    def training_state(self) -> dict[str, Any]:
        """What training has taught the task itself, as plain values for a checkpoint."""
        return {
            "phase_sampling": self.phase_sampling.state_dict(),
            "sigma_shares": self.narrowing.state_dict(),
        }

    def load_training_state(self, state: Mapping[str, Any]) -> None:
        """Take up a ``training_state``, as far as there is one."""
        self.phase_sampling.load_state_dict(state.get("phase_sampling", {}))
        self.narrowing.load_state_dict(state.get("sigma_shares", {}))

    def save_state(self) -> dict[str, Any]:
        """Everything that shapes the next step but the random generators, as plain values."""
        return {
            "engine": self.backend.save_state(),
            "reference": self.reference.state_dict(),
            "pushes": self._pushes.state_dict(),
            "phase_sampling": self.phase_sampling.state_dict(),
            "sigmas": self.narrowing.sigmas(),
            "episodes": {name: getattr(self, name) for name in _EPISODE_TENSORS},
        }

    def load_state(self, saved: Mapping[str, Any]) -> None:
        """Go back to a state of ``save_state``, exactly.

        Raises:
            ValueError: if it is one of other environments, of other sizes or of other clips.
        """
        for name in _EPISODE_TENSORS:
            setattr(self, name, like(saved["episodes"][name], getattr(self, name), name))
        self.reference.load_state_dict(saved["reference"])
        self._pushes.load_state_dict(saved["pushes"])
        self.phase_sampling.load_state_dict(saved["phase_sampling"])
        self.narrowing.set_sigmas(saved["sigmas"])
        self.backend.load_state(saved["engine"])

    def task_data(self) -> TaskData:
        """Return the data dictionary of the present state and target, for rewards."""
        state = self.backend.state()
        ee_global = self.character.end_effector_pos(
            state.root_pos, state.root_quat, state.joint_pos
        )
        # One rotation for the two velocities and all end effectors.
        relative = ee_global - state.root_pos.unsqueeze(1)
        vectors = torch.cat(
            [state.root_lin_vel.unsqueeze(1), state.root_ang_vel.unsqueeze(1), relative], dim=1
        )
        local = rot.quat_rotate_inverse(state.root_quat.unsqueeze(1), vectors)
        data = TaskData(
            motion_loader=self.motion_loader,
            num_ee=ee_global.shape[1],
            num_dof=self.num_actions,
            env_origins=self.env_origins,
            root_states=torch.cat(
                [state.root_pos, state.root_quat, state.root_lin_vel, state.root_ang_vel], dim=-1
            ),
            base_quat=state.root_quat,
            base_lin_vel=local[:, 0],
            base_ang_vel=local[:, 1],
            dof_pos=state.joint_pos,
            dof_vel=state.joint_vel,
            ee_global=ee_global,
            ee_local=local[:, 2:],
            joint_targets_rate=self._joint_targets_rate,
            phase=self.reference.phase,
            reset_phase=self.reference.reset_phase,
            target_frames=self.reference.target_frames,
            reset_frames=self.reference.reset_frames,
        )
        if self._body_groups is None:
            return data
        return with_bodies(data, state, self._body_groups)

    def reference_state(self) -> ResetState:
        """The state that tracks the present target perfectly, root velocities in world frame."""
        frames = self.reference.target_frames
        return state_on_clip(self.motion_loader, frames, self.env_origins[:, 2])

    def _apply(self, actions: Tensor) -> None:
        """Turn actions into joint targets and advance the engine."""
        control = self.cfg.control
        scaled = (control.action_scale * actions).clamp(-control.action_clip, control.action_clip)
        change = (scaled - self._scaled_actions).norm(dim=-1)
        rate = change / (self.num_actions**0.5 * self.dt)
        self._joint_targets_rate = torch.where(self._first_step, 0.0, rate)
        self._first_step = torch.zeros_like(self._first_step)
        self.actions, self._scaled_actions = actions, scaled
        self._pushes.apply()
        self.backend.step(self._action_offset(self.reference) + scaled)

    def _terminated(self, state: SimState, data: TaskData) -> Tensor:
        rules, origin = self.cfg.termination, self.env_origins[:, 2]
        terminated = terminations.fallen(
            state.ground_contact_force, self._fall_bodies, rules.fall_contact_force
        ) | terminations.out_of_range(
            state, origin, rules.max_lin_vel, rules.max_ang_vel, rules.max_height
        )
        if rules.pose_lost.enabled:
            frames = data["target_frames"]
            terminated = terminated | terminations.pose_lost(
                state.root_pos[:, 2] - origin, state.root_quat, data["ee_global"],
                self.motion_loader.get_root_pos(frames), self.motion_loader.get_root_rot(frames),
                target_ee_global(data), self._pose_limits,
            )  # fmt: skip
        return terminated

    def _reset_finished(self, finished: Tensor) -> None:
        """Start new episodes where the last one ended (N,) bool."""
        if self.masked_resets:
            self._reset_environments(finished)
            return
        env_ids = finished.nonzero(as_tuple=False).flatten()
        if len(env_ids):
            self._reset_environments(env_ids)

    def _reset_environments(
        self,
        where: Tensor,
        phases: Tensor | None = None,
        yaw: Tensor | None = None,
        clip_ids: Tensor | None = None,
    ) -> None:
        """Start new episodes in some environments: numbers (n,), or a mask (N,), see ``rows``."""
        count, start = len(where), self.cfg.init_state
        if clip_ids is None:
            clip_ids = self.motion_loader.sample_clips(count)
        if phases is None and start.reference_state_initialisation:
            phases = self.phase_sampling.draw(clip_ids)
        elif phases is None:
            phases = torch.zeros(count, device=self.device)
        frames = self.reference.raw_frames(phases, clip_ids)
        state = self._starts.draw(frames, rows_of(self.env_origins, where), yaw)
        if where.dtype == torch.bool:
            self.backend.reset_where(where, state)
        else:
            self.backend.reset(where, state)
        self.reference.reset(
            where, clip_ids, phases, frames, state.root_pos[:, :2], state.root_quat
        )
        self.episode_steps = put_rows(self.episode_steps, where, 0)
        self._first_step = put_rows(self._first_step, where, True)
        self.actions = put_rows(self.actions, where, 0.0)
        self._scaled_actions = put_rows(self._scaled_actions, where, 0.0)

    def _advance_and_observe(self) -> Tensor:
        state = self.backend.state()
        self.reference.advance(state.root_pos[:, :2])
        obs = observe(
            state, self.env_origins[:, 2], self.reference.turn, self.character.default_joint_pos,
            self.actions, self.reference.phase,
        )  # fmt: skip
        obs, self._unseen = soundness.cleaned(obs)
        return obs

    def _end_effectors_of(self, root_pos: Tensor, root_quat: Tensor, joint_pos: Tensor) -> Tensor:
        """End effectors (T, E, 3) of poses on the cpu or the task's device, result on the cpu."""
        poses = (value.to(self.device) for value in (root_pos, root_quat, joint_pos))
        return self.character.end_effector_pos(*poses).cpu()
