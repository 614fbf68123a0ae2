"""JSON read strictly and within limits: data, JSON lines, and configuration files of models and tokenizers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from finkd.corpora.errors import ConfigError, DataError, quoted
from finkd.corpora.readers import limits
from finkd.corpora.readers.lines import numbered_lines, read_text

MAX_DEPTH = 32
MAX_INTEGER = 2**53
"""Integers above it are not the same in every program that reads JSON."""


def json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """Read the value in each line of a file that is not blank, with the number of the line.

    Raises:
        DataError: if a line is not JSON, as ``parse_json``, or not UTF-8, or too long.
        UnavailableError: if there is no such file.
    """
    return ((number, parse_json(line, path, number)) for number, line in numbered_lines(path) if line.strip())


def read_json(path: Path) -> Any:
    """Read the value in a JSON file, unpacking gzip.

    Raises:
        DataError: if the text is not JSON, or not UTF-8, or too long to be held.
        UnavailableError: if there is no such file.
    """
    return parse_json(read_text(path), path)


def parse_json(text: str, path: Path, line: int = 1) -> Any:
    """Parse JSON that starts at ``line`` of ``path``.

    Raises:
        DataError: with ``path:line`` of the first character that is not JSON; or if a key stands twice in an object, a
            number has too many digits, or lists and objects lie too deep in each other.
    """
    try:
        return _loads(text, limits.JSON_DEPTH, parse_int=_whole_number)
    except json.JSONDecodeError as error:
        at, found = line + error.lineno - 1, f"{error.msg} at column {error.colno}"
        raise DataError(f"{path}:{at}: not JSON ({found}); expected one JSON value") from error
    except ValueError as error:
        raise DataError(f"{path}:{line}: not usable JSON ({error}); write each record as one flat object") from error


def _loads(text: str, depth: int, **hooks: Any) -> Any:
    """Parse JSON, refusing keys that stand twice, deep nesting and half a surrogate pair, which no tokenizer reads.

    Raises:
        ValueError: with the reason.
    """
    try:
        value = json.loads(text, object_pairs_hook=_unique_keys, **hooks)
        is_deep = text.count("[") + text.count("{") > depth and _is_deeper(value, depth)
    except RecursionError:
        is_deep = True
    if is_deep:
        raise ValueError(f"found lists or objects nested more than {depth} deep")
    if "\\ud" in text.lower():
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ValueError("found half a surrogate pair") from error
    return value


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        counts = Counter(key for key, _ in pairs)
        raise ValueError(f"found the key {quoted(next(key for key in counts if counts[key] > 1))} twice")
    return found


def _whole_number(digits: str) -> int:
    if len(digits) > limits.JSON_DIGITS:
        raise ValueError(f"found a number of {len(digits)} digits, more than {limits.JSON_DIGITS}")
    return int(digits)


def _is_deeper(value: Any, depth: int) -> bool:
    """Return whether lists and objects lie more than ``depth`` deep in each other."""
    level = [value]
    for _ in range(depth):
        level = [child for each in level for _, child in _children(each)]
    return any(isinstance(each, dict | list) for each in level)


def _children(value: Any) -> Iterable[tuple[str | None, Any]]:
    """Return what lies in a list or an object, with its key in an object; nothing lies in other values."""
    if isinstance(value, dict):
        return value.items()
    return ((None, each) for each in value) if isinstance(value, list) else ()


def read_object(path: Path, limit: int, large: tuple[str, ...] = ()) -> dict[str, Any]:
    """Read the object in a JSON file of a model or a tokenizer, before anything is built from it.

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
        raw = path.read_bytes() if size <= limit else b""
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror or error})") from error
    if size > limit:
        raise ConfigError(f"{path}: found {size:,} bytes; expected {limit:,} at most")
    try:
        found = _loads(raw.decode("utf-8-sig"), MAX_DEPTH, parse_constant=_refuse_constant)
    except ValueError as error:
        raise ConfigError(f"{path}: not valid JSON ({error})") from error
    if not isinstance(found, dict):
        raise ConfigError(f"{path}: found {shown(found)}; expected a JSON object")
    for key, value in found.items():
        if key not in large:
            _check_integers(value, key, path)
    return found


def shown(value: Any) -> str:
    """Return a value as JSON, shortened."""
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _refuse_constant(name: str) -> None:
    raise ValueError(f"found {name}, which is no number")


def _check_integers(value: Any, where: str, path: Path) -> None:
    if type(value) is int and abs(value) > MAX_INTEGER:
        raise ConfigError(f"{path}: {where[:80]}: found {shown(value)}; expected an integer of up to {MAX_INTEGER}")
    for key, each in _children(value):
        if isinstance(each, dict | list | int):
            _check_integers(each, where if key is None else f"{where}.{key}", path)
