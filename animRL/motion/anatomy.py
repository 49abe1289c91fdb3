"""Places of the anatomy, found among the names of a skeleton's joints or a character's bodies."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from animRL.utils.errors import InputError
from animRL.utils.input_files import read_json

if TYPE_CHECKING:
    from animRL.dataloader.skeleton import Skeleton
    from animRL.sim.character import Character

TRUNK_ROLES = ("pelvis", "spine", "chest", "neck", "head")
ARM_ROLES = ("clavicle", "shoulder", "elbow", "wrist", "hand")
LEG_ROLES = ("hip", "knee", "ankle", "toe")
SIDES = ("left", "right")
ROLES = (
    *TRUNK_ROLES,
    *(f"{side}_{role}" for side in SIDES for role in (*ARM_ROLES, *LEG_ROLES)),
)
"""A role names the joint (the body's origin) at that place; ``hand`` and ``toe`` are the ends."""

# For each place, what a joint there is called, without side and number, the most telling first.
_TRUNK_WORDS = {
    "pelvis": ("pelvis", "hips", "hip", "root", "bip", "lowertorso", "base"),
    "neck": ("neck", "lowerneck", "neckbase", "cervical"),
    "head": ("head", "skull"),
}
_SPINE_WORDS = (
    *("spine", "lowerback", "lumbar", "abdomen", "waist", "belly", "stomach", "torsolower"),
    *("abdomenlower", "back", "chest", "thorax", "upperback", "torso", "upperchest", "ribcage"),
)
_CHEST_WORDS = ("upperchest", "chest", "thorax", "upperback", "torso", "ribcage", "spine")
_LEG_WORDS = {
    "hip": ("upleg", "upperleg", "thigh", "femur", "thighbend", "hip"),
    "knee": ("lowleg", "lowerleg", "calf", "shin", "tibia", "knee", "crus", "leg"),
    "ankle": ("ankle", "foot"),
    "toe": ("toe", "toes", "toebase", "ball", "foottoe", "forefoot", "footend", "ankleend", "foot"),
}
_ARM_WORDS = {
    "clavicle": ("clavicle", "collar", "collarbone", "scapula", "shoulder"),
    "shoulder": ("upperarm", "uparm", "humerus", "arm", "shldr", "shldrbend", "shoulder"),
    "elbow": ("forearm", "lowerarm", "lowarm", "radius", "elbow", "forearmbend", "ulna"),
    "wrist": ("wrist", "hand"),
    "hand": ("handend", "handtip", "wristend", "fingers", "fingerbase", "finger", "hand", "middle",
             "handmiddle", "index", "handindex"),
}  # fmt: skip
_FILLERS = ("link", "joint", "bone", "jnt", "def")
_AXES = ("pitch", "roll", "yaw")
_SIDE_WORDS = {
    "left": ("left", "l", "lft", "lf"),
    "right": ("right", "r", "rgt", "rt"),
}


def guess_roles(names: Sequence[str], parents: Sequence[int] | None = None) -> dict[str, str]:
    """Find the role of joints by their names; what is not recognised is left out.

    Args:
        names: of joints or bodies.
        parents: number of each one's parent, -1 for the root. With them the chest is where both
            arms branch off, and a place with several joints is the last of them.

    Returns:
        The name at each role found, in the order of `ROLES`.
    """
    words = [_split(name) for name in _without_prefix(names)]
    found: dict[str, int] = {}
    for side in SIDES:
        own = {i: word for i, (of_side, word) in enumerate(words) if of_side == side}
        for roles in (_LEG_WORDS, _ARM_WORDS):
            limb = _limb_roles(own, roles, parents)
            found.update({f"{side}_{role}": index for role, index in limb.items()})
    unsided = {i: word for i, (of_side, word) in enumerate(words) if of_side is None}
    found.update(_trunk_roles(unsided, parents, found))
    return {role: names[found[role]] for role in ROLES if role in found}


def roles_of_skeleton(skeleton: Skeleton) -> dict[str, str]:
    """Name of the joint at each role: the skeleton's own word, else guessed from the names."""
    parents = [joint.parent for joint in skeleton.joints]
    return skeleton.roles or guess_roles(skeleton.joint_names, parents)


def roles_of_character(character: Character) -> dict[str, str]:
    """Name of the body at each role, guessed from the character's anatomical bodies."""
    root = character.body_names[0]
    bodies = [name for name in character.body_names if name in character.anatomical_joints]
    if root not in bodies:
        bodies.insert(0, root)
    numbers = [character.body_names.index(name) for name in bodies]
    parents = []
    for number in numbers:
        above = character.body_parents[number]
        while above >= 0 and above not in numbers:
            above = character.body_parents[above]
        parents.append(numbers.index(above) if above >= 0 else -1)
    return guess_roles(bodies, parents)


def read_role_map(path: str | Path, names: Sequence[str]) -> dict[str, str | None]:
    """Read a JSON file {role: name of a joint, or null for none} that overrides what is guessed.

    Raises:
        InputError: if the file is no such object, or names an unknown role or joint.
    """
    path = Path(path)
    data = read_json(path, "an object of roles and names of joints")
    if not isinstance(data, dict):
        raise InputError(f'{path}: no map; valid: an object such as {{"left_hip": "LeftUpLeg"}}')
    return checked_role_map(data, names, str(path))


def checked_role_map(
    data: Mapping[str, object], names: Sequence[str], source: str
) -> dict[str, str | None]:
    """Return the map; raises InputError with the closest valid name for what is unknown."""
    checked: dict[str, str | None] = {}
    for role, name in data.items():
        if role not in ROLES:
            raise InputError(f"{source}: no role '{role}'{_close(role, ROLES)}")
        if name is not None and name not in names:
            raise InputError(f"{source}: {role}: no joint {name!r}{_close(str(name), names)}")
        checked[role] = None if name is None else str(name)
    given = [name for name in checked.values() if name is not None]
    if twice := [name for name in given if given.count(name) > 1]:
        raise InputError(f"{source}: the joint '{twice[0]}' has two roles; valid: one")
    return checked


def with_role_map(guessed: Mapping[str, str], given: Mapping[str, str | None]) -> dict[str, str]:
    """Lay a map over guessed roles; a joint that is given a role loses the one guessed for it."""
    taken = set(given.values())
    kept = {r: name for r, name in guessed.items() if r not in given and name not in taken}
    kept.update({role: name for role, name in given.items() if name is not None})
    return {role: kept[role] for role in ROLES if role in kept}


def _close(name: str, valid: Sequence[str]) -> str:
    folded = {option.lower(): option for option in valid}
    close = difflib.get_close_matches(name.lower(), folded, n=3)
    if close:
        return f" (did you mean {', '.join(folded[option] for option in close)}?)"
    return f"; valid: {', '.join(valid)}"


def _without_prefix(names: Sequence[str]) -> list[str]:
    """The names without a namespace ("mixamorig:") and without a prefix that most of them share."""
    short = [name.rsplit(":", 1)[-1].rsplit("|", 1)[-1] for name in names]
    heads = [re.match(r"(mixamorig\d*|Bip\d+|Character\d+|[A-Za-z]+\d*)[_ ]|mixamorig", name)
             for name in short]  # fmt: skip
    texts = [head.group(0) if head else "" for head in heads]
    common = max(set(texts), key=texts.count, default="")
    sides = [word for words in _SIDE_WORDS.values() for word in words]
    shared = common and 2 * texts.count(common) > len(texts)
    if shared and common.rstrip("_ ").lower() not in sides:
        stripped = [
            name[len(common) :] if name.startswith(common) and len(name) > len(common) else name
            for name in short
        ]
        short = stripped if len(set(stripped)) == len(stripped) else short
    return short


def _split(name: str) -> tuple[str | None, str]:
    """The side that a name tells, and the rest in lower case without numbers or separators."""
    text = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    text = re.sub(r"([A-Z])([A-Z][a-z])", r"\1 \2", text)
    tokens = [t for t in re.split(r"[^a-zA-Z0-9]+", text.lower()) if t]
    tokens = [t for t in (re.sub(r"\d+$", "", t) for t in tokens) if t]
    tokens = [t for t in tokens if t not in _FILLERS]
    for side, sides in _SIDE_WORDS.items():
        own = [t for t in tokens if t in sides]
        if own:
            tokens.remove(own[0])
            return side, "".join(tokens)
        for start in (side, side[0]):
            if tokens and tokens[0].startswith(start) and tokens[0][len(start) :] in _KNOWN:
                return side, "".join([tokens[0][len(start) :], *tokens[1:]])
    return None, "".join(tokens)


_KNOWN = {word for roles in (_LEG_WORDS, _ARM_WORDS) for words in roles.values() for word in words}


def _limb_roles(
    words: Mapping[int, str],
    roles: Mapping[str, Sequence[str]],
    parents: Sequence[int] | None,
) -> dict[str, int]:
    """Joint of each role of one limb. A joint has one role; the surest words are asked first."""
    plain = {i: _without_axes(word) for i, word in words.items()}
    free = dict(plain)
    if "wrist" in roles and "radius" in plain.values() and "hand" in plain.values():
        # Bones named after their own start: the wrist bone is the last third of the forearm.
        free = {i: word for i, word in plain.items() if word != "wrist"}
    found: dict[str, int] = {}
    # The last word of each list is the ambiguous one, so every role first asks for the others.
    for role, options in roles.items():
        clear = options[:-1] if role not in ("wrist", "hand") else options[:1]
        _take(role, clear, free, found, parents)
    order = sorted(roles, key=lambda role: role in ("clavicle", "toe"))
    for role in order:
        if role not in found:
            _take(role, roles[role], free, found, parents)
    return found


def _take(
    role: str,
    options: Sequence[str],
    free: dict[int, str],
    found: dict[str, int],
    parents: Sequence[int] | None,
) -> None:
    for option in options:
        named = [i for i, word in free.items() if word == option]
        if named:
            ends = role in ("hand", "toe")
            found[role] = named[0] if ends or parents is None else _last_of_chain(named, parents)
            for index in named:
                free.pop(index)
            return


def _without_axes(word: str) -> str:
    for axis in _AXES:
        word = word.removesuffix(axis)
    return word


def _last_of_chain(indices: Sequence[int], parents: Sequence[int]) -> int:
    """The last of joints that follow one another, from the first on (hip yaw, roll, pitch)."""
    last = indices[0]
    for index in indices[1:]:
        if parents[index] == last:
            last = index
    return last


def _trunk_roles(
    words: Mapping[int, str], parents: Sequence[int] | None, limbs: Mapping[str, int]
) -> dict[str, int]:
    found: dict[str, int] = {}
    for role, options in _TRUNK_WORDS.items():
        for option in options:
            named = [i for i, word in words.items() if word == option]
            if named:
                found[role] = named[0]
                break
    spines = [i for i, word in words.items() if word in _SPINE_WORDS and i not in found.values()]
    if parents is None:
        chests = [i for option in _CHEST_WORDS for i in spines if words[i] == option]
        if chests:
            found["chest"] = chests[-1] if words[chests[0]] == "spine" else chests[0]
            rest = [i for i in spines if i != found["chest"]]
            found.update({"spine": rest[0]} if rest else {})
        return found
    hips = [limbs[name] for name in ("left_hip", "right_hip") if name in limbs]
    if len(hips) == 2:
        branch = _common_ancestor(hips[0], hips[1], parents)
        if "pelvis" not in found or found["pelvis"] not in _ways_up(hips[0], parents):
            found["pelvis"] = branch
    pelvis = found.get("pelvis", 0)
    arms = [limbs[name] for name in ("left_shoulder", "right_shoulder") if name in limbs]
    chest = _common_ancestor(arms[0], arms[1], parents) if len(arms) == 2 else -1
    if chest < 0 or chest == pelvis or pelvis not in _ways_up(chest, parents):
        chest = spines[-1] if spines else -1
    if chest >= 0:
        found["chest"] = chest
        between = [i for i in reversed(_ways_up(chest, parents)) if i not in (chest, pelvis)]
        between = [i for i in between if pelvis in _ways_up(i, parents)]
        named = [i for i in between if i in spines] or between
        if named:
            found["spine"] = named[0]
    return found


def _ways_up(index: int, parents: Sequence[int]) -> list[int]:
    """The joint and all above it, up to the root."""
    way = [index]
    while parents[way[-1]] >= 0:
        way.append(parents[way[-1]])
    return way


def _common_ancestor(a: int, b: int, parents: Sequence[int]) -> int:
    above = _ways_up(b, parents)
    return next(index for index in _ways_up(a, parents) if index in above)
