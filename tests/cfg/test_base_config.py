"""The configuration base class: merging, checking, locking, reading and writing."""

from __future__ import annotations

import copy
import json
import math

import pytest

from animRL.cfg.base_config import BaseConfig, ConfigError
from animRL.cfg.validators import Choice, KernelTerm, Length, OptionalOf, Range


class LinkConfig(BaseConfig):
    """A character of three links."""

    name = "link"
    joint_names = ["hip", "knee"]
    stiffness = {"default": 300.0}
    end_effectors = {"foot": [0.0, 0.0, -0.1]}
    _valid = {"stiffness": Range(0, None)}

    @property
    def num_joints(self):
        return len(self.joint_names)

    def shout(self):
        return self.name.upper()


class ArmConfig(BaseConfig):
    """Another character, with a setting of its own."""

    name = "arm"
    joint_names = ["shoulder", "elbow", "wrist"]
    reach = 0.7


class BaseTask(BaseConfig):
    class env:
        num_envs = 512
        episode_length = 300
        _valid = {"num_envs": Range(1, 1_000_000)}

    class control:
        action_offset = "reference"
        scale = 0.25
        clip = [-1.0, 1.0]
        layers = [256, 128]
        enabled = True
        loop = None
        note = ""
        ratio = 0.5
        matrix = [[0, 1], [2, 3.5]]
        free = {}
        _valid = {
            "action_offset": Choice("default", "reference"),
            "loop": OptionalOf(bool),
            "layers": (Length(1, 4), Range(1, None)),
            "ratio": Range(0, 1, inclusive=(False, True)),
        }

    class character(LinkConfig):
        pass

    class rewards:
        class terms:
            _open = True
            _valid = {"*": KernelTerm()}
            track_base_height = [1.0, 0.0]
            track_ee_pos = [0.4, 0.0]


class WalkTask(BaseTask):
    class env:
        num_envs = 64

    class rewards:
        class terms:
            track_base_height = [0.2, 0.0]
            mine = [1, 2]


def error_of(action, *args):
    with pytest.raises(ConfigError) as caught:
        action(*args)
    text = str(caught.value)
    assert "\n" not in text
    return text


# merging


def test_a_subclass_overrides_setting_by_setting():
    walk = WalkTask()
    assert (walk.env.num_envs, walk.env.episode_length) == (64, 300)
    assert walk.rewards.terms.track_base_height == [0.2, 0.0]
    assert walk.rewards.terms.track_ee_pos == [0.4, 0.0]
    assert walk.rewards.terms.mine == [1.0, 2.0]
    assert BaseTask().env.num_envs == 512


def test_a_nested_class_may_inherit_and_skip_a_generation():
    class Child(WalkTask):
        class env(BaseTask.env):
            episode_length = 10

    child = Child()
    assert (child.env.num_envs, child.env.episode_length) == (64, 10)


def test_multiple_inheritance_follows_the_method_resolution_order():
    class Small(BaseTask):
        class env:
            num_envs = 2

    class Short(BaseTask):
        class env:
            num_envs = 3
            episode_length = 5

    class Both(Small, Short):
        pass

    assert (Both().env.num_envs, Both().env.episode_length) == (2, 5)


def test_a_group_may_be_a_configuration_of_its_own():
    task = WalkTask()
    assert isinstance(task.character, LinkConfig)
    assert task.character.shout() == "LINK"
    assert task.character.num_joints == 2
    assert "num_joints" not in task.character.to_dict()
    assert LinkConfig().name == "link"


def test_a_group_may_be_replaced_by_another_configuration_with_settings_of_its_own():
    class ArmTask(BaseTask):
        class character(ArmConfig):
            name = "left arm"

    character = ArmTask().character
    assert character.name == "left arm"
    assert character.reach == 0.7
    assert character.joint_names == ["shoulder", "elbow", "wrist"]
    assert character.stiffness == {"default": 300.0}


def test_order_is_that_of_the_first_declaration():
    assert list(WalkTask().to_dict()) == ["env", "control", "character", "rewards"]
    assert list(WalkTask().env.to_dict()) == ["num_envs", "episode_length"]
    assert list(WalkTask().rewards.terms.to_dict()) == ["track_base_height", "track_ee_pos", "mine"]


# planted mistakes in class bodies


def test_a_misspelt_setting_in_a_class_body_is_refused():
    class Typo(BaseTask):
        class env:
            num_env = 3

    text = error_of(Typo)
    assert text == (
        "Typo: env.num_env: no such setting; valid: num_envs, episode_length "
        "(did you mean num_envs?)"
    )


