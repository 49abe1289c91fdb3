"""The simulation: types, and the calls that animRL makes of ``Gym``."""

from __future__ import annotations

import enum
import os
import sys
import weakref

if "torch" in sys.modules:
    raise ImportError("PyTorch was imported before isaacgym modules: import isaacgym first")

import numpy as np

from isaacgym._misuse import Misuse
from isaacgym._worlds import STILL, Asset, StillWorlds, Worlds

SIM_PHYSX, SIM_FLEX = 0, 1
KEY_V, KEY_ESCAPE = 86, 256
FAILS = "ISAACGYM_STANDIN_FAILS"
"""Environment variable: what is not done, by the answer False: prepare_sim, or a setter's name."""
DOF_DTYPE = np.dtype(
    [("hasLimits", "?"), ("lower", "f4"), ("upper", "f4"), ("driveMode", "i4"), ("velocity", "f4"),
     ("effort", "f4"), ("stiffness", "f4"), ("damping", "f4"), ("friction", "f4"),
     ("armature", "f4")]
)  # fmt: skip


class UpAxis(enum.IntEnum):
    UP_AXIS_Y, UP_AXIS_Z = 0, 1


class DofDriveMode(enum.IntEnum):
    DOF_MODE_NONE, DOF_MODE_POS, DOF_MODE_VEL, DOF_MODE_EFFORT = 0, 1, 2, 3


class ContactCollection(enum.IntEnum):
    CC_NEVER, CC_LAST_SUBSTEP, CC_ALL_SUBSTEPS = 0, 1, 2


class IndexDomain(enum.IntEnum):
    DOMAIN_ENV, DOMAIN_ACTOR, DOMAIN_SIM = 0, 1, 2


class CoordinateSpace(enum.IntEnum):
    ENV_SPACE, LOCAL_SPACE, GLOBAL_SPACE = 0, 1, 2


for _kind in (UpAxis, DofDriveMode, ContactCollection, IndexDomain, CoordinateSpace):
    globals().update(_kind.__members__)


class _Struct:
    """Takes the fields it was made with and no other, as the real one's do."""

    _fields: dict = {}

    def __init__(self):
        self.__dict__.update(
            {name: value() if isinstance(value, type) else value
             for name, value in self._fields.items()}
        )  # fmt: skip

    def __setattr__(self, name, value):
        if name not in self._fields:
            raise AttributeError("%s has no attribute %r" % (type(self).__name__, name))
        expected = type(self.__dict__[name])
        number = expected in (int, float) and isinstance(value, (int, float))
        if not (isinstance(value, expected) or number):
            raise TypeError("%s.%s is a %s" % (type(self).__name__, name, expected.__name__))
        self.__dict__[name] = value


class Vec3:
    def __init__(self, x=0.0, y=0.0, z=0.0):
        self.x, self.y, self.z = float(x), float(y), float(z)


class Quat:
    def __init__(self, x=0.0, y=0.0, z=0.0, w=1.0):
        self.x, self.y, self.z, self.w = float(x), float(y), float(z), float(w)


class Transform(_Struct):
    _fields = {"p": Vec3, "r": Quat}


class PhysXParams(_Struct):
    _fields = {
        "use_gpu": False, "solver_type": 1, "num_position_iterations": 4,
        "num_velocity_iterations": 1, "contact_offset": 0.02, "rest_offset": 0.001,
        "bounce_threshold_velocity": 0.2, "max_depenetration_velocity": 100.0,
        "max_gpu_contact_pairs": 2**20, "default_buffer_size_multiplier": 2.0,
        "num_threads": 0, "contact_collection": ContactCollection.CC_ALL_SUBSTEPS,
    }  # fmt: skip


class SimParams(_Struct):
    _fields = {
        "dt": 1.0 / 60.0, "substeps": 2, "up_axis": UpAxis.UP_AXIS_Y, "gravity": Vec3,
        "use_gpu_pipeline": False, "physx": PhysXParams,
    }  # fmt: skip


