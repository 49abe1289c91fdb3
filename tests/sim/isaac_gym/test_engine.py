"""Isaac Gym's engine over the stand-in: agreement with MuJoCo, errors, crashes, what is left."""

from __future__ import annotations

import gc
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from animRL.cfg.mimic.walk_config import WalkConfig
from animRL.sim.base import PhysParams, ResetState
from animRL.sim.character import Character
from animRL.sim.contract import in_the_air, on_feet
from animRL.sim.factory import make_backend
from animRL.sim.isaac_gym.engine import IsaacGymBackend
from animRL.sim.isaac_gym.worker_process import VARIABLE
from animRL.utils.errors import InputError, ProcessLost
from animRL.utils.paths import REPO_ROOT
from tests.standin.start import use_standin

COUNTS = [pytest.param(5, id="5"), pytest.param(20, id="20", marks=pytest.mark.slow)]


@pytest.fixture(autouse=True)
def standin(monkeypatch: pytest.MonkeyPatch) -> None:
    use_standin(monkeypatch)


def make(
    num_envs: int = 2, engine: str = "isaacgym", settings: dict | None = None
) -> IsaacGymBackend:
    cfg = WalkConfig()
    given = {"sim.engine": engine, "sim.device": "cpu", "sim.threads": 1,
             "sim.isaacgym.pipeline": "cpu"}  # fmt: skip
    for path, value in {**given, **(settings or {})}.items():
        cfg.set(path, value)
    return make_backend(cfg, num_envs)  # type: ignore[return-value]


def open_descriptors() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def shared_memory() -> set[str]:
    return set(os.listdir("/dev/shm"))


ODD = {
    "character.stiffness": {"default": 300.0, "joint_lKnee": 520.0, "joint_rElbow_torsion": 90.0},
    "character.damping": {"default": 50.0, "joint_rHip_1": 21.0, "joint_lAnkle_1": 35.0},
    "character.effort_limit": 400.0,
    "character.friction": 0.4,
    "sim.mujoco.armature": 0.1,
    "sim.isaacgym.armature": 0.1,
}
"""Drives that differ from joint to joint, so that none is taken for another's."""


@pytest.mark.parametrize("settings", [{}, ODD], ids=["bob", "odd"])
def test_the_same_physics_behind_the_bridge_does_the_same(settings: dict) -> None:
    """The stand-in is MuJoCo, so every quantity that crosses the bridge must fit."""
    backends = [make(4, "mujoco", settings), make(4, "isaacgym", settings)]
    generator = torch.Generator().manual_seed(3)
    wanted = in_the_air(backends[0], 4, height=1.0)
    targets = [0.3 * torch.randn(4, 32, generator=generator) for _ in range(12)]
    targets[2] = 5.0 * targets[2]  # out of the drives' reach
    push = torch.tensor([[0.0, 0.0, 0.0], [200.0, 50.0, 0.0], [0.0, 0.0, 0.0], [-90.0, 0.0, 10.0]])
    states: list[list] = [[], []]
    for backend, seen in zip(backends, states):
        backend.reset(torch.arange(4), wanted)
        for step, target in enumerate(targets):
            if step == 4:
                backend.set_params(torch.arange(4), PhysParams(push_force=push))
            if step == 8:
                backend.reset(torch.tensor([1, 2]), in_the_air(backend, 2, height=0.9, seed=9))
            backend.step(target)
            seen.append(backend.state())
        backend.check()
        backend.close()
    touched = 0.0
    for one, two in zip(*states):
        for name, bound in (
            ("root_pos", 1e-4), ("root_lin_vel", 1e-2), ("root_ang_vel", 2e-2),
            ("joint_pos", 1e-3), ("joint_vel", 5e-2), ("body_pos", 1e-3),
        ):  # fmt: skip
            gap = float((getattr(one, name) - getattr(two, name)).abs().max())
            assert gap < bound, f"{name}: {gap:.2g}"
        weight = 9.81 * float(backends[0].character.body_mass.sum())
        gap = float((one.ground_contact_force - two.ground_contact_force).abs().max())
        assert gap < 0.02 * weight, gap
        touched = max(touched, float(one.ground_contact_force.abs().max()))
    assert touched > 100.0


def test_the_settings_of_physx_arrive() -> None:
    settings = {"sim.isaacgym.num_position_iterations": 7, "sim.isaacgym.contact_offset": 0.03,
                "sim.isaacgym.max_gpu_contact_pairs": 4096}  # fmt: skip
    backend = make(settings=settings)
    (line,) = (x for x in backend._worker.said().splitlines() if x.startswith("physx: "))
    backend.close()
    for text in ("'num_position_iterations': 7", "'contact_offset': 0.03", "'solver_type': 1",
                 "'max_gpu_contact_pairs': 4096", "'use_gpu': False"):  # fmt: skip
        assert text in line


