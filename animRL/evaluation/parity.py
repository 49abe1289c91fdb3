"""Whether two engines agree: one task stepped over both, and the differences, as pure functions.

Letters: S steps, N environments. The task computes on the cpu, whatever the engines do.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from animRL.envs.mimic_task import MimicTask
from animRL.envs.step_result import StepResult
from animRL.evaluation.evaluate import Episodes
from animRL.sim.base import ResetState, SimBackend, SimState
from animRL.utils import rotations as rot
from animRL.utils.seeding import forked_rng

Actions = Callable[[Tensor, int], Tensor]
"""Observations (N, D) and number of the step -> actions (N, J)."""

MAX_JOINT_DIFFERENCE = 1e-3
"""Largest difference of joint angles [rad] at which engines agree (the issue's bound)."""
MAX_FORCE_DIFFERENCE = 0.01
"""Largest relative difference of ground forces at which engines agree."""
JOINTS, FORCE = "joint position [rad]", "ground force [relative]"
BOUNDS = {JOINTS: MAX_JOINT_DIFFERENCE, FORCE: MAX_FORCE_DIFFERENCE}
EDGE_SHIFT = 1e-6
"""How far [m] the root is moved, down and up, to see whether a contact is on the edge: about what
float32 rounding adds up to along the joints, from the root to a foot 1 m away."""
EDGE_PART = 0.5
"""Part of a difference that the first engine must show by itself for the state to be its cause."""
MAX_EDGE_SHARE = 0.01
"""Share of the compared steps that may be on the edge; more of them, and the engines differ."""
MAX_STANDARD_ERRORS = 3.0
"""Outcomes of a policy that lie nearer than this many standard errors agree."""
GRAVITY = 9.81


class OnCpu(SimBackend):
    """An engine anywhere, seen with all its tensors on the cpu."""

    def __init__(self, backend: SimBackend) -> None:
        """Wrap ``backend``, which stays the owner of its worlds."""
        self.backend, self.device = backend, torch.device("cpu")
        self.num_envs, self.dt, self.caps = backend.num_envs, backend.dt, backend.caps
        self.character = backend.character.to(self.device)
        self.saves_exactly = backend.saves_exactly

    def state(self) -> SimState:
        """Return the engine's state, copied."""
        state = self.backend.state()
        moved = {f.name: getattr(state, f.name).cpu() for f in fields(state) if f.name != "bodies"}
        return SimState(**moved, bodies=self.character.forward_kinematics)

    def step(self, joint_targets: Tensor) -> None:
        """Advance the engine."""
        self.backend.step(joint_targets.to(self.backend.device))

    def reset(self, env_ids: Tensor, state: ResetState) -> None:
        """Reset environments of the engine."""
        device = self.backend.device
        rows = {f.name: getattr(state, f.name).to(device) for f in fields(state)}
        self.backend.reset(env_ids.to(device), ResetState(**rows))

    def check(self) -> None:
        """Raise what the engine has to tell."""
        self.backend.check()

    def save_state(self) -> dict[str, Any]:
        """Return the engine's own saved state."""
        return self.backend.save_state()

    def load_state(self, saved: dict[str, Any]) -> None:
        """Go back to a state of ``save_state``."""
        self.backend.load_state(saved)

    def close(self) -> None:
        """Close the engine."""
        self.backend.close()


@dataclass(frozen=True)
class Comparison:
    """Differences of two engines over steps; what is not compared is NaN."""

    differences: dict[str, Tensor]
    """Name with unit -> (S, N)."""
    terminations: int
    """Environment steps that ended in failure in exactly one of the two."""
    contact_share: float
    """Share of the compared environment steps in which the ground carries the first engine's."""
    compared: Tensor
    """Environments (S, N) whose episode was still the same in both (bool)."""
    edges: Tensor
    """Of them those (S, N) beyond a bound because their state is on the edge (bool): see
    ``on_the_edge``."""

    @property
    def edge_count(self) -> int:
        """How many environment steps were on the edge."""
        return int(self.edges.sum())

    def largest_off_the_edge(self, name: str) -> float:
        """The largest difference but for the steps on the edge; not a number if one is none."""
        counted = self.compared & ~self.edges
        return float(torch.where(counted, self.differences[name], 0.0).max())

    def largest(self, name: str) -> float:
        """The largest difference of all steps and environments."""
        return float(self.differences[name][self.compared].max())

    def mean(self, name: str) -> float:
        """The mean difference of all steps and environments."""
        return float(self.differences[name][self.compared].mean())

    def largest_by_step(self, name: str) -> list[float]:
        """The largest difference of all environments in each step; NaN where none is compared."""
        values = torch.where(self.compared, self.differences[name], -1.0).amax(dim=1)
        return [float(v) if v >= 0.0 else float("nan") for v in values]


def compare(
    task: MimicTask, other: SimBackend, actions: Actions, steps: int, synchronise: bool
) -> Comparison:
    """Step a task over its own engine and over another with the same states and actions.

    Args:
        task: on the cpu, just reset, without noise; its engine is the first of the two.
        other: the second engine, on the cpu (see ``OnCpu``).
        actions: given to both, from the first one's observations.
        steps: control steps S.
        synchronise: put both engines into the first one's state before every step, so that each
            difference arose in one step, and look what is beyond a bound up in
            ``on_the_edge``; otherwise they run freely from one state, and an environment is
            compared until its episode ends in one of them.
    """
    everyone = torch.arange(task.num_envs)
    obs = task.reset(torch.linspace(0.0, 0.9, task.num_envs))
    twin = _twin(task, other)
    same = torch.ones(task.num_envs, dtype=torch.bool)
    rows: list[dict[str, Tensor]] = []
    compared, edges, disagreements, contacts = [], [], 0, 0
    state = reset_state(task.backend.state())
    for step in range(steps):
        if synchronise or step == 0:
            state = reset_state(task.backend.state())
            task.backend.reset(everyone, state)
            other.reset(everyone, state)
            twin = _twin(task, other)
        given, before = actions(obs, step), _twin(task, task.backend)
        with forked_rng(task.device):
            second = twin.step(given)
        first = task.step(given)
        rows.append(differences(first, second, _weight(task)))
        edge = on_the_edge(before, state, given, first, rows[-1]) if synchronise else ~same
        edges.append(edge & same)
        compared.append(same.clone())
        disagreements += int(((first.terminated != second.terminated) & same).sum())
        touching = first.state.ground_contact_force.norm(dim=-1).amax(dim=-1) > 0.0
        contacts += int((touching & same).sum())
        if not synchronise:
            same = same & ~first.done & ~second.done
        obs = first.obs
    task.backend.check()
    other.check()
    mask = torch.stack(compared)
    return Comparison(
        {name: torch.stack([row[name] for row in rows]) for name in rows[0]},
        disagreements, contacts / max(int(mask.sum()), 1), mask, torch.stack(edges),
    )  # fmt: skip


def on_the_edge(
    before: MimicTask, state: ResetState, actions: Tensor, first: StepResult, row: dict[str, Tensor]
) -> Tensor:
    """Environments (N,) in which a difference beyond its bound is the state's, not the engines'.

    Where a contact begins or ends within rounding, an engine has it or has it not by chance. So the
    first engine makes the same step once more with every root ``EDGE_SHIFT`` lower, and higher: if
    it then differs from itself by at least ``EDGE_PART`` of each difference beyond a bound, the
    step says nothing about the second engine. The engine is left as it was found.

    Args:
        before: the task before the step, over the first engine.
        state: from which both engines made the step.
        actions: of the step (N, J).
        first: the first engine's step.
        row: differences of the two engines in that step.
    """
    beyond = {name: ~(row[name] < bound) for name, bound in BOUNDS.items()}
    found = torch.stack(list(beyond.values())).any(dim=0)
    if not bool(found.any()):
        return found
    backend = before.backend
    saved, everyone = backend.save_state(), torch.arange(before.num_envs)
    own = {name: torch.zeros_like(row[name]) for name in BOUNDS}
    for shift in (-EDGE_SHIFT, EDGE_SHIFT):
        root_pos = state.root_pos + torch.tensor([0.0, 0.0, shift])
        backend.reset(everyone, replace(state, root_pos=root_pos))
        with forked_rng(before.device):
            moved = _twin(before, backend).step(actions)
        changed = differences(first, moved, _weight(before))
        own = {name: torch.maximum(own[name], changed[name]) for name in BOUNDS}
    backend.load_state(saved)
    for name, over in beyond.items():
        found = found & (~over | (own[name] >= EDGE_PART * row[name]))
    return found


def differences(first: StepResult, second: StepResult, weight: float) -> dict[str, Tensor]:
    """Differences (N,) of one step: state, bodies, ground force, every reward term.

    The ground force's is that of all bodies together, |F2 - F1| / max(|F1|, ``weight`` [N]), so
    that a foot that barely touches does not count for more than it carries.
    """
    a, b = first.state, second.state
    force = (b.ground_contact_force - a.ground_contact_force).flatten(1).norm(dim=-1)
    scale = a.ground_contact_force.flatten(1).norm(dim=-1).clamp(min=weight)
    turn = rot.quat_angle(rot.quat_mul(b.root_quat, rot.quat_conjugate(a.root_quat)))
    return {
        "root position [m]": (b.root_pos - a.root_pos).norm(dim=-1),
        "root rotation [rad]": turn,
        "joint position [rad]": (b.joint_pos - a.joint_pos).abs().amax(dim=-1),
        "joint velocity [rad/s]": (b.joint_vel - a.joint_vel).abs().amax(dim=-1),
        "body position [m]": (b.body_pos - a.body_pos).norm(dim=-1).amax(dim=-1),
        "ground force [relative]": force / scale,
        **{f"reward {n} [1]": (second.terms[n] - v).abs() for n, v in first.terms.items()},
    }


def reset_state(state: SimState) -> ResetState:
    """The part of a state that a reset takes."""
    return ResetState(**{f.name: getattr(state, f.name) for f in fields(ResetState)})


def verdict(comparison: Comparison) -> list[str]:
    """What is beyond its bound, in words; empty if the engines agree.

    Steps on the edge do not count, as long as they are few.
    """
    found = [
        f"{name}: {largest:.2g}, bound {bound:g}"
        for name, bound in BOUNDS.items()
        if not (largest := comparison.largest_off_the_edge(name)) < bound
    ]
    count = int(comparison.compared.sum())
    allowed = max(1, int(MAX_EDGE_SHARE * count))
    if comparison.edge_count > allowed:
        found.append(f"contacts on the edge: {comparison.edge_count}, bound {allowed} of {count}")
    return found


def outcome(episodes: Episodes) -> dict[str, tuple[float, float]]:
    """Mean and standard error over the episodes of success, position error [m] and NR."""
    values = {
        "success": episodes.success,
        "position error [m]": episodes.position_error,
        "normalised return": episodes.normalised_return,
    }
    count = len(episodes.steps)
    return {
        name: (float(v.double().mean()), float(v.double().std(correction=0)) / count**0.5)
        for name, v in values.items()
    }


def outcomes_differ(
    first: dict[str, tuple[float, float]], second: dict[str, tuple[float, float]], episodes: int
) -> list[str]:
    """Outcomes that lie farther apart than chance explains, in words.

    A rate of 0 or 1 has no spread of its own: one episode is allowed there.
    """
    found = []
    for name, (mean, error) in first.items():
        other, other_error = second[name]
        bound = MAX_STANDARD_ERRORS * (error**2 + other_error**2) ** 0.5
        bound = max(bound, 1.0 / episodes) if name == "success" else bound + 1e-6
        if not abs(other - mean) <= bound:
            found.append(f"{name}: {mean:.4g} and {other:.4g}, bound of the difference {bound:.2g}")
    return found


def _twin(task: MimicTask, backend: SimBackend) -> MimicTask:
    """The same task at the same instant over another engine; tasks replace tensors, never edit."""
    twin = copy.copy(task)
    twin.backend, twin.reference = backend, copy.copy(task.reference)
    return twin


def _weight(task: MimicTask) -> float:
    return GRAVITY * float(task.character.body_mass.sum())
