"""Files of tasks: tab-separated values without quoting, and JSON, each also gzipped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from finkd.corpora.errors import DataError, listed
from finkd.corpora.readers.json_files import read_json
from finkd.corpora.readers.lines import numbered_lines
from finkd.corpora.wording import counted


def tsv(path: Path, columns: Sequence[str], header: Sequence[str] | None = None) -> Iterator[tuple[str, list[str]]]:
    """Read the rows of a file in which a quotation mark is an ordinary character.

    Yields:
        where the row stands, for messages, and its values.

    Raises:
        DataError: if a column or a value is not there.
    """
    lines = numbered_lines(path)
    names = header or next(lines, (1, ""))[1].split("\t")
    missing = [name for name in columns if name not in names]
    if missing:
        raise DataError(f"{path}: no column {', '.join(missing)} (its columns: {listed(names)})")
    chosen = [list(names).index(name) for name in columns]
    for number, line in lines:
        if not line:
            continue
        values = line.split("\t")
        if len(values) <= max(chosen):
            raise DataError(
                f"{path}: line {number}: {counted(len(values), 'value')}, expected at least {max(chosen) + 1}"
            )
        yield f"{path}: line {number}", [values[place] for place in chosen]


def numbered(path: Path, columns: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Read the rows of a JSON object that maps numbers to objects; as ``tsv``."""
    rows: Mapping[str, Mapping[str, Any]] = read_json(path)
    if not isinstance(rows, dict) or not all(isinstance(row, dict) for row in rows.values()):
        raise DataError(f"{path}:1: expected an object that maps numbers to objects")
    for number, row in rows.items():
        missing = [name for name in columns if name not in row]
        if missing:
            raise DataError(f"{path}: row {number}: no {', '.join(missing)}")
        yield f"{path}: row {number}", [str(row[name]) for name in columns]


def class_of(where: str, label: str, classes: Mapping[str, int]) -> int:
    """Return the index of a class by what the file calls it.

    Raises:
        DataError: if it has no such class.
    """
    if label not in classes:
        raise DataError(f"{where}: label {label!r}, expected one of {', '.join(classes)}")
    return classes[label]


def number_of(where: str, label: str, low: float, high: float) -> float:
    """Return a label that is a number.

    Raises:
        DataError: if it is none, or out of range.
    """
    try:
        value = float(label)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise DataError(f"{where}: label {label!r}, expected a number between {low:g} and {high:g}")
    return value