def test_without_isaac_gym_one_line_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(VARIABLE)
    instead = r"without Isaac Gym: --sim=mujoco \(CPU\) or --sim=warp \(GPU\)"
    with pytest.raises(InputError, match=f"set {VARIABLE} to the python of its .*; {instead}"):
        make()
    for named in (tmp_path / "none", tmp_path):
        monkeypatch.setenv(VARIABLE, str(named))
        with pytest.raises(InputError, match=f"{VARIABLE}: '.*' is no program; valid: .*{instead}"):
            make()
    text = tmp_path / "text"
    text.write_text("no program")
    text.chmod(0o755)
    monkeypatch.setenv(VARIABLE, str(text))
    with pytest.raises(InputError, match="cannot run .*; valid: the python"):
        make()


def test_an_interpreter_without_isaac_gym_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONPATH")
    monkeypatch.setenv(VARIABLE, sys.executable)
    before = open_descriptors()
    with pytest.raises(InputError, match=r"lacks a package \(.*isaacgym.*valid: a Python 3.8 with"):
        make()
    assert open_descriptors() == before


def test_what_isaac_gym_refuses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(InputError, match="Isaac Gym: no CUDA device; valid: --set sim.isaacgym"):
        make(settings={"sim.isaacgym.pipeline": "gpu"})