class PlaneParams(_Struct):
    _fields = {"normal": Vec3, "distance": 0.0, "static_friction": 1.0, "dynamic_friction": 1.0,
               "restitution": 0.0}  # fmt: skip


class AssetOptions(_Struct):
    _fields = {
        "collapse_fixed_joints": False, "fix_base_link": False, "default_dof_drive_mode": 0,
        "replace_cylinder_with_capsule": False, "linear_damping": 0.5, "angular_damping": 0.5,
        "max_linear_velocity": 1000.0, "max_angular_velocity": 64.0, "armature": 0.0,
    }  # fmt: skip


class CameraProperties(_Struct):
    _fields = {"width": 1600, "height": 900}


class RigidShapeProperties(_Struct):
    _fields = {"friction": 1.0, "restitution": 0.0, "filter": 0}


class ActionEvent:
    def __init__(self, action, value):
        self.action, self.value = action, value


class Tensor:
    """A description of memory: the simulation's own, or that of a torch tensor."""

    _array = _owner = None

    @classmethod
    def _of(cls, torch_tensor):
        described = cls()
        described._owner = weakref.ref(torch_tensor)
        return described

    def _numbers(self, kind, count=None):
        """The content now; Misuse if the tensor is gone, or of another type or size."""
        if self._array is not None:
            array = self._array
        else:
            tensor = self._owner()
            if tensor is None:
                raise Misuse("a tensor was deleted before the simulation had read it")
            array = tensor.numpy()
        if array.dtype != kind:
            raise Misuse("a tensor of %s in place of %s" % (array.dtype, np.dtype(kind)))
        if count is not None and array.size != count:
            raise Misuse("a tensor of %d numbers in place of %d" % (array.size, count))
        return array


class Sim:
    def __init__(self, params, graphics_device):
        self.graphics_device = graphics_device
        self.params, self.envs, self.actors = params, [], []
        self.plane, self.worlds, self.acquired = None, None, {}
        self.setters, self.forces, self.refused = {}, None, os.environ.get(FAILS)


class Env:
    def __init__(self, sim):
        self.sim, self.actors = sim, []


class Viewer:
    def __init__(self):
        self.frames, self.actions = 0, {}


def acquire_gym():
    """The only instance."""
    return _GYM


