"""The scene that MuJoCo draws: character, pale reference, checkered ground, light and sky."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from animRL.viewer.camera import FIELD_OF_VIEW, Camera
from animRL.viewer.captions import Colour
from animRL.viewer.opengl import mujoco_gl, offscreen_context
from animRL.viewer.poses import Pose

if TYPE_CHECKING:
    import mujoco

    from animRL.sim.character import Character

CHARACTER, REFERENCE = "character/", "reference/"
REFERENCE_RGBA = (0.60, 0.78, 0.95, 0.55)
_GROUPS = {CHARACTER: 0, REFERENCE: 1}
"""Geometry group of each figure, so that the reference can be left out of a picture."""
_FIRST_HIDDEN_GROUP = 3
"""MuJoCo draws the groups 0 to 2; models keep their collision shapes in the others."""
_SUN = (-0.9, 1.6, 4.5)
"""Where the sun stands [m] from the point looked at: towards the view, to its left, up."""
_BONE_RADIUS = 0.035


def build_model(character: Character, width: int, height: int) -> mujoco.MjModel:
    """Compile ground, light and the character twice, for pictures of at most width x height.

    Names of the figures' parts begin with `CHARACTER` and `REFERENCE`.
    """
    spec = _stage(width, height)
    for prefix, group in _GROUPS.items():
        figure = character.load_spec()
        _dress(figure, group, pale=prefix == REFERENCE)
        spec.attach(figure, prefix=prefix, frame=spec.worldbody.add_frame())
    return spec.compile()


def _stage(width: int, height: int) -> mujoco.MjSpec:
    """Checkered ground with a grid of 1 m, soft light with shadows, a sky with a gradient."""
    import mujoco

    spec = mujoco.MjSpec()
    visual = spec.visual
    visual.global_.offwidth, visual.global_.offheight = width, height
    visual.global_.fovy = FIELD_OF_VIEW
    visual.quality.shadowsize, visual.quality.offsamples = 2048, 4
    # Half of MuJoCo's default subdivision: most of the time of a software renderer goes there.
    visual.quality.numslices, visual.quality.numstacks = 20, 12
    visual.headlight.ambient = [0.50] * 3
    visual.headlight.diffuse = [0.38] * 3
    visual.headlight.specular = [0.05] * 3
    # Distances for clipping, fog and shadow are multiples of the model's extent.
    spec.stat.extent, spec.stat.center = 2.0, [0.0, 0.0, 1.0]
    visual.map.znear, visual.map.zfar = 0.05, 30.0
    visual.map.fogstart, visual.map.fogend = 4.0, 14.0
    visual.map.shadowclip = 1.6
    visual.rgba.fog = [0.86, 0.91, 0.96, 1.0]
    visual.rgba.haze = [0.86, 0.91, 0.96, 1.0]
    _add_ground_and_sky(spec)
    spec.worldbody.add_light(
        name="sun",
        type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
        castshadow=True,
        diffuse=[0.46, 0.44, 0.40],
        specular=[0.25] * 3,
        ambient=[0.0] * 3,
    )
    return spec


def _add_ground_and_sky(spec: mujoco.MjSpec) -> None:
    """A ground whose squares are 1 m wide, under a sky with a gradient."""
    import mujoco

    spec.add_texture(
        name="sky",
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        width=256,
        height=256,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=[0.45, 0.63, 0.84],
        rgb2=[0.90, 0.94, 0.97],
    )
    spec.add_texture(
        name="ground",
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        width=512,
        height=512,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
        mark=mujoco.mjtMark.mjMARK_EDGE,
        rgb1=[0.68, 0.73, 0.77],
        rgb2=[0.77, 0.81, 0.84],
        markrgb=[0.93, 0.95, 0.97],
    )
    ground = spec.add_material(
        name="ground", texrepeat=[0.5, 0.5], texuniform=True, specular=0.1, shininess=0.1
    )
    ground.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = "ground"
    spec.worldbody.add_geom(
        name="ground",
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=[0, 0, 0.1],
        material="ground",
        group=2,
    )


def _dress(spec: mujoco.MjSpec, group: int, pale: bool) -> None:
    """Put a figure's visible shapes into a group; give it bones if it has no visual shapes."""
    shapes = [geom for geom in spec.geoms if geom.group < _FIRST_HIDDEN_GROUP]
    if not any(geom.contype == 0 and geom.conaffinity == 0 for geom in shapes):
        shapes += _add_bones(spec)
    for shape in shapes:
        shape.group = group
        if pale:
            shape.material = ""
            shape.rgba = list(REFERENCE_RGBA)


def _add_bones(spec: mujoco.MjSpec) -> list[Any]:
    """Add a capsule from each body's origin to the origin of each of its children."""
    import mujoco

    bones = []
    for body in spec.bodies:
        if body is spec.worldbody or body.parent is None or body.parent.name == "world":
            continue
        if np.linalg.norm(body.pos) > 1e-3:
            bones.append(
                body.parent.add_geom(
                    type=mujoco.mjtGeom.mjGEOM_CAPSULE,
                    fromto=[0.0, 0.0, 0.0, *body.pos],
                    size=[_BONE_RADIUS, 0.0, 0.0],
                    contype=0,
                    conaffinity=0,
                    mass=0.0,
                    rgba=[0.80, 0.52, 0.35, 1.0],
                )
            )
    return bones


