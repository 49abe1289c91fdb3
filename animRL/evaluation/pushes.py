"""Robustness to pushes: the largest force on the root that a policy bears without a fall.

As in DeepMimic (Peng et al. 2018, its table of the largest pushes): a horizontal force on the
pelvis for 0.2 s in the middle of a motion cycle, forward or sideways, larger and larger until the
character falls. Here every force is tried several times at once, with noisy starts, in mid-cycle
and at phases all over the cycle. Letters: N environments, F forces, S samples of each.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import count

import torch
from torch import Tensor

from animRL.envs.mimic_task import MimicTask
from animRL.evaluation.evaluate import Policy
from animRL.sim.base import PhysParams
from animRL.utils import rotations as rot
from animRL.utils.seeding import forked_rng

PUSH_SECONDS = 0.2
MID_CYCLE = 0.5
DIRECTIONS = {"forward": 0.0, "sideways": 0.5 * math.pi}
"""Angle from the character's heading to the force [rad]; sideways is to its left."""
MOST = 0.9
"""Share of episodes that is asked for where one fall in ten is allowed."""


@dataclass(frozen=True)
class PushTest:
    """How forces are tried."""

    step: float = 20.0
    """From one force to the next [N]; the first is 0."""
    limit: float = 2000.0
    """The search ends here, or at the end of the forces that are tried together with it [N]."""
    mid_cycle: int = 10
    """Samples of a force that begins in mid-cycle."""
    spread: int = 10
    """Samples of a force that begins at phases evenly spread over the cycle."""
    cycles: int = 2
    """Cycles of a looping clip before that of the push."""
    seconds_after: float = 5.0
    """How long the character must stay up after the push [s]; or to the end of its clip."""

    @property
    def phases(self) -> Tensor:
        """Phases (S,) at which the samples of a force are pushed, those in mid-cycle first."""
        spread = (torch.arange(self.spread) + 0.5) / max(self.spread, 1)
        return torch.cat([torch.full((self.mid_cycle,), MID_CYCLE), spread])


@dataclass(frozen=True)
class PushResult:
    """Which of F forces, rising evenly from 0, were borne."""

    forces: Tensor
    """(F,) [N]."""
    mid_cycle: Tensor
    """Share of the episodes with a push in mid-cycle that stayed up (F,)."""
    spread: Tensor
    """Share of the episodes with a push at any phase that stayed up (F,)."""

    def largest(self, shares: Tensor, least: float = 1.0) -> float | None:
        """Return the largest force [N] up to which at least this share stayed up, or None.

        Args:
            shares: ``mid_cycle`` or ``spread``.
            least: share in [0, 1]; None is returned if without a force fewer stay up.
        """
        borne = int((shares >= least).int().cumprod(dim=0).sum())
        return float(self.forces[borne - 1]) if borne else None


def find_largest_push(
    env: MimicTask, policy: Policy, direction: str, test: PushTest, seed: int, clip: int = 0
) -> PushResult:
    """Push harder and harder, several forces at once, until more than one in ten falls.

    Args:
        env: the task, built from an ``evaluation_config``; it tries as many forces at once as its
            environments are multiples of the samples, at least one.
        policy: deterministic actions.
        direction: of ``DIRECTIONS``.
        test: how forces are tried.
        seed: of the noise at the start.
        clip: number of the clip that is followed.

    Raises:
        InputError: if the engine cannot push.
    """
    samples, shares = len(test.phases), []
    assert env.num_envs % samples == 0 and samples > 0
    at_once = env.num_envs // samples
    phases = test.phases.repeat(at_once).to(env.device)
    forces = torch.zeros(0)
    while True:
        forces = torch.cat([forces, test.step * (len(forces) + torch.arange(at_once))])
        now = forces[-at_once:].repeat_interleave(samples).to(env.device)
        up = push(env, policy, now, DIRECTIONS[direction], phases, test, seed, clip)
        up = up.view(at_once, samples).float().cpu()
        # Of no samples nobody falls, but neither is any force known to be borne.
        groups = [up[:, : test.mid_cycle], up[:, test.mid_cycle :]]
        shares.append(torch.stack([g.mean(dim=1).nan_to_num(0.0) for g in groups]))
        found = (torch.cat(shares, dim=1) < MOST).any(dim=1)
        if bool(found.all()) or float(forces[-1]) + test.step > test.limit:
            return PushResult(forces, *torch.cat(shares, dim=1))


