"""Text files read strictly: UTF-8 or a clear refusal, gzip seen through, lines numbered."""

from __future__ import annotations

import gzip
import json
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from corpora.errors import DataError, UnavailableError

BROKEN_GZIP = (gzip.BadGzipFile, zlib.error, EOFError)
_BOM = b"\xef\xbb\xbf"
_WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff")


def open_binary(path: Path) -> IO[bytes]:
    """Open a file for reading, unpacking gzip if the name ends in ``.gz``; ``-`` is standard input.

    Raises:
        UnavailableError: if there is no such file or it may not be read.
    """
    if str(path) == "-":
        return sys.stdin.buffer
    try:
        raw = path.open("rb")
    except OSError as error:
        raise UnavailableError(f"{path}: cannot read ({error.strerror or error})") from error
    return cast(IO[bytes], gzip.open(raw)) if path.suffix == ".gz" else raw


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    r"""Lines with their numbers from 1; only ``\n`` and ``\r\n`` end one and are cut off, a UTF-8 signature is skipped.

    Raises:
        DataError: if the bytes are not UTF-8 (the message names the offset), or break gzip.
        UnavailableError: if there is no such file.
    """
    offset = number = 0
    with open_binary(path) as file:
        try:
            for number, raw in enumerate(file, start=1):
                yield number, _decode(raw, path, number, offset)
                offset += len(raw)
        except BROKEN_GZIP as error:
            raise DataError(f"{path}:{number + 1}: broken gzip ({error}); expected a whole .gz file") from error


def _decode(raw: bytes, path: Path, number: int, offset: int) -> str:
    signature = len(_BOM) if number == 1 and raw.startswith(_BOM) else 0
    if number == 1 and (raw.startswith(_WIDE_BOMS) or b"\0" in raw):
        raise DataError(f"{path}:1: found UTF-16 or binary bytes; expected UTF-8 text")
    try:
        text = raw[signature:].decode("utf-8")
    except UnicodeDecodeError as error:
        at = offset + signature + error.start
        found = raw[signature + error.start]
        raise DataError(
            f"{path}:{number}: found byte 0x{found:02x} at offset {at}, which is not UTF-8; save the file as UTF-8"
        ) from error
    return text.removesuffix("\n").removesuffix("\r")


def read_json(path: Path) -> Any:
    """The value in a JSON file, gzip seen through.

    Raises:
        DataError: if the text is not JSON, or not UTF-8.
        UnavailableError: if there is no such file.
    """
    text = "\n".join(line for _, line in numbered_lines(path))
    return parse_json(text, path)


def parse_json(text: str, path: Path, line: int = 1) -> Any:
    """Parse JSON that starts at ``line`` of ``path``.

    Raises:
        DataError: with ``path:line`` of the first character that is not JSON.
    """
    try:
        value = json.loads(text)
        if "\\ud" in text.lower():  # half a surrogate pair can be spelt in JSON, and breaks every tokenizer
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        at, found = line + error.lineno - 1, f"{error.msg} at column {error.colno}"
        raise DataError(f"{path}:{at}: not JSON ({found}); expected one JSON value") from error
    except UnicodeEncodeError as error:
        raise DataError(f"{path}:{line}: found half a surrogate pair; expected whole characters") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}:{line}: not usable JSON ({error}); expected records of words and tags") from error
    return value


def stem(path: Path) -> str:
    """A file's name without ``.gz`` and without the suffix of its format."""
    return Path(path.name.removesuffix(".gz")).stem
