"""Configuration as nested classes: a class is read into fresh, locked, checked instances."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from animRL.cfg.literals import parse_literal, shown, shown_name
from animRL.cfg.validators import ANY, Refused, Validator, accept, entry_of

Config = TypeVar("Config", bound="BaseConfig")


class ConfigError(ValueError):
    """A setting is unknown or its value is not valid; the text is one line for the user."""


@dataclass(frozen=True)
class _Leaf:
    value: Any
    like: Any
    validators: tuple[Validator, ...]


@dataclass(frozen=True)
class _Schema:
    path: str
    members: dict[str, _Leaf | type[BaseConfig]]
    open: bool
    new_leaf: _Leaf

    def leaf(self, name: str) -> _Leaf | None:
        """The rules of a leaf that may be set here, or None."""
        member = self.members.get(name)
        if member is None and self.open and name.isidentifier() and name[0] != "_":
            member = self.new_leaf
        return member if isinstance(member, _Leaf) else None


class BaseConfig:
    """Settings in nested classes; an instance is an independent copy that refuses unknown names.

    A subclass writes only what differs: its nested classes are merged, setting by setting, over
    those of its bases and need not inherit. A setting has the type of its first default; a name
    that no base has is refused. In a class body:

    - `_valid = {"name": Range(0, 1)}`: a validator (or a tuple of them); "*" is for every other
      name;
    - `_open = True`: names may be added, and None removes one;
    - `_adds = ("name",)`: names which a subclass adds on purpose.

    Raises ConfigError with the path of the setting and what would be valid.
    """

    _compiled: ClassVar[_Schema | None] = None

    def __init__(self) -> None:
        try:
            self._fill()
        except ConfigError as error:
            raise ConfigError(f"{type(self).__name__}: {error}") from None

    @classmethod
    def from_dict(cls: type[Config], data: dict[str, Any], source: str = "<dict>") -> Config:
        """Return a configuration with the values of `to_dict`; what is missing keeps its default.

        An open group that is present is taken as a whole. Raises ConfigError that names `source`
        for unknown names and for values of another type.
        """
        config = cls()
        try:
            config._update(data)
        except ConfigError as error:
            raise ConfigError(f"{source}: {error}") from None
        return config

    def to_dict(self) -> dict[str, Any]:
        """Return nested dicts of plain values, in the order of declaration."""
        return {
            name: value.to_dict() if isinstance(value, BaseConfig) else deepcopy(value)
            for name, value in self.__dict__.items()
        }

    def leaves(self) -> Iterator[tuple[str, Any]]:
        """Yield (path, value) of every setting, the path relative to this group."""
        for name, value in self.__dict__.items():
            if isinstance(value, BaseConfig):
                yield from ((f"{name}.{path}", leaf) for path, leaf in value.leaves())
            else:
                yield name, value

    def get(self, path: str) -> Any:
        """Return the setting, group or entry of a dict at a path such as `env.num_envs`."""
        group, name, key = self._locate(path)
        if name not in group.__dict__:
            raise group._unknown(name)
        value = group.__dict__[name]
        if key is None:
            return value
        if key not in value:
            raise ConfigError(f"{shown_name(path)}: no such entry; {_valid_names(key, value)}")
        return value[key]

    def set(self, path: str, value: Any) -> None:
        """Set the setting, or the entry of a dict, at a path; text is read as a literal.

        Text that is a number, true, false, None, a list or a dict is taken as such where the
        setting allows it, and as text elsewhere. Raises ConfigError.
        """
        group, name, key = self._locate(path)
        candidates = [value]
        if isinstance(value, str):
            parsed = parse_literal(value)
            candidates = [parsed] if type(parsed) is str else [parsed, value]
        failures: list[ConfigError] = []
        for candidate in candidates:
            try:
                return group._store(name, candidate, key)
            except ConfigError as error:
                failures.append(error)
        raise failures[0]

    def __setattr__(self, name: str, value: Any) -> None:
        self._store(name, value)

    def __delattr__(self, name: str) -> None:
        raise ConfigError(f"{_join(self._schema().path, name)}: a setting cannot be deleted")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise AttributeError(str(self._unknown(name)))

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __repr__(self) -> str:
        lines = [f"{path} = {value!r}" for path, value in self.leaves()]
        return "\n  ".join([f"{type(self).__name__}:", *lines])

    @classmethod
    def _schema(cls) -> _Schema:
        schema = cls.__dict__.get("_compiled")
        if schema is None:
            schema = _compile(_layers(cls), _roots(cls), "")
            cls._compiled = schema
        return schema

    def _fill(self) -> None:
        for name, member in self._schema().members.items():
            if isinstance(member, _Leaf):
                self._store(name, member.value)
            else:
                group = member.__new__(member)
                group._fill()
                self.__dict__[name] = group

    def _store(self, name: str, value: Any, key: str | None = None) -> None:
        """Check and keep a value, or one entry of a dict."""
        schema = self._schema()
        leaf = schema.leaf(name)
        if leaf is None:
            raise self._unknown(name)
        if value is None and schema.open:
            self.__dict__.pop(name, None)
            return
        try:
            if key is None:
                self.__dict__[name] = accept(value, leaf.like, leaf.validators)
            else:
                rules = tuple(rule for rule in leaf.validators if not rule.typed)
                entry = accept(value, entry_of(leaf.like, key), rules)
                self.__dict__[name] = {**self.__dict__[name], key: entry}
        except Refused as error:
            path = _join(schema.path, name if key is None else f"{name}.{key}")
            raise ConfigError(f"{path}: expected {error}, got {shown(value)}") from None

    def _update(self, data: Any) -> None:
        schema = self._schema()
        if not isinstance(data, dict):
            where = f"{schema.path}: " if schema.path else ""
            raise ConfigError(f"{where}expected a group of settings, got {type(data).__name__}")
        if schema.open:
            groups = {k: v for k, v in self.__dict__.items() if isinstance(v, BaseConfig)}
            self.__dict__.clear()
            self.__dict__.update(groups)
        for name, value in data.items():
            if isinstance(self.__dict__.get(name), BaseConfig):
                self.__dict__[name]._update(value)
            else:
                self._store(str(name), value)

    def _locate(self, path: str) -> tuple[BaseConfig, str, str | None]:
        """Split a path into the group, the name in it and, for a dict, the key of an entry."""
        head, _, rest = path.partition(".")
        value = self.__dict__.get(head)
        if rest and isinstance(value, BaseConfig):
            return value._locate(rest)
        if rest and isinstance(value, dict):
            return self, head, rest
        if rest or (head not in self.__dict__ and self._schema().leaf(head) is None):
            raise self._unknown(head)
        return self, head, None

    def _unknown(self, name: str) -> ConfigError:
        path = _join(self._schema().path, name)
        if isinstance(group := self.__dict__.get(name), BaseConfig):
            return ConfigError(f"{path}: a group of settings; valid: {', '.join(group.__dict__)}")
        if name in self.__dict__:
            return ConfigError(f"{path}: a single setting, with nothing below it")
        return ConfigError(f"{path}: no such setting; {_valid_names(name, self.__dict__)}")


def _layers(cls: type) -> list[type]:
    return [layer for layer in cls.__mro__ if layer not in (BaseConfig, object)]


def _roots(cls: type) -> set[type]:
    return {layer for layer in _layers(cls) if len(_layers(layer)) == 1}


def _settings(layer: type) -> dict[str, Any]:
    """What a class body declares: nested classes and values, but no methods or properties."""
    return {
        name: value
        for name, value in vars(layer).items()
        if not name.startswith("_") and (isinstance(value, type) or not hasattr(value, "__get__"))
    }


def _compile(layers: list[type], declaring: set[type], path: str) -> _Schema:
    """Merge the class bodies in `layers`, most derived first; names come from `declaring` ones."""
    bodies = [_settings(layer) for layer in reversed(layers)]
    is_open = any(vars(layer).get("_open", False) for layer in layers)
    rules: dict[str, tuple[Validator, ...]] = {}
    known = {name for layer in layers for name in vars(layer).get("_adds", ())}
    for layer in reversed(layers):
        for name, rule in vars(layer).get("_valid", {}).items():
            rules[name] = rule if isinstance(rule, tuple) else (rule,)
        if layer in declaring:
            known.update(_settings(layer))
    names = list(dict.fromkeys(name for body in bodies for name in body))
    valid = [name for name in names if name in known]
    members: dict[str, _Leaf | type[BaseConfig]] = {}
    for name in names:
        here = _join(path, name)
        values = [body[name] for body in bodies if name in body]
        if name not in known and not is_open:
            raise ConfigError(f"{here}: no such setting; {_valid_names(name, valid)}")
        if hasattr(BaseConfig, name) or any(
            name in vars(layer) and name not in _settings(layer) for layer in layers
        ):
            raise ConfigError(f"{here}: this name is taken by a method or property")
        if all(isinstance(value, type) for value in values):
            members[name] = _group_type(name, values[::-1], here)
        elif any(isinstance(value, type) for value in values):
            raise ConfigError(f"{here}: a group in one class and a value in another")
        else:
            members[name] = _leaf(here, values, rules.get(name, rules.get("*", ())), is_open)
    if stray := sorted(set(rules) - set(names) - {"*"}):
        raise ConfigError(f"{_join(path, '_valid')}: no such setting: {', '.join(stray)}")
    return _Schema(path, members, is_open, _Leaf(None, ANY, rules.get("*", ())))


def _leaf(path: str, values: list[Any], rules: tuple[Validator, ...], is_open: bool) -> _Leaf:
    typed = any(rule.typed for rule in rules)
    if values[0] is None and not typed and not is_open:
        raise ConfigError(f"{path}: a default of None needs OptionalOf(<type>) in _valid")
    return _Leaf(values[-1], ANY if values[0] is None else values[0], rules)


def _group_type(name: str, bodies: list[type], path: str) -> type[BaseConfig]:
    """Make the type of a nested group out of its class bodies, most derived first."""
    bases = list(dict.fromkeys(reversed(bodies)))[::-1]
    try:
        merged: type[BaseConfig] = type(name, (*bases, BaseConfig), {})
    except TypeError:
        raise ConfigError(f"{path}: its classes inherit in contradicting orders") from None
    plain = {body for body in bases[:-1] if not issubclass(body, BaseConfig)}
    schema = _compile(_layers(merged), (_roots(merged) - plain) | {bases[-1]}, path)
    if schema.open:  # the class bodies must not show through where a name was removed
        merged = type(name, (BaseConfig,), {})
    merged._compiled = schema
    return merged


def _join(path: str, name: str) -> str:
    name = shown_name(name)
    return f"{path}.{name}" if path else name


def _valid_names(name: str, valid: Iterable[str]) -> str:
    names = [shown_name(one) for one in valid]
    close = difflib.get_close_matches(name[:100], names, n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    return f"valid: {', '.join(names) or 'none'}{hint}"