def push(
    env: MimicTask,
    policy: Policy,
    forces: Tensor,
    angle: float,
    phases: Tensor,
    test: PushTest,
    seed: int,
    clip: int = 0,
) -> Tensor:
    """Push each character once and return who stayed up (N,) bool.

    Every episode begins at phase 0. A fall is what the task's terminations say, before the push
    too; kneeling on a lower leg is none.

    Args:
        env: the task, built from an ``evaluation_config``; nobody is pushed afterwards.
        policy: deterministic actions.
        forces: horizontal forces (N,) on the root body, for ``PUSH_SECONDS`` [N].
        angle: from the character's heading to the forces [rad]; see ``heading``.
        phases: at which the push begins (N,); of a looping clip after ``test.cycles`` cycles.
        test: what comes before and after.
        seed: of the noise at the start.
        clip: number of the clip that is followed.

    Raises:
        InputError: if the engine cannot push.
    """
    with forked_rng(env.device), torch.inference_mode():
        torch.manual_seed(seed)
        _set_forces(env, torch.ones_like(forces, dtype=torch.bool), torch.zeros_like(forces), 0.0)
        clip_ids = torch.full((env.num_envs,), clip, device=env.device)
        obs = env.reset(torch.zeros_like(phases), clip_ids=clip_ids)
        begin, last = _schedule(env, phases, clip_ids, test)
        end = begin + round(PUSH_SECONDS / env.dt)
        running = torch.ones_like(begin, dtype=torch.bool)
        fell = torch.zeros_like(running)
        for step in count():
            _set_forces(env, running & (begin == step), forces, angle)
            _set_forces(env, running & (end == step), torch.zeros_like(forces), angle)
            result = env.step(policy(obs))
            obs = result.obs
            fell = fell | (running & result.terminated)
            running = running & ~result.done & (step + 1 < last)
            if not bool(running.any()):
                break
        env.backend.check()
        return ~fell


def heading(env: MimicTask) -> Tensor:
    """Where the characters face (N,) [rad], about z from the world's x axis.

    It is where the clip's first frame faces, the clip being turned about z so that its present
    frame meets the character. That neither sways with the pelvis nor loses its meaning upside down.
    """
    reference, loader = env.reference, env.motion_loader
    now = loader.get_root_rot(reference.target_frames)
    first = reference.raw_frames(torch.zeros_like(reference.phase), reference.clip_ids)
    lead = rot.quat_mul(env.backend.state().root_quat, rot.quat_conjugate(now))
    facing = rot.twist_about_z(loader.get_root_rot(first))
    return rot.twist_about_z(lead) + reference.turn + facing


def _schedule(
    env: MimicTask, phases: Tensor, clip_ids: Tensor, test: PushTest
) -> tuple[Tensor, Tensor]:
    """First step of each push (N,) and the number of steps after which it was survived (N,)."""
    loader = env.motion_loader
    loops = loader.loops[clip_ids]
    cycles = phases + test.cycles * loops
    begin = (cycles / loader.phase_step(clip_ids)).round().long()
    after = round((PUSH_SECONDS + test.seconds_after) / env.dt)
    return begin, torch.where(loops, begin + after, torch.iinfo(torch.long).max)


def _set_forces(env: MimicTask, where: Tensor, forces: Tensor, angle: float) -> None:
    """Let forces (N,) [N] act on some characters (N,) bool, at an angle [rad] to their heading."""
    ids = where.nonzero().flatten()
    if len(ids) == 0:
        return
    direction = (heading(env) + angle)[ids]
    unit = torch.stack([direction.cos(), direction.sin(), torch.zeros_like(direction)], dim=-1)
    env.backend.set_params(ids, PhysParams(push_force=forces[ids].unsqueeze(-1) * unit))
