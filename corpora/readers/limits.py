"""How much is read of a file, and how deep: the bounds that every reader of text keeps to.

A file that breaks a bound is refused before it fills the memory. The bounds lie far above what a corpus holds: an
annual report with its markup has some ten megabytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

from finkd.corpora.errors import DataError

MEBIBYTE = 1 << 20
LINE_BYTES = 64 * MEBIBYTE
"""Of one line, or one cell of a CSV file."""
HELD_BYTES = 256 * MEBIBYTE
"""Of a file that can only be read as a whole: a JSON value, a packed table."""
TABLE_VALUES = 200_000_000
"""Values of a parquet table: a few bytes may stand for as many equal ones."""
PACKED_RATIO = 200
"""Times its size that a gzip file may unfold to, beyond ``LINE_BYTES``. Text unfolds to three to ten times its size, a
file of equal bytes to 1,000 times."""
TEXT_CHARACTERS = 1_000_000
"""Of one labelled text: as many as spaCy takes, and a book has."""
LABEL_CHARACTERS = 200
JSON_DEPTH = 100
JSON_DIGITS = 30
"""Of a whole number in JSON."""


def check_line(raw: bytes, path: Path, number: int) -> None:
    """Refuse a line that was cut because it has more than ``LINE_BYTES``.

    Raises:
        DataError: if it is too long.
    """
    if len(raw) > LINE_BYTES:
        raise DataError(
            f"{path}:{number}: found a line of more than {_size(LINE_BYTES)}; expected one text or record per line"
        )


def check_unfolded(unfolded: int, packed: int, path: Path, number: int) -> None:
    """Refuse a gzip file that unfolds to far more than text does.

    Args:
        unfolded: bytes so far.
        packed: bytes of the file.
        path: the file.
        number: line that was reached.

    Raises:
        DataError: if it does.
    """
    if unfolded > max(LINE_BYTES, PACKED_RATIO * packed):
        raise DataError(
            f"{path}:{number}: found more than {PACKED_RATIO} times the {packed} bytes that the gzip file has; "
            "expected packed text, unpack it if it is meant"
        )


def read_whole(file: IO[bytes], path: Path) -> bytes:
    """The bytes of a file that has to be held as a whole.

    Raises:
        DataError: if there are more than ``HELD_BYTES``.
    """
    raw = file.read(HELD_BYTES + 1)
    if len(raw) > HELD_BYTES:
        raise DataError(
            f"{path}: found more than {_size(HELD_BYTES)} to be read as a whole; expected less, such as JSON lines or "
            "several files"
        )
    return raw


def is_too_deep(value: Any) -> bool:
    """Whether lists and objects lie more than ``JSON_DEPTH`` deep in each other."""
    level = [value]
    for _ in range(JSON_DEPTH + 1):
        level = [each for each in level if isinstance(each, dict | list)]
        if not level:
            return False
        level = [child for each in level for child in (each.values() if isinstance(each, dict) else each)]
    return True


def _size(count: int) -> str:
    return f"{count // MEBIBYTE} MiB" if count >= MEBIBYTE else f"{count} bytes"
