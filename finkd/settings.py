"""Build frozen dataclasses from plain settings, and report all errors at once."""

from __future__ import annotations

import collections.abc
import dataclasses
import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, ValidationError, create_model

from finkd.corpora.errors import ConfigError
from finkd.corpora.former_names import renamed
from finkd.corpora.registry import choices

T = TypeVar("T")

MAX_DEPTH = 50
MAX_INTEGER = 2**53
"""The largest whole number that JSON readers and floating point keep exactly."""
MAX_PROBLEMS = 20
_SHOWN = 60
_LATER = "later"


def build(kind: type[T], settings: Mapping[str, Any], path: str, *, is_record: bool = False) -> T:
    """Build a dataclass from settings; numbers may be strings (YAML reads ``1e-5`` as one).

    Args:
        kind: the dataclass.
        settings: its fields; of a field that is a dataclass, the settings that differ from the field's default.
        path: of the settings, for messages.
        is_record: whether finkd wrote them; text may then hold control characters, as a model's output can.

    Raises:
        ConfigError: one line per error, each as ``path.to.key: problem (got ...)``.
    """
    try:
        built = cast(T, _holder(cast(Any, kind))(held=_completed(kind, settings)).held)
    except ValidationError as error:
        raise ConfigError(joined(_lines(path, error.errors(include_url=False), kind))) from error
    problems: list[str] = []
    if not is_record:
        problems += _booleans_for_numbers(settings, built, path)
        problems += _unusable(dataclasses.asdict(built), path, 0)  # type: ignore[call-overload]
    if problems:
        raise ConfigError(joined(problems))
    return built


@cache
def _holder(kind: Any) -> Any:
    """Return a pydantic model with one field, whose configuration applies to the plain dataclass in it."""
    strict = ConfigDict(extra="forbid", allow_inf_nan=False)
    return create_model("Settings", __config__=strict, held=(kind, ...))


def joined(problems: Iterable[str]) -> str:
    """Join problems to one message with a line for each, shortened if there are very many."""
    lines = list(problems)
    more = len(lines) - MAX_PROBLEMS
    return "\n".join([*lines[:MAX_PROBLEMS], f"... and {more} more problems"] if more > 1 else lines)


def _unusable(value: Any, path: str, depth: int) -> Iterator[str]:
    """Yield errors of values that no setting can have: too deep, too large, or unprintable."""
    if depth > MAX_DEPTH:
        yield f"{path[:_SHOWN]}...: nested more than {MAX_DEPTH} deep"
    elif isinstance(value, Mapping):
        for key, each in value.items():
            if isinstance(key, str):
                yield from _unusable(key, f"{path}: the name {key!r}".lstrip(": "), depth)
                yield from _unusable(each, f"{path}.{key}".lstrip("."), depth + 1)
            else:
                yield f"{path}: expected names that are text (got {shown(key)})".lstrip(": ")
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from _unusable(each, f"{path}.{index}", depth + 1)
    elif isinstance(value, int) and abs(value) > MAX_INTEGER:
        yield f"{path}: expected whole numbers up to {MAX_INTEGER} (got {shown(value)})"
    elif isinstance(value, str) and (found := _UNPRINTABLE.search(value)):
        yield f"{path}: expected text without the character {found[0]!r} (got {shown(value)})"


def _booleans_for_numbers(given: Any, built: Any, path: str) -> Iterator[str]:
    """Yield errors of booleans in place of numbers, which pydantic converts to 1 and 0."""
    if isinstance(given, bool) and type(built) in (int, float):
        yield f"{path}: expected a number (got {given})"
    elif isinstance(given, Mapping):
        for key, each in given.items():
            held = built.get(key) if isinstance(built, Mapping) else getattr(built, str(key), None)
            yield from _booleans_for_numbers(each, held, f"{path}.{key}".lstrip("."))
    elif isinstance(given, list | tuple) and isinstance(built, list | tuple):
        for index, (each, held) in enumerate(zip(given, built, strict=False)):
            yield from _booleans_for_numbers(each, held, f"{path}.{index}")


_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
"""Control characters except tabs and line ends, and surrogates, which UTF-8 cannot encode."""


def shown(value: Any) -> str:
    """Return a value as shown in messages."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # numbers with too many digits, or lists too deep, for Python
        return f"a very large {type(value).__name__}"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _completed(kind: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Complete partial settings of nested dataclasses by the defaults of their fields, not of their classes."""
    completed = dict(settings)
    for field in dataclasses.fields(kind):
        given, make = settings.get(field.name), field.default_factory
        default = make() if make is not dataclasses.MISSING else field.default
        if isinstance(given, Mapping) and dataclasses.is_dataclass(default) and not isinstance(default, type):
            completed[field.name] = {**dataclasses.asdict(default), **given}
    return completed


