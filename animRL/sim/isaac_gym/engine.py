"""Isaac Gym behind the engine contract; its worlds are in a worker process (``worker.py``)."""

from __future__ import annotations

import mmap
import os
import sys
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from animRL.sim.base import PhysParams, ResetState, SimBackend, SimState
from animRL.sim.isaac_gym import worker
from animRL.sim.isaac_gym.worker_process import WorkerProcess
from animRL.sim.mujoco_model import target_reach
from animRL.sim.urdf_export import JOINT_SPEED, urdf_of
from animRL.utils.errors import InputError

if TYPE_CHECKING:
    from animRL.sim.character import Character

START_HEIGHT = 1.0
"""Where characters are created [m], before their first reset."""
_FAR = 1e10
"""A coordinate beyond this is a blow-up, as in the other engines."""
_PHYSX = (
    *("solver_type", "num_position_iterations", "num_velocity_iterations", "contact_offset"),
    *("rest_offset", "bounce_threshold_velocity", "max_depenetration_velocity"),
    *("max_gpu_contact_pairs", "default_buffer_size_multiplier", "num_threads"),
)


class IsaacGymBackend(SimBackend):
    """Isaac Gym's PhysX with its own drives, one message a control step.

    Resets wait here for the next step, in which Isaac Gym takes all of them at once. Two things
    differ from the other engines and cannot be had: ``ground_contact_force`` is the net contact
    force of PhysX, which is said to leave friction out, and that of a body on a fixed joint counts
    for the body that carries it; and a saved state lacks what PhysX keeps of the last contacts, so
    that ``load_state`` is not exact. The velocity of the root is that of its centre of mass, which
    for Bob is its origin.
    """

    saves_exactly = False

    def __init__(
        self,
        character: Character,
        cfg: Any,
        num_envs: int,
        device: str | torch.device,
    ) -> None:
        """Start the worker and let it build ``num_envs`` worlds.

        Args:
            character: the character, on the cpu device.
            cfg: the group ``sim`` of a task's configuration.
            num_envs: number of environments N.
            device: where this engine's tensors lie; the worker computes on its GPU with the same
                number, or on the CPU, as ``cfg.isaacgym.pipeline`` says.

        Raises:
            InputError: if there is no Isaac Gym, or it cannot build the worlds.
            ProcessLost: if the worker ends.
        """
        self.num_envs, self.device = num_envs, torch.empty(0, device=device).device
        self.dt = cfg.dt * cfg.substeps
        self.character = character.to(self.device)
        self.caps = frozenset({"push_force"})
        self._seconds = float(cfg.isaacgym.step_seconds)
        self._reach = target_reach(self.character)
        links = _links_of_bodies(character)
        self._inside = torch.tensor(
            [row for row, link in enumerate(links) if link is None], dtype=torch.long
        ).to(self.device)
        sizes = worker.Sizes(num_envs, len(character.joint_names), len(links))
        self._worker = WorkerProcess(worker.shared_bytes(sizes))
        memory = mmap.mmap(self._worker.memory, worker.shared_bytes(sizes))
        arrays = worker.shared_arrays(memory, sizes)
        self._shared = {name: torch.from_numpy(array) for name, array in arrays.items()}
        self._pinned = 0
        if self.device.type == "cuda":
            self._pinned = worker.pin(torch, memory, self.device)
        given, seconds = self._description(cfg, links), float(cfg.isaacgym.start_seconds)
        try:
            self.versions = self._worker.ask(worker.START, given, seconds)
        except BaseException:
            self.close()
            raise
        if not self.versions.pop("window") and given["viewer"]:
            print("Isaac Gym could not open its window; going on without", file=sys.stderr)
        isaac, own = list(self.versions.pop("joints")), list(character.joint_names)
        self._to_isaac = torch.tensor([own.index(name) for name in isaac], device=self.device)
        self._from_isaac = torch.tensor([isaac.index(name) for name in own], device=self.device)
        self._pushes = torch.zeros(num_envs, 3, device=self.device)
        self._waiting = torch.zeros(num_envs, dtype=torch.bool, device=self.device)
        self._state: SimState
        self._read()

    def _description(self, cfg: Any, links: list[str | None]) -> dict[str, Any]:
        """What the worker builds, as plain values."""
        own, character, spec = cfg.isaacgym, self.character, self.character.load_spec()
        lower, upper = character.joint_lower.cpu(), character.joint_upper.cpu()
        limited = torch.isfinite(lower) & torch.isfinite(upper)
        count = len(character.joint_names)
        return {
            "urdf": urdf_of(spec),
            "name": character.name,
            "worlds": self.num_envs,
            "joints": list(character.joint_names),
            "links": [link or links[0] for link in links],
            "drives": {
                "hasLimits": limited.tolist(),
                "lower": torch.where(limited, lower, 0.0).tolist(),
                "upper": torch.where(limited, upper, 0.0).tolist(),
                "stiffness": character.stiffness.tolist(),
                "damping": character.damping.tolist(),
                "effort": character.effort.tolist(),
                "velocity": [JOINT_SPEED] * count,
                "friction": [0.0] * count,
                "armature": [own.armature] * count,
            },
            "friction": character.friction,
            "gravity": -float(spec.option.gravity[2]),
            "height": START_HEIGHT,
            "dt": cfg.dt,
            "substeps": cfg.substeps,
            "pipeline": own.pipeline,
            "gpu": _gpu(own.gpu, self.device),
            "viewer": bool(cfg.window) and "DISPLAY" in os.environ,
            "physx": {name: getattr(own, name) for name in _PHYSX},
        }

    @property
    def physics_seconds(self) -> float:
        """How much of the last step was Isaac Gym's own, the rest being this bridge."""
        return float(self._shared["seconds"][0])

    def state(self) -> SimState:
        """Return the state as new tensors."""
        return self._state

    def step(self, joint_targets: Tensor) -> None:
        """Advance one control step; resets since the last one are part of it."""
        orders, chosen = self._shared["orders"], self._waiting.nonzero().flatten()
        orders[worker.RESETS], orders[worker.PUSHES] = len(chosen), bool(self._pushes.any())
        if len(chosen):
            self._put_resets(chosen)
            self._waiting = torch.zeros_like(self._waiting)
        if orders[worker.PUSHES]:
            self._put("push", self._pushes)
        # As in the other engines: the spring pulls no harder than the effort.
        joints = self._state.joint_pos
        reached = joint_targets.clamp(joints - self._reach, joints + self._reach)
        self._put("targets", reached.index_select(1, self._to_isaac))
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        self._worker.ask(worker.STEP, None, self._seconds)
        self._read(self._state.diverged)

    def _put_resets(self, chosen: Tensor) -> None:
        """Write what environments ``chosen`` (n,) begin with."""
        now = self._state
        root = [now.root_pos, now.root_quat, now.root_lin_vel, now.root_ang_vel]
        self._put("ids", chosen.to(torch.int32))
        self._put("new_root", torch.cat([values[chosen] for values in root], dim=-1))
        joints = torch.stack([now.joint_pos[chosen], now.joint_vel[chosen]], dim=-1)
        self._put("new_dof", joints.index_select(1, self._to_isaac))

    def reset(self, env_ids: Tensor, state: ResetState) -> None:
        """Put environments (n,) into ``state``; the worker does so in its next step."""
        now = self._state
        rows = {
            f.name: getattr(now, f.name).index_copy(0, env_ids, getattr(state, f.name))
            for f in fields(state)
        }
        self._state = SimState(
            **rows,
            ground_contact_force=now.ground_contact_force.index_fill(0, env_ids, 0.0),
            diverged=now.diverged.index_fill(0, env_ids, False),
            bodies=self.character.forward_kinematics,
        )
        self._pushes = self._pushes.index_fill(0, env_ids, 0.0)
        self._waiting = self._waiting.index_fill(0, env_ids, True)

    def save_state(self) -> dict[str, Any]:
        """Return root, joints, forces and pushes; not what PhysX keeps of the last contacts."""
        now = self._state
        names = (*(f.name for f in fields(ResetState)), "ground_contact_force", "diverged")
        return {
            "state": {name: getattr(now, name) for name in names},
            "pushes": self._pushes,
        }

    def load_state(self, saved: dict[str, Any]) -> None:
        """Go back to a saved state, as nearly as Isaac Gym allows: by a reset of all."""
        rows = {n: _like(getattr(self._state, n), v, n) for n, v in saved["state"].items()}
        self._state = SimState(**rows, bodies=self.character.forward_kinematics)
        self._pushes = _like(self._pushes, saved["pushes"], "pushes")
        self._waiting = torch.ones_like(self._waiting)

    def check(self) -> None:
        """Raise InputError if Isaac Gym has printed that its numbers are wrong."""
        if (line := self._worker.complaint()) is not None:
            raise InputError(
                f"Isaac Gym says: {line[:200]}; valid: fewer --num_envs, or more of "
                "sim.isaacgym.max_gpu_contact_pairs, default_buffer_size_multiplier"
            )

    def close(self) -> None:
        """End the worker and give the memory back."""
        self._worker.close()
        self._shared = {}
        if self._pinned:
            torch.cuda.synchronize(self.device)
            torch.cuda.cudart().cudaHostUnregister(self._pinned)
            self._pinned = 0

    def _apply_params(self, env_ids: Tensor, params: PhysParams) -> None:
        if params.push_force is not None:
            self._pushes = self._pushes.index_copy(0, env_ids, params.push_force)

    def _put(self, name: str, values: Tensor) -> None:
        """Write the first rows of a shared array."""
        shared = self._shared[name][: len(values)]
        shared.copy_(values, non_blocking=self.device.type == "cuda")

    def _read(self, diverged: Tensor | None = None) -> None:
        """Copy what the worker wrote into new tensors; a blow-up shows its last sound state."""
        root, dof, force = (self._shared[name].to(self.device) for name in ("root", "dof", "force"))
        joints = dof.index_select(1, self._from_isaac)
        new = {
            "root_pos": root[:, 0:3].clone(),
            "root_quat": root[:, 3:7].clone(),
            "root_lin_vel": root[:, 7:10].clone(),
            "root_ang_vel": root[:, 10:13].clone(),
            "joint_pos": joints[..., 0].contiguous(),
            "joint_vel": joints[..., 1].contiguous(),
            "ground_contact_force": force.index_fill(1, self._inside, 0.0),
        }
        sound = _is_sound(root) & _is_sound(dof.flatten(1))
        if diverged is not None and not bool(sound.all()):
            for name, values in new.items():
                rows = sound.view(-1, *[1] * (values.dim() - 1))
                new[name] = torch.where(rows, values, getattr(self._state, name))
        blown = ~sound if diverged is None else diverged | ~sound
        self._state = SimState(**new, diverged=blown, bodies=self.character.forward_kinematics)


