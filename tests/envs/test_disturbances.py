"""Pushes in training: when, how long, how hard, which way."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from animRL.envs.disturbances import Pushes
from animRL.sim.base import PhysParams
from animRL.utils.errors import InputError
from tests.synchronisations import Synchronisations

STEPS = 1500


class Recorder:
    """An engine that keeps what it is told to push with."""

    num_envs, dt, device = 64, 0.02, torch.device("cpu")
    caps = frozenset({"push_force"})

    def __init__(self) -> None:
        self.forces: list[torch.Tensor] = []

    def set_params(self, env_ids: torch.Tensor, params: PhysParams) -> None:
        assert torch.equal(env_ids, torch.arange(64)) and params.push_force is not None
        self.forces.append(params.push_force)


def pushes(engine: Recorder, interval: float = 1.0, force: float = 150.0) -> Pushes:
    cfg = SimpleNamespace(push_interval=interval, push_duration=0.2, push_force=force)
    return Pushes(cfg, engine)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def forces() -> torch.Tensor:
    """Of 30 s of pushes, about one a second (STEPS, 64, 3)."""
    torch.manual_seed(0)
    engine = Recorder()
    made = pushes(engine)
    for _ in range(STEPS):
        made.apply()
    return torch.stack(engine.forces)


def test_pushes_are_horizontal_of_any_direction_and_force(forces: torch.Tensor) -> None:
    assert (forces[..., 2] == 0.0).all()
    size = forces.norm(dim=-1)
    acting = size > 0.0
    assert float(size.max()) <= 150.0 * (1 + 1e-6)
    assert float(size[acting].mean()) == pytest.approx(75.0, rel=0.05)  # uniform from 0
    mean = forces[acting].mean(dim=0)
    assert float(mean.norm()) < 5.0
    for sign_x in (-1, 1):
        for sign_y in (-1, 1):
            quadrant = (sign_x * forces[..., 0] > 0) & (sign_y * forces[..., 1] > 0)
            assert float(quadrant.sum() / acting.sum()) == pytest.approx(0.25, abs=0.03)


def test_each_lasts_its_time_and_keeps_its_force(forces: torch.Tensor) -> None:
    for env in range(8):
        own = forces[:, env]
        changes = (own[1:] != own[:-1]).any(dim=-1).nonzero().flatten() + 1
        runs = torch.diff(changes)
        pushed = own[changes[:-1]].norm(dim=-1) > 0.0
        assert (runs[pushed] == 10).all() and int(pushed.sum()) > 20  # 0.2 s
        gaps = runs[~pushed]  # from the end of one to the start of the next: 25 to 75 less 10
        assert 15 <= int(gaps.min()) and int(gaps.max()) <= 65


def test_there_is_about_one_an_interval_and_not_all_at_once(forces: torch.Tensor) -> None:
    acting = forces.norm(dim=-1) > 0.0
    assert float(acting.float().mean()) == pytest.approx(0.2, abs=0.02)
    together = acting[100:].float().mean(dim=1)
    assert 0.0 < float(together.min()) and float(together.max()) < 0.5
    assert 0.0 < float(acting[:10].float().mean()) < 0.3  # spread from the start


def test_without_an_interval_the_engine_is_left_alone() -> None:
    engine = Recorder()
    engine.caps = frozenset()
    before = torch.get_rng_state()
    pushes(engine, interval=0.0).apply()
    assert engine.forces == [] and torch.equal(torch.get_rng_state(), before)


def test_an_engine_that_cannot_push_is_one_line(make_task) -> None:
    with pytest.raises(InputError) as error:
        make_task({"sim.engine": "kinematic", "disturbances.push_interval": 3.0})
    assert str(error.value).startswith("disturbances.push_interval: ")
    assert "\n" not in str(error.value)


def test_nothing_makes_the_host_wait() -> None:
    engine = Recorder()
    engine.set_params = lambda env_ids, params: None  # type: ignore[method-assign]
    made = pushes(engine)
    with Synchronisations() as counter:
        for _ in range(5):
            made.apply()
    assert dict(counter.found) == {}


def test_a_push_moves_the_character(make_task) -> None:
    """200 N for a control step of 0.02 s on the pelvis of a body of 68.5 kg."""
    torch.manual_seed(0)
    task = make_task({"disturbances.push_interval": 0.02, "disturbances.push_duration": 0.02,
                      "disturbances.push_force": 200.0, "env.num_envs": 16})  # fmt: skip
    calm = make_task({"env.num_envs": 16})
    phases = torch.linspace(0.0, 0.9, 16)
    before = [t.reset(phases) for t in (task, calm)]
    torch.testing.assert_close(*before)
    actions = torch.zeros(16, task.num_actions)
    pushed, left = task.step(actions).state, calm.step(actions).state
    change = pushed.root_lin_vel - left.root_lin_vel
    force = task._pushes.force
    strong = force.norm(dim=-1) > 50.0
    assert strong.any()
    along = (change * force).sum(-1)[strong] / force.norm(dim=-1)[strong]
    least = force.norm(dim=-1)[strong] * 0.02 / 68.5  # as if all of the body moved with it
    assert (along > least).all()
