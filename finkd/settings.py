"""From plain settings (YAML, the command line) to frozen dataclasses, with every mistake reported at once."""

from __future__ import annotations

from collections.abc import Mapping
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
        raise ConfigError("\n".join(_line(path, each) for each in error.errors(include_url=False))) from error


def _line(path: str, error: Any) -> str:
    place = ".".join([path, *(str(part) for part in error["loc"][1:])]).strip(".")
    if error["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        return f"{place}: unknown setting"
    if error["type"] in ("missing", "missing_argument"):
        return f"{place}: missing"
    message = error["msg"][0].lower() + error["msg"][1:]
    return f"{place}: {message} (got {error['input']!r})"
