"""Check animRL's Isaac Gym engine on the Isaac Gym of this machine, and print a report to send.

Installs nothing and changes nothing. It puts the engine through the contract that all engines
keep, answers questions that only the real Isaac Gym can answer, and compares states, forces and a
policy with MuJoCo. The last need not agree: PhysX solves contacts otherwise.
"""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from animRL.scripts.cli import Parser, add_common_arguments, run_main
from animRL.sim.isaac_gym.worker_process import find_python
from animRL.utils.errors import InputError, ProcessLost
from animRL.utils.paths import REPO_ROOT

EXAMPLE = "python -m animRL.sim.isaac_gym.selfcheck --out report.txt"
HARSH = ("a_blow_up_is_reported_until_the_reset",)
"""Left out: what PhysX does with velocities of 1e12 may outlast the check."""
PUSH = 60.0
"""Of the question about friction [N]; Bob stands it for a moment."""
SPEED_STEPS = 100
# A trunk whose centre of mass is 0.2 m above its origin; it takes a joint to be a character.
OFFSET = """
<mujoco model="offset">
  <compiler angle="radian" autolimits="true"/>
  <worldbody>
    <body name="trunk">
      <inertial pos="0 0 0.2" mass="10" diaginertia="1 1 1"/>
      <body name="leg">
        <joint name="hip" axis="0 1 0" range="-1 1"/>
        <geom type="sphere" size="0.02" mass="0.01"/>
      </body>
    </body>
  </worldbody>
</mujoco>
"""


def main(argv: list[str] | None = None) -> int:
    """Print the report; 0 if the engine keeps the contract, else 1."""
    parser = Parser(__doc__ or "", EXAMPLE)
    parser.add_argument("--pipeline", choices=("gpu", "cpu"), default="gpu",
                        help="where Isaac Gym computes (default: gpu)")  # fmt: skip
    parser.add_argument("--num_envs", type=int, default=4096, metavar="N",
                        help="environments of the speed (default: 4096)")  # fmt: skip
    parser.add_argument("--episodes", type=int, default=50, metavar="N",
                        help="of the walk that ships, in both engines (default: 50)")  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write the report")
    add_common_arguments(parser, ("debug",))
    args = parser.parse_args(argv)
    if args.num_envs < 1 or args.episodes < 0:
        parser.error("--num_envs: valid: at least 1; --episodes: valid: 0 or more")
    python = find_python()
    lines: list[str] = []

    def tell(text: str = "") -> None:
        text = _without_places(text, python)
        lines.extend(text.splitlines() or [""])
        print(text, flush=True)

    try:
        failed = _report(args, tell)
    finally:
        if args.out is not None:
            _write(args.out, lines)
            print(f"the report lies in {args.out}")
    return int(failed > 0)


def _report(args: Any, tell: Callable[[str], None]) -> int:
    """Tell everything; returns how many promises are not kept."""
    tell(f"animRL self-check of the engine isaacgym, pipeline {args.pipeline}")
    tell("\nmachine")
    for name, value in _machine().items():
        tell(f"  {name:<22} {value}")
    try:
        backend = _backend(args, 1)
    except (InputError, ProcessLost) as error:
        tell(f"\nthe worker does not start: {error}")
        return 1
    tell(
        "  {:<22} Python {python}, torch {torch}, on {device}".format("worker", **backend.versions)
    )
    backend.close()
    tell("\nthe engine contract")
    failed = _contract(args, tell)
    tell("\nquestions that only Isaac Gym can answer")
    for question in (_velocity_of_the_root, _friction_in_the_forces, _height_at_rest, _speed):
        with _surviving(args, tell):
            tell("  " + question(args))
    tell("\nbeside MuJoCo")
    with _surviving(args, tell):
        tell(_parity(args))
    tell("\nthe contract is kept" if not failed else f"\npromises not kept: {failed}")
    return failed


def _without_places(text: str, python: Path) -> str:
    """The text without what tells where this machine keeps its files."""
    for place in (python.parent.parent, Path.home(), REPO_ROOT):
        if place != Path(place.anchor):
            text = text.replace(str(place), "~")
    return text


def _backend(args: Any, num_envs: int) -> Any:
    from animRL.sim.factory import make_backend

    return make_backend(_configuration(args), num_envs)


def _configuration(args: Any) -> Any:
    from animRL.cfg.mimic.walk_config import WalkConfig

    cfg = WalkConfig()
    cfg.set("sim.engine", "isaacgym")
    cfg.set("sim.isaacgym.pipeline", args.pipeline)
    return cfg


