"""MuJoCo Warp against C MuJoCo, and what only this engine has: graphs, full arrays, NaN worlds."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import mujoco
import numpy as np
import pytest
import torch

from animRL.cfg.mimic.walk_config import WalkConfig
from animRL.sim.base import PhysParams, ResetState, SimBackend
from animRL.sim.factory import make_backend
from animRL.sim.mujoco_model import worst_case
from animRL.utils.errors import InputError

mujoco_warp = pytest.importorskip(
    "mujoco_warp", reason="the extra gpu (mujoco-warp) is not installed"
)

PHYSICS_STEPS = 100
Make = Callable[..., SimBackend]


def make(engine: str = "warp", num_envs: int = 3, **settings: object) -> SimBackend:
    cfg = WalkConfig()
    for path, value in {"engine": engine, "device": "cpu", "threads": 1, **settings}.items():
        cfg.set("sim." + path, value)
    return make_backend(cfg, num_envs)


def dropped(backend: SimBackend, height: float = 0.88) -> ResetState:
    """Bob over the ground, each copy leaning a little more, moving forwards."""
    n, zeros = backend.num_envs, torch.zeros(backend.num_envs, 3)
    lean = 0.05 * torch.arange(n)
    quat = torch.stack([0 * lean, (lean / 2).sin(), 0 * lean, (lean / 2).cos()], dim=-1)
    joints = backend.character.default_joint_pos.expand(n, -1)
    speed = torch.tensor([0.5, 0.0, -0.5]).expand(n, 3)
    height_ = zeros + torch.tensor([0.0, 0.0, height])
    return ResetState(height_, quat, speed, zeros, joints, torch.zeros_like(joints))


def start(backend: SimBackend) -> SimBackend:
    backend.reset(torch.arange(backend.num_envs), dropped(backend))
    return backend


def targets(backend: SimBackend, step: int) -> torch.Tensor:
    swing = 0.2 * torch.sin(torch.tensor(0.4 * step) + torch.arange(32.0))
    return (backend.character.default_joint_pos + swing).expand(backend.num_envs, -1)


def test_a_hundred_steps_in_contact_agree_with_c_mujoco() -> None:
    ours, c = start(make(substeps=1)), start(make("mujoco", substeps=1))
    in_contact = 0
    for step in range(PHYSICS_STEPS):
        for backend in (ours, c):
            backend.step(targets(backend, step // 4))
        mine, theirs = ours.state(), c.state()
        for name in ("root_pos", "root_quat", "joint_pos"):
            difference = getattr(mine, name) - getattr(theirs, name)
            assert float(difference.abs().max()) < 1e-3, (step, name)
        forces = theirs.ground_contact_force
        in_contact += int((forces[..., 2].sum(dim=-1) > 1.0).sum())
        difference = (mine.ground_contact_force - forces).norm(dim=-1)
        assert bool((difference <= 0.01 * forces.norm(dim=-1) + 1.0).all()), step
    assert in_contact > 0.8 * PHYSICS_STEPS * ours.num_envs
    assert not ours.state().diverged.any()
    ours.check()


def test_a_recorded_step_is_the_launched_one() -> None:
    recorded, launched = start(make()), start(make(**{"warp.graph": False}))
    for step in range(8):
        for backend in (recorded, launched):
            backend.step(targets(backend, step))
    for name in ("root_pos", "joint_pos", "joint_vel", "ground_contact_force"):
        assert torch.equal(getattr(recorded.state(), name), getattr(launched.state(), name)), name


@pytest.mark.parametrize("cone", ["elliptic", "pyramidal"])
def test_the_arrays_hold_the_worst_case(cone: str) -> None:
    contacts, rows = (30, 122) if cone == "elliptic" else (30, 152)
    backend = make(num_envs=2, **{"warp.cone": cone})
    state = dropped(backend, height=-1.0)  # every sphere is in the ground, every joint at its limit
    upper = backend.character.joint_upper.expand(2, -1)
    backend.reset(torch.arange(2), ResetState(**{**vars(state), "joint_pos": upper + 0.1}))
    mujoco_warp.forward(backend._model, backend._data)
    assert int(backend._data.nefc.numpy().max()) == rows == backend._data.njmax
    assert int(backend._data.nacon.numpy()[0]) == 2 * contacts == backend._data.naconmax
    backend.step(upper + 1.0)
    backend.check()


def test_contacts_that_overflow_are_an_error_that_says_what_to_raise() -> None:
    backend = start(make(num_envs=2, **{"warp.nconmax": 4}))
    for _ in range(10):
        backend.step(targets(backend, 0))
    # A reset does not hide what happened before it.
    backend.reset(torch.arange(2), dropped(backend, height=3.0))
    backend.step(targets(backend, 0))
    with pytest.raises(InputError, match="sim.warp.nconmax is 4,.*--set sim.warp.nconmax=8"):
        backend.check()
    backend.step(targets(backend, 0))
    backend.check()  # told once


def test_too_little_room_for_constraints_is_refused() -> None:
    with pytest.raises(InputError, match="sim.warp.njmax is 121; valid: 122 or more"):
        make(num_envs=1, **{"warp.njmax": 121})


def test_the_ground_lends_its_dimensions_to_a_contact() -> None:
    model = make("mujoco", 1).model
    expected = worst_case(model)
    model.geom_condim[model.geom_conaffinity == 1] = 1  # the ground's 3 are the larger
    assert worst_case(model) == expected == (30, 122)


@pytest.mark.parametrize(
    ("cuda", "driver", "loops"), [(True, True, True), (True, False, False), (False, False, True)]
)
def test_an_old_driver_unrolls_the_solver(
    monkeypatch: pytest.MonkeyPatch, cuda: bool, driver: bool, loops: bool
) -> None:
    from animRL.sim import mujoco_warp

    monkeypatch.setattr(mujoco_warp.wp, "is_conditional_graph_supported", lambda: driver)
    assert mujoco_warp._loops_in_graphs(SimpleNamespace(is_cuda=cuda)) is loops


def test_a_gpu_without_a_memory_pool_cannot_record() -> None:
    from animRL.sim import mujoco_warp

    mujoco_warp._check_recordable(SimpleNamespace(is_cuda=True, is_mempool_enabled=True))
    with pytest.raises(InputError, match="--set sim.warp.graph=false"):
        mujoco_warp._check_recordable(SimpleNamespace(is_cuda=True, is_mempool_enabled=False))


def test_a_world_that_is_not_a_number_stays_alone_and_is_good_after_its_reset() -> None:
    spoilt, clean = start(make()), start(make())
    bad = targets(spoilt, 0).clone()
    bad[1, 3] = torch.nan
    for step in range(4):
        spoilt.step(bad if step == 0 else targets(spoilt, step))
        clean.step(targets(clean, 0 if step == 0 else step))
    assert spoilt.state().diverged.tolist() == [False, True, False]
    for value in (spoilt.state().root_pos, spoilt.state().joint_vel, spoilt.state().body_pos):
        assert bool(torch.isfinite(value).all())
    again = ResetState(**{name: rows[1:2] for name, rows in vars(dropped(clean)).items()})
    for backend in (spoilt, clean):
        backend.reset(torch.tensor([1]), again)
    for step in range(4):
        for backend in (spoilt, clean):
            backend.step(targets(backend, step))
    assert not spoilt.state().diverged.any()
    for name in ("root_pos", "joint_pos", "joint_vel", "ground_contact_force"):
        assert torch.equal(getattr(spoilt.state(), name), getattr(clean.state(), name)), name


def changed(backend: SimBackend) -> PhysParams:
    mass = backend.character.body_mass.expand(2, -1).clone()
    mass[0] *= 1.5
    mass[1, backend.character.body_index("torso")] += 10.0
    return PhysParams(
        friction=torch.tensor([0.3, 0.9]), body_mass=mass,
        push_force=torch.tensor([[60.0, 0.0, 0.0], [0.0, -80.0, 20.0]]),
    )  # fmt: skip


def test_derived_fields_are_those_of_separate_c_models() -> None:
    backend = make()
    params, ids = changed(backend), torch.tensor([0, 2])
    before = {name: values.clone() for name, values in backend._parameters.items()}
    backend.set_params(ids, params)
    for row, env in enumerate(ids.tolist()):
        model = make("mujoco", 1).model
        old = model.body_mass[1:].copy()
        model.body_mass[1:] = params.body_mass[row].numpy()
        model.body_inertia[1:] *= (model.body_mass[1:] / old)[:, None]
        mujoco.mj_setConst(model, mujoco.MjData(model))
        for name in ("body_mass", "body_inertia", "body_subtreemass", "body_invweight0",
                     "dof_invweight0", "actuator_acc0"):  # fmt: skip
            ours, theirs = backend._parameters[name][env].numpy(), getattr(model, name)
            np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=1e-7, err_msg=name)
            assert torch.equal(backend._parameters[name][1], before[name][1]), name
    friction = backend._parameters["geom_friction"]
    np.testing.assert_allclose(friction[0, :, 0].numpy(), 0.3, rtol=1e-6)
    assert torch.equal(friction[1], before["geom_friction"][1])


def test_parameters_act_as_in_c_mujoco() -> None:
    ours, c, plain = start(make()), start(make("mujoco")), start(make())
    ids = torch.tensor([0, 2])
    for backend in (ours, c):
        backend.set_params(ids, changed(backend))
    for step in range(20):
        for backend in (ours, c, plain):
            backend.step(targets(backend, step))
    moved = (ours.state().root_pos - plain.state().root_pos).abs().max(dim=-1).values
    assert moved[1] == 0.0 and float(moved[[0, 2]].min()) > 1e-2
    for name in ("root_pos", "joint_pos"):
        difference = getattr(ours.state(), name) - getattr(c.state(), name)
        assert float(difference.abs().max()) < 1e-3, name


def test_a_slow_start_is_told_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from animRL.sim import mujoco_warp

    monkeypatch.setattr(mujoco_warp, "_SLOW_START_SECONDS", 0.0)
    make(num_envs=1)
    told = capsys.readouterr()
    assert told.out == ""
    assert "compiles its kernels for cpu" in told.err and "compiled in" in told.err
