"""The engine contract where there are forces, contacts and parameters; see ``contract.py``."""

from __future__ import annotations

import torch

from animRL.sim.base import PhysParams, SimBackend
from animRL.sim.contract import (
    COUNT,
    STANDING_HEIGHT,
    Check,
    Maker,
    close,
    default,
    everyone,
    ids,
    on_feet,
    same,
)

GRAVITY = 9.81
SUPPORTS = ("lFoot", "rFoot", "lLowerLeg", "rLowerLeg")
"""Bob's bodies that touch the ground when he stands: the ankles' spheres reach as low as the
soles."""


def the_ground_carries_the_weight_and_pushes_up(make: Maker) -> None:
    """Standing, the forces on feet and ankles add up to the weight, and nothing else touches."""
    backend = make(COUNT)
    backend.reset(everyone(backend), on_feet(backend, COUNT))
    forces = []
    for _ in range(25):
        backend.step(default(backend))
        forces.append(backend.state().ground_contact_force)
    mean = torch.stack(forces[10:]).mean(0)
    feet = [backend.character.body_index(name) for name in SUPPORTS]
    weight = GRAVITY * float(backend.character.body_mass.sum())
    carried = float(mean[0, feet, 2].sum())
    assert abs(carried - weight) <= 0.1 * weight, f"{carried:.0f} N of {weight:.0f} N"
    others = [b for b in range(mean.shape[1]) if b not in feet]
    assert float(mean[0, others].abs().max()) == 0.0, "another body touches"


def a_blow_up_is_reported_until_the_reset(make: Maker) -> None:
    """And stays with its environment, whose state is finite all the same."""
    backend = make(COUNT)
    state = on_feet(backend, COUNT)
    state.joint_vel[1] = 1e12
    backend.reset(everyone(backend), state)
    for _ in range(2):
        backend.step(default(backend))
        assert backend.state().diverged.tolist() == [False, True, False], "diverged"
    assert torch.isfinite(backend.state().joint_pos).all(), "joint_pos"
    backend.reset(ids(backend, 1), on_feet(backend, 1))
    backend.step(default(backend))
    assert not backend.state().diverged.any(), "diverged after the reset"


def parameters_change_their_environment_alone(make: Maker) -> None:
    """A push moves, a mass falls otherwise, and the neighbours notice nothing."""

    def run(params: PhysParams | None) -> torch.Tensor:
        backend = make(COUNT)
        backend.reset(everyone(backend), on_feet(backend, COUNT))
        if params is not None:
            backend.set_params(ids(backend, 1), params)
        for _ in range(10):
            backend.step(default(backend))
        return backend.state().root_pos

    plain, backend = run(None), make(COUNT)
    push = torch.tensor([[300.0, 0.0, 0.0]], device=backend.device)
    heavy = backend.character.body_mass.unsqueeze(0) * 2.0
    for name, value, axis in (("push_force", push, 0), ("body_mass", heavy, 2)):
        if name not in backend.caps:
            continue
        changed = run(PhysParams(**{name: value}))
        same(backend, changed[[0, 2]], plain[[0, 2]], "the neighbours")
        gap = float((changed[1, axis] - plain[1, axis]).abs())
        assert gap > (0.01 if name == "push_force" else 1e-5), f"{name}: {gap:.1e} m"


def a_push_acts_until_it_is_set_again(make: Maker) -> None:
    """In the air it adds force / mass x time to the velocity of the centre of mass."""
    backend = make(2)
    backend.reset(everyone(backend), on_feet(backend, 2, height=3.0))
    force = torch.tensor([[137.0, -68.5, 0.0], [0.0, 0.0, 0.0]], device=backend.device)
    backend.set_params(everyone(backend), PhysParams(push_force=force))
    for _ in range(5):
        backend.step(default(backend))
    moving = _com_shift(backend)
    backend.set_params(everyone(backend), PhysParams(push_force=torch.zeros_like(force)))
    for _ in range(5):
        backend.step(default(backend))
    after = _com_shift(backend)
    seconds = 5 * backend.dt
    gained = force[0] / backend.character.body_mass.sum() * seconds
    close(moving[0] - moving[1], 0.5 * gained * seconds, 0.05 * float(gained.norm()) * seconds,
           "way under the push")  # fmt: skip
    way = (after[0] - after[1]) - (moving[0] - moving[1])
    close(way, gained * seconds, 0.05 * float(gained.norm()) * seconds, "way after the push")


