"""MuJoCo Warp: many simulations on an NVIDIA GPU; also on Warp's cpu device, for tests."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import mujoco_warp as mjw
import torch
import warp as wp
from torch import Tensor

from animRL.sim.base import PhysParams, ResetState, SimBackend, SimState
from animRL.sim.mujoco_model import (
    array_sizes,
    build_model,
    ground_force_columns,
    joint_addresses,
    target_reach,
)
from animRL.utils import rotations as rot
from animRL.utils.errors import InputError
from animRL.utils.notices import if_slow

if TYPE_CHECKING:
    from animRL.sim.character import Character

# Fields of mjw.Data that shape the next step; the warm start of the solver among them.
_STATE = ("qpos", "qvel", "qacc_warmstart", "ctrl", "xfrc_applied", "sensordata", "time")
# Fields of mjw.Model that differ between environments: those that are set, and what follows.
_SET = ("geom_friction", "body_mass", "body_inertia")
_DERIVED = ("body_subtreemass", "body_invweight0", "dof_invweight0", "actuator_acc0")
# Shared by all environments; set_const rounds them anew.
_SHARED = ("geom_size", "geom_aabb", "geom_rbound")
# A coordinate beyond this is a blow-up: C MuJoCo's mjMAXVAL.
_LARGEST = 1e10
# Solvers that stop at their iteration limit are no error; C MuJoCo goes on as well.
_SOLVER_LIMITS = int(mjw.OverflowType.ITERATIONS | mjw.OverflowType.LS_ITERATIONS)
_CONSTRAINT_ROWS = int(mjw.OverflowType.NEFC | mjw.OverflowType.NJMAX_NNZ)
_SLOW_START_SECONDS = 5.0


class MujocoWarpBackend(SimBackend):
    """``mujoco_warp`` behind the engine contract.

    Nothing in ``step``, ``state``, ``reset`` and ``reset_where`` waits for the device, as long as
    the step is recorded. Resets have no graph: they write a few rows, and need no ``forward``,
    since bodies follow from root and joints and each step computes the rest anew. An
    environment that blows up stays non-finite inside, and alone, until its reset; ``state()`` shows
    it at rest in the model's initial pose, as the CPU engine does.
    """

    def __init__(
        self,
        character: Character,
        engine_cfg: Any,
        num_envs: int,
        physics_dt: float,
        substeps: int,
        device: str | torch.device,
    ) -> None:
        """Build the model and ``num_envs`` worlds, and record the control step.

        Args:
            character: the character, on the cpu device.
            engine_cfg: see ``cfg/sim/warp_config.py``.
            num_envs: number of environments N.
            physics_dt: physics time step [s].
            substeps: physics steps in a control step.
            device: where the worlds lie: ``cuda``, ``cuda:<n>`` or ``cpu``.
        """
        wp.config.log_level = wp.LOG_WARNING  # no line for each kernel
        wp.init()
        self.num_envs, self.device = num_envs, torch.empty(0, device=device).device
        self.dt, self.substeps = physics_dt * substeps, substeps
        self.character = character.to(self.device)
        self.caps = frozenset({"friction", "push_force", "body_mass"})
        self.model = build_model(character, engine_cfg, physics_dt)
        self._warp_device = wp.device_from_torch(self.device)
        contacts, rows = array_sizes(self.model, engine_cfg)
        with wp.ScopedDevice(self._warp_device):
            batched = dict.fromkeys((*_SET, *_DERIVED), num_envs)
            self._model = mjw.put_model(self.model, batch_sizes=batched)
            self._data = mjw.make_data(self.model, nworld=num_envs, nconmax=contacts, njmax=rows)
        self._model.opt.warn_overflow = 0  # check() reports it
        self._model.opt.deterministic = engine_cfg.deterministic
        self._model.opt.graph_conditional = _loops_in_graphs(self._warp_device)
        wp.synchronize_device(self._warp_device)
        self._bind(character)
        self._default = {name: value[:1].clone() for name, value in self._fields.items()}
        self._state: SimState | None = None
        self._graph = self._prepare(engine_cfg.graph)

    def _bind(self, character: Character) -> None:
        """Share Warp's memory with torch; from here on arrays are written, never replaced."""
        self._fields = {name: wp.to_torch(getattr(self._data, name)) for name in _STATE}
        self._parameters = {
            name: wp.to_torch(getattr(self._model, name)) for name in (*_SET, *_DERIVED)
        }
        self._overflow = wp.to_torch(self._data.overflow)
        self._diverged = torch.zeros(self.num_envs, dtype=torch.bool, device=self.device)
        qpos, qvel = joint_addresses(self.model, character.joint_names)
        self._qpos_columns = torch.as_tensor(qpos, device=self.device)
        self._qvel_columns = torch.as_tensor(qvel, device=self.device)
        touching = ground_force_columns(self.model, character)
        self._force_columns = torch.tensor(touching, device=self.device)
        body_count = len(character.body_names)
        self._no_force = torch.zeros(self.num_envs, body_count, 3, device=self.device)
        self._reach = target_reach(self.character)

    def _prepare(self, graph: bool) -> wp.Graph | None:
        """Compile the kernels by a first step, record a control step, and go back to the start."""
        device = self._warp_device
        if graph:
            _check_recordable(device)
        wp.synchronize_device(device)  # what torch has copied is still what the step changes
        starting = f"MuJoCo Warp compiles its kernels for {device}, once: about a minute ..."
        started = f"MuJoCo Warp compiled in {{seconds}}; cached in {wp.config.kernel_cache_dir}"
        with if_slow(_SLOW_START_SECONDS, starting, started), wp.ScopedDevice(device):
            mjw.step(self._model, self._data)
            recorded = None
            if graph:
                with wp.ScopedCapture(device=device) as capture:
                    self._launch_substeps()
                recorded = capture.graph
        wp.synchronize_device(device)  # torch, which writes next, has a stream of its own
        for name, values in self._fields.items():
            values.copy_(self._default[name].expand_as(values))
        self._overflow.zero_()
        return recorded

    def state(self) -> SimState:
        """Return copies of the state; made once between two changes."""
        if self._state is None:
            self._state = self._read()
        return self._state

    def step(self, joint_targets: Tensor) -> None:
        """Advance one control step of ``substeps`` physics steps."""
        joints = self._fields["qpos"][:, self._qpos_columns]
        targets = joint_targets.clamp(joints - self._reach, joints + self._reach)
        self.raw_step(targets)
        # NaN is not below the limit either.
        sound = [(self._fields[n].abs() < _LARGEST).all(dim=-1) for n in ("qpos", "qvel")]
        self._diverged |= ~(sound[0] & sound[1])

    def raw_step(self, joint_targets: Tensor) -> None:
        """Set the controls and launch the recorded step, nothing else."""
        self._fields["ctrl"].copy_(joint_targets)
        self._state = None
        if self._graph is None:
            with self._on_the_stream_of_torch():
                self._launch_substeps()
        elif self.device.type == "cuda":
            # The default stream of torch is that of the current device, whatever the graph's.
            with wp.ScopedDevice(self._warp_device):
                wp.capture_launch(self._graph, stream=wp.stream_from_torch(self.device))
        else:
            wp.capture_launch(self._graph)

    def _launch_substeps(self) -> None:
        for _ in range(self.substeps):
            mjw.step(self._model, self._data)

    def _on_the_stream_of_torch(self) -> AbstractContextManager:
        """Order Warp's launches among those of torch."""
        if self.device.type == "cuda":
            return wp.ScopedStream(wp.stream_from_torch(self.device))
        return wp.ScopedDevice(self._warp_device)

    def reset(self, env_ids: Tensor, state: ResetState) -> None:
        """Put environments (n,) into ``state``; warm start, pushes and forces start afresh."""
        for name, rows in self._rows(state).items():
            self._fields[name].index_copy_(0, env_ids, rows)
        self._diverged.index_fill_(0, env_ids, False)
        self._state = None

    def reset_where(self, mask: Tensor, state: ResetState) -> None:
        """Put environments in ``mask`` (N,) into their rows of ``state``, without waiting."""
        for name, rows in self._rows(state).items():
            values = self._fields[name]
            chosen = mask.view(-1, *[1] * (values.dim() - 1))
            values.copy_(torch.where(chosen, rows, values))
        self._diverged.logical_and_(~mask)
        self._state = None

    def _rows(self, state: ResetState) -> dict[str, Tensor]:
        """The rows (n, ...) of every state field that begin in ``state``."""
        count = len(state.root_pos)
        rows = {n: v.expand(count, *v.shape[1:]).clone() for n, v in self._default.items()}
        qpos, qvel = rows["qpos"], rows["qvel"]
        qpos[:, 0:3], qpos[:, 3:7] = state.root_pos, state.root_quat.roll(1, dims=-1)
        qpos[:, self._qpos_columns] = state.joint_pos
        # The free joint's angular velocity is in the body's frame, the contract's in the world's.
        qvel[:, 0:3] = state.root_lin_vel
        qvel[:, 3:6] = rot.quat_rotate_inverse(state.root_quat, state.root_ang_vel)
        qvel[:, self._qvel_columns] = state.joint_vel
        return rows

    def check(self) -> None:
        """Raise InputError if contacts or constraints did not fit since the last call."""
        overflow = self._overflow & ~_SOLVER_LIMITS
        too_many_rows, anything = (overflow & _CONSTRAINT_ROWS).any(), overflow.any()
        rows, other = torch.stack([too_many_rows, anything]).tolist()
        if not other:
            return
        self._overflow.zero_()
        setting, found = "sim.warp.nconmax", self._data.naconmax // self.num_envs
        if rows:
            setting, found = "sim.warp.njmax", self._data.njmax
        raise InputError(
            f"{setting} is {found}, which did not hold the contacts of every environment, so the "
            f"physics was wrong; raise it: --set {setting}={2 * found}"
        )

    def save_state(self) -> dict[str, Any]:
        """Return the states (warm start included) and per-environment parameters."""
        return {
            "fields": {name: values.clone() for name, values in self._fields.items()},
            "parameters": {name: values.clone() for name, values in self._parameters.items()},
            "diverged": self._diverged.clone(),
        }

    def load_state(self, saved: dict[str, Any]) -> None:
        """Go back to a saved state; contact forces are the saved ones until the next step."""
        for name, values in saved["fields"].items():
            self._fields[name].copy_(values)
        for name, values in saved["parameters"].items():
            self._parameters[name].copy_(values)
        self._diverged.copy_(saved["diverged"])
        self._state = None

    def close(self) -> None:
        """Drop the recorded step, which holds device memory."""
        self._graph = None

    def _apply_params(self, env_ids: Tensor, params: PhysParams) -> None:
        if params.friction is not None:
            self._parameters["geom_friction"][env_ids, :, 0] = params.friction.unsqueeze(-1)
        if params.push_force is not None:
            self._fields["xfrc_applied"][env_ids, 1, :3] = params.push_force
        if params.body_mass is not None:
            mass, inertia = self._parameters["body_mass"], self._parameters["body_inertia"]
            old = mass[env_ids, 1:]
            ratio = torch.where(old > 0.0, params.body_mass / old, 1.0)
            inertia[env_ids, 1:] = inertia[env_ids, 1:] * ratio.unsqueeze(-1)
            mass[env_ids, 1:] = params.body_mass
            self._derive(env_ids)

    def _derive(self, env_ids: Tensor) -> None:
        """Recompute what follows from the masses of some environments (n,), theirs alone."""
        shared = {name: wp.to_torch(getattr(self._model, name)) for name in _SHARED}
        kept = {name: values.clone() for name, values in shared.items()}
        before = {name: self._parameters[name].clone() for name in _DERIVED}
        with self._on_the_stream_of_torch():
            mjw.set_const(self._model, self._data, restore=False)
        for name, values in kept.items():
            shared[name].copy_(values)
        for name, values in before.items():
            values[env_ids] = self._parameters[name][env_ids]
            self._parameters[name].copy_(values)

    def _read(self) -> SimState:
        """Copy the state; rows of environments that diverged are the initial ones, at rest."""
        fresh = {
            name: torch.where(self._diverged.unsqueeze(-1), self._default[name], self._fields[name])
            for name in ("qpos", "qvel", "sensordata")
        }
        qpos, qvel = fresh["qpos"], fresh["qvel"]
        root_quat = qpos[:, 3:7].roll(-1, dims=-1)  # wxyz to xyzw
        # The sensor tells the force on the ground; the contract asks for the one on the body.
        forces = -fresh["sensordata"].view(self.num_envs, -1, 3)
        return SimState(
            root_pos=qpos[:, 0:3],
            root_quat=root_quat,
            root_lin_vel=qvel[:, 0:3],
            root_ang_vel=rot.quat_rotate(root_quat, qvel[:, 3:6]),
            joint_pos=qpos[:, self._qpos_columns],
            joint_vel=qvel[:, self._qvel_columns],
            ground_contact_force=self._no_force.index_copy(1, self._force_columns, forces),
            diverged=self._diverged.clone(),
            bodies=self.character.forward_kinematics,
        )


def _loops_in_graphs(device: wp.Device) -> bool:
    """Whether the solver's loop can be recorded as one; an older driver unrolls its iterations."""
    return not device.is_cuda or wp.is_conditional_graph_supported()


def _check_recordable(device: wp.Device) -> None:
    """Raise InputError if memory cannot be had inside a recorded step, as on some virtual GPUs."""
    if device.is_cuda and not device.is_mempool_enabled:
        raise InputError(
            f"{device} has no memory pool, without which no step can be recorded; valid: "
            "--set sim.warp.graph=false, which is slower"
        )