class Figures:
    """The two figures of a `build_model`, put where states are."""

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData, character: Character) -> None:
        """Find the figures' joints in a model whose ``data`` is written to."""
        self._data = data
        self._joints = {prefix: _addresses(model, prefix, character) for prefix in _GROUPS}

    def place(self, prefix: str, pose: Pose) -> None:
        """Write a state into the joint positions of `CHARACTER` or `REFERENCE`."""
        free, joints = self._joints[prefix]
        qpos = self._data.qpos
        qpos[free : free + 3] = pose.root_pos
        qpos[free + 3 : free + 7] = np.roll(pose.root_quat, 1)  # xyzw to MuJoCo's wxyz
        qpos[joints] = pose.joint_pos


def _addresses(
    model: mujoco.MjModel, prefix: str, character: Character
) -> tuple[int, NDArray[np.int64]]:
    """Where a figure's free joint (first of 7) and its joints (J,) lie in qpos."""
    root = model.body(prefix + character.body_names[0])
    free = int(model.jnt_qposadr[root.jntadr[0]])
    names = [prefix + name for name in character.joint_names]
    return free, np.array([model.joint(name).qposadr[0] for name in names], dtype=int)


class MujocoScene:
    """Draws states with MuJoCo's OpenGL renderer; the model is its own, no engine is touched."""

    def __init__(self, character: Character, width: int, height: int, platform: str) -> None:
        import mujoco

        self._mujoco = mujoco
        self._model = build_model(character, width, height)
        self._data = mujoco.MjData(self._model)
        self._sun = self._model.light("sun").id
        self._figures = Figures(self._model, self._data, character)
        self._view = mujoco.MjvOption()
        self._scene = mujoco.MjvScene(self._model, maxgeom=4 * self._model.ngeom + 100)
        self._scene.flags[mujoco.mjtRndFlag.mjRND_FOG] = True
        self._rect = mujoco.MjrRect(0, 0, width, height)
        self._shape = (height, width, 3)
        self._drawing = None
        with mujoco_gl(platform):
            self._context = offscreen_context(platform, width, height)
            self._context.make_current()
            self._drawing = mujoco.MjrContext(self._model, mujoco.mjtFontScale.mjFONTSCALE_100)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._drawing)

    @property
    def colours(self) -> tuple[Colour, Colour]:
        """Colours of character (its largest shape) and reference, 0 to 255, for a legend."""
        model = self._model
        volumes = np.where(
            model.geom_group == _GROUPS[CHARACTER], model.geom_aabb[:, 3:].prod(axis=1), -1.0
        )
        largest = int(np.argmax(volumes))
        material = int(model.geom_matid[largest])
        rgba = model.geom_rgba[largest] if material < 0 else model.mat_rgba[material]
        return _rgb(rgba), _rgb(REFERENCE_RGBA)

    def draw(self, pose: Pose, reference: Pose | None, camera: Camera) -> NDArray[np.uint8]:
        """Return a picture (height, width, 3) of the state, with the reference if given."""
        mujoco = self._mujoco
        self._figures.place(CHARACTER, pose)
        if reference is not None:
            self._figures.place(REFERENCE, reference)
        self._view.geomgroup[_GROUPS[REFERENCE]] = reference is not None
        self._move_sun(camera)
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_comPos(self._model, self._data)
        mujoco.mj_camlight(self._model, self._data)
        mujoco.mjv_updateScene(
            self._model,
            self._data,
            self._view,
            None,
            _free_camera(camera),
            mujoco.mjtCatBit.mjCAT_ALL,
            self._scene,
        )
        self._context.make_current()
        mujoco.mjr_render(self._rect, self._scene, self._drawing)
        picture = np.empty(self._shape, dtype=np.uint8)
        mujoco.mjr_readPixels(picture, None, self._rect, self._drawing)
        return picture[::-1].copy()

    def close(self) -> None:
        """Free the OpenGL context; the scene draws no more."""
        if self._drawing is not None:
            self._context.make_current()
            self._drawing.free()
            self._context.free()
            self._drawing = None

    def _move_sun(self, camera: Camera) -> None:
        # It goes along, since shadows are drawn only around it, and shines over the viewer's
        # left shoulder, so that faces are lit and shadows fall away from the viewer.
        azimuth = np.radians(camera.azimuth)
        cosine, sine = np.cos(azimuth), np.sin(azimuth)
        offset = np.array(
            [cosine * _SUN[0] - sine * _SUN[1], sine * _SUN[0] + cosine * _SUN[1], _SUN[2]]
        )
        self._model.light_pos[self._sun] = offset + [*camera.lookat[:2], 0.0]
        self._model.light_dir[self._sun] = -offset / np.linalg.norm(offset)


def _free_camera(camera: Camera) -> mujoco.MjvCamera:
    import mujoco

    free = mujoco.MjvCamera()
    free.type = mujoco.mjtCamera.mjCAMERA_FREE
    free.lookat[:] = camera.lookat
    free.distance, free.azimuth, free.elevation = (
        camera.distance,
        camera.azimuth,
        camera.elevation,
    )
    return free


def _rgb(rgba: Sequence[float]) -> Colour:
    red, green, blue = (round(255 * float(part)) for part in rgba[:3])
    return red, green, blue
