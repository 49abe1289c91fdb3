"""URDF files made ready for MuJoCo."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from animRL.utils.asset_xml import check_inside
from animRL.utils.errors import InputError
from animRL.utils.paths import is_file

_MESH_FILES = (".obj", ".stl", ".msh")


def prepare_urdf(robot: ElementTree.Element, path: Path) -> str:
    """Text of a URDF whose meshes MuJoCo finds; visual meshes that are missing are left out.

    Links on fixed joints stay bodies: their names may be used, and the root is not the world.

    Args:
        robot: the parsed file, left as it is.
        path: where it lies; meshes are looked for from its folder and the two above.

    Raises:
        InputError: if a collision mesh is missing or of a type that MuJoCo does not read.
    """
    robot = ElementTree.fromstring(ElementTree.tostring(robot))
    for link in robot.iter("link"):
        for shape in [*link.findall("visual"), *link.findall("collision")]:
            mesh = shape.find("geometry/mesh")
            if mesh is None:
                continue
            name = mesh.get("filename", "").removeprefix("package://")
            found = [f for f in (folder / name for folder in path.parents[:3]) if is_file(f)]
            if found and found[0].suffix.lower() in _MESH_FILES:
                check_inside(found[0], path, f"character.asset: {path}: <mesh> filename")
                mesh.set("filename", str(found[0]))
            elif shape.tag == "visual":
                link.remove(shape)
            else:
                raise InputError(
                    f"character.asset: {path}: link '{link.get('name')}' collides with the mesh "
                    f"'{name}'; valid: an existing file of type {', '.join(_MESH_FILES)}"
                )
    options = _child(robot, "mujoco")
    _child(options, "compiler").attrib.update(
        fusestatic="false", discardvisual="false", strippath="false"
    )
    return ElementTree.tostring(robot, encoding="unicode")


def _child(element: ElementTree.Element, tag: str) -> ElementTree.Element:
    found = element.find(tag)
    return ElementTree.SubElement(element, tag) if found is None else found
