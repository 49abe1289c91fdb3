"""MuJoCo on the CPU: many simulations on a thread pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mujoco
import numpy as np
import torch
from mujoco.batch import Batch
from torch import Tensor

from animRL.sim.base import PhysParams, ResetState, SimBackend, SimState
from animRL.sim.mujoco_model import (
    build_model,
    ground_force_bodies,
    joint_addresses,
    target_reach,
)
from animRL.utils import rotations as rot

if TYPE_CHECKING:
    from animRL.sim.character import Character

_WXYZ_TO_XYZW = [1, 2, 3, 0]
_XYZW_TO_WXYZ = [3, 0, 1, 2]
# Warnings after which MuJoCo has put a simulation back to its initial state by itself.
_AUTORESET_WARNINGS = [
    int(mujoco.mjtWarning.mjWARN_BADQPOS),
    int(mujoco.mjtWarning.mjWARN_BADQVEL),
    int(mujoco.mjtWarning.mjWARN_BADQACC),
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
        _no_log_file()
        self.num_envs, self.device = num_envs, torch.device("cpu")
        self.dt, self.substeps = physics_dt * substeps, substeps
        self.character = character
        self.caps = frozenset({"friction", "push_force", "body_mass"})
        self.model = build_model(character, engine_cfg, physics_dt)
        self.batch = Batch(self.model, nsim=num_envs, nthread=threads, persistent=True)
        self._qpos_columns, self._qvel_columns = joint_addresses(self.model, character.joint_names)
        self._body_ids = np.array([self.model.body(n).id for n in character.body_names])
        self._force_columns = np.array(
            [character.body_index(n) for n in ground_force_bodies(character.load_spec())]
        )
        self._reach = target_reach(character).numpy()
        bind = self.batch.bind
        self._qpos, self._qvel, self._ctrl = bind("qpos"), bind("qvel"), bind("ctrl")
        self._warmstart, self._xfrc = bind("qacc_warmstart"), bind("xfrc_applied")
        self._xpos, self._xquat, self._sensors = bind("xpos"), bind("xquat"), bind("sensordata")
        self.batch.reset(stage=mujoco.mjtStage.mjSTAGE_VEL)
        self._state: SimState | None = None

    def state(self) -> SimState:
        """Return the state as float32 tensors; computed once between two changes."""
        if self._state is None:
            self._state = self._read()
        return self._state

    def step(self, joint_targets: Tensor) -> None:
        """Advance one control step of ``substeps`` physics steps."""
        self._ctrl[:] = self._within_effort(joint_targets)
        # Derived fields lag one substep behind a plain step; this stage makes them current, and
        # a persistent batch goes on from it, so that it costs nothing.
        self.batch.step(nstep=self.substeps, stage=mujoco.mjtStage.mjSTAGE_VEL)
        self._state = None

    def raw_step(self, joint_targets: Tensor) -> None:
        """Call ``Batch.step`` and nothing else: derived fields stay one substep behind."""
        self._ctrl[:] = joint_targets.numpy()
        self.batch.step(nstep=self.substeps)
        self._state = None

    def _within_effort(self, joint_targets: Tensor) -> np.ndarray:
        """Targets (N, J), no farther from the joints than the drives' effort reaches."""
        joints = self._qpos[:, self._qpos_columns]
        return np.clip(joint_targets.numpy(), joints - self._reach, joints + self._reach)

    def reset(self, env_ids: Tensor, state: ResetState) -> None:
        """Put environments (n,) into ``state``; warm start, pushes and warnings start afresh."""
        ids = env_ids.numpy().astype(np.int32)
        if len(ids) == 0:
            return
        self.batch.reset(ids, stage=mujoco.mjtStage.mjSTAGE_NONE)
        self._qpos[ids, 0:3] = state.root_pos.numpy()
        self._qpos[ids, 3:7] = state.root_quat.numpy()[:, _XYZW_TO_WXYZ]
        self._qpos[np.ix_(ids, self._qpos_columns)] = state.joint_pos.numpy()
        self._qvel[ids, 0:3] = state.root_lin_vel.numpy()
        # The free joint's angular velocity is in the body's frame, the contract's in the world's.
        self._qvel[ids, 3:6] = rot.quat_rotate_inverse(state.root_quat, state.root_ang_vel).numpy()
        self._qvel[np.ix_(ids, self._qvel_columns)] = state.joint_vel.numpy()
        self._ctrl[ids] = state.joint_pos.numpy()
        self.batch.forward(ids, stage=mujoco.mjtStage.mjSTAGE_VEL)
        self._state = None

    def save_state(self) -> dict[str, Any]:
        """Return the integration states (warm start included) and per-environment parameters."""
        expanded = {
            name: torch.from_numpy(values.copy())
            for name in ("geom_friction", "body_mass", "body_inertia")
            if (values := self.batch.expanded(name)) is not None
        }
        return {
            "state": torch.from_numpy(self.batch.state.copy()),
            "warning": torch.from_numpy(self.batch.warning.copy()),
            "sensordata": torch.from_numpy(self._sensors.copy()),
            "parameters": expanded,
        }

    def load_state(self, saved: dict[str, Any]) -> None:
        """Go back to a saved state; contact forces are the saved ones until the next step."""
        for name, values in saved["parameters"].items():
            self.batch.expand(name)[:] = values.numpy()
        if saved["parameters"]:
            self.batch.set_const()
        self.batch.state[:] = saved["state"].numpy()
        self.batch.forward(stage=mujoco.mjtStage.mjSTAGE_VEL)
        self.batch.state[:] = saved["state"].numpy()
        self.batch.warning[:] = saved["warning"].numpy()
        self._state = self._read(saved["sensordata"].numpy())

    def _apply_params(self, env_ids: Tensor, params: PhysParams) -> None:
        ids = env_ids.numpy()
        if params.friction is not None:
            self.batch.expand("geom_friction")[ids, :, 0] = params.friction.numpy()[:, None]
        if params.push_force is not None:
            self._xfrc[ids, self._body_ids[0], :3] = params.push_force.numpy()
        if params.body_mass is not None:
            mass, inertia = self.batch.expand("body_mass"), self.batch.expand("body_inertia")
            new = params.body_mass.numpy().astype(np.float64)
            old = mass[np.ix_(ids, self._body_ids)]
            ratio = np.divide(new, old, out=np.ones_like(new), where=old > 0.0)
            inertia[np.ix_(ids, self._body_ids)] *= ratio[..., None]
            mass[np.ix_(ids, self._body_ids)] = new
            self.batch.set_const(ids.astype(np.int32))

    def _read(self, sensors: np.ndarray | None = None) -> SimState:
        qpos = torch.from_numpy(self._qpos.astype(np.float32))
        qvel = torch.from_numpy(self._qvel.astype(np.float32))
        root_quat = qpos[:, [4, 5, 6, 3]]
        forces = self._sensors if sensors is None else sensors
        ground = np.zeros((self.num_envs, len(self._body_ids), 3), dtype=np.float32)
        # The sensor tells the force on the ground; the contract asks for the one on the body.
        ground[:, self._force_columns] = -forces.reshape(self.num_envs, -1, 3)
        quat = self._xquat.astype(np.float32)[:, self._body_ids]
        diverged = (self.batch.warning[:, _AUTORESET_WARNINGS, 1] > 0).any(axis=1)
        finite = np.isfinite(self._qpos).all(axis=1) & np.isfinite(self._qvel).all(axis=1)
        return SimState(
            root_pos=qpos[:, 0:3],
            root_quat=root_quat,
            root_lin_vel=qvel[:, 0:3],
            root_ang_vel=rot.quat_rotate(root_quat, qvel[:, 3:6]),
            joint_pos=qpos[:, self._qpos_columns],
            joint_vel=qvel[:, self._qvel_columns],
            body_pos=torch.from_numpy(self._xpos.astype(np.float32)[:, self._body_ids]),
            body_quat=torch.from_numpy(quat[..., _WXYZ_TO_XYZW]),
            ground_contact_force=torch.from_numpy(ground),
            diverged=torch.from_numpy(diverged | ~finite),
        )


def _no_log_file() -> None:
    """Keep MuJoCo from writing MUJOCO_LOG.TXT into the working directory."""
    config = mujoco.MjLogConfig.get()
    config.logto_file = False
    config.logto_console = False
    mujoco.MjLogConfig.set(config)
