"""Bad files made by hand, twenty and more of each kind: the error names the field."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from animRL.sim.character import Character
from animRL.utils.errors import InputError
from tests.robustness.kinds import (
    ARM,
    KINDS,
    LEG,
    leg_config,
    on_a_skeleton,
    read_character,
    run,
    steps,
    walk,
)
from tests.robustness.test_bad_input import read, told

DELETED = object()


def placed(data: Any, *path: Any, value: Any = DELETED) -> Any:
    """A copy of parsed JSON with a value at a path exchanged, or deleted."""
    data = json.loads(json.dumps(data))
    group = data
    for key in path[:-1]:
        group = group[key]
    if value is DELETED:
        del group[path[-1]]
    else:
        group[path[-1]] = value
    return data


def odd(base: Callable[[], Any]) -> Callable[..., Callable[[], Any]]:
    """``odd(base)(path..., value=...)``: makes the input when the test runs."""
    return lambda *path, **value: lambda: placed(base(), *path, **value)


CLIP, BONES, RUN, STEPS = odd(walk), odd(on_a_skeleton), odd(run), odd(steps)
FRAME = ("Frames", 1)
MOTIONS = [
    (CLIP("Frames"), "Frames is missing"),
    (CLIP("Frames", value={}), "Frames has no frame"),
    (CLIP("Frames", value=[[]] * 3), r"Frames\[0\] has 0 columns"),
    (CLIP(*FRAME, value=None), r"Frames\[1\] has no columns"),
    (CLIP(*FRAME, 5, value=[]), r"Frames\[1\] holds something that is not a number"),
    (CLIP(*FRAME, 5, value=True), r"Frames\[1\] holds something that is not a number"),
    (CLIP(*FRAME, 9, value=float("-inf")), r"Frames\[1\]\[9\] is -inf"),
    (CLIP(*FRAME, 9, value=10**400), r"Frames\[1\]\[9\] is 1000"),
    (CLIP(*FRAME, 9, value=60.0), r"Frames\[1\].*radians"),
    (CLIP(*FRAME, 0, value=1e300), r"Frames\[1\]\[0\] is 1e\+300"),
    (CLIP(*FRAME, 80, value=-1e30), r"Frames\[1\]\[80\] is -1e\+30"),
    (CLIP(*FRAME, 6, value=7.0), r"Frames\[1\] root rotation"),
    (CLIP("FrameDuration", value=1e-320), "FrameDuration"),
    (CLIP("FrameDuration", value=True), "FrameDuration is 'True'"),
    (CLIP("MotionWeight", value=-1), "MotionWeight is -1"),
    (CLIP("MotionWeight", value=1e300), "MotionWeight is 1e"),
    (CLIP("Loop", value="\x1b[31mno"), r"Loop is '\\x1b\[31mno'"),
    (CLIP("OutputMode", value={"a": 1}), "OutputMode is"),
    (CLIP("JointNames", 3, value="a\nb"), r"JointNames: missing"),
    (CLIP("JointNames", 3, value="\ud800"), "half a character"),
    (CLIP("JointNames", value=[]), "Frames"),
    (CLIP("JointNames", value=[["a"]]), "JointNames is not a list of names"),
    (CLIP("EndEffectorNames", value="lFoot"), "EndEffectorNames is not a list"),
    (BONES("Skeleton", "Name", value=None), "Skeleton.Name"),
    (BONES("Skeleton", "Joints", value=[{}] * 2000), "Skeleton.Joints has 2000"),
    (BONES("Skeleton", "Joints", 1, "Parent", value=1), r"Joints\[1\].Parent is 1"),
    (BONES("Skeleton", "Joints", 1, "Offset", 2, value=1e300), r"Joints\[1\].Offset"),
    (BONES("Skeleton", "Joints", 1, "Offset", 2, value=10**400), r"Joints\[1\].Offset"),
    (BONES("Skeleton", "Joints", 1, "Radius", value=10**400), r"Joints\[1\].Radius"),
    (BONES("Skeleton", "Joints", 1, "Role", value=3), r"Joints\[1\].Role"),
    (BONES("Skeleton", "Joints", 1, "Hinges", value="h"), r"Joints\[1\].Hinges"),
    (lambda: '{"Frames": 1, "Frames": 2}', "'Frames' comes twice"),
    (lambda: "[" * 100_000, "nested too deep"),
    (lambda: '{"a":' * 100 + "1" + "}" * 100, "nested deeper than 32"),
]
ENV, TRAIN = ("env_cfg",), ("train_cfg",)
RUNS = [
    (RUN("train_cfg"), "train_cfg"),
    (RUN("env_cfg", value=[]), "env_cfg"),
    (RUN("task", value="fly"), "task"),
    (RUN(*ENV, "env", value=3), "env: expected a group"),
    (RUN(*ENV, "env", "num_envs", value=10**7), "env.num_envs: expected .*1000000"),
    (RUN(*ENV, "env", "num_envs", value=10**6), "env.num_envs 1000000: about .* of memory"),
    (RUN(*ENV, "env", "episode_length", value=10**300), "env.episode_length"),
    (RUN(*ENV, "env", "spacing", value=float("nan")), "env.spacing"),
    (RUN(*ENV, "sim", "threads", value=1024), "sim.threads"),
    (RUN(*ENV, "sim", "engine", value="os.system"), "sim.engine is 'os.system'"),
    (RUN(*ENV, "sim", "device", value="cpu; rm"), "sim.device"),
    (RUN(*ENV, "sim", "warp", "njmax", value=10**9), "sim.warp.njmax"),
    (RUN(*ENV, "motion_loader", "motion_files", value=[]), "motion_loader.motion_files"),
    (RUN(*ENV, "motion_loader", "motion_files", value=["a"] * 10**4), "motion_files"),
    (RUN(*ENV, "motion_loader", "motion_files", value=["/etc/passwd"]), "motion_files"),
    (RUN(*ENV, "motion_loader", "motion_files", value=["/*/*/*/*"]), "motion_files"),
    (RUN(*ENV, "rewards", "terms", "__class__", value=[1, 0]), "rewards.terms"),
    (RUN(*ENV, "rewards", "terms", "needs", value=[1.0, 0.0]), "rewards.terms.needs: no method"),
    (RUN(*ENV, "rewards", "terms", "track_ee_pos", value=[0, 0]), "rewards.terms.track_ee_pos"),
    (RUN(*ENV, "character", "asset", value="/etc/passwd"), "character.asset"),
    (RUN(*ENV, "character", "joint_names", value=["x"]), "character.joint_names"),
    (RUN(*ENV, "character", "stiffness", value={"default": 1e300}), "character.stiffness"),
    (RUN(*ENV, "character", "damping", value={}), "character.damping"),
    (RUN(*ENV, "character", "end_effectors", value={"lFoot": [1]}), "character.end_effectors"),
    (RUN(*ENV, "character", "feet", value=["\x1b[2J"]), r"character.feet.*\\x1b"),
    (RUN(*ENV, "a\nb" * 1000, value=1), r"no such setting"),
    (RUN(*TRAIN, "policy", "hidden_dims", value=[100_000] * 50), "policy.hidden_dims"),
    (RUN(*TRAIN, "policy", "hidden_dims", value=[16_384] * 16), "policy.hidden_dims .* of memory"),
    (RUN(*TRAIN, "policy", "phase_bins", value=10**9), "policy.phase_bins"),
    (RUN(*TRAIN, "policy", "activation", value="eval"), "policy.activation"),
    (RUN(*TRAIN, "runner", "experiment_name", value="../../x"), "runner.experiment_name"),
    (RUN(*TRAIN, "runner", "run_name", value="\ud800"), "run_name|half a character|not JSON"),
    (RUN(*TRAIN, "runner", "class_name", value="os.system"), "runner.class_name: no such setting"),
]
RECORDINGS = [
    (STEPS(1, "root_states"), "step 1: missing root_states"),
    (STEPS(1, value=3), "step 1: int"),
    *((STEPS(2, key, value=value), f"step 2: {key}") for key in ("dof_vel", "phase", "base_quat")
      for value in (None, "text", [], [[1.0]], {"a": 1})),
    (STEPS(1, "phase", 0, value=float("nan")), "step 1: phase: NaN"),
    (STEPS(1, "phase", 0, value=10**400), "step 1: phase"),
    (STEPS(1, "phase", 0, value=1e300), "step 1: phase: NaN or infinite"),
    (STEPS(1, "root_states", 0, 3, value=9.0), "step 1: root_states: rotation"),
    (STEPS(0, "ee_global", value=[[]]), "step 0: ee_global"),
    (STEPS(0, "dof_pos", value=[[], []]), "step 0: dof_pos"),
    (STEPS(1, "anchored", value="no"), "step 1: anchored is 'no'"),
    (STEPS(1, "anchored", value=False), '"anchored" differs'),
    (lambda: [[[]]], "step 0: list"),
    (lambda: "{}", "dict; valid"),
    (lambda: '[{"phase": 1, "phase": 2}]', "'phase' comes twice"),
]  # fmt: skip
BOMB = (
    '<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "' + "&a;" * 1000 + '">]><mujoco>&b;</mujoco>'
)
OUTSIDE = '<!DOCTYPE b [<!ENTITY a SYSTEM "file:///etc/passwd">]><mujoco>&a;</mujoco>'


def leg(old: str, new: str) -> Callable[[], str]:
    assert old in LEG, old
    return lambda: LEG.replace(old, new)


ASSETS = [
    (lambda: BOMB, "declares entities"),
    (lambda: OUTSIDE, "declares entities"),
    (lambda: "<html/>", "begins with <html>"),
    (lambda: "<a>" * 1000, "deeper than"),
    (lambda: "<mujoco>" + "<a/>" * 30_000 + "</mujoco>", "more than 20000 elements"),
    (leg("<light", '<include file="/etc/passwd"/><light'), "<include> is not supported"),
    (leg("<asset>", '<extension><plugin plugin="x.so"/></extension><asset>'), "<extension>"),
    (leg("<light", '<replicate count="1000000000"/><light'), "<replicate>"),
    (leg("<light", '<composite type="cable" count="9 9 9"/><light'), "<composite>"),
    (leg("<asset>", '<asset><hfield name="h" nrow="99999" ncol="99999"/>'), "<hfield>"),
    (leg("<asset>", '<asset><texture name="t" builtin="flat" width="99999" height="9"/>'), "width"),
    (leg("<asset>", '<asset><texture name="t" file="/etc/passwd"/>'), "<texture> file"),
    (leg('file="block.obj"', 'file="/etc/passwd"'), "<mesh> file is '/etc/passwd'"),
    (leg('file="block.obj"', 'file="/dev/zero"'), "<mesh> file is '/dev/zero'"),
    (leg('file="block.obj"', 'file="../../../../../x.obj"'), "no file"),
    (leg('meshdir="meshes"', 'meshdir="/etc"'), "no file '/etc/block.obj'"),
    (leg('mass="2"', 'mass="nan"'), "<geom> mass is 'nan'"),
    (leg('mass="2"', 'mass="1e300"'), "<geom> mass is '1e300'"),
    (leg('size="0.1"', 'size="-inf"'), "<geom> size"),
    (leg('name="thigh"', 'name="\x01"'), "no valid MJCF"),
    (leg('name="thigh"', 'name="' + "x" * 200_000 + '"'), "<body> name is longer"),
    (leg('name="knee" type="hinge"', 'name="knee" type="ball"'), "'knee' of 'foot' is not hinge"),
    (leg('<body name="thigh"', '<body name="other"'), "no valid MJCF|thigh"),
    (leg("<mujoco", "<mujoco><mujoco"), "no valid MJCF"),
    (lambda: "\xff\xfe".encode("latin-1"), "no valid MJCF"),
    (lambda: LEG.replace("<light", "<body name='x'/>" * 1001 + "<light"), "1004 bodies"),
]
SETTINGS = [
    ({"joint_names": ["knee"]}, "character.joint_names.*hip_y"),
    ({"joint_names": ["knee", "\x1b[31m"]}, r"character.joint_names.*\\x1b"),
    ({"joint_names": []}, "character.joint_names"),
    ({"end_effectors": {"foot": 3}}, "character.end_effectors"),
    ({"stiffness": {"kne": 1.0}}, "character.stiffness"),
    ({"asset": "\0"}, "character.asset"),
    ({"asset": "~nobody/x.xml"}, "character.asset"),
    ({"asset": "/dev/stdin"}, "character.asset"),
]


def check(kind: str, folder: Path, content: Any, message: str) -> None:
    path = folder / KINDS[kind].file
    if not isinstance(content, bytes):
        content = (content if isinstance(content, str) else json.dumps(content)).encode()
    path.write_bytes(content)
    found = read(kind, path)
    assert found.startswith("refused: ") and re.search(message, found), found


@pytest.mark.parametrize(
    ("kind", "make", "message"),
    [
        (kind, *case)
        for kind, cases in (
            ("motion", MOTIONS), ("run", RUNS), ("recording", RECORDINGS), ("mjcf", ASSETS),
        )
        for case in cases
    ],
)  # fmt: skip
def test_the_error_names_the_field(
    kind: str, make: Callable[[], Any], message: str, tmp_path: Path
) -> None:
    check(kind, tmp_path, make(), message)


@pytest.mark.parametrize(("changes", "message"), SETTINGS)
def test_a_character_and_its_settings(changes: dict, message: str, tmp_path: Path) -> None:
    (tmp_path / "leg.xml").write_text(LEG)
    read_character(tmp_path / "leg.xml")
    config = leg_config(tmp_path / "leg.xml")
    vars(config).update(changes)
    with pytest.raises(InputError) as error:
        Character.from_config(config)
    assert told(str(error.value), ["character."]).startswith("refused: ")
    assert re.search(message, str(error.value))


@pytest.mark.parametrize(
    "name", ["/etc/passwd.stl", "../../../../../../etc/block.obj", "/dev/zero"]
)
def test_a_urdf_reads_no_mesh_from_elsewhere(name: str, tmp_path: Path) -> None:
    check("urdf", tmp_path, ARM.replace("meshes/block.obj", name), "collides with|outside")


def test_a_mesh_is_not_reached_by_a_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside.obj"
    outside.write_text("v 0 0 0\n")
    inside = tmp_path / "a" / "b" / "c"
    inside.mkdir(parents=True)
    (inside / "x.obj").symlink_to(outside)
    check("mjcf", inside, LEG.replace("block.obj", "../x.obj"), "outside")