def described(built: Any) -> dict[str, Any]:
    """Return all settings of a dataclass, defaults included, as JSON values."""
    return {"kind": type(built).__name__, **dataclasses.asdict(built)}


def later(default: T) -> T:
    """Give a field a default with which it is left out of addresses, so that results older than the field stay valid.

    Example:
        >>> @dataclasses.dataclass(frozen=True)
        ... class Schedule:
        ...     epochs: float = 5.0
        ...     averaging: float = later(0.0)
        >>> deciding(Schedule()), deciding(Schedule(averaging=0.99))
        ({'epochs': 5.0}, {'epochs': 5.0, 'averaging': 0.99})
    """
    return dataclasses.field(default=default, metadata={_LATER: True})


def deciding(built: Any) -> dict[str, Any]:
    """Return the settings of a dataclass that an address is made of; see ``later``."""

    def plain(value: Any) -> Any:
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {
                field.name: plain(getattr(value, field.name))
                for field in dataclasses.fields(value)
                if not (_LATER in field.metadata and getattr(value, field.name) == field.default)
            }
        if isinstance(value, Mapping):
            return {key: plain(each) for key, each in value.items()}
        if isinstance(value, tuple):
            return tuple(map(plain, value))
        return [plain(each) for each in value] if isinstance(value, list) else value

    return cast(dict[str, Any], plain(built))


def _lines(path: str, errors: Sequence[Any], kind: type) -> Iterator[str]:
    """Yield one line for each setting, for which pydantic has an error per possible type."""
    places: dict[tuple[str, ...], list[Any]] = {}
    for error in errors:
        place = tuple(str(part) for part in error["loc"][1:] if not _KIND.fullmatch(str(part)))
        places.setdefault(place, []).append(error)
    for place, found in places.items():
        # An error in a nested setting says more than that the whole is not of another type.
        if not any(other[: len(place)] == place and len(other) > len(place) for other in places):
            first = found[0]
            problem = _unknown(kind, place) if first["type"] in _UNKNOWN else " or ".join(map(_problem, found))
            given = "" if first["type"] in (*_UNKNOWN, *_MISSING) else f" (got {shown(first['input'])})"
            where = ".".join([path, *place]).strip(".")
            yield f"{where}: {problem}{given}" if where else f"{problem}{given}"


_KIND = re.compile(r"str|int|float|bool|none|\w+\[.*\]")
"""Names of types in pydantic's paths."""


def _unknown(kind: type, place: Sequence[str]) -> str:
    """Describe a setting that a dataclass, or one nested in it, does not have."""
    holder = _held(kind, place[:-1])
    if holder is None:
        return "unknown setting"
    names = {field.name: _held(hint, ()) for field, hint in _fields(holder)}
    dotted = [f"{name}.{field.name}" for name, within in names.items() if within for field, _ in _fields(within)]
    near = [new] if (new := renamed(place[-1], names)) else []
    near += [name for name in dotted if name.endswith(f".{place[-1]}")]
    near += difflib.get_close_matches(place[-1], [*names, *dotted], n=1, cutoff=0.6)
    return f"unknown setting{choices(names, near[0] if near else None)}"


def _held(annotation: Any, place: Sequence[str]) -> Any:
    """Return the dataclass at a place within a type, if there is one."""
    if dataclasses.is_dataclass(annotation):
        hints = {field.name: hint for field, hint in _fields(annotation)}
        return _held(hints.get(place[0]), place[1:]) if place else annotation
    arguments = get_args(annotation)
    if get_origin(annotation) is collections.abc.Mapping:
        return _held(arguments[1], place[1:]) if place else None
    return next((found for each in arguments if (found := _held(each, place))), None)


def _fields(kind: Any) -> list[tuple[dataclasses.Field[Any], Any]]:
    """Return the settings of a dataclass with their types."""
    hints = get_type_hints(kind, include_extras=True)
    return [(field, hints[field.name]) for field in dataclasses.fields(kind)]


def _problem(error: Any) -> str:
    if error["type"] in _MISSING:
        return "missing"
    if error["type"] == "dataclass_type":
        return "expected settings, as in {key: value}"
    return without_prefix(str(error["msg"]))


def without_prefix(message: str) -> str:
    """Return a message of pydantic without the exception's name and the capital letter."""
    message = re.sub(r"^(Value|Assertion) error, ", "", message)
    return message[:1].lower() + message[1:]


_UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")
_MISSING = ("missing", "missing_argument")
