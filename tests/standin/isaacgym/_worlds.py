"""The physics of the stand-in: one MuJoCo model, one state for each world."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ElementTree

import mujoco
import numpy as np

from isaacgym._misuse import Misuse

STILL = "ISAACGYM_STANDIN_STILL"
"""Environment variable: no physics at all; for measuring what is around it."""
_FREE, _POSITION, _EFFORT = 0, 1, 3

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
        spec = mujoco.MjSpec.from_string(self.asset.text)
        spec.option.timestep = params.dt / params.substeps
        spec.option.gravity = [params.gravity.x, params.gravity.y, params.gravity.z]
        spec.option.integrator = getattr(
            mujoco.mjtIntegrator, "mjINT_DISCRETE", mujoco.mjtIntegrator.mjINT_IMPLICITFAST
        )
        spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
        spec.option.jacobian = mujoco.mjtJacobian.mjJAC_SPARSE
        if hasattr(mujoco.mjtDisableBit, "mjDSBL_AUTORESET"):  # PhysX does not mend a blow-up
            spec.option.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_AUTORESET)
        spec.worldbody.add_geom(
            name="_ground", type=mujoco.mjtGeom.mjGEOM_PLANE, size=[0.0, 0.0, 1.0],
            contype=1, conaffinity=0, friction=[plane_friction, 0.005, 0.0001],
        )  # fmt: skip
        for geom in spec.geoms:
            if geom.name != "_ground":
                geom.conaffinity, geom.contype = 1, 0 if filters else 1
                geom.condim, geom.friction = 3, [self.asset.friction, 0.005, 0.0001]
        for number, name in enumerate(self.asset.dof_names):
            own, joint = properties[number], spec.joint(name)
            limited = mujoco.mjtLimited
            joint.limited = int(limited.mjLIMITED_TRUE if own["hasLimits"] else
                                limited.mjLIMITED_FALSE)  # fmt: skip
            joint.range = [float(own["lower"]), float(own["upper"])]
            joint.armature = float(own["armature"])
            joint.frictionloss = float(own["friction"])
            joint.actfrclimited = int(limited.mjLIMITED_FALSE)
            actuator = spec.add_actuator(name=name, target=name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
            actuator.forcelimited = actuator.ctrllimited = int(limited.mjLIMITED_FALSE)
            if own["driveMode"] == _POSITION:
                actuator.set_to_position(kp=float(own["stiffness"]), kv=float(own["damping"]))
            elif own["driveMode"] == _EFFORT:
                actuator.set_to_motor()
            elif own["driveMode"] == _FREE:
                actuator.gainprm[0] = 0.0
            else:
                raise Misuse("this stand-in has no drive mode %d" % own["driveMode"])
        return spec.compile()

    def place(self, row, pos, quat_xyzw):
        """Put an actor somewhere before the simulation starts."""
        data = self.data[row]
        data.qpos[0:3], data.qpos[3:7] = pos, np.roll(quat_xyzw, 1)
        mujoco.mj_forward(self.model, data)

    def set_root(self, row, state):
        """Write position, xyzw, linear velocity of the centre of mass and angular velocity."""
        data = self._renewed(row)
        data.qpos[0:3], data.qpos[3:7] = state[0:3], np.roll(state[3:7], 1)
        turn = self._matrix(data)
        data.qvel[0:3] = state[7:10] - np.cross(state[10:13], turn @ self._root_com())
        data.qvel[3:6] = turn.T @ state[10:13]  # MuJoCo's is in the body's frame

    def set_joints(self, row, state):
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
        if os.environ.get(STILL):
            return
        for row, data in enumerate(self.data):
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