def test_a_misspelt_setting_stays_refused_in_a_subclass_that_inherits_it():
    class Typo(BaseTask):
        class env:
            num_env = 3

    class Child(Typo):
        class env(Typo.env):
            num_envs = 4

    assert "env.num_env: no such setting" in error_of(Child)


def test_a_misspelt_setting_in_an_inheriting_nested_class_is_refused():
    class Typo(BaseTask):
        class character(LinkConfig):
            stifness = {"default": 1.0}

    assert "character.stifness: no such setting" in error_of(Typo)
    assert "did you mean stiffness?" in error_of(Typo)


def test_a_misspelt_group_is_refused():
    class Typo(BaseTask):
        class reward:
            class terms:
                track_base_height = [0.1, 0.0]

    text = error_of(Typo)
    assert "reward: no such setting" in text and "did you mean rewards?" in text


def test_a_subclass_adds_settings_by_saying_so():
    class Goal(BaseTask):
        _adds = ("goal",)

        class goal:
            speed = 1.0

        class env:
            _adds = ("terrain",)
            terrain = "flat"

    goal = Goal()
    goal.set("goal.speed", "2")
    assert (goal.goal.speed, goal.env.terrain) == (2.0, "flat")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("many", "a whole number, got 'many'"),
        (True, "a whole number, got True"),
        (2.0, "a whole number, got 2.0"),
        (0, "a number in [1, 1000000], got 0"),
        (None, "a whole number, got None"),
        ([1], "a whole number, got [1]"),
    ],
)
def test_values_of_class_bodies_are_checked(value, expected):
    class Wrong(BaseTask):
        class env:
            num_envs = value

    assert error_of(Wrong) == f"Wrong: env.num_envs: expected {expected}"


def test_a_class_that_introduces_a_bad_default_is_refused():
    class NotFinite(BaseConfig):
        speed = math.nan

    class NotPlain(BaseConfig):
        speed = {1, 2}

    class Unexplained(BaseConfig):
        speed = None

    class Stray(BaseConfig):
        speed = 1.0
        _valid = {"sped": Range(0, 1)}

    class Taken(BaseConfig):
        leaves = 3

    assert "speed: expected a number, got nan" in error_of(NotFinite)
    assert "speed: expected a plain value" in error_of(NotPlain)
    assert "OptionalOf" in error_of(Unexplained)
    assert "sped" in error_of(Stray)
    assert "taken" in error_of(Taken)


def test_a_group_cannot_become_a_value():
    class Wrong(BaseTask):
        env = 3

    assert "env: a group in one class and a value in another" in error_of(Wrong)


# instances


def test_instances_share_nothing():
    first, second = WalkTask(), WalkTask()
    first.control.layers.append(7)
    first.character.stiffness["default"] = 1.0
    first.control.matrix[0][0] = 9.0
    first.env.num_envs = 5
    assert second == WalkTask()
    assert BaseTask.control.layers == [256, 128]
    assert LinkConfig.stiffness == {"default": 300.0}
    assert first != second


def test_what_is_set_or_written_out_is_a_copy():
    task = WalkTask()
    layers = [8, 8]
    task.control.layers = layers
    layers.append(1)
    task.to_dict()["control"]["layers"].append(1)
    assert task.control.layers == [8, 8]


def test_deepcopy_is_equal_and_independent():
    task = WalkTask()
    twin = copy.deepcopy(task)
    assert twin == task
    twin.env.num_envs = 1
    assert task.env.num_envs == 64
    assert copy.deepcopy(task.rewards) == task.rewards


def test_equality_is_by_class_and_values():
    assert WalkTask() == WalkTask()
    assert WalkTask() != BaseTask()
    assert WalkTask() != 3


def test_unknown_attributes_are_refused():
    task = WalkTask()
    text = error_of(setattr, task.env, "num_env", 3)
    assert text.startswith("env.num_env: no such setting; valid: num_envs, episode_length")
    assert "did you mean num_envs?" in text
    assert "envv: no such setting" in error_of(setattr, task, "envv", 3)
    assert "env: a group of settings" in error_of(setattr, task, "env", 3)
    assert "cannot be deleted" in error_of(delattr, task.env, "num_envs")
    with pytest.raises(AttributeError, match="num_envs"):
        _ = task.env.num_env
    assert not hasattr(task, "nothing")


def test_attributes_are_checked_like_everything_else():
    task = WalkTask()
    task.control.scale = 2
    assert task.control.scale == 2.0 and isinstance(task.control.scale, float)
    assert "control.scale: expected a number, got '2'" in error_of(
        setattr, task.control, "scale", "2"
    )


