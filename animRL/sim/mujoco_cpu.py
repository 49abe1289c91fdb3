"""MuJoCo on the CPU: many simulations on a thread pool."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import mujoco
import numpy as np
import torch
from mujoco.batch import Batch
from torch import Tensor

from animRL.sim.asset import keep_mujoco_quiet
from animRL.sim.base import PhysParams, ResetState, SimBackend, SimState
from animRL.sim.mujoco_model import (
    build_model,
    ground_force_columns,
    joint_addresses,
    target_reach,
)
from animRL.utils import rotations as rot

if TYPE_CHECKING:
    from animRL.sim.character import Character

_XYZW_TO_WXYZ = [3, 0, 1, 2]
# Model fields that differ between environments once they are set.
_PARAMETERS = ("geom_friction", "body_mass", "body_inertia")
# Warnings after which MuJoCo has put a simulation back to its initial state by itself.
_AUTORESET_WARNINGS = [
    int(mujoco.mjtWarning.mjWARN_BADQPOS),
    int(mujoco.mjtWarning.mjWARN_BADQVEL),
    int(mujoco.mjtWarning.mjWARN_BADQACC),
    int(mujoco.mjtWarning.mjWARN_BADCTRL),
]


class MujocoCpuBackend(SimBackend):
    """``mujoco.batch.Batch`` behind the engine contract; results do not depend on ``threads``."""

    def __init__(
        self,
        character: Character,
        engine_cfg: Any,
        num_envs: int,
        physics_dt: float,
        substeps: int,
        threads: int = 0,
    ) -> None:
        """Build the model and ``num_envs`` simulations of it.

        Args:
            character: the character, on the cpu device.
            engine_cfg: see ``cfg/sim/mujoco_config.py``.
            num_envs: number of environments N.
            physics_dt: physics time step [s].
            substeps: physics steps in a control step.
            threads: threads of the pool; 0 means one per core.
        """
        keep_mujoco_quiet()
        self.num_envs, self.device = num_envs, torch.device("cpu")
        self.dt, self.substeps = physics_dt * substeps, substeps
        self.character = character
        self.caps = frozenset({"friction", "push_force", "body_mass"})
        self.model = build_model(character, engine_cfg, physics_dt)
        self.batch = Batch(self.model, nsim=num_envs, nthread=threads)
        self._qpos_columns, self._qvel_columns = joint_addresses(self.model, character.joint_names)
        self._force_columns = torch.tensor(ground_force_columns(self.model, character))
        self._reach = target_reach(character)
        bind = self.batch.bind
        self._qpos, self._qvel, self._ctrl = bind("qpos"), bind("qvel"), bind("ctrl")
        self._xfrc, self._sensors = bind("xfrc_applied"), bind("sensordata")
        self.batch.reset(stage=mujoco.mjtStage.mjSTAGE_NONE)
        self._default_row = self.batch.state[0].copy()
        self._ground_force = torch.zeros(num_envs, len(character.body_names), 3)
        self._state: SimState | None = None

    def state(self) -> SimState:
        """Return the state as float32 tensors; computed once between two changes."""
        if self._state is None:
            self._state = self._read(slice(None))
        return self._state

    def step(self, joint_targets: Tensor) -> None:
        """Advance one control step of ``substeps`` physics steps."""
        self._ctrl[:] = self._within_effort(joint_targets)
        # Derived fields lag one substep behind a step. Only contact forces are taken from them;
        # bodies follow from root and joints, at less cost than another stage of the engine.
        self.batch.step(nstep=self.substeps)
        # The sensor tells the force on the ground; the contract asks for the one on the body.
        forces = torch.from_numpy(-self._sensors.astype(np.float32)).view(self.num_envs, -1, 3)
        zeros = torch.zeros(self._ground_force.shape)
        self._ground_force = zeros.index_copy(1, self._force_columns, forces)
        self._state = None

    def raw_step(self, joint_targets: Tensor) -> None:
        """Set the controls and call ``Batch.step``, nothing else."""
        self._ctrl[:] = joint_targets.numpy()
        self.batch.step(nstep=self.substeps)
        self._state = None

    def _within_effort(self, joint_targets: Tensor) -> np.ndarray:
        """Return targets (N, J), no farther from the joints than the drives' effort reaches."""
        joints = self.state().joint_pos
        return joint_targets.clamp(joints - self._reach, joints + self._reach).numpy()

    def reset(self, env_ids: Tensor, state: ResetState) -> None:
        """Put environments (n,) into ``state``; warm start, pushes and warnings start afresh."""
        ids = env_ids.numpy().astype(np.int32)
        if len(ids) == 0:
            return
        before = self._state
        # What Batch.reset does, without waking its threads for a few rows.
        self.batch.state[ids] = self._default_row
        self.batch.warning[ids] = 0
        self._qpos[ids, 0:3] = state.root_pos.numpy()
        self._qpos[ids, 3:7] = state.root_quat.numpy()[:, _XYZW_TO_WXYZ]
        self._qpos[np.ix_(ids, self._qpos_columns)] = state.joint_pos.numpy()
        self._qvel[ids, 0:3] = state.root_lin_vel.numpy()
        # The free joint's angular velocity is in the body's frame, the contract's in the world's.
        self._qvel[ids, 3:6] = rot.quat_rotate_inverse(state.root_quat, state.root_ang_vel).numpy()
        self._qvel[np.ix_(ids, self._qvel_columns)] = state.joint_vel.numpy()
        self._ctrl[ids] = state.joint_pos.numpy()
        self._ground_force = self._ground_force.index_fill(0, env_ids, 0.0)
        self._state = None if before is None else _with_rows(before, env_ids, self._read(ids))

    def save_state(self) -> dict[str, Any]:
        """Return the integration states (warm start included) and the parameters that were set."""
        own = {name: self.batch.expanded(name) for name in _PARAMETERS}
        return {
            "state": torch.from_numpy(self.batch.state.copy()),
            "warning": torch.from_numpy(self.batch.warning.copy()),
            "ground_force": self._ground_force,
            "parameters": {n: torch.from_numpy(v.copy()) for n, v in own.items() if v is not None},
        }

    def load_state(self, saved: dict[str, Any]) -> None:
        """Go back to a saved state; contact forces are the saved ones until the next step."""
        changed = False
        for name in _PARAMETERS:
            own, given = self.batch.expanded(name), saved["parameters"].get(name)
            if own is None and given is None:
                continue
            wanted = getattr(self.model, name) if given is None else given.numpy()
            if own is None or not np.array_equal(own, np.broadcast_to(wanted, own.shape)):
                self.batch.expand(name)[:] = wanted
                changed = True
        if changed:
            self.batch.set_const()
        self.batch.state[:] = saved["state"].numpy()
        self.batch.warning[:] = saved["warning"].numpy()
        self._ground_force = saved["ground_force"]
        self._state = None

    def _apply_params(self, env_ids: Tensor, params: PhysParams) -> None:
        ids = env_ids.numpy()
        if params.friction is not None:
            self.batch.expand("geom_friction")[ids, :, 0] = params.friction.numpy()[:, None]
        if params.push_force is not None:
            self._xfrc[ids, 1, :3] = params.push_force.numpy()
        if params.body_mass is not None:
            mass, inertia = self.batch.expand("body_mass"), self.batch.expand("body_inertia")
            new, old = params.body_mass.numpy().astype(np.float64), mass[ids, 1:]
            ratio = np.divide(new, old, out=np.ones_like(new), where=old > 0.0)
            inertia[ids, 1:] *= ratio[..., None]
            mass[ids, 1:] = new
            self.batch.set_const(ids.astype(np.int32))

    def _read(self, rows: np.ndarray | slice) -> SimState:
        """Read some environments into float32 tensors."""
        qpos64, qvel64 = self._qpos[rows], self._qvel[rows]
        qpos = torch.from_numpy(qpos64.astype(np.float32))
        qvel = torch.from_numpy(qvel64.astype(np.float32))
        root_quat = qpos[:, 3:7].roll(-1, dims=-1)  # wxyz to xyzw
        diverged = (self.batch.warning[rows][:, _AUTORESET_WARNINGS, 1] > 0).any(axis=1)
        finite = np.isfinite(qpos64).all(axis=1) & np.isfinite(qvel64).all(axis=1)
        return SimState(
            root_pos=qpos[:, 0:3],
            root_quat=root_quat,
            root_lin_vel=qvel[:, 0:3],
            root_ang_vel=rot.quat_rotate(root_quat, qvel[:, 3:6]),
            joint_pos=qpos[:, self._qpos_columns],
            joint_vel=qvel[:, self._qvel_columns],
            ground_contact_force=self._ground_force[rows],
            diverged=torch.from_numpy(diverged | ~finite),
            bodies=self.character.forward_kinematics,
        )


def _with_rows(state: SimState, env_ids: Tensor, rows: SimState) -> SimState:
    """Return a state in which some environments (n,) are those of ``rows``."""
    merged = {
        f.name: getattr(state, f.name).index_copy(0, env_ids, getattr(rows, f.name))
        for f in fields(state)
        if isinstance(getattr(state, f.name), Tensor)
    }
    return replace(state, **merged)
