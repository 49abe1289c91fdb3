"""The physics of the stand-in: one MuJoCo model, one state for each world."""

from __future__ import annotations

import os
import tempfile
import xml.etree.ElementTree as ElementTree

import mujoco
import numpy as np

from isaacgym._misuse import Misuse

STILL = "ISAACGYM_STANDIN_STILL"
"""Environment variable: ``StillWorlds``."""
_FREE, _POSITION, _EFFORT = 0, 1, 3
_LARGEST = 1e10
_HAS_DISCRETE = hasattr(mujoco.mjtIntegrator, "mjINT_DISCRETE")

if hasattr(mujoco, "MjLogConfig"):  # no MUJOCO_LOG.TXT of a blow-up
    _log = mujoco.MjLogConfig.get()
    _log.logto_file = _log.logto_console = False
    mujoco.MjLogConfig.set(_log)


class Asset:
    """A character as an importer sees it: names, and a model without drives, limits, armature."""

    def __init__(self, path, options):
        """Read a URDF file."""
        robot = ElementTree.parse(path).getroot()
        children = {joint.find("child").get("link") for joint in robot.findall("joint")}
        (root,) = [link.get("name") for link in robot.findall("link")
                   if link.get("name") not in children]  # fmt: skip
        if not options.fix_base_link:
            ElementTree.SubElement(robot, "link", name="_world")
            joint = ElementTree.SubElement(robot, "joint", name="_root", type="floating")
            ElementTree.SubElement(joint, "parent", link="_world")
            ElementTree.SubElement(joint, "child", link=root)
        fuse = "true" if options.collapse_fixed_joints else "false"
        compiler = ElementTree.SubElement(ElementTree.SubElement(robot, "mujoco"), "compiler")
        compiler.attrib.update(fusestatic=fuse, discardvisual="true", strippath="false",
                               balanceinertia="false")  # fmt: skip
        self.text = ElementTree.tostring(robot, encoding="unicode")
        model = mujoco.MjModel.from_xml_string(self.text)
        bodies = [model.body(i).name for i in range(1, model.nbody)]
        # The importer's own order: neither that of the file nor that of animRL.
        self.dof_names = sorted(
            model.joint(i).name for i in range(model.njnt)
            if model.jnt_type[i] == mujoco.mjtJoint.mjJNT_HINGE
        )  # fmt: skip
        self.body_names = [root] + sorted(set(bodies) - {root, "_world"})
        self.root = root
        self.drive_mode = int(options.default_dof_drive_mode)
        self.friction = 1.0