def test_leaves_and_repr_show_every_setting():
    task = WalkTask()
    leaves = dict(task.leaves())
    assert leaves["env.num_envs"] == 64
    assert leaves["rewards.terms.mine"] == [1.0, 2.0]
    assert leaves["character.stiffness"] == {"default": 300.0}
    assert dict(task.rewards.leaves())["terms.mine"] == [1.0, 2.0]
    assert repr(task).startswith("WalkTask:")
    assert all(path in repr(task) for path in leaves)


# open groups


def test_terms_are_added_and_removed():
    task = WalkTask()
    task.set("rewards.terms.extra", "[0.5, 0]")
    task.set("rewards.terms.mine", "None")
    task.rewards.terms.track_ee_pos = None
    assert dict(task.rewards.terms.leaves()) == {
        "track_base_height": [0.2, 0.0],
        "extra": [0.5, 0.0],
    }
    assert not hasattr(task.rewards.terms, "mine")
    task.set("rewards.terms.mine", "[1, 1]")
    assert task.rewards.terms.mine == [1.0, 1.0]


def test_a_term_is_removed_in_a_class_body():
    class Fewer(BaseTask):
        class rewards:
            class terms:
                track_ee_pos = None

    assert list(Fewer().rewards.terms.to_dict()) == ["track_base_height"]


@pytest.mark.parametrize(
    "value",
    ["abc", "[0, 0]", "[-1, 0]", "[1, -1]", "[1]", "[1, 2, 3]", "1", "[1, nan]", "[true,0]"],
)
def test_a_term_is_sigma_and_tolerance(value):
    text = error_of(WalkTask().set, "rewards.terms.track_ee_pos", value)
    assert text.startswith("rewards.terms.track_ee_pos: expected [sigma > 0, tolerance >= 0], got ")


def test_names_of_terms_are_identifiers():
    for name in ("_hidden", "a b", "1st"):
        assert "no such setting" in error_of(WalkTask().set, f"rewards.terms.{name}", "[1,0]")


# text from the command line


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        ("env.num_envs", "12", 12),
        ("control.scale", "1e-3", 0.001),
        ("control.scale", "-3", -3.0),
        ("control.enabled", "false", False),
        ("control.enabled", "True", True),
        ("control.loop", "true", True),
        ("control.loop", "None", None),
        ("control.loop", "null", None),
        ("control.clip", "[-2, 2]", [-2.0, 2.0]),
        ("control.clip", "(-2, 2)", [-2.0, 2.0]),
        ("control.layers", "[8,8,8]", [8, 8, 8]),
        ("control.note", "12", "12"),
        ("control.note", "true", "true"),
        ("control.note", "'12'", "12"),
        ("control.note", "two words, a=b", "two words, a=b"),
        ("control.note", "", ""),
        ("control.action_offset", "default", "default"),
        ("control.matrix", "[[1,2],[3,4]]", [[1.0, 2.0], [3.0, 4.0]]),
        ("control.free", '{"a": [1, true, "x"]}', {"a": [1, True, "x"]}),
        ("control.free.anything", "3", 3),
        ("character.joint_names", '["a"]', ["a"]),
        ("character.joint_names", "[a, b, c]", ["a", "b", "c"]),
        ("character.stiffness.default", "200", 200.0),
        ("character.stiffness.knee", "1.5", 1.5),
        ("character.stiffness", '{"default": 1}', {"default": 1.0}),
        ("character.end_effectors.hand", "[1,2,3]", [1.0, 2.0, 3.0]),
    ],
)
def test_text_becomes_a_value_of_the_setting(path, text, value):
    task = WalkTask()
    task.set(path, text)
    found = task.get(path)
    assert found == value
    assert type(found) is type(value)
    if isinstance(value, list):
        assert [type(entry) for entry in found] == [type(entry) for entry in value]


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("env.num_envs", "1.0", "expected a whole number, got 1.0"),
        ("env.num_envs", "true", "expected a whole number, got True"),
        ("env.num_envs", "", "expected a whole number, got ''"),
        ("env.num_envs", "1000001", "expected a number in [1, 1000000], got 1000001"),
        ("control.scale", "nan", "expected a number, got 'nan'"),
        ("control.scale", "1e999", "expected a number, got inf"),
        ("control.scale", "None", "expected a number, got None"),
        ("control.scale", "true", "expected a number, got True"),
        ("control.enabled", "1", "expected true or false, got 1"),
        ("control.loop", "maybe", "expected true or false or None, got 'maybe'"),
        ("control.clip", "[1]", "expected a list of 2 numbers, got [1]"),
        ("control.clip", "[1, 'a']", "expected a list of 2 numbers, got [1, 'a']"),
        ("control.layers", "[]", "expected a list of 1 to 4 entries, got []"),
        ("control.layers", "[1.5]", "expected a list of whole numbers, got [1.5]"),
        ("control.layers", "[4, 0]", "expected each number >= 1, got [4, 0]"),
        ("control.ratio", "0", "expected a number in (0, 1], got 0"),
        ("control.action_offset", "defualt", "expected one of default, reference, got 'defualt'"),
        ("control.note", "[1]", None),
        ("character.joint_names", "[1]", "expected a list of text, got [1]"),
        ("character.stiffness.knee", "stiff", "expected a number, got 'stiff'"),
        ("character.stiffness.knee", "-1", "expected a number >= 0, got -1"),
        ("character.stiffness", "{1: 2}", "expected a dict of names to a number, got {1: 2}"),
        ("character.end_effectors.foot", "[1,2]", "expected a list of 3 numbers, got [1, 2]"),
    ],
)
def test_text_that_does_not_fit_is_refused(path, text, message):
    task = WalkTask()
    if message is None:
        task.set(path, text)
        assert task.get(path) == text
        return
    assert error_of(task.set, path, text) == f"{path}: {message}"
    assert task == WalkTask()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("env.num_env", "env.num_env: no such setting; valid: num_envs, episode_length (did"),
        ("evn.num_envs", "evn: no such setting; valid: env, control, character, rewards"),
        ("env", "env: a group of settings; valid: num_envs, episode_length"),
        ("env.num_envs.x", "env.num_envs: a single setting"),
        ("", ": no such setting"),
        ("env.", "env: a group of settings"),
        ("env._valid", "env._valid: no such setting"),
        ("character.shout", "character.shout: no such setting"),
        ("character.num_joints", "character.num_joints: no such setting"),
    ],
)
def test_unknown_paths_are_refused(path, message):
    assert message in error_of(WalkTask().set, path, "3")
    if path not in ("env", "env."):
        assert message in error_of(WalkTask().get, path)


