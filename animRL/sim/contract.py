"""The engine contract as checks that any engine can be put through, here or on a user's machine.

Each of ``KINEMATIC``, and of ``PHYSICAL`` in ``physics_contract.py``, takes a function that builds
an engine of some environments with Bob, and raises AssertionError if the engine does not keep a
promise of ``base.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields, replace

import torch

from animRL.sim.base import PhysParams, ResetState, SimBackend
from animRL.utils import rotations as rot
from animRL.utils.errors import InputError

Maker = Callable[[int], SimBackend]
"""Number of environments -> engine; whoever calls ``check`` closes it."""
Check = Callable[[Maker], None]

COUNT = 3
STANDING_HEIGHT = 0.874
"""Of Bob's pelvis [m], his soles on the ground."""
_DYNAMIC = ("root_pos", "root_ang_vel", "joint_vel", "ground_contact_force")


def state_after_reset_is_the_state_asked_for(make: Maker) -> None:
    """Root and joints are those that were given; nothing touches, nothing has blown up."""
    backend = make(COUNT)
    wanted = in_the_air(backend, COUNT)
    backend.reset(everyone(backend), wanted)
    state = backend.state()
    for name in ("root_pos", "root_lin_vel", "root_ang_vel", "joint_pos", "joint_vel"):
        close(getattr(state, name), getattr(wanted, name), 1e-5, name)
    turn = rot.quat_mul(state.root_quat, rot.quat_conjugate(wanted.root_quat))
    assert float(rot.quat_angle(turn).max()) < 1e-5, "root_quat"
    assert not state.diverged.any(), "diverged"
    assert float(state.ground_contact_force.abs().max()) == 0.0, "ground_contact_force"


def bodies_follow_root_and_joints_at_once(make: Maker) -> None:
    """Bodies are where the character's kinematics put them, after a reset and after steps."""
    backend = make(COUNT)
    backend.reset(everyone(backend), in_the_air(backend, COUNT))
    for _ in range(3):
        state = backend.state()
        pos, quat = backend.character.forward_kinematics(
            state.root_pos, state.root_quat, state.joint_pos
        )
        close(state.body_pos, pos, 1e-5, "body_pos")
        same = (state.body_quat * quat).sum(-1).abs()
        close(same, torch.ones_like(same), 1e-5, "body_quat")
        backend.step(default(backend))


def a_reset_leaves_the_others_untouched(make: Maker) -> None:
    """Neither other environments nor states that were read before change."""
    backend = make(COUNT)
    backend.reset(everyone(backend), in_the_air(backend, COUNT))
    backend.step(default(backend))
    before = backend.state()
    kept = before.root_pos.clone(), before.joint_vel.clone()
    backend.reset(ids(backend, 1), in_the_air(backend, 1, seed=5))
    after = backend.state()
    for row in (0, 2):
        assert torch.equal(after.root_pos[row], kept[0][row]), "root_pos"
        assert torch.equal(after.joint_vel[row], kept[1][row]), "joint_vel"
    assert not torch.equal(after.root_pos[1], kept[0][1]), "nothing was reset"
    assert torch.equal(before.root_pos, kept[0]), "an earlier state changed"


def a_mask_resets_the_same_environments_as_their_numbers(make: Maker) -> None:
    """``reset_where`` and ``reset`` lead to the same."""
    states = []
    for masked in (False, True):
        backend = make(COUNT)
        backend.reset(everyone(backend), in_the_air(backend, COUNT))
        backend.step(default(backend))
        new, chosen = in_the_air(backend, COUNT, seed=5), ids(backend, 0, 2)
        if masked:
            mask = torch.tensor([True, False, True], device=backend.device)
            backend.reset_where(mask, new)
        else:
            rows = ResetState(**{n: v[chosen] for n, v in vars(new).items()})
            backend.reset(chosen, rows)
        backend.step(default(backend))
        states.append(backend.state())
        backend.check()
    for name in _DYNAMIC:
        same(backend, getattr(states[0], name), getattr(states[1], name), name)


def a_reset_right_after_a_reset_is_the_one_that_counts(make: Maker) -> None:
    """Also where an engine takes resets over only in the next step."""
    states = []
    for twice in (False, True):
        backend = make(COUNT)
        backend.reset(everyone(backend), in_the_air(backend, COUNT))
        backend.step(default(backend))
        if twice:
            backend.reset(ids(backend, 0, 1), in_the_air(backend, 2, seed=7))
        else:
            rows = in_the_air(backend, 2, seed=7)
            first = ResetState(**{n: v[:1] for n, v in vars(rows).items()})
            backend.reset(ids(backend, 0), first)
        backend.reset(ids(backend, 1), in_the_air(backend, 1, seed=8))
        backend.step(default(backend))
        states.append(backend.state())
    for name in _DYNAMIC:
        same(backend, getattr(states[0], name), getattr(states[1], name), name)


def saved_states_come_back(make: Maker) -> None:
    """The same state after loading and, where an engine saves exactly, the same future."""
    backend = make(COUNT)
    backend.reset(everyone(backend), in_the_air(backend, COUNT, height=0.8))
    targets = default(backend)
    for _ in range(20):
        backend.step(targets)
    saved = backend.save_state()
    runs = []
    for _ in range(2):
        first = backend.state()
        for _ in range(10):
            backend.step(targets + 0.1)
        runs.append((first, backend.state()))
        backend.load_state(saved)
    for name in ("root_pos", "joint_pos", "joint_vel", "body_pos", "ground_contact_force"):
        for index in (0, 1) if backend.saves_exactly else (0,):
            one, two = (getattr(run[index], name) for run in runs)
            assert torch.equal(one, two), name