class Worlds:
    """All worlds of a simulation; rows are actors, columns as the asset has them."""

    def __init__(self, asset, count, params, properties, plane_friction, filters):
        """Compile the model with the actors' drives."""
        self.asset, self.count = asset, count
        self.model = self._compile(params, properties, plane_friction, filters)
        self.data = [mujoco.MjData(self.model) for _ in range(count)]
        model = self.model
        joints = [model.joint(name) for name in asset.dof_names]
        self.qpos = [int(joint.qposadr[0]) for joint in joints]
        self.qvel = [int(joint.dofadr[0]) for joint in joints]
        self.bodies = [model.body(name).id for name in asset.body_names]
        self.mode = properties["driveMode"]
        stiffness = np.maximum(properties["stiffness"], 1e-9)
        self.reach = properties["effort"] / stiffness
        self.effort = properties["effort"]
        self.targets = np.zeros((count, len(joints)))
        self.efforts = np.zeros((count, len(joints)))
        self.contacts = np.zeros((count, len(self.bodies), 3), np.float32)
        for data in self.data:
            mujoco.mj_resetData(model, data)
            mujoco.mj_forward(model, data)

    def _compile(self, params, properties, plane_friction, filters):
        """Edit the importer's model as MJCF, which old releases of MuJoCo take as well."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "asset.xml")
            mujoco.mj_saveLastXML(path, mujoco.MjModel.from_xml_string(self.asset.text))
            root = ElementTree.parse(path).getroot()
        option, gravity = ElementTree.SubElement(root, "option"), params.gravity
        implicit = "discrete" if _HAS_DISCRETE else "implicitfast"
        option.attrib.update(
            timestep=str(params.dt / params.substeps), integrator=implicit, cone="elliptic",
            jacobian="sparse", gravity="%r %r %r" % (gravity.x, gravity.y, gravity.z),
        )  # fmt: skip
        # PhysX does not mend a blow-up.
        ElementTree.SubElement(option, "flag", autoreset="disable")
        world = root.find("worldbody")
        for geom in world.iter("geom"):
            geom.attrib.update(conaffinity="1", contype="0" if filters else "1", condim="3",
                               friction="%r 0.005 0.0001" % self.asset.friction)  # fmt: skip
        ElementTree.SubElement(world, "geom", name="_ground", type="plane", size="0 0 1",
                               contype="1", conaffinity="0",
                               friction="%r 0.005 0.0001" % plane_friction)  # fmt: skip
        actuators = ElementTree.SubElement(root, "actuator")
        joints = {joint.get("name"): joint for joint in world.iter("joint")}
        for number, name in enumerate(self.asset.dof_names):
            self._set_joint(joints[name], properties[number])
            self._add_drive(actuators, name, properties[number])
        return mujoco.MjModel.from_xml_string(ElementTree.tostring(root, encoding="unicode"))

    @staticmethod
    def _set_joint(joint, own):
        joint.attrib.pop("actuatorfrcrange", None)
        # Without the integrator that takes stiff drives as they are, they need an armature.
        armature = float(own["armature"]) + (0.0 if _HAS_DISCRETE else 0.1)
        joint.attrib.update(
            limited="true" if own["hasLimits"] else "false", actuatorfrclimited="false",
            range="%r %r" % (float(own["lower"]), float(own["upper"])),
            armature=str(armature), frictionloss=str(float(own["friction"])),
        )  # fmt: skip

    @staticmethod
    def _add_drive(actuators, name, own):
        stiffness, damping = float(own["stiffness"]), float(own["damping"])
        gains = {_POSITION: (stiffness, -stiffness, -damping), _EFFORT: (1.0, 0.0, 0.0),
                 _FREE: (0.0, 0.0, 0.0)}  # fmt: skip
        if int(own["driveMode"]) not in gains:
            raise Misuse("this stand-in has no drive mode %d" % own["driveMode"])
        gain, spring, damper = gains[int(own["driveMode"])]
        ElementTree.SubElement(actuators, "general", name=name, joint=name, gainprm=repr(gain),
                               biastype="affine", biasprm="0 %r %r" % (spring, damper),
                               forcelimited="false", ctrllimited="false")  # fmt: skip

    def place(self, row, pos, quat_xyzw):
        """Put an actor somewhere before the simulation starts."""
        data = self.data[row]
        data.qpos[0:3], data.qpos[3:7] = pos, np.roll(quat_xyzw, 1)
        mujoco.mj_forward(self.model, data)

    def take(self, name, rows, values):
        """Take over what a setter was given, for some worlds."""
        for row in range(self.count)[rows] if isinstance(rows, slice) else rows:
            own = values[row].astype(np.float64)
            if name == "root":
                self._set_root(row, own)
            elif name == "dof":
                self._set_joints(row, own.reshape(-1, 2))
            else:
                getattr(self, name)[row] = own

    def _set_root(self, row, state):
        """Write position, xyzw, linear velocity of the centre of mass and angular velocity."""
        data = self._renewed(row)
        data.qpos[0:3], data.qpos[3:7] = state[0:3], np.roll(state[3:7], 1)
        turn = self._matrix(data)
        data.qvel[0:3] = state[7:10] - np.cross(state[10:13], turn @ self._root_com())
        data.qvel[3:6] = turn.T @ state[10:13]  # MuJoCo's is in the body's frame

    def _set_joints(self, row, state):
        """Write angles and velocities (dofs, 2)."""
        data = self._renewed(row)
        data.qpos[self.qpos], data.qvel[self.qvel] = state[:, 0], state[:, 1]

    def _renewed(self, row):
        """What the solver remembers of the last contacts goes, and NaN with it."""
        data = self.data[row]
        data.qacc_warmstart[:] = data.qacc[:] = 0.0
        return data

    def step(self, forces):
        """Advance all worlds by one step; ``forces`` (count, bodies, 3) or None act in it."""
        for row, data in enumerate(self.data):
            if not (np.abs(data.qvel) < _LARGEST).all():  # a blow-up, which stays one
                data.qpos[:] = data.qvel[:] = np.nan
                continue
            angles = data.qpos[self.qpos]
            held = np.clip(self.targets[row], angles - self.reach, angles + self.reach)
            torques = np.clip(self.efforts[row], -self.effort, self.effort)
            data.ctrl[:] = np.where(self.mode == _POSITION, held, torques)
            data.xfrc_applied[:] = 0.0
            if forces is not None:
                data.xfrc_applied[self.bodies, 0:3] = forces[row]
            mujoco.mj_step(self.model, data)
            self.contacts[row] = self._contact_forces(data)

    def roots(self):
        """Root states (count, 13), world frame."""
        states = np.zeros((self.count, 13), np.float32)
        for row, data in enumerate(self.data):
            turn = self._matrix(data)
            spin = turn @ data.qvel[3:6]
            states[row, 0:3], states[row, 3:7] = data.qpos[0:3], np.roll(data.qpos[3:7], -1)
            states[row, 7:10] = data.qvel[0:3] + np.cross(spin, turn @ self._root_com())
            states[row, 10:13] = spin
        return states

    def joints(self):
        """Angles and velocities (count, dofs, 2)."""
        return np.stack(
            [np.stack([d.qpos[self.qpos], d.qvel[self.qvel]], axis=-1) for d in self.data]
        ).astype(np.float32)

    def _matrix(self, data):
        matrix = np.zeros(9)
        mujoco.mju_quat2Mat(matrix, data.qpos[3:7])
        return matrix.reshape(3, 3)

    def _root_com(self):
        return self.model.body_ipos[self.bodies[0]]

    def _contact_forces(self, data):
        """Net force on each body (bodies, 3) of the step that was made."""
        total, wrench = np.zeros((self.model.nbody, 3)), np.zeros(6)
        for number in range(data.ncon):
            contact = data.contact[number]
            mujoco.mj_contactForce(self.model, data, number, wrench)
            force = contact.frame.reshape(3, 3).T @ wrench[:3]
            first, second = self.model.geom_bodyid[[contact.geom1, contact.geom2]]
            total[first] -= force
            total[second] += force
        return total[self.bodies]


class StillWorlds:
    """Worlds without physics, in which everything stays where it is put; they cost next to nothing.

    For measuring what is around the physics.
    """

    def __init__(self, asset, count, params, properties, plane_friction, filters):
        """Make arrays."""
        self.mode = properties["driveMode"]
        self._roots = np.zeros((count, 13), np.float32)
        self._joints = np.zeros((count, len(asset.dof_names), 2), np.float32)
        self.contacts = np.zeros((count, len(asset.body_names), 3), np.float32)
        self.targets = np.zeros((count, len(asset.dof_names)), np.float32)
        self.efforts = np.zeros_like(self.targets)

    def place(self, row, pos, quat_xyzw):
        """Put an actor somewhere."""
        self._roots[row, 0:3], self._roots[row, 3:7] = pos, quat_xyzw

    def take(self, name, rows, values):
        """Take over what a setter was given."""
        held = {"root": self._roots, "dof": self._joints}.get(name)
        held = getattr(self, name) if held is None else held
        held[rows] = values.reshape(held.shape)[rows]

    def step(self, forces):
        """Nothing moves."""

    def roots(self):
        """Root states (count, 13)."""
        return self._roots

    def joints(self):
        """Angles and velocities (count, dofs, 2)."""
        return self._joints