def test_hostile_text_is_only_text():
    task = WalkTask()
    for text in ("__import__('os')", "[" * 5000, "{[1]: 2}", "{**x}", "\x00", "1j", "a" * 10_000):
        task.set("control.note", text)
        assert task.control.note == text
        assert len(error_of(task.set, "control.scale", text)) < 200


def test_get_names_the_entries_of_a_dict():
    text = error_of(WalkTask().get, "character.stiffness.defualt")
    assert "valid: default (did you mean default?)" in text


# dicts and files


def test_round_trip_through_json():
    task = WalkTask()
    task.set("rewards.terms.extra", "[0.5, 0]")
    task.set("rewards.terms.mine", "None")
    task.set("character.stiffness.knee", "7")
    task.set("control.loop", "false")
    data = json.loads(json.dumps(task.to_dict()))
    again = WalkTask.from_dict(data)
    assert again == task
    assert json.dumps(again.to_dict()) == json.dumps(task.to_dict())


def test_reading_does_not_edit_or_keep_the_data():
    data = WalkTask().to_dict()
    before = copy.deepcopy(data)
    task = WalkTask.from_dict(data)
    task.control.layers.append(3)
    assert data == before


def test_what_is_missing_keeps_its_default():
    task = WalkTask.from_dict({"env": {"episode_length": 9}})
    assert (task.env.num_envs, task.env.episode_length) == (64, 9)
    assert task.rewards == WalkTask().rewards


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"env": {"num_env": 1}}, "bob.json: env.num_env: no such setting; valid: num_envs"),
        ({"evn": {}}, "bob.json: evn: no such setting"),
        ({"env": 3}, "bob.json: env: expected a group of settings, got int"),
        ([], "bob.json: expected a group of settings, got list"),
        ({"env": {"num_envs": "8"}}, "bob.json: env.num_envs: expected a whole number, got '8'"),
        ({"control": {"scale": {"a": 1}}}, "bob.json: control.scale: expected a number"),
        ({"rewards": {"terms": {"x": [0, 1]}}}, "bob.json: rewards.terms.x: expected [sigma > 0"),
        ({3: 4}, "bob.json: 3: no such setting"),
    ],
)
def test_wrong_files_are_refused(data, message):
    assert message in error_of(WalkTask.from_dict, data, "bob.json")


def test_numbers_too_large_for_a_float_are_refused():
    assert "expected a number" in error_of(WalkTask().set, "control.scale", "1" + "0" * 400)