def joints_are_in_the_characters_order(make: Maker) -> None:
    """Each joint moves the bodies that it carries, and the drives pull at the joint meant."""
    backend = make(1)
    names = backend.character.joint_names
    rest = on_feet(backend, 1, height=3.0)
    for number, name in enumerate(names):
        joints = rest.joint_pos.clone()
        low, high = (v[number] for v in (backend.character.joint_lower,
                                         backend.character.joint_upper))  # fmt: skip
        target = joints[0, number] + (0.2 if joints[0, number] + 0.3 < high else -0.2)
        assert low <= target <= high
        backend.reset(everyone(backend), rest)
        targets = joints.clone()
        targets[0, number] = target
        for _ in range(2):
            backend.step(targets)
        moved = (backend.state().joint_pos - joints)[0]
        largest = names[int(moved.abs().argmax())]
        assert largest == name, f"target of {name} moved {largest}"
        assert float(moved[number] * (target - joints[0, number])) > 0.0, f"{name}: wrong way"


def parameters_outside_caps_are_refused(make: Maker) -> None:
    """And those in them are taken."""
    backend = make(COUNT)
    values = {
        "friction": torch.full((1,), 0.5, device=backend.device),
        "body_mass": backend.character.body_mass.unsqueeze(0),
        "push_force": torch.zeros(1, 3, device=backend.device),
    }
    assert values.keys() == {f.name for f in fields(PhysParams)}
    for name, value in values.items():
        params = PhysParams(**{name: value})
        if name in backend.caps:
            backend.set_params(ids(backend, 0), params)
            continue
        try:
            backend.set_params(ids(backend, 0), params)
        except InputError as error:
            assert f"cannot set {name}; valid: " in str(error), str(error)
        else:
            raise AssertionError(f"{name} was taken")


KINEMATIC: tuple[Check, ...] = (
    state_after_reset_is_the_state_asked_for,
    bodies_follow_root_and_joints_at_once,
    a_reset_leaves_the_others_untouched,
    a_mask_resets_the_same_environments_as_their_numbers,
    a_reset_right_after_a_reset_is_the_one_that_counts,
    saved_states_come_back,
    joints_are_in_the_characters_order,
    parameters_outside_caps_are_refused,
)
"""For every engine."""


def check(one: Check, make: Maker) -> None:
    """Run one check and close what it has built.

    Raises:
        AssertionError: if the engine does not keep the promise.
    """
    built: list[SimBackend] = []

    def remembered(num_envs: int) -> SimBackend:
        built.append(make(num_envs))
        return built[-1]

    try:
        one(remembered)
    finally:
        for backend in built:
            backend.close()


def in_the_air(backend: SimBackend, count: int, height: float = 1.5, seed: int = 0) -> ResetState:
    """Random tilted states, moving."""
    g = torch.Generator().manual_seed(seed)
    joints = backend.character.default_joint_pos.cpu()
    state = ResetState(
        root_pos=torch.tensor([0.0, 0.0, height]) + torch.randn(count, 3, generator=g) * 0.01,
        root_quat=rot.quat_from_rotvec(torch.randn(count, 3, generator=g)),
        root_lin_vel=torch.randn(count, 3, generator=g),
        root_ang_vel=torch.randn(count, 3, generator=g),
        joint_pos=joints + 0.1 * torch.randn(count, len(joints), generator=g),
        joint_vel=torch.randn(count, len(joints), generator=g),
    )
    return ResetState(**{n: v.to(backend.device) for n, v in vars(state).items()})


def on_feet(backend: SimBackend, count: int, height: float = STANDING_HEIGHT) -> ResetState:
    """Bob upright in the default pose, at rest."""
    zeros = torch.zeros(count, 3, device=backend.device)
    joints = backend.character.default_joint_pos.expand(count, -1).clone()
    upright = torch.tensor([0.0, 0.0, 0.0, 1.0], device=backend.device).expand(count, 4)
    up = torch.tensor([0.0, 0.0, height], device=backend.device)
    return ResetState(zeros + up, upright, zeros, zeros, joints, torch.zeros_like(joints))


def apart(state: ResetState, spacing: float = 2.0) -> ResetState:
    """The same states (n,), their roots moved onto a grid: engines look for pairs that are near."""
    count = len(state.root_pos)
    numbers = torch.arange(count, device=state.root_pos.device)
    side = math.ceil(count**0.5)
    grid = torch.stack([numbers // side, numbers % side, torch.zeros_like(numbers)], dim=-1)
    return replace(state, root_pos=state.root_pos + spacing * grid)


def everyone(backend: SimBackend) -> torch.Tensor:
    """Numbers of all environments."""
    return torch.arange(backend.num_envs, device=backend.device)


def ids(backend: SimBackend, *numbers: int) -> torch.Tensor:
    """Numbers of some environments."""
    return torch.tensor(numbers, device=backend.device)


def default(backend: SimBackend) -> torch.Tensor:
    """Targets (N, J) that hold the default pose."""
    return backend.character.default_joint_pos.expand(backend.num_envs, -1)


def close(one: torch.Tensor, two: torch.Tensor, bound: float, what: str) -> None:
    """Assert that tensors differ by no more than a bound."""
    gap = float((one - two).abs().max())
    assert gap <= bound, f"{what} differs by {gap:.2g}, bound {bound:g}"


def same(backend: SimBackend, one: torch.Tensor, two: torch.Tensor, what: str) -> None:
    """Assert that tensors are equal where an engine repeats itself bit for bit; else nearly."""
    if backend.saves_exactly:
        assert torch.equal(one, two), f"{what} differs"
    else:
        close(one, two, 1e-3 * max(1.0, float(one.abs().max())), what)