class Gym:
    """See Isaac Gym's documentation; nothing here goes on after a mistake."""

    def create_sim(self, compute_device=0, graphics_device=0, type=SIM_FLEX, params=None):
        if type != SIM_PHYSX:
            raise Misuse("the tensor API is PhysX's")
        if params.use_gpu_pipeline or params.physx.use_gpu:
            raise Misuse("the stand-in has no GPU")
        if params.up_axis != UpAxis.UP_AXIS_Z or params.gravity.z >= 0.0:
            raise Misuse("z is up, and gravity points down")
        physx = {name: getattr(params.physx, name) for name in sorted(PhysXParams._fields)}
        print("physx: %r" % physx, flush=True)
        return Sim(params, graphics_device)

    def destroy_sim(self, sim):
        self._live(sim)
        sim.params = None

    def add_ground(self, sim, params):
        self._live(sim)
        if params.normal.z != 1.0:
            raise Misuse("the ground's normal is not z")
        sim.plane = params

    def load_asset(self, sim, rootpath, filename, options=None):
        self._live(sim)
        path = os.path.join(rootpath, filename)
        if options is not None and (options.linear_damping or options.angular_damping):
            raise Misuse("the stand-in has no damping of bodies, which is there by default")
        return Asset(path, options or AssetOptions()) if os.path.isfile(path) else None

    def get_asset_dof_names(self, asset):
        return list(asset.dof_names)

    def get_asset_rigid_body_names(self, asset):
        return list(asset.body_names)

    def get_asset_rigid_shape_properties(self, asset):
        return [RigidShapeProperties()]

    def set_asset_rigid_shape_properties(self, asset, props):
        asset.friction = props[0].friction
        return True

    def get_asset_dof_properties(self, asset):
        properties = np.zeros(len(asset.dof_names), DOF_DTYPE)
        properties["driveMode"] = asset.drive_mode
        return properties

    def create_env(self, sim, lower, upper, num_per_row):
        self._live(sim)
        if sim.worlds is not None:
            raise Misuse("no environment can be added after prepare_sim")
        if (lower.x, lower.y, upper.x, upper.y) != (0.0, 0.0, 0.0, 0.0):
            raise Misuse("the stand-in has all environments at one origin")
        sim.envs.append(Env(sim))
        return sim.envs[-1]

    def create_actor(self, env, asset, pose, name=None, group=-1, filter=-1, segmentationId=0):
        if env.actors:
            raise Misuse("the stand-in has one actor in an environment")
        if group in [actor["group"] for actor in env.sim.actors]:
            raise Misuse("two environments in one collision group would meet")
        actor = {"asset": asset, "group": group, "filter": filter,
                 "number": len(env.sim.actors), "properties": None,
                 "spot": (pose.p.x, pose.p.y, pose.p.z), "turn": pose.r}  # fmt: skip
        env.actors.append(actor)
        env.sim.actors.append(actor)
        return 0

    def get_actor_index(self, env, handle, domain):
        actor = self._actor(env, handle)
        return actor["number"] if domain == IndexDomain.DOMAIN_SIM else handle

    def set_actor_dof_properties(self, env, handle, properties):
        actor = self._actor(env, handle)
        if getattr(properties, "dtype", None) != DOF_DTYPE:
            raise Misuse("DOF properties are a structured array")
        actor["properties"] = properties.copy()
        return True

    def prepare_sim(self, sim):
        self._live(sim)
        if os.environ.get(FAILS) == "prepare_sim":
            return False
        first = sim.actors[0]
        spots = {(actor["spot"]) for actor in sim.actors}
        if len(spots) < len(sim.actors):
            raise Misuse("actors at one spot: PhysX makes pairs of them before it looks at groups")
        same = all(
            a["properties"] is not None and a["asset"] is first["asset"]
            and a["properties"].tobytes() == first["properties"].tobytes()
            for a in sim.actors
        )  # fmt: skip
        if not same or sim.plane is None:
            raise Misuse("the stand-in has equal actors, all with properties, on a ground")
        kind = StillWorlds if os.environ.get(STILL) else Worlds
        sim.worlds = kind(first["asset"], len(sim.actors), sim.params, first["properties"],
                          sim.plane.static_friction, first["filter"])  # fmt: skip
        for actor in sim.actors:
            r = actor["turn"]
            sim.worlds.place(actor["number"], actor["spot"], [r.x, r.y, r.z, r.w])
        return True

    def acquire_actor_root_state_tensor(self, sim):
        return self._acquire(sim, "root", (len(sim.actors), 13))

    def acquire_dof_state_tensor(self, sim):
        return self._acquire(sim, "dof", (len(sim.actors) * self._dofs(sim), 2))

    def acquire_net_contact_force_tensor(self, sim):
        return self._acquire(sim, "contact", (len(sim.actors) * self._bodies(sim), 3))

    def refresh_actor_root_state_tensor(self, sim):
        return self._refresh(sim, "root", lambda: sim.worlds.roots())

    def refresh_dof_state_tensor(self, sim):
        return self._refresh(sim, "dof", lambda: sim.worlds.joints().reshape(-1, 2))

    def refresh_net_contact_force_tensor(self, sim):
        return self._refresh(sim, "contact", lambda: sim.worlds.contacts.reshape(-1, 3))

    def set_dof_position_target_tensor(self, sim, tensor):
        if not (sim.worlds.mode == DofDriveMode.DOF_MODE_POS).all():
            raise Misuse("position targets for drives that follow none")
        return self._set(sim, "targets", tensor, len(sim.actors) * self._dofs(sim))

    def set_dof_actuation_force_tensor(self, sim, tensor):
        if not (sim.worlds.mode == DofDriveMode.DOF_MODE_EFFORT).all():
            raise Misuse("efforts for drives that take none")
        return self._set(sim, "efforts", tensor, len(sim.actors) * self._dofs(sim))

    def set_actor_root_state_tensor_indexed(self, sim, tensor, ids, count):
        return self._set(sim, "root", tensor, len(sim.actors) * 13, ids, count)

    def set_dof_state_tensor_indexed(self, sim, tensor, ids, count):
        return self._set(sim, "dof", tensor, len(sim.actors) * self._dofs(sim) * 2, ids, count)

    def apply_rigid_body_force_tensors(self, sim, forceTensor=None, torqueTensor=None,
                                       space=CoordinateSpace.ENV_SPACE):  # fmt: skip
        if torqueTensor is not None or space == CoordinateSpace.LOCAL_SPACE:
            raise Misuse("the stand-in knows forces in the environment's axes alone")
        sim.forces = forceTensor
        forceTensor._numbers(np.float32, len(sim.actors) * self._bodies(sim) * 3)
        return True

    def simulate(self, sim):
        """Take over what was set, advance, and leave nothing current in the tensors."""
        worlds, count = sim.worlds, len(sim.actors)
        for name, (tensor, ids) in sim.setters.items():
            values = tensor._numbers(np.float32).reshape(count, -1)
            rows = slice(None) if ids is None else ids._numbers(np.int32)
            worlds.take(name, rows, values)
        sim.setters = {}
        forces = None
        if sim.forces is not None:
            forces = sim.forces._numbers(np.float32).reshape(count, -1, 3)
        sim.forces = None
        worlds.step(forces)
        for array in sim.acquired.values():
            array[:] = np.nan

    def fetch_results(self, sim, wait):
        self._live(sim)

    def create_viewer(self, sim, properties):
        if sim.graphics_device < 0:
            raise Misuse("a viewer without a graphics device")
        print("viewer: opened", flush=True)
        return Viewer()

    def viewer_camera_look_at(self, viewer, env, eye, centre):
        pass

    def subscribe_viewer_keyboard_event(self, viewer, key, action):
        viewer.actions[key] = action

    def query_viewer_has_closed(self, viewer):
        return viewer.frames >= int(os.environ.get("ISAACGYM_STANDIN_FRAMES", "1000000"))

    def query_viewer_action_events(self, viewer):
        return []

    def poll_viewer_events(self, viewer):
        pass

    def step_graphics(self, sim):
        self._live(sim)

    def draw_viewer(self, viewer, sim, render_collision=False):
        viewer.frames += 1
        print("viewer: frame %d" % viewer.frames, flush=True)

    def destroy_viewer(self, viewer):
        print("viewer: closed after %d frames" % viewer.frames, flush=True)

    def _live(self, sim):
        if not isinstance(sim, Sim) or sim.params is None:
            raise Misuse("no simulation, or one that was destroyed")

    def _actor(self, env, handle):
        if not isinstance(env, Env) or not 0 <= handle < len(env.actors):
            raise Misuse("no actor %r in that environment" % (handle,))
        return env.actors[handle]

    def _dofs(self, sim):
        return len(sim.actors[0]["asset"].dof_names)

    def _bodies(self, sim):
        return len(sim.actors[0]["asset"].body_names)

    def _acquire(self, sim, name, shape):
        self._live(sim)
        if sim.worlds is None:
            raise Misuse("tensors are there after prepare_sim")
        sim.acquired[name] = np.full(shape, np.nan, np.float32)
        described = Tensor()
        described._array = sim.acquired[name]
        return described

    def _refresh(self, sim, name, values):
        self._live(sim)
        sim.acquired[name][:] = values()
        return True

    def _set(self, sim, name, tensor, size, ids=None, count=None):
        self._live(sim)
        if sim.refused == name:
            return False
        tensor._numbers(np.float32, size)
        if name in sim.setters:
            raise Misuse("%s set twice in a step: the real one heeds one call" % name)
        if ids is not None:
            numbers = ids._numbers(np.int32, count)
            if (
                len(set(numbers.tolist())) != count
                or not ((0 <= numbers) & (numbers < len(sim.actors))).all()
            ):
                raise Misuse("ids that are no actors, or twice the same")
        sim.setters[name] = tensor, ids
        return True


_GYM = Gym()