def _like(own: Tensor, given: Tensor, name: str) -> Tensor:
    """Return a copy of ``given`` where ``own`` is. Raises ValueError for another shape."""
    if given.shape != own.shape:
        raise ValueError(f"{name} is {tuple(given.shape)}, not {tuple(own.shape)}")
    return given.to(own, copy=True)


def _is_sound(values: Tensor) -> Tensor:
    """Rows (N,) of numbers (N, n) that are finite and not absurd; NaN is below no limit."""
    return torch.linalg.vector_norm(values, dim=-1) < _FAR


def _links_of_bodies(character: Character) -> list[str | None]:
    """Link of Isaac Gym's importer for each body (B,); None: it is a part of another.

    Isaac Gym makes what hangs on fixed joints a part of the link that carries it: a body without a
    hinge of another body, one whose hinge is off its origin of the link of that hinge.
    """
    spec = character.load_spec()
    found: list[str | None] = []
    for name in character.body_names:
        joints = spec.body(name).joints
        if name != character.body_names[0] and not joints:
            found.append(None)
        elif name != character.body_names[0] and any(joints[-1].pos):
            found.append(f"{name}__{joints[-1].name}")
        else:
            found.append(name)
    return found


def _gpu(asked: int | None, device: torch.device) -> int:
    """Number of the worker's GPU: as asked, else that of the tensors, else one for each process."""
    if asked is not None:
        return asked
    if device.type == "cuda":
        return device.index or 0
    return int(os.environ.get("LOCAL_RANK", "0"))
