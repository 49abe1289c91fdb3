"""The stand-in refuses what Isaac Gym does not take, or would take wrongly without a word."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from animRL.cfg.characters.bob_config import BobConfig
from animRL.sim.character import Character
from animRL.sim.urdf_export import urdf_of
from tests.standin.start import standin_variables

BEGIN = """
import sys
from isaacgym import gymapi, gymtorch
import numpy as np
import torch
gym = gymapi.acquire_gym()
params = gymapi.SimParams()
params.dt, params.substeps = 0.005, 1
params.up_axis, params.gravity = gymapi.UP_AXIS_Z, gymapi.Vec3(0.0, 0.0, -9.81)
sim = gym.create_sim(0, -1, gymapi.SIM_PHYSX, params)
plane = gymapi.PlaneParams()
plane.normal = gymapi.Vec3(0.0, 0.0, 1.0)
gym.add_ground(sim, plane)
options = gymapi.AssetOptions()
options.collapse_fixed_joints = True
options.linear_damping = options.angular_damping = 0.0
asset = gym.load_asset(sim, *sys.argv[1:3], options)
properties = gym.get_asset_dof_properties(asset)
properties["driveMode"], properties["stiffness"] = gymapi.DOF_MODE_POS, 300.0
properties["damping"], properties["effort"] = 50.0, 1000.0
pose, nowhere = gymapi.Transform(), gymapi.Vec3()
ids = []
for number in range(2):
    pose.p = gymapi.Vec3(2.0 * number, 0.0, 2.0)
    env = gym.create_env(sim, nowhere, nowhere, 1)
    actor = gym.create_actor(env, asset, pose, "bob", number, 1)
    gym.set_actor_dof_properties(env, actor, properties)
    ids.append(gym.get_actor_index(env, actor, gymapi.DOMAIN_SIM))
"""
READY = """
gym.prepare_sim(sim)
root = gymtorch.wrap_tensor(gym.acquire_actor_root_state_tensor(sim))
dof = gymtorch.wrap_tensor(gym.acquire_dof_state_tensor(sim))
gym.refresh_actor_root_state_tensor(sim)
gym.refresh_dof_state_tensor(sim)
ids = torch.tensor(ids, dtype=torch.int32)
def set_root(ids, count=None):
    gym.set_actor_root_state_tensor_indexed(
        sim, gymtorch.unwrap_tensor(root), gymtorch.unwrap_tensor(ids), count or len(ids))
"""
GOOD = {
    "a refresh shows what was simulated": """
assert abs(float(root[0, 2]) - 2.0) < 1e-6 and abs(float(root[0, 6]) - 1.0) < 1e-6
gym.simulate(sim)
assert torch.isnan(root).all() and torch.isnan(dof).all()  # stale
gym.refresh_actor_root_state_tensor(sim)
assert float(root[0, 9]) < -0.04
""",
    "velocities are in the world's frame, quaternions xyzw": """
half = 2 ** -0.5
root[:, 3:7] = torch.tensor([half, 0.0, 0.0, half])  # a quarter turn about x
root[:, 10:13] = torch.tensor([0.0, 0.0, 1.0])
set_root(ids)
gym.simulate(sim)
gym.refresh_actor_root_state_tensor(sim)
assert float(root[0, 12]) > 0.9 and abs(float(root[0, 11])) < 0.1
assert abs(float(root[0, 3]) - half) < 0.02
""",
    "only the worlds that are named are set": """
