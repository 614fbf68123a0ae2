"""JSON files of models and tokenizers, read within limits before anything is built from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from finkd.corpora.errors import ConfigError
from finkd.corpora.readers.lines import unique_keys

MAX_DEPTH = 32
MAX_INTEGER = 2**53
"""Integers above it are not the same in every program that reads JSON."""


def read_object(path: Path, limit: int, large: tuple[str, ...] = ()) -> dict[str, Any]:
    """The object in a JSON file.

    Args:
        path: the file.
        limit: bytes that it may have.
        large: keys of the object whose integers may exceed ``MAX_INTEGER``.

    Raises:
        ConfigError: if the file is missing, too large or not strict JSON (a key twice, ``NaN``), if its value is no
            object, or if it is nested too deeply or holds an integer out of range.
    """
    try:
        size = path.stat().st_size
        if size > limit:
            raise ConfigError(f"{path}: found {size:,} bytes; expected {limit:,} at most")
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: found byte 0x{error.object[error.start]:02x}; expected UTF-8 text") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror or error})") from error
    try:
        found = json.loads(text, object_pairs_hook=unique_keys, parse_constant=_refuse_constant)
        if "\\ud" in text.lower():  # half a surrogate pair can be spelt in JSON, and cannot be shown
            json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ConfigError(f"{path}: not valid JSON (found half a surrogate pair)") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not valid JSON ({error})") from error
    if not isinstance(found, dict):
        raise ConfigError(f"{path}: found {shown(found)}; expected a JSON object")
    for key, value in found.items():
        _check(value, str(key), path, 1, any_size=key in large)
    return found


def shown(value: Any) -> str:
    """A value as it stands in JSON, cut short."""
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _refuse_constant(name: str) -> None:
    raise ValueError(f"found {name}, which is no number")


def _check(value: Any, where: str, path: Path, depth: int, *, any_size: bool) -> None:
    if depth > MAX_DEPTH:
        raise ConfigError(f"{path}: {where[:80]}: is nested more than {MAX_DEPTH} deep")
    if isinstance(value, dict):
        for key, each in value.items():
            if isinstance(each, dict | list) or type(each) is int:
                _check(each, f"{where}.{key}", path, depth + 1, any_size=any_size)
    elif isinstance(value, list):
        for each in value:
            if isinstance(each, dict | list) or type(each) is int:
                _check(each, where, path, depth + 1, any_size=any_size)
    elif type(value) is int and abs(value) > MAX_INTEGER and not any_size:
        raise ConfigError(f"{path}: {where[:80]}: found {shown(value)}; expected an integer of up to {MAX_INTEGER}")