def _machine() -> dict[str, str]:
    import torch

    from animRL.utils.machine import provenance

    found = provenance(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        cards = subprocess.run(query, capture_output=True, text=True, timeout=30).stdout
    except (OSError, subprocess.SubprocessError):
        cards = ""
    return {
        "graphics cards": "; ".join(cards.split("\n")).strip("; ") or "none found by nvidia-smi",
        "processor": f"{found['processor']}, {os.cpu_count()} threads",
        "versions here": ", ".join(f"{n} {v}" for n, v in found["versions"].items()),
        "commit": str(found["git_commit"]),
    }


def _contract(args: Any, tell: Callable[[str], None]) -> int:
    """Put the engine through every check; returns how many fail."""
    from animRL.sim import contract, physics_contract

    failed = 0
    for one in (*contract.KINEMATIC, *physics_contract.PHYSICAL):
        name = one.__name__.replace("_", " ")
        if one.__name__ in HARSH:
            tell(f"  left out {name}")
            continue
        began = time.perf_counter()
        try:
            contract.check(one, lambda count: _backend(args, count))
        except Exception as error:  # of torch's and CUDA's many kinds; the rest is worth telling
            failed += 1
            tell(f"  FAILED   {name}: {type(error).__name__}: {' '.join(str(error).split())}")
            if args.debug:
                traceback.print_exc()
            continue
        tell(f"  kept     {name} ({time.perf_counter() - began:.1f} s)")
    return failed


def _velocity_of_the_root(args: Any) -> str:
    """Whether a root's velocity is that of its origin or of its centre of mass."""
    import torch

    from animRL.sim.base import ResetState
    from animRL.sim.character import Character
    from animRL.sim.isaac_gym.engine import IsaacGymBackend

    cfg = _configuration(args)
    with tempfile.TemporaryDirectory() as folder:
        asset = Path(folder) / "offset.xml"
        asset.write_text(OFFSET)
        names = SimpleNamespace(
            name="offset", asset=str(asset), joint_names=["hip"], default_joint_angles={},
            stiffness={"default": 100.0}, damping={"default": 10.0},
            effort_limit={"default": 100.0}, end_effectors={}, fall_bodies=[],
            anatomical_joints=[], hands=[], feet=[], friction=1.0,
        )  # fmt: skip
        backend = IsaacGymBackend(Character.from_config(names), cfg.sim, 1, "cpu")
    row = torch.zeros(1, 3)
    state = ResetState(row + torch.tensor([0.0, 0.0, 5.0]), torch.tensor([[0.0, 0.0, 0.0, 1.0]]),
                       row, torch.tensor([[1.0, 0.0, 0.0]]), row[:, :1], row[:, :1])  # fmt: skip
    backend.reset(torch.arange(1), state)
    backend.step(row[:, :1])
    way = float(backend.state().root_pos[0, 1]) / backend.dt
    backend.close()
    # Turning at 1 rad/s about x, an origin 0.2 m below a centre at rest moves at 0.2 m/s along y.
    near = "its centre of mass" if abs(way - 0.2) < abs(way) else "its origin"
    return f"a root's velocity is that of {near} (the origin moves at {way:.3f} m/s of 0.2 or 0)"


def _friction_in_the_forces(args: Any) -> str:
    """Whether ground forces hold friction, too."""
    import torch

    from animRL.sim.base import PhysParams
    from animRL.sim.contract import default, everyone, on_feet

    backend = _backend(args, 1)
    backend.reset(everyone(backend), on_feet(backend, 1))
    for _ in range(10):
        backend.step(default(backend))
    push = torch.tensor([[PUSH, 0.0, 0.0]], device=backend.device)
    backend.set_params(everyone(backend), PhysParams(push_force=push))
    found = []
    for _ in range(10):
        backend.step(default(backend))
        found.append(float(backend.state().ground_contact_force[0, :, 0].sum()))
    backend.close()
    return (f"pushed with {PUSH:g} N the ground's horizontal force is {min(found):.1f} to "
            f"{max(found):.1f} N (0: friction is left out)")  # fmt: skip


def _height_at_rest(args: Any) -> str:
    """How high Bob stands: contact offsets and thicknesses would lift him."""
    from animRL.sim.contract import STANDING_HEIGHT, default, everyone, on_feet

    backend = _backend(args, 1)
    backend.reset(everyone(backend), on_feet(backend, 1))
    for _ in range(15):
        backend.step(default(backend))
    height = float(backend.state().root_pos[0, 2])
    backend.close()
    return f"standing, his pelvis is at {height:.4f} m (put at {STANDING_HEIGHT} m)"


def _speed(args: Any) -> str:
    """How fast the engine is, and what of it is the bridge."""
    from animRL.sim.contract import apart, default, everyone, on_feet

    backend = _backend(args, args.num_envs)
    backend.reset(everyone(backend), apart(on_feet(backend, args.num_envs)))
    targets = default(backend)
    for _ in range(10):
        backend.step(targets)
    began, physics = time.perf_counter(), 0.0
    for _ in range(SPEED_STEPS):
        backend.step(targets)
        physics += backend.physics_seconds
    seconds = time.perf_counter() - began
    backend.close()
    rate, step = args.num_envs * SPEED_STEPS / seconds, 1000.0 * seconds / SPEED_STEPS
    bridge = step - 1000.0 * physics / SPEED_STEPS
    return (
        f"{args.num_envs} environments: {rate:,.0f} control steps a second, {step:.2f} ms each "
        f"for all, {bridge:.2f} ms of it the bridge"
    )


def _parity(args: Any) -> str:
    """The table of scripts/parity.py, with the policy of the walk that ships."""
    from animRL.scripts import parity

    run = "results/walk"
    command = ["--sim", "mujoco", "isaacgym", "--num_envs=8", "--steps=50",
               f"--policy={run}", f"--episodes={args.episodes}",
               "--second", f"sim.isaacgym.pipeline={args.pipeline}"]  # fmt: skip
    if not (REPO_ROOT / run).is_dir():
        command = [part for part in command if not part.startswith(("--policy", "--episodes"))]
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        parity.main(command)
    return "\n".join("  " + line for line in told.getvalue().splitlines())


@contextlib.contextmanager
def _surviving(args: Any, tell: Callable[[str], None]) -> Iterator[None]:
    """Tell what goes wrong, and go on: a report of the rest is worth more than none."""
    try:
        yield
    except Exception as error:  # as above
        tell(f"  could not be answered: {type(error).__name__}: {' '.join(str(error).split())}")
        if args.debug:
            traceback.print_exc()


def _write(path: Path, lines: list[str]) -> None:
    from animRL.utils.files import replacing

    with replacing(path) as stream:
        stream.write(("\n".join(lines) + "\n").encode())


if __name__ == "__main__":
    run_main(main)
