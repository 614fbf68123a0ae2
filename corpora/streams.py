"""Texts with whatever stands beside them: lines, JSON objects or rows of a table, read one by one."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args

from corpora.errors import ConfigError, DataError
from corpora.lines import numbered_lines, parse_json

Format = Literal["text", "jsonl", "csv"]
TEXT: Literal["text"] = "text"

_LONGEST = 1 << 30
"""Characters of a cell: an annual report may stand in one."""


def text_records(path: Path, field: str = TEXT, kind: Format | None = None) -> Iterator[dict[str, Any]]:
    """Records of a file, none of which is held longer than it takes to ask for the next one.

    Args:
        path: the file, ``.gz`` seen through; ``-`` is standard input.
        field: the key, or column, of a record's text.
        kind: what the file holds; by default what its name says: ``.jsonl``, ``.csv``, anything else is text by lines.

    Yields:
        one mapping per record, whose ``field`` is a string.

    Raises:
        ConfigError: if ``kind`` is unknown.
        DataError: if a record has no such text, with its line.
        UnavailableError: if there is no such file.
    """
    kind = format_of(path, kind)
    if kind == TEXT:
        yield from ({field: line} for _, line in numbered_lines(path))
        return
    for number, record in _objects(path) if kind == "jsonl" else _rows(path):
        found = record.get(field) if isinstance(record, dict) else None
        if not isinstance(found, str):
            keys = ", ".join(map(str, record)) if isinstance(record, dict) else type(record).__name__
            raise DataError(f"{path}:{number}: expected a text under {field!r} (found {keys[:80]}); see --field")
        yield record


def format_of(path: Path, kind: Format | None = None) -> Format:
    """What a file holds: ``kind`` if it is given, or else what its name says.

    Raises:
        ConfigError: if ``kind`` is unknown.
    """
    name = path.name.removesuffix(".gz")
    known: tuple[Format, ...] = get_args(Format)
    kind = kind or next((each for each in known if name.endswith(f".{each}")), TEXT)
    if kind not in known:
        raise ConfigError(f"format: unknown value (got {kind!r}; choose from {', '.join(known)})")
    return kind


def _objects(path: Path) -> Iterator[tuple[int, Any]]:
    return ((number, parse_json(line, path, number)) for number, line in numbered_lines(path) if line.strip())


def _rows(path: Path) -> Iterator[tuple[int, Any]]:
    csv.field_size_limit(_LONGEST)
    reader = csv.DictReader((f"{line}\n" for _, line in numbered_lines(path)), strict=True)
    try:
        for row in reader:
            if None in row or None in row.values():
                raise DataError(f"{path}:{reader.line_num}: found another number of cells than there are columns")
            yield reader.line_num, row
    except csv.Error as error:
        raise DataError(f"{path}:{reader.line_num + 1}: not CSV ({error})") from error