def test_a_program_that_is_no_worker_is_told_with_its_last_lines(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "python"
    program.write_text(
        "#!/bin/sh\necho libpython3.8.so.1.0: cannot open shared object file\nexit 127\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv(VARIABLE, str(program))
    with pytest.raises(ProcessLost, match="ended with code 127; its last lines: libpython3.8"):
        make()
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    with pytest.raises(ProcessLost, match="did not answer within 1 s"):
        make(settings={"sim.isaacgym.start_seconds": 1.0})


@pytest.mark.parametrize("count", COUNTS)
def test_a_killed_worker_is_one_line_and_leaves_nothing(count: int) -> None:
    """At any instant of its life: while it starts, steps, waits."""
    draw, memory, descriptors = random.Random(4), shared_memory(), open_descriptors()
    for number in range(count):
        backend, killed = None, []

        def kill(wait: float, into: list = killed) -> None:
            time.sleep(wait)
            for pid in children():
                os.kill(pid, signal.SIGKILL)
                into.append(pid)

        thread = threading.Thread(target=kill, args=(draw.uniform(0.0, 3.0),))
        thread.start()
        with pytest.raises(ProcessLost) as caught:
            backend = make(8)
            state = on_feet(backend, 8)
            for step in range(100_000):
                if step % 7 == 0:
                    backend.reset(torch.arange(8), state)
                backend.step(state.joint_pos)
        thread.join()
        text = str(caught.value)
        assert "the Isaac Gym worker was ended by SIGKILL" in text and "\n" not in text, number
        if backend is not None:
            with pytest.raises(ProcessLost):
                backend.step(state.joint_pos)
            backend.close()
        del caught, backend
        assert not [pid for pid in killed if Path(f"/proc/{pid}").exists()]
    assert children() == []
    assert shared_memory() == memory
    assert open_descriptors() == descriptors


def children(parent: int | None = None) -> list[int]:
    """Workers of a process, of this one if none is named."""
    parent = os.getpid() if parent is None else parent
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if int(stat[1]) == parent and b"isaac_gym" in command and stat[0] != "Z":
                found.append(int(entry.name))
    return found


def test_an_engine_that_is_forgotten_ends_its_worker() -> None:
    memory, descriptors = shared_memory(), open_descriptors()
    for closed in (True, False):
        backend = make()
        assert len(children()) == 1
        if closed:
            backend.close()
            backend.close()
        del backend
        gc.collect()
        assert children() == []
    assert shared_memory() == memory and open_descriptors() == descriptors


def test_a_worker_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = make(settings={"sim.isaacgym.step_seconds": 1.0})
    (pid,) = children()
    os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    with pytest.raises(ProcessLost, match="did not answer within 1 s"):
        backend.step(on_feet(backend, 2).joint_pos)
    assert time.monotonic() - began < 10.0 and children() == []


def test_what_is_not_finite_in_a_reset_is_told_and_kept_out() -> None:
    backend = make()
    state = on_feet(backend, 2)
    bad = ResetState(**{**vars(state), "root_pos": state.root_pos * float("nan")})
    backend.reset(torch.arange(2), bad)
    backend.step(state.joint_pos)
    assert backend.state().diverged.all()
    assert torch.isfinite(backend.state().joint_pos).all()
    backend.close()


@pytest.mark.parametrize("what", ["prepare_sim", "dof", "targets"])
def test_what_isaac_gym_answers_by_no_is_an_error(
    monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setenv("ISAACGYM_STANDIN_FAILS", what)
    kind = InputError if what == "prepare_sim" else ProcessLost
    with pytest.raises(kind, match="could not prepare|worker failed: .*did not take the"):
        backend = make()
        backend.reset(torch.arange(2), on_feet(backend, 2))
        backend.step(on_feet(backend, 2).joint_pos)
    assert children() == []


def test_what_isaac_gym_only_prints_is_an_error() -> None:
    backend = make()
    backend.check()
    os.write(backend._worker._log.fileno(), b"otherwise, the simulation will miss interactions\n")
    with pytest.raises(InputError, match="Isaac Gym says: otherwise, .*; valid: fewer --num_envs"):
        backend.check()
    backend.check()
    backend.close()


def test_an_engine_that_was_closed_writes_into_no_other_file(tmp_path: Path) -> None:
    backend = make()
    state = on_feet(backend, 2)
    backend.close()
    files = [open(tmp_path / str(number), "wb") for number in range(12)]
    with pytest.raises(ProcessLost, match="was ended before"):
        backend._worker.ask(2, None, 1.0)
    for file in files:
        file.close()
        assert Path(file.name).read_bytes() == b""
    assert float(state.root_pos[0, 2]) > 0.0


def test_a_worker_ends_with_its_engine_while_it_builds(tmp_path: Path) -> None:
    code = "from tests.sim.isaac_gym.test_engine import make\nmake(100000)\n"  # minutes of building
    process = subprocess.Popen([sys.executable, "-c", code], cwd=REPO_ROOT)
    deadline = time.monotonic() + 60.0
    while not (own := children(process.pid)) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(3.0)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 10.0
    while any(Path(f"/proc/{pid}").exists() for pid in own) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert own and not [pid for pid in own if Path(f"/proc/{pid}").exists()]


def test_the_window_is_opened_when_asked_for_and_its_end_is_no_harm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ISAACGYM_STANDIN_FRAMES", "3")
    for window, display, frames in ((True, ":9", 3), (False, ":9", 0), (True, None, 0)):
        if display is None:
            monkeypatch.delenv("DISPLAY", raising=False)
        else:
            monkeypatch.setenv("DISPLAY", display)
        backend = make(settings={"sim.window": window})
        for _ in range(5):
            backend.step(on_feet(backend, 2).joint_pos)
        text = backend._worker.said()
        assert text.count("viewer: frame") == frames
        assert ("viewer: closed after 3 frames" in text) == bool(frames)
        backend.close()


SHIFT = ('<joint name="hip" axis="0 1 0"', '<joint name="hip" pos="0 0 0.02" axis="0 1 0"')


FOOTED = """
<mujoco model="footed">
  <compiler angle="radian" autolimits="true"/>
  <worldbody>
    <body name="trunk">
      <geom type="box" size="0.2 0.2 0.05" mass="4"/>
      <body name="shin" pos="0 0 -0.05">
        <joint name="hip" axis="0 1 0" range="-1.5 1.5"/>
        <geom type="capsule" fromto="0 0 -0.05 0 0 -0.35" size="0.04" mass="1" contype="0"
              conaffinity="0"/>
        <body name="sole" pos="0 0 -0.4">
          <geom type="box" size="0.3 0.3 0.02" mass="2"/>
        </body>
      </body>
    </body>
  </worldbody>
</mujoco>
"""


@pytest.mark.parametrize("hinge", ["at its origin", "off its origin"])
def test_a_body_on_a_fixed_joint_is_felt_at_the_one_that_carries_it(
    tmp_path: Path, hinge: str
) -> None:
    asset = tmp_path / "footed.xml"
    asset.write_text(FOOTED.replace(*SHIFT) if hinge == "off its origin" else FOOTED)
    config = SimpleNamespace(
        name="a/footed", asset=str(asset), joint_names=["hip"], default_joint_angles={},
        stiffness={"default": 300.0}, damping={"default": 30.0}, effort_limit={"default": 500.0},
        end_effectors={"sole": [0.0, 0.0, 0.0]}, fall_bodies=["trunk"],
        anatomical_joints=["shin"], hands=[], feet=["sole"], friction=1.0,
    )  # fmt: skip
    cfg = WalkConfig()
    cfg.set("sim.isaacgym.pipeline", "cpu")
    backend = IsaacGymBackend(Character.from_config(config), cfg.sim, 1, "cpu")
    state = ResetState(
        torch.tensor([[0.0, 0.0, 0.47]]), torch.tensor([[0.0, 0.0, 0.0, 1.0]]), torch.zeros(1, 3),
        torch.zeros(1, 3), torch.zeros(1, 1), torch.zeros(1, 1),
    )  # fmt: skip
    backend.reset(torch.arange(1), state)
    for _ in range(50):
        backend.step(torch.zeros(1, 1))
    force = backend.state().ground_contact_force[0]
    names = backend.character.body_names
    assert float(force[names.index("shin"), 2]) == pytest.approx(7.0 * 9.81, rel=0.05)
    assert float(force[names.index("sole")].abs().max()) == 0.0
    backend.close()