def gravity_pulls_at_9_81(make: Maker) -> None:
    """Velocity -g t after steps of the physics, while the drives hold the pose."""
    backend = make(COUNT)
    backend.reset(everyone(backend), on_feet(backend, COUNT, height=5.0 + STANDING_HEIGHT))
    for _ in range(10):
        backend.step(default(backend))
    speed, wanted = float(backend.state().root_lin_vel[0, 2]), -GRAVITY * 10 * backend.dt
    assert abs(speed - wanted) <= 1e-3 * abs(wanted), f"{speed:.4f} m/s, not {wanted:.4f}"


def loading_undoes_parameters_and_keeps_contact_forces(make: Maker) -> None:
    """What was saved is back, forces included, until the next step; the others keep theirs."""
    backend = make(COUNT)
    backend.reset(everyone(backend), on_feet(backend, COUNT))
    targets = default(backend)
    for _ in range(10):
        backend.step(targets)
    saved, forces = backend.save_state(), backend.state().ground_contact_force.clone()
    backend.step(targets)
    expected = backend.state().root_pos.clone()
    given = {
        "friction": torch.full((COUNT,), 0.1, device=backend.device),
        "body_mass": backend.character.body_mass.expand(COUNT, -1) * 1.5,
        "push_force": torch.full((COUNT, 3), 200.0, device=backend.device),
    }
    params = PhysParams(**{n: v for n, v in given.items() if n in backend.caps})
    backend.set_params(everyone(backend), params)
    backend.step(targets)
    backend.load_state(saved)
    assert torch.equal(backend.state().ground_contact_force, forces), "ground_contact_force"
    backend.reset(ids(backend, 0), on_feet(backend, 1))
    assert torch.equal(backend.state().ground_contact_force[1:], forces[1:]), "others' forces"
    backend.load_state(saved)
    backend.step(targets)
    if backend.saves_exactly:
        assert torch.equal(backend.state().root_pos, expected), "root_pos"
    else:
        close(backend.state().root_pos, expected, 1e-3, "root_pos")


def drives_pull_no_harder_than_their_effort(make: Maker) -> None:
    """Targets out of reach do the same as targets just in reach."""
    results = []
    for lead in (1.0, 100.0):
        backend = make(COUNT)
        state = on_feet(backend, COUNT)
        backend.reset(everyone(backend), state)
        reach = backend.character.effort / backend.character.stiffness
        backend.step(state.joint_pos + lead * reach)
        results.append(backend.state().joint_pos)
    same(backend, results[0], results[1], "joint_pos")


def _com_shift(backend: SimBackend) -> torch.Tensor:
    """Horizontal place of each centre of mass (N, 3), z left out."""
    state = backend.state()
    centre = backend.character.center_of_mass(state.body_pos, state.body_quat)
    return centre * torch.tensor([1.0, 1.0, 0.0], device=backend.device)


PHYSICAL: tuple[Check, ...] = (
    the_ground_carries_the_weight_and_pushes_up,
    a_blow_up_is_reported_until_the_reset,
    parameters_change_their_environment_alone,
    a_push_acts_until_it_is_set_again,
    gravity_pulls_at_9_81,
    loading_undoes_parameters_and_keeps_contact_forces,
    drives_pull_no_harder_than_their_effort,
)
"""For engines with forces, contacts and parameters."""
