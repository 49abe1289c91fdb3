"""MJCF and URDF files from outside, looked through before a library reads them."""

from __future__ import annotations

import math
import os
import stat
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from xml.parsers import expat

from animRL.utils.errors import InputError
from animRL.utils.input_files import read_bytes

MAX_BYTES = 8 * 2**20
MAX_ELEMENTS = 20_000
MAX_DEPTH = 100
MAX_TEXT = 100_000
"""Characters of one attribute."""
MAX_BODIES = 1000
"""As many as an imported skeleton may have; whole-body dynamics is quadratic in them and more."""
MAX_NUMBER = 1e12
MAX_SIDE = 8192
"""Of a picture made or read [px]."""
MAX_MESH_BYTES = 64 * 2**20
MAX_ALL_MESH_BYTES = 256 * 2**20
# What reads other files, runs libraries, or makes of one element as many as a number says.
_REFUSED = (
    *("include", "model", "attach", "plugin", "extension", "replicate", "composite", "flexcomp"),
    *("flex", "deformable", "skin", "hfield"),
)
_FILE_ATTRIBUTES = ("file", "fileright", "fileleft", "fileup", "filedown", "filefront", "fileback")
_FOLDER_ATTRIBUTES = {"mesh": ("assetdir", "meshdir"), "texture": ("assetdir", "texturedir")}
_MESHES, _PICTURES = (".obj", ".stl", ".msh"), (".png",)
_WHAT = "an MJCF or URDF file"


def parse_asset(path: Path, with_files: bool = True) -> ElementTree.Element:
    """Parse a character's file; what could harm is refused before any of it is built.

    No entities, no other XML files, no plugins; few elements, finite numbers; meshes and pictures
    only of types that belong there, of bounded size, and from the file's own folder or the one
    above it.

    Args:
        path: the file.
        with_files: whether meshes and pictures are used, so that they must be there.

    Raises:
        InputError: one line with the file, the element and what would be valid.
    """
    where = f"character.asset: {path}"
    root = _parse(read_bytes(path, MAX_BYTES, _WHAT), where)
    if root.tag not in ("mujoco", "robot"):
        raise InputError(f"{where} is no valid MJCF or URDF file: begins with <{root.tag:.60}>")
    for element in root.iter():
        _check_element(element, where)
    bodies = sum(element.tag in ("body", "link", "frame") for element in root.iter())
    if bodies > MAX_BODIES:
        raise InputError(f"{where}: {bodies} bodies; valid: at most {MAX_BODIES}")
    if with_files and root.tag == "mujoco":
        _check_files(root, path, where)
    return root


def check_inside(file: Path, path: Path, where: str) -> int:
    """Bytes of a file that an asset names, refused if it lies elsewhere or is none to be read.

    Args:
        file: the file named.
        path: that of the asset.
        where: begins the error.

    Raises:
        InputError: unless it is a regular file, not too large, in the asset's folder or the one
            above it.
    """
    try:
        real = file.resolve(strict=True)
        found = os.stat(real)
    except (OSError, ValueError, RuntimeError):
        raise InputError(f"{where}: no file '{file}'") from None
    folders = [folder for folder in path.resolve().parents[:2] if folder != folder.parent]
    if not any(real.is_relative_to(folder) for folder in folders):
        raise InputError(f"{where}: '{file}' is outside; valid: a file below {folders[-1]}")
    if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_MESH_BYTES:
        raise InputError(
            f"{where}: '{file}'; valid: a regular file of at most {MAX_MESH_BYTES >> 20} MiB"
        )
    return found.st_size


def _parse(content: bytes, where: str) -> ElementTree.Element:
    """The tree of an XML text that declares nothing and is neither too deep nor too large."""
    builder, parser = ElementTree.TreeBuilder(), expat.ParserCreate()
    parser.buffer_text = True
    state = {"depth": 0, "elements": 0}

    def declare(*_: object) -> None:
        raise InputError(f"{where}: declares entities or a DOCTYPE; valid: plain XML")

    def start(tag: str, attributes: dict[str, str]) -> None:
        state["depth"] += 1
        state["elements"] += 1
        if state["depth"] > MAX_DEPTH or state["elements"] > MAX_ELEMENTS:
            raise InputError(
                f"{where}: more than {MAX_ELEMENTS} elements, or nested deeper than {MAX_DEPTH}"
            )
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        state["depth"] -= 1
        builder.end(tag)

    parser.StartDoctypeDeclHandler = declare
    parser.EntityDeclHandler = declare
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{where} is no valid MJCF or URDF file: {error}") from None
    return builder.close()


def _check_element(element: ElementTree.Element, where: str) -> None:
    if element.tag in _REFUSED:
        raise InputError(f"{where}: <{element.tag}> is not supported; valid: bodies, joints, geoms")
    here = f"{where}: <{element.tag:.40}>"
    for name, value in element.attrib.items():
        if len(value) > MAX_TEXT:
            raise InputError(f"{here} {name:.40} is longer than {MAX_TEXT} characters")
        if not _is_decent(value):
            raise InputError(
                f"{here} {name:.40} is '{value:.40}'; valid: finite numbers up to {MAX_NUMBER:g}"
            )
    sides = {"texture": ("width", "height"), "numeric": ("size",), "mesh": ("maxhullvert",)}
    for name in sides.get(element.tag, ()):
        if len(element.get(name, "").strip()) > len(str(MAX_SIDE)) or any(
            not 0 <= number <= MAX_SIDE for number in _numbers(element.get(name, ""))
        ):
            raise InputError(f"{here} {name} is '{element.get(name):.40}'; valid: 0 to {MAX_SIDE}")


def _is_decent(value: str) -> bool:
    """Whether a value holds no number that is none, and none that no physics can hold."""
    return all(math.isfinite(number) and abs(number) <= MAX_NUMBER for number in _numbers(value))


def _numbers(value: str) -> Iterator[float]:
    for word in value.split():
        try:
            yield float(word)
        except ValueError:
            return


def _check_files(root: ElementTree.Element, path: Path, where: str) -> None:
    """Refuse meshes and pictures of an MJCF that lie elsewhere, or are too large together."""
    size = 0
    compilers = list(root.iter("compiler"))
    for element in root.iter():
        for name in _FILE_ATTRIBUTES:
            file = element.get(name)
            if file is None:
                continue
            here = f"{where}: <{element.tag:.40}> {name}"
            suffixes = {"mesh": _MESHES, "texture": _PICTURES}.get(element.tag, ())
            if Path(file).suffix.lower() not in suffixes:
                raise InputError(f"{here} is '{file:.60}'; valid: {', '.join(suffixes) or 'none'}")
            folder = path.parent
            for attribute in _FOLDER_ATTRIBUTES[element.tag]:
                for compiler in compilers:
                    folder = path.parent / compiler.get(attribute, folder)
            if any(compiler.get("strippath") == "true" for compiler in compilers):
                file = Path(file.replace("\\", "/")).name
            size += check_inside(folder / file, path, here)
            if size > MAX_ALL_MESH_BYTES:
                raise InputError(f"{here}: meshes of more than {MAX_ALL_MESH_BYTES >> 20} MiB")
