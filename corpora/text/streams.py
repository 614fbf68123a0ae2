"""Texts with whatever stands beside them: lines, JSON objects or rows of a table, read one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from finkd.corpora.errors import ConfigError, DataError, listed, quoted
from finkd.corpora.readers.json_files import json_lines
from finkd.corpora.readers.lines import csv_rows, suffix, text_lines

Format = Literal["text", "jsonl", "csv"]
TEXT: Literal["text"] = "text"
SUFFIXES: Mapping[str, Format] = {".txt": TEXT, ".md": TEXT, ".jsonl": "jsonl", ".csv": "csv"}
"""Of files of raw text, without ``.gz``."""


def text_records(path: Path, field: str = TEXT, kind: Format | None = None) -> Iterator[dict[str, Any]]:
    """Read the records of a file one at a time.

    Args:
        path: the file, ``.gz`` seen through; ``-`` is standard input.
        field: the key, or column, of a record's text.
        kind: what the file holds; by default what its name says: ``.jsonl``, ``.csv``, anything else is text by lines.

    Yields:
        one mapping per record, whose ``field`` is a string.

    Raises:
        ConfigError: if ``kind`` is unknown.
        DataError: if a record has no such text, or the file breaks its format, with the line.
        UnavailableError: if there is no such file.
    """
    kind = format_of(path, kind)
    if kind == TEXT:
        yield from ({field: line} for _, line in text_lines(path))
        return
    for number, record in json_lines(path) if kind == "jsonl" else csv_rows(path, (), skip_blank=True):
        found = record.get(field) if isinstance(record, dict) else None
        if not isinstance(found, str):
            keys = listed(record) if isinstance(record, dict) else type(record).__name__
            raise DataError(f"{path}:{number}: expected a text under {field!r} (found {keys})")
        yield record


def format_of(path: Path, kind: Format | None = None) -> Format:
    """Return what a file holds: ``kind`` if it is given, or else what its name says.

    Raises:
        ConfigError: if ``kind`` is unknown.
    """
    known: tuple[Format, ...] = get_args(Format)
    kind = kind or SUFFIXES.get(suffix(path), TEXT)
    if kind not in known:
        raise ConfigError(f"format: unknown value (got {quoted(kind)}; choose from {', '.join(known)})")
    return kind
