"""The worlds of Isaac Gym, in a process of their own: every call of Isaac Gym is in this file.

It runs under the user's Python 3.8 with isaacgym, torch and NumPy alone, started by ``engine.py``
as ``python worker.py <in> <out> <memory>``: two pipes, whose messages are a header and JSON, and a
block of memory for the numbers. All calls are those of Isaac Gym Preview 4; NVIDIA's reasons for
their order stand in its documentation under "Tensor API".
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import select
import struct
import sys
import tempfile
import threading
import time
import traceback
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import numpy as np

VERSION = 1
"""Of messages and memory."""
MAX_PAYLOAD = 2**24
"""Bytes of a message; the largest, a character as URDF, has some 100 kB."""
START, STEP, STOP = 1, 2, 3
"""Commands: build the worlds that the payload describes; make one control step; end."""
READY, DONE, FAILED = 101, 102, 103
"""Answers: the worlds are there; the step is made; a line that says what is wrong."""
RESETS, PUSHES = 0, 1
"""In the memory's ``orders``: how many worlds are to be reset first, and whether any is pushed."""
SPACING = 2.0
"""Of the characters when they are made [m]."""
_MAGIC, _HEADER = b"aRLg", struct.Struct("<4sHHI")


class Closed(Exception):
    """The other end is gone."""


class Silent(Exception):
    """The other end has not answered in time."""


class Foreign(Exception):
    """The other end says what this one does not understand."""


class Refused(Exception):
    """The worlds cannot be built as asked; says why."""


class Sizes(NamedTuple):
    """How many there are of what; it decides the memory's layout."""

    worlds: int
    joints: int
    bodies: int


def send(
    pipe: int, kind: int, content: Optional[Dict[str, Any]] = None, seconds: Optional[float] = None
) -> None:
    """Write one message.

    Args:
        pipe: the end that is written.
        kind: command or answer.
        content: plain values.
        seconds: how long it may take; None: for ever. With a limit the pipe does not block.

    Raises:
        Closed, Silent
    """
    payload = b"" if content is None else json.dumps(content).encode("ascii")
    data = memoryview(_HEADER.pack(_MAGIC, VERSION, kind, len(payload)) + payload)
    end = None if seconds is None else time.monotonic() + seconds
    while data:
        _wait(pipe, select.POLLOUT, end)
        try:
            # So much fits where there is room at all.
            data = data[os.write(pipe, data[: select.PIPE_BUF]) :]
        except OSError as error:
            raise Closed(str(error)) from None


def receive(pipe: int, seconds: Optional[float] = None) -> Tuple[int, Dict[str, Any]]:
    """Read one message: its kind and its content.

    Args:
        pipe: the end that is read.
        seconds: how long it may take; None: for ever.

    Raises:
        Closed, Silent, Foreign
    """
    end = None if seconds is None else time.monotonic() + seconds
    magic, version, kind, length = _HEADER.unpack(_read(pipe, _HEADER.size, end))
    if magic != _MAGIC or length > MAX_PAYLOAD:
        raise Foreign("something else than a message")
    if version != VERSION:
        raise Foreign("messages of version %d, here it is %d" % (version, VERSION))
    return kind, json.loads(_read(pipe, length, end)) if length else {}


def _read(pipe: int, count: int, end: Optional[float]) -> bytes:
    data = b""
    while len(data) < count:
        _wait(pipe, select.POLLIN, end)
        try:
            part = os.read(pipe, count - len(data))
        except OSError as error:
            raise Closed(str(error)) from None
        if not part:
            raise Closed("end of the pipe")
        data += part
    return data


def _wait(pipe: int, event: int, end: Optional[float]) -> None:
    """Wait until a pipe can be read or written. Raises Silent."""
    if end is None:
        return
    waiting = select.poll()
    waiting.register(pipe, event)
    if not waiting.poll(1000.0 * max(0.0, end - time.monotonic())):
        raise Silent()


