"""From YAML to plain settings, and from these to frozen dataclasses, with every mistake reported at once."""

from __future__ import annotations

import collections.abc
import dataclasses
import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

import yaml
from pydantic import ConfigDict, ValidationError, create_model

from corpora.errors import ConfigError

T = TypeVar("T")


def build(kind: type[T], settings: Mapping[str, Any], path: str) -> T:
    """An object of a dataclass from settings; numbers may be spelled as strings (YAML reads ``1e-5`` as one).

    Args:
        kind: the dataclass.
        settings: its fields; of one that is a dataclass itself, those settings that differ from its default here.
        path: where the settings stand, for messages.

    Raises:
        ConfigError: one line per mistake, each as ``path.to.key: problem (got ...)``.
    """
    # A plain dataclass takes its configuration from the model around it, so the names that it lacks are refused.
    holder: Any = create_model("Settings", __config__=_STRICT, held=(kind, ...))
    try:
        return cast(T, holder(held=_completed(kind, settings)).held)
    except ValidationError as error:
        raise ConfigError("\n".join(_lines(path, error.errors(include_url=False), kind))) from error


def _completed(kind: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings in which a part that is given has the rest of its default, which may not be that of its own class."""
    completed = dict(settings)
    for field in dataclasses.fields(kind):
        given, make = settings.get(field.name), field.default_factory
        default = make() if make is not dataclasses.MISSING else field.default
        if isinstance(given, Mapping) and dataclasses.is_dataclass(default) and not isinstance(default, type):
            completed[field.name] = {**dataclasses.asdict(default), **given}
    return completed


_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)


def read_yaml(text: str) -> Any:
    """What a YAML text says.

    Raises:
        yaml.YAMLError: if it is not valid, or a key is given twice, of which YAML readers keep the last in silence.
    """
    return yaml.load(text, _Loader)


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping whose keys all differ."""
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} is given twice", key.start_mark)
            if isinstance(key, yaml.ScalarNode):
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def described(built: Any) -> dict[str, Any]:
    """A dataclass with all of its settings, those that nobody gave included, as JSON."""
    return {"kind": type(built).__name__, **dataclasses.asdict(built)}


def _lines(path: str, errors: Sequence[Any], kind: type) -> Iterator[str]:
    """One line for each place; where a setting may be of several kinds, pydantic has an error for each kind."""
    places: dict[tuple[str, ...], list[Any]] = {}
    for error in errors:
        place = tuple(str(part) for part in error["loc"][1:] if not _KIND.fullmatch(str(part)))
        places.setdefault(place, []).append(error)
    for place, found in places.items():
        # A mistake further down says more than that the whole is not of another kind.
        if not any(other[: len(place)] == place and len(other) > len(place) for other in places):
            problem = _unknown(kind, place) if found[0]["type"] in _UNKNOWN else " or ".join(map(_problem, found))
            yield f"{'.'.join([path, *place]).strip('.')}: {problem}{_given(found[0])}"


_KIND = re.compile(r"str|int|float|bool|none|\w+\[.*\]")
"""How pydantic names a kind of value within a path."""


def _unknown(kind: type, place: Sequence[str]) -> str:
    """What to say of a setting that a dataclass, or one within it, does not have."""
    holder = _held(kind, place[:-1])
    if holder is None:
        return "unknown setting"
    names = {field.name: _held(hint, ()) for field, hint in _fields(holder)}
    dotted = [f"{name}.{field.name}" for name, within in names.items() if within for field, _ in _fields(within)]
    near = [name for name in dotted if name.endswith(f".{place[-1]}")]
    near += difflib.get_close_matches(place[-1], [*names, *dotted], n=1, cutoff=0.6)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"unknown setting{hint} (choose from {', '.join(sorted(names))})"


def _held(annotation: Any, place: Sequence[str]) -> Any:
    """The dataclass that a type holds at a place, if it is one."""
    if dataclasses.is_dataclass(annotation):
        hints = {field.name: hint for field, hint in _fields(annotation)}
        return _held(hints.get(place[0]), place[1:]) if place else annotation
    arguments = get_args(annotation)
    if get_origin(annotation) is collections.abc.Mapping:
        return _held(arguments[1], place[1:]) if place else None
    return next((found for each in arguments if (found := _held(each, place))), None)


def _fields(kind: Any) -> list[tuple[dataclasses.Field[Any], Any]]:
    """The settings of a dataclass with their types."""
    hints = get_type_hints(kind, include_extras=True)
    return [(field, hints[field.name]) for field in dataclasses.fields(kind)]


def _problem(error: Any) -> str:
    if error["type"] in _MISSING:
        return "missing"
    if error["type"] == "dataclass_type":
        return "expected settings, as in {key: value}"
    message = str(error["msg"]).removeprefix("Value error, ")
    return message[0].lower() + message[1:]


def _given(error: Any) -> str:
    return "" if error["type"] in (*_UNKNOWN, *_MISSING) else f" (got {error['input']!r})"


_UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")
_MISSING = ("missing", "missing_argument")
