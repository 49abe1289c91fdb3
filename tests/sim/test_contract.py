"""The engine contract: one suite that every engine passes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from animRL.cfg.mimic.walk_config import WalkConfig
from animRL.sim.base import PhysParams, ResetState, SimBackend
from animRL.sim.factory import ENGINES, make_backend, warp_is_installed
from animRL.utils import rotations as rot
from animRL.utils.errors import InputError

Maker = Callable[..., SimBackend]


def maker(engine: str) -> Maker:
    if engine == "warp" and not warp_is_installed():
        pytest.skip("the extra gpu (mujoco-warp) is not installed")

    def build(num_envs: int = 3, **settings: object) -> SimBackend:
        cfg = WalkConfig()
        for path, value in {"engine": engine, "device": "cpu", "threads": 1, **settings}.items():
            cfg.set("sim." + path, value)
        return make_backend(cfg, num_envs)

    return build


@pytest.fixture(params=ENGINES)
def make(request: pytest.FixtureRequest) -> Maker:
    return maker(request.param)


@pytest.fixture(params=("mujoco", "warp"))
def make_physics(request: pytest.FixtureRequest) -> Maker:
    """Engines with forces, contacts and parameters."""
    return maker(request.param)


def standing(backend: SimBackend, count: int, height: float = 1.5, seed: int = 0) -> ResetState:
    """Random tilted states in the air."""
    g = torch.Generator().manual_seed(seed)
    joints = backend.character.default_joint_pos
    return ResetState(
        root_pos=torch.tensor([0.0, 0.0, height]) + torch.randn(count, 3, generator=g) * 0.01,
        root_quat=rot.quat_from_rotvec(torch.randn(count, 3, generator=g)),
        root_lin_vel=torch.randn(count, 3, generator=g),
        root_ang_vel=torch.randn(count, 3, generator=g),
        joint_pos=joints + 0.1 * torch.randn(count, len(joints), generator=g),
        joint_vel=torch.randn(count, len(joints), generator=g),
    )


def everyone(backend: SimBackend) -> torch.Tensor:
    return torch.arange(backend.num_envs)


def test_state_after_reset_is_the_state_asked_for(make: Maker) -> None:
    backend = make()
    wanted = standing(backend, 3)
    backend.reset(everyone(backend), wanted)
    state = backend.state()
    for name in ("root_pos", "root_lin_vel", "root_ang_vel", "joint_pos", "joint_vel"):
        torch.testing.assert_close(getattr(state, name), getattr(wanted, name), atol=1e-5, rtol=0)
    turn = rot.quat_mul(state.root_quat, rot.quat_conjugate(wanted.root_quat))
    assert float(rot.quat_angle(turn).max()) < 1e-5
    assert not state.diverged.any()
    assert state.ground_contact_force.abs().max() == 0.0


def test_bodies_follow_root_and_joints_at_once(make: Maker) -> None:
    backend = make()
    backend.reset(everyone(backend), standing(backend, 3))
    for _ in range(3):
        state = backend.state()
        pos, quat = backend.character.forward_kinematics(
            state.root_pos, state.root_quat, state.joint_pos
        )
        torch.testing.assert_close(state.body_pos, pos, atol=1e-5, rtol=0)
        same = (state.body_quat * quat).sum(-1).abs()
        torch.testing.assert_close(same, torch.ones_like(same), atol=1e-5, rtol=0)
        backend.step(backend.character.default_joint_pos.expand(3, -1))


def test_reset_leaves_the_others_untouched(make: Maker) -> None:
    backend = make()
    backend.reset(everyone(backend), standing(backend, 3))
    backend.step(backend.character.default_joint_pos.expand(3, -1))
    before = backend.state()
    kept = before.root_pos.clone(), before.joint_vel.clone()
    backend.reset(torch.tensor([1]), standing(backend, 1, seed=5))
    after = backend.state()
    for row in (0, 2):
        assert torch.equal(after.root_pos[row], kept[0][row])
        assert torch.equal(after.joint_vel[row], kept[1][row])
    assert not torch.equal(after.root_pos[1], kept[0][1])
    # Earlier states are snapshots.
    assert torch.equal(before.root_pos, kept[0])


def test_a_mask_resets_the_same_environments_as_their_numbers(make: Maker) -> None:
    states = []
    for masked in (False, True):
        backend = make()
        backend.reset(everyone(backend), standing(backend, 3))
        backend.step(backend.character.default_joint_pos.expand(3, -1))
        new, ids = standing(backend, 3, seed=5), torch.tensor([0, 2])
        if masked:
            backend.reset_where(torch.tensor([True, False, True]), new)
        else:
            backend.reset(ids, ResetState(**{n: v[ids] for n, v in vars(new).items()}))
        backend.step(backend.character.default_joint_pos.expand(3, -1))
        states.append(backend.state())
        backend.check()
    for name in ("root_pos", "root_ang_vel", "joint_vel", "ground_contact_force"):
        assert torch.equal(getattr(states[0], name), getattr(states[1], name)), name


def test_saved_states_come_back_exactly(make: Maker) -> None:
    backend = make()
    backend.reset(everyone(backend), standing(backend, 3, height=0.8))
    targets = backend.character.default_joint_pos.expand(3, -1)
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
        for index in (0, 1):
            assert torch.equal(getattr(runs[0][index], name), getattr(runs[1][index], name)), name


def test_joint_order_is_the_characters(make: Maker) -> None:
    backend = make()
    state = standing(backend, 3)
    joints = torch.zeros_like(state.joint_pos)
    joints[:, list(backend.character.joint_names).index("joint_lKnee")] = 1.0
    still = torch.zeros(3, 3)
    upright = torch.tensor([0.0, 0.0, 0.0, 1.0]).expand(3, 4)
    backend.reset(
        everyone(backend),
        ResetState(state.root_pos, upright, still, still, joints, torch.zeros_like(joints)),
    )
    pos = backend.state().body_pos - backend.state().root_pos.unsqueeze(1)
    left, right = (pos[0, backend.character.body_index(n)] for n in ("lFoot", "rFoot"))
    assert left[0] < right[0] - 0.2 and left[2] > right[2] + 0.1


def test_parameters_outside_caps_are_refused(make: Maker) -> None:
    backend = make()
    params = PhysParams(friction=torch.tensor([0.5]))
    if "friction" in backend.caps:
        backend.set_params(torch.tensor([0]), params)
    else:
        with pytest.raises(InputError, match="cannot set friction; valid: none"):
            backend.set_params(torch.tensor([0]), params)


def on_feet(backend: SimBackend, count: int) -> ResetState:
    zeros = torch.zeros(count, 3)
    joints = backend.character.default_joint_pos.expand(count, -1)
    upright = torch.tensor([0.0, 0.0, 0.0, 1.0]).expand(count, 4)
    height = torch.tensor([0.0, 0.0, 0.874])
    return ResetState(zeros + height, upright, zeros, zeros, joints, torch.zeros_like(joints))


def test_the_ground_carries_the_weight_and_pushes_up(make_physics: Maker) -> None:
    backend = make_physics()
    backend.reset(everyone(backend), on_feet(backend, 3))
    forces = []
    for _ in range(25):
        backend.step(backend.character.default_joint_pos.expand(3, -1))
        forces.append(backend.state().ground_contact_force.clone())
    mean = torch.stack(forces[10:]).mean(0)
    # The ankles' spheres reach as low as the soles.
    names = ("lFoot", "rFoot", "lLowerLeg", "rLowerLeg")
    feet = [backend.character.body_index(n) for n in names]
    weight = 9.81 * float(backend.character.body_mass.sum())
    assert float(mean[0, feet, 2].sum()) == pytest.approx(weight, rel=0.1)
    others = [b for b in range(mean.shape[1]) if b not in feet]
    assert float(mean[0, others].abs().max()) == 0.0


def test_results_do_not_depend_on_the_number_of_threads() -> None:
    states = []
    for threads in (1, 2):
        backend = maker("mujoco")(8, threads=threads)
        backend.reset(everyone(backend), standing(backend, 8, height=0.9))
        for _ in range(20):
            backend.step(backend.character.default_joint_pos.expand(8, -1))
        states.append(backend.state())
    assert torch.equal(states[0].joint_pos, states[1].joint_pos)
    assert torch.equal(states[0].body_pos, states[1].body_pos)


def test_a_blow_up_is_reported_until_the_reset(
    make_physics: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    backend = make_physics()
    state = on_feet(backend, 3)
    state.joint_vel[1] = 1e12
    backend.reset(everyone(backend), state)
    targets = backend.character.default_joint_pos.expand(3, -1)
    for _ in range(2):
        backend.step(targets)
        assert backend.state().diverged.tolist() == [False, True, False]
    assert torch.isfinite(backend.state().joint_pos).all()
    backend.reset(torch.tensor([1]), on_feet(backend, 1))
    backend.step(targets)
    assert not backend.state().diverged.any()
    assert list(tmp_path.iterdir()) == []  # no MUJOCO_LOG.TXT


def test_parameters_change_the_physics_of_their_environment_alone(make_physics: Maker) -> None:
    def run(params: PhysParams | None) -> torch.Tensor:
        backend = make_physics()
        backend.reset(everyone(backend), on_feet(backend, 3))
        if params is not None:
            backend.set_params(torch.tensor([1]), params)
        for _ in range(10):
            backend.step(backend.character.default_joint_pos.expand(3, -1))
        return backend.state().root_pos

    plain = run(None)
    heavy = make_physics().character.body_mass.expand(1, -1) * 2.0
    for params, axis in (
        (PhysParams(push_force=torch.tensor([[300.0, 0.0, 0.0]])), 0),
        (PhysParams(body_mass=heavy), 2),
    ):
        changed = run(params)
        assert torch.equal(changed[[0, 2]], plain[[0, 2]])
        assert (changed[1, axis] - plain[1, axis]).abs() > 1e-5


def test_gravity_pulls_at_9_81(make_physics: Maker) -> None:
    backend = make_physics()
    state = on_feet(backend, 3)
    state = ResetState(**{**vars(state), "root_pos": state.root_pos + torch.tensor([0.0, 0, 5])})
    backend.reset(everyone(backend), state)
    for _ in range(10):
        backend.step(backend.character.default_joint_pos.expand(3, -1))
    # Discrete steps of 5 ms: velocity -g t exactly, while the drives hold the pose.
    assert float(backend.state().root_lin_vel[0, 2]) == pytest.approx(-9.81 * 0.2, rel=1e-3)


def test_loading_undoes_parameters_and_keeps_contact_forces(make_physics: Maker) -> None:
    backend = make_physics()
    backend.reset(everyone(backend), on_feet(backend, 3))
    targets = backend.character.default_joint_pos.expand(3, -1)
    for _ in range(10):
        backend.step(targets)
    saved, forces = backend.save_state(), backend.state().ground_contact_force.clone()
    backend.step(targets)
    expected = backend.state().root_pos.clone()
    params = PhysParams(
        friction=torch.full((3,), 0.1), body_mass=backend.character.body_mass.expand(3, -1) * 1.5
    )
    backend.set_params(everyone(backend), params)
    backend.step(targets)
    backend.load_state(saved)
    assert torch.equal(backend.state().ground_contact_force, forces)
    backend.reset(torch.tensor([0]), on_feet(backend, 1))
    assert torch.equal(backend.state().ground_contact_force[1:], forces[1:])
    backend.load_state(saved)
    backend.step(targets)
    assert torch.equal(backend.state().root_pos, expected)


def test_targets_out_of_the_drives_reach_pull_no_harder_than_their_effort(
    make_physics: Maker,
) -> None:
    results = []
    reach = 1000.0 / 300.0
    for lead in (reach, 100.0):
        backend = make_physics()
        state = on_feet(backend, 3)
        backend.reset(everyone(backend), state)
        backend.step(state.joint_pos + lead)
        results.append(backend.state().joint_pos)
    torch.testing.assert_close(*results)