def _layout(sizes: Sizes) -> List[Tuple[str, str, Tuple[int, ...]]]:
    """Name, type and shape of each array in the shared memory; joints are in Isaac Gym's order.

    Towards the worker: ``orders``; ``targets`` [rad]; ``push`` [N]; of ``ids``, ``new_root`` and
    ``new_dof`` as many rows as there are resets. From it: ``root`` (position, xyzw, linear and
    angular velocity, world frame), ``dof`` (angle, velocity), ``force`` [N], and the ``seconds``
    that the physics took.
    """
    n, j, b = sizes
    return [
        ("orders", "i8", (2,)), ("targets", "f4", (n, j)), ("push", "f4", (n, 3)),
        ("ids", "i4", (n,)), ("new_root", "f4", (n, 13)), ("new_dof", "f4", (n, j, 2)),
        ("root", "f4", (n, 13)), ("dof", "f4", (n, j, 2)),
        ("force", "f4", (n, b, 3)), ("seconds", "f8", (1,)),
    ]  # fmt: skip


def _places(sizes: Sizes) -> Tuple[Dict[str, int], int]:
    """Where each array begins, and where the last one ends [bytes]."""
    places, end = {}, 0
    for name, kind, shape in _layout(sizes):
        places[name] = end
        size = int(np.prod(shape)) * np.dtype(kind).itemsize
        end += -(-size // 64) * 64  # a line of the processor's cache
    return places, end


def shared_arrays(memory: Any, sizes: Sizes) -> Dict[str, np.ndarray]:
    """The arrays in a mapped memory, by name."""
    places, _ = _places(sizes)
    return {
        name: np.frombuffer(memory, kind, int(np.prod(shape)), places[name]).reshape(shape)
        for name, kind, shape in _layout(sizes)
    }


def shared_bytes(sizes: Sizes) -> int:
    """Size of that memory."""
    return _places(sizes)[1]


def pin(torch: Any, memory: Any, device: Any) -> int:
    """Keep a mapped memory where a GPU copies from and to directly.

    Returns:
        Its address, for ``cudaHostUnregister``; 0 where the GPU refuses, so that copies are slower.
    """
    pages = np.frombuffer(memory, np.uint8)
    address, cuda = pages.ctypes.data, torch.cuda.cudart()
    if int(cuda.cudaHostRegister(address, pages.nbytes, 0)) == 0:
        return address
    try:
        torch.zeros(1, device=device).add_(1.0)  # takes the error that would stop a later call
    except RuntimeError:
        pass
    return 0


class World:
    """All worlds of one simulation."""

    def __init__(self, given: Dict[str, Any], sizes: Sizes, memory: Any) -> None:
        """Build what ``given`` describes (see ``engine.py``), and tell its first state."""
        from isaacgym import gymapi, gymtorch  # isort: skip  # before torch: it insists
        import torch

        self.api, self.interop, self.torch, self.given = gymapi, gymtorch, torch, given
        self.on_gpu = given["pipeline"] == "gpu"
        if self.on_gpu and not torch.cuda.is_available():
            raise Refused("no CUDA device; valid: --set sim.isaacgym.pipeline=cpu")
        self.device = "cuda:%d" % given["gpu"] if self.on_gpu else "cpu"
        arrays = shared_arrays(memory, sizes)
        self.shared = {name: torch.from_numpy(array) for name, array in arrays.items()}
        if self.on_gpu:
            torch.cuda.set_device(self.device)
            pin(torch, memory, self.device)
        torch.set_num_threads(1)  # nothing here is worth more; the cores are the physics'
        self.gym = gymapi.acquire_gym()
        self.sim = self._create_sim()
        self._add_ground()
        asset = self._load_asset()
        self._check_names(asset)
        self.envs = []  # type: List[Any]
        self.actors = []  # type: List[int]
        self._fill(asset)
        self.viewer = self._open_viewer() if given["viewer"] else None
        if self.gym.prepare_sim(self.sim) is False:
            raise Refused("Isaac Gym could not prepare the simulation: see its messages")
        self._wrap()
        self._refresh()
        self._tell()

    def _create_sim(self) -> Any:
        given, params = self.given, self.api.SimParams()
        params.dt = given["dt"]
        params.substeps = 1
        params.up_axis = self.api.UP_AXIS_Z
        params.gravity = self.api.Vec3(0.0, 0.0, -given["gravity"])
        params.use_gpu_pipeline = self.on_gpu
        params.physx.use_gpu = self.on_gpu
        params.physx.contact_collection = self.api.CC_LAST_SUBSTEP
        for name, value in given["physx"].items():
            setattr(params.physx, name, value)
        graphics = given["gpu"] if given["viewer"] else -1
        sim = self.gym.create_sim(given["gpu"], graphics, self.api.SIM_PHYSX, params)
        if sim is None:
            raise Refused("Isaac Gym could not create a simulation")
        return sim

    def _add_ground(self) -> None:
        plane = self.api.PlaneParams()
        plane.normal = self.api.Vec3(0.0, 0.0, 1.0)
        plane.static_friction = plane.dynamic_friction = self.given["friction"]
        plane.restitution = 0.0
        self.gym.add_ground(self.sim, plane)

    def _load_asset(self) -> Any:
        options = self.api.AssetOptions()
        options.collapse_fixed_joints = True
        options.fix_base_link = False
        options.replace_cylinder_with_capsule = False
        options.default_dof_drive_mode = int(self.api.DOF_MODE_POS)
        options.linear_damping = options.angular_damping = 0.0
        options.max_linear_velocity, options.max_angular_velocity = 1000.0, 1000.0
        with tempfile.TemporaryDirectory(prefix="animrl_isaac_gym_") as folder:
            with open(os.path.join(folder, "character.urdf"), "w") as file:
                file.write(self.given["urdf"])
            asset = self.gym.load_asset(self.sim, folder, "character.urdf", options)
        if asset is None:
            raise Refused("Isaac Gym could not load the character")
        shapes = self.gym.get_asset_rigid_shape_properties(asset)
        for shape in shapes:
            shape.friction, shape.restitution = self.given["friction"], 0.0
        self.gym.set_asset_rigid_shape_properties(asset, shapes)
        return asset

    def _check_names(self, asset: Any) -> None:
        """Find by their names the joints, whose order the importer decides, and the bodies."""
        self.joints = list(self.gym.get_asset_dof_names(asset))
        bodies = self.gym.get_asset_rigid_body_names(asset)
        if sorted(self.joints) != sorted(self.given["joints"]):
            raise Refused("the importer made other joints: %s" % ", ".join(self.joints))
        lost = [name for name in self.given["links"] if name not in bodies]
        if lost:
            raise Refused("the importer lost the links %s" % ", ".join(lost))
        rows = [bodies.index(name) for name in self.given["links"]]
        self.rows = self.torch.tensor(rows, dtype=self.torch.long, device=self.device)
        self.body_count = len(bodies)

    def _fill(self, asset: Any) -> None:
        """Put one character into each world; the importer drops drives, limits and armature."""
        properties = self.gym.get_asset_dof_properties(asset)
        properties["driveMode"][:] = int(self.api.DOF_MODE_POS)
        for field, values in self.given["drives"].items():
            by_name = dict(zip(self.given["joints"], values))
            properties[field][:] = [by_name[name] for name in self.joints]
        pose, nowhere = self.api.Transform(), self.api.Vec3(0.0, 0.0, 0.0)
        side = int(np.ceil(np.sqrt(self.given["worlds"])))
        for number in range(self.given["worlds"]):
            # The origins of all environments are one point, as the tensors' coordinates are the
            # world's; the characters are apart, since PhysX looks for pairs across groups as well.
            row, column = divmod(number, side)
            x, y = SPACING * row, SPACING * column
            pose.p = self.api.Vec3(x, y, self.given["height"])
            env = self.gym.create_env(self.sim, nowhere, nowhere, 1)
            # Worlds are collision groups; a filter that all parts share lets none meet another.
            actor = self.gym.create_actor(env, asset, pose, self.given["name"], number, 1)
            if self.gym.set_actor_dof_properties(env, actor, properties) is False:
                raise Refused("Isaac Gym did not take the drives")
            self.envs.append(env)
            self.actors.append(self.gym.get_actor_index(env, actor, self.api.DOMAIN_SIM))
        if self.actors != list(range(len(self.envs))):  # rows of the tensors are taken for worlds
            raise Refused("Isaac Gym has numbered the characters in another order than made")

    def _wrap(self) -> None:
        """Share the simulation's tensors; from here on they are written in place."""
        worlds, gym, wrap = len(self.envs), self.gym, self.interop.wrap_tensor
        self.root = wrap(gym.acquire_actor_root_state_tensor(self.sim)).view(worlds, 13)
        self.dof = wrap(gym.acquire_dof_state_tensor(self.sim)).view(worlds, -1, 2)
        contacts = gym.acquire_net_contact_force_tensor(self.sim)
        self.contacts = wrap(contacts).view(worlds, self.body_count, 3)
        self.forces = self.torch.zeros_like(self.contacts)

    def step(self) -> None:
        """Make one control step, resets first, and tell the state."""
        orders, unwrap = self.shared["orders"], self.interop.unwrap_tensor
        if orders[RESETS]:
            self._reset(int(orders[RESETS]))
        self.targets = self._taken("targets")
        if self.gym.set_dof_position_target_tensor(self.sim, unwrap(self.targets)) is False:
            raise RuntimeError("Isaac Gym did not take the targets")
        pushed = bool(orders[PUSHES])
        if pushed:
            self.forces[:, 0] = self._taken("push")  # the root is the first body
        began = time.perf_counter()
        for _ in range(self.given["substeps"]):
            if pushed:  # holds for one physics step
                self.gym.apply_rigid_body_force_tensors(
                    self.sim, unwrap(self.forces), None, self.api.ENV_SPACE
                )
            self.gym.simulate(self.sim)
            if not self.on_gpu:
                self.gym.fetch_results(self.sim, True)
        self._refresh()
        if self.on_gpu:
            self.torch.cuda.synchronize()
        self.shared["seconds"][0] = time.perf_counter() - began
        self._tell()
        if self.viewer is not None:
            self._draw()

    def _reset(self, count: int) -> None:
        """Put ``count`` worlds into their new states: all of them in one call of each setter.

        Isaac Gym heeds one call of a setter in a step, and reads the ids later, when it simulates.
        """
        self.ids = self._taken("ids", count)
        self.root[self.ids.long()] = self._taken("new_root", count)
        self.dof[self.ids.long()] = self._taken("new_dof", count)
        gym, unwrap = self.gym, self.interop.unwrap_tensor
        done = (
            gym.set_actor_root_state_tensor_indexed(
                self.sim, unwrap(self.root), unwrap(self.ids), count
            ),
            gym.set_dof_state_tensor_indexed(self.sim, unwrap(self.dof), unwrap(self.ids), count),
        )
        if False in done:
            raise RuntimeError("Isaac Gym did not take the states of a reset")

    def _refresh(self) -> None:
        """Let Isaac Gym bring the tensors up to date."""
        self.gym.refresh_actor_root_state_tensor(self.sim)
        self.gym.refresh_dof_state_tensor(self.sim)
        self.gym.refresh_net_contact_force_tensor(self.sim)

    def _tell(self) -> None:
        """Copy the tensors into the shared memory."""
        shared = self.shared
        shared["root"].copy_(self.root, non_blocking=self.on_gpu)
        shared["dof"].copy_(self.dof, non_blocking=self.on_gpu)
        if self.on_gpu:
            shared["force"].copy_(self.contacts.index_select(1, self.rows), non_blocking=True)
            self.torch.cuda.synchronize()
        else:
            self.torch.index_select(self.contacts, 1, self.rows, out=shared["force"])

    def _taken(self, name: str, count: Optional[int] = None) -> Any:
        """An array where Isaac Gym computes, or its first rows; on the CPU no copy is made."""
        return self.shared[name][:count].to(self.device, non_blocking=self.on_gpu)

    def _open_viewer(self) -> Any:
        viewer = self.gym.create_viewer(self.sim, self.api.CameraProperties())
        if viewer is None:
            return None
        eye, centre = self.api.Vec3(3.0, -4.0, 2.0), self.api.Vec3(0.0, 0.0, 0.9)
        self.gym.viewer_camera_look_at(viewer, None, eye, centre)
        self.gym.subscribe_viewer_keyboard_event(viewer, self.api.KEY_V, "draw")
        self.drawing = True
        return viewer

    def _draw(self) -> None:
        """Show the worlds; V stops and starts drawing, and closing the window ends it."""
        gym, viewer = self.gym, self.viewer
        if gym.query_viewer_has_closed(viewer):
            gym.destroy_viewer(viewer)
            self.viewer = None
            return
        for event in gym.query_viewer_action_events(viewer):
            if event.action == "draw" and event.value > 0:
                self.drawing = not self.drawing
        if not self.drawing:
            gym.poll_viewer_events(viewer)
            return
        if self.on_gpu:
            gym.fetch_results(self.sim, True)
        gym.step_graphics(self.sim)
        gym.draw_viewer(viewer, self.sim, True)  # what collides is the shape that the file has


def serve(commands: int, answers: int, memory: Any) -> None:
    """Answer commands until the other end asks to stop, or is gone."""
    world = None  # type: Optional[World]
    while True:
        kind, given = receive(commands)
        if kind == STOP:
            return  # what the worlds hold goes with the process
        if kind == START:
            sizes = Sizes(given["worlds"], len(given["joints"]), len(given["links"]))
            world = World(given, sizes, memory)
            send(answers, READY, {"joints": world.joints, "window": world.viewer is not None,
                                  "device": world.device, "torch": world.torch.__version__,
                                  "python": sys.version.split()[0]})  # fmt: skip
        elif kind == STEP and world is not None:
            world.step()
            send(answers, DONE)
        else:
            raise Foreign("command %d" % kind)


def end_with(commands: int) -> None:
    """End the process as soon as the other end is gone, also while worlds are being built."""
    waiting = select.poll()
    waiting.register(commands, 0)  # its end alone
    waiting.poll()
    os._exit(1)


def main(commands: int, answers: int, memory: int) -> int:
    """Serve over the descriptors that were inherited; 0 if it ended as it should."""
    threading.Thread(target=end_with, args=(commands,), daemon=True).start()
    try:
        serve(commands, answers, mmap.mmap(memory, os.fstat(memory).st_size))
    except Closed:
        return 0
    except BaseException as error:
        traceback.print_exc()
        line = " ".join(str(error).split())
        if not isinstance(error, Refused):
            line = "%s: %s" % (type(error).__name__, line)
        if len(line) > 300:  # what a compiler says stands at the end
            line = "%s ... %s" % (line[:140], line[-140:])
        try:
            send(answers, FAILED, {"line": line})
        except Closed:
            pass
        return 1
    return 0


if __name__ == "__main__":
    code = main(*(int(text) for text in sys.argv[1:4]))
    # Isaac Gym's libraries may not end cleanly; all that is left to do is to write what they said.
    ctypes.CDLL(None).fflush(None)
    os._exit(code)
