"""From plain settings (YAML, the command line) to frozen dataclasses, with every mistake reported at once."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar, cast

from pydantic import ConfigDict, ValidationError, create_model

from corpora.errors import ConfigError

T = TypeVar("T")


def build(kind: type[T], settings: Mapping[str, Any], path: str) -> T:
    """An object of a dataclass from settings; numbers may be spelled as strings (YAML reads ``1e-5`` as one).

    Args:
        kind: the dataclass.
        settings: its fields.
        path: where the settings stand, for messages.

    Raises:
        ConfigError: one line per mistake, each as ``path.to.key: problem (got ...)``.
    """
    # A plain dataclass takes its configuration from the model around it, so the names that it lacks are refused.
    holder: Any = create_model("Settings", __config__=ConfigDict(extra="forbid"), held=(kind, ...))
    try:
        return cast(T, holder(held=dict(settings)).held)
    except ValidationError as error:
        raise ConfigError("\n".join(_lines(path, error.errors(include_url=False)))) from error


def described(built: Any) -> dict[str, Any]:
    """A dataclass with all of its settings, those that nobody gave included, as JSON."""
    return {"kind": type(built).__name__, **dataclasses.asdict(built)}


def _lines(path: str, errors: Sequence[Any]) -> Iterator[str]:
    """One line for each place; where a setting may be of several kinds, pydantic has an error for each kind."""
    places: dict[tuple[str, ...], list[Any]] = {}
    for error in errors:
        place = tuple(str(part) for part in error["loc"][1:] if not _KIND.fullmatch(str(part)))
        places.setdefault(place, []).append(error)
    for place, found in places.items():
        # A mistake further down says more than that the whole is not of another kind.
        if not any(other[: len(place)] == place and len(other) > len(place) for other in places):
            yield f"{'.'.join([path, *place]).strip('.')}: {' or '.join(map(_problem, found))}{_given(found[0])}"


_KIND = re.compile(r"str|int|float|bool|none|\w+\[.*\]")
"""How pydantic names a kind of value within a path."""


def _problem(error: Any) -> str:
    if error["type"] in _UNKNOWN:
        return "unknown setting"
    if error["type"] in _MISSING:
        return "missing"
    return str(error["msg"][0].lower() + error["msg"][1:])


def _given(error: Any) -> str:
    return "" if error["type"] in (*_UNKNOWN, *_MISSING) else f" (got {error['input']!r})"


_UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")
_MISSING = ("missing", "missing_argument")
