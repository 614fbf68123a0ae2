"""What docstrings say of the settings of dataclasses, for the reference and for editors."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

_SECTION = re.compile(r"^(Args|Attributes):$")
_ENTRY = re.compile(r"^    (\w+): (.*)$")


@dataclasses.dataclass(frozen=True)
class Setting:
    """A field of a dataclass as people see it.

    Attributes:
        name: of the field.
        kind: its type, as it is written.
        default: its value where none is given; ``dataclasses.MISSING`` if one has to be.
        about: what the docstring says of it; empty if nothing.
    """

    name: str
    kind: Any
    default: Any
    about: str


def settings_of(kind: type) -> Iterator[Setting]:
    """Yield the settings of a dataclass in their order.

    Example:
        >>> from finkd.training.schedule import Schedule
        >>> next(settings_of(Schedule)).about
        'passes over the data; the last one may be a part.'
    """
    hints, about = get_type_hints(kind, include_extras=True), documented(kind)
    for field in dataclasses.fields(kind):
        make = field.default_factory
        default = make() if make is not dataclasses.MISSING else field.default
        yield Setting(field.name, hints[field.name], default, about.get(field.name, ""))


def is_settings(kind: Any) -> bool:
    """Return whether a type is a dataclass of finkd."""
    return isinstance(kind, type) and dataclasses.is_dataclass(kind) and kind.__module__.startswith("finkd.")


def settings_within(kind: Any) -> Iterator[type]:
    """Yield the dataclasses of finkd that a type is or is made of, such as ``Text`` within ``Text | None``."""
    if is_settings(kind):
        yield kind
    for each in get_args(kind):
        yield from settings_within(each)


def documented(kind: type) -> dict[str, str]:
    """Return what the docstrings of a class and of those it derives from say of each attribute, in one line."""
    found: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        found |= _section(inspect.cleandoc(each.__doc__ or ""))
    return found


def _section(docstring: str) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    lines: list[str] | None = None
    for line in docstring.splitlines():
        if not line.startswith(" ") and line:
            lines = [] if _SECTION.match(line) else None
        elif lines is not None and (entry := _ENTRY.match(line)):
            lines = found[entry[1]] = [entry[2]]
        elif lines is not None:
            lines.append(line.strip())
    return {name: " ".join(parts).strip() for name, parts in found.items()}