root[:, 2] = 5.0
kept = ids[1:].clone()
set_root(kept)
gym.simulate(sim)
gym.refresh_actor_root_state_tensor(sim)
assert float(root[0, 2]) < 2.1 and float(root[1, 2]) > 4.9
""",
}
GOOD["quaternions of torch_utils are xyzw"] = """
from isaacgym import gymutil, torch_utils
half = 2 ** -0.5
turn = torch.tensor([[0.0, 0.0, half, half]])  # a quarter turn about z
x, y = torch_utils.to_torch([[1.0, 0.0, 0.0]]), torch_utils.to_torch([[0.0, 1.0, 0.0]])
assert torch.allclose(torch_utils.quat_rotate(turn, x), y, atol=1e-6)
assert torch.allclose(torch_utils.quat_rotate_inverse(turn, y), x, atol=1e-6)
assert gymutil.parse_device_str("cuda:1") == ("cuda", 1)
"""
BAD = {
    "one call of a setter in a step": ("set_root(ids)\nset_root(ids)", "set twice in a step"),
    "ids of 32 bits": ("set_root(ids.long())", "int64 in place of int32"),
    "ids that stay": (
        "set_root(ids.clone())\ngym.simulate(sim)", "deleted before the simulation had read it"
    ),
    "ids of actors": ("far = ids + 1\nset_root(far)", "ids that are no actors"),
    "ids once": ("set_root(torch.zeros(2, dtype=torch.int32))", "deleted|ids that are no actors"),
    "as many ids as said": ("set_root(ids, 1)", "2 numbers in place of 1"),
    "contiguous": ("gymtorch.unwrap_tensor(root[:, ::2])", "not contiguous"),
    "single precision": (
        "a = torch.zeros(64, dtype=torch.float64)\n"
        "gym.set_dof_position_target_tensor(sim, gymtorch.unwrap_tensor(a))", "float64 in place of",
    ),
    "efforts for effort drives": (
        "a = torch.zeros(64)\ngym.set_dof_actuation_force_tensor(sim, gymtorch.unwrap_tensor(a))",
        "efforts for drives that take none",
    ),
    "handles": ("gym.get_actor_index(env, 3, gymapi.DOMAIN_SIM)", "no actor 3"),
    "a simulation that is there": (
        "gym.destroy_sim(sim)\ngym.refresh_dof_state_tensor(sim)", "one that was destroyed"
    ),
    "environments before prepare_sim": (
        "gym.create_env(sim, nowhere, nowhere, 1)", "after prepare_sim"
    ),
    "fields that there are": ("params.subteps = 2", "has no attribute 'subteps'"),
    "fields of their type": ("params.dt = '5 ms'", "SimParams.dt is a float"),
}  # fmt: skip
EARLY = {
    "characters apart": (
        BEGIN.replace("2.0 * number", "0.0") + "gym.prepare_sim(sim)", "actors at one spot"
    ),
    "damping that is there by default": (
        BEGIN.replace("options.linear_damping = options.angular_damping = 0.0\n", ""),
        "there by default",
    ),
    "a viewer on a graphics device": (
        BEGIN + "gym.create_viewer(sim, gymapi.CameraProperties())", "without a graphics device"
    ),
    "torch after isaacgym": ("import torch\nfrom isaacgym import gymapi", "import isaacgym first"),
    "tensors after prepare_sim": (
        BEGIN + "gym.acquire_dof_state_tensor(sim)", "there after prepare_sim"
    ),
    "properties as an array": (
        BEGIN + "gym.set_actor_dof_properties(env, actor, {'stiffness': 1.0})", "structured array"
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def urdf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("asset") / "bob.urdf"
    path.write_text(urdf_of(Character.from_config(BobConfig()).load_spec()), encoding="utf-8")
    return path


FORK = """
import os
def outcome(snippet):
    inward, outward = os.pipe()
    if os.fork() == 0:
        text = "taken"
        try:
            exec(snippet, dict(globals()))
        except BaseException as error:
            text = "%s: %s" % (type(error).__name__, error)
        os.write(outward, text.encode())
        os._exit(0)
    os.close(outward)
    with os.fdopen(inward) as stream:
        return stream.read()
import json
print(json.dumps({name: outcome(code) for name, code in json.loads(sys.argv[3]).items()}))
"""


def run(code: str, urdf: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, str(urdf.parent), urdf.name, *argv],
        capture_output=True, text=True, timeout=120, env={**os.environ, **standin_variables()},
    )  # fmt: skip


@pytest.fixture(scope="module")
def outcomes(urdf: Path) -> dict[str, str]:
    """What comes of each snippet, in a process of its own after the same beginning."""
    snippets = {**GOOD, **{name: code for name, (code, _) in BAD.items()}}
    done = run(BEGIN + READY + FORK, urdf, json.dumps(snippets))
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("name", GOOD)
def test_what_is_right_is_taken(name: str, outcomes: dict[str, str]) -> None:
    assert outcomes[name] == "taken"


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_refused(name: str, outcomes: dict[str, str]) -> None:
    assert re.search(BAD[name][1], outcomes[name])


@pytest.mark.parametrize("name", EARLY)
def test_what_comes_too_early_is_refused(name: str, urdf: Path) -> None:
    code, text = EARLY[name]
    done = run(code, urdf)
    assert done.returncode == 1 and re.search(text, done.stderr.splitlines()[-1]), done.stderr


def test_drives_that_are_not_set_do_not_pull(urdf: Path) -> None:
    """The importer's properties are empty: who forgets to set them has no drives."""
    forgets = BEGIN.replace(
        'properties["driveMode"], properties["stiffness"] = gymapi.DOF_MODE_POS, 300.0\n'
        'properties["damping"], properties["effort"] = 50.0, 1000.0\n', "",
    )  # fmt: skip
    assert forgets != BEGIN
    push = (
        READY + "a = torch.full((64,), 0.5)\n"
        "gym.set_dof_position_target_tensor(sim, gymtorch.unwrap_tensor(a))\n"
        "gym.simulate(sim)\ngym.refresh_dof_state_tensor(sim)\n"
        "print(float(dof[:, 1].abs().max()))\n"
    )
    done = run(BEGIN + push, urdf)
    assert done.returncode == 0 and float(done.stdout.split()[-1]) > 0.1, done.stderr
    options = "options.default_dof_drive_mode = int(gymapi.DOF_MODE_POS)\nasset ="
    done = run(forgets.replace("asset =", options) + push, urdf)
    assert done.returncode == 0 and float(done.stdout.split()[-1]) < 1e-3, done.stderr
    done = run(forgets + push, urdf)
    assert done.returncode == 1 and "position targets for drives that follow none" in done.stderr


def test_efforts_move_joints_of_effort_drives(urdf: Path) -> None:
    code = (
        BEGIN.replace("gymapi.DOF_MODE_POS", "gymapi.DOF_MODE_EFFORT")
        + READY
        + "a = torch.zeros(64)\na[:32] = 10.0\n"
        "gym.set_dof_actuation_force_tensor(sim, gymtorch.unwrap_tensor(a))\n"
        "gym.simulate(sim)\ngym.refresh_dof_state_tensor(sim)\n"
        "speeds = dof.view(2, 32, 2)[..., 1].abs()\n"
        "assert float(speeds[0].max()) > 0.1 and float(speeds[1].max()) < 1e-3\n"
    )
    done = run(code, urdf)
    assert done.returncode == 0, done.stderr
