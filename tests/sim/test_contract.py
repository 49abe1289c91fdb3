"""The engine contract: one suite that every engine passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from animRL.cfg.mimic.walk_config import WalkConfig
from animRL.sim.base import SimBackend
from animRL.sim.contract import KINEMATIC, Check, Maker, check, in_the_air
from animRL.sim.factory import ENGINES, make_backend, warp_is_installed
from animRL.sim.physics_contract import PHYSICAL, a_blow_up_is_reported_until_the_reset
from tests.standin.start import use_standin

PHYSICAL_ENGINES = ("mujoco", "warp", "isaacgym")


def maker(engine: str, **settings: object) -> Maker:
    """Build an engine; a worker is started once for all checks, for a start takes a second."""
    if engine == "warp" and not warp_is_installed():
        pytest.skip("the extra gpu (mujoco-warp) is not installed")

    def build(num_envs: int) -> SimBackend:
        cfg = WalkConfig()
        given = {"engine": engine, "device": "cpu", "threads": 1, "isaacgym.pipeline": "cpu"}
        for path, value in {**given, **settings}.items():
            cfg.set("sim." + path, value)
        if engine != "isaacgym":
            return make_backend(cfg, num_envs)
        if num_envs not in _workers:
            _workers[num_envs] = make_backend(cfg, num_envs)
            _closing[num_envs] = _workers[num_envs].close
            _workers[num_envs].close = lambda: None  # type: ignore[method-assign]
        return _workers[num_envs]

    return build


_workers: dict[int, SimBackend] = {}
_closing: dict[int, Callable[[], None]] = {}


@pytest.fixture(scope="module", autouse=True)
def no_worker_stays() -> Iterator[None]:
    yield
    for close in _closing.values():
        close()
    _workers.clear()
    _closing.clear()


@pytest.fixture(autouse=True)
def standin(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the place of Isaac Gym, which cannot be installed."""
    use_standin(monkeypatch)


@pytest.mark.parametrize("one", KINEMATIC, ids=lambda one: one.__name__)
@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine(engine: str, one: Check) -> None:
    check(one, maker(engine))


@pytest.mark.parametrize("one", PHYSICAL, ids=lambda one: one.__name__)
@pytest.mark.parametrize("engine", PHYSICAL_ENGINES)
def test_every_engine_with_physics(engine: str, one: Check) -> None:
    check(one, maker(engine))


def test_the_suite_finds_an_engine_that_mixes_up_joints() -> None:
    """A check that cannot fail would say nothing."""

    def shuffled(num_envs: int) -> SimBackend:
        backend = maker("mujoco")(num_envs)
        step, order = backend.step, torch.arange(32)
        order[[3, 30]] = order[[30, 3]]  # the knees
        backend.step = lambda targets: step(targets[:, order])  # type: ignore[method-assign]
        return backend

    named = {one.__name__: one for one in (*KINEMATIC, *PHYSICAL)}
    with pytest.raises(AssertionError, match="target of joint_lKnee moved joint_rKnee"):
        check(named["joints_are_in_the_characters_order"], shuffled)


def test_results_do_not_depend_on_the_number_of_threads() -> None:
    states = []
    for threads in (1, 2):
        backend = maker("mujoco", threads=threads)(8)
        backend.reset(torch.arange(8), in_the_air(backend, 8, height=0.9))
        for _ in range(20):
            backend.step(backend.character.default_joint_pos.expand(8, -1))
        states.append(backend.state())
    assert torch.equal(states[0].joint_pos, states[1].joint_pos)
    assert torch.equal(states[0].body_pos, states[1].body_pos)


@pytest.mark.parametrize("engine", PHYSICAL_ENGINES)
def test_a_blow_up_leaves_no_file_in_the_working_directory(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    check(a_blow_up_is_reported_until_the_reset, maker(engine))
    assert list(tmp_path.iterdir()) == []  # no MUJOCO_LOG.TXT
