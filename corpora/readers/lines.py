"""Text files read strictly: UTF-8 or a clear refusal, gzip seen through, lines numbered, sizes bounded."""

from __future__ import annotations

import csv
import gzip
import json
import sys
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, cast

from finkd.corpora.errors import DataError, UnavailableError, listed, quoted
from finkd.corpora.readers import limits
from finkd.corpora.wording import counted

BROKEN_GZIP = (gzip.BadGzipFile, zlib.error, EOFError)
_BOM = b"\xef\xbb\xbf"
_WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff")
_PACKED = ".gz"


def is_packed(path: Path) -> bool:
    """Whether a file's name says that it is gzip."""
    return path.suffix.lower() == _PACKED


def without_packing(name: str) -> str:
    """A file's name without ``.gz``."""
    return name[: -len(_PACKED)] if name.lower().endswith(_PACKED) else name


def stem(path: Path) -> str:
    """A file's name without ``.gz`` and without the suffix of its format."""
    return Path(without_packing(path.name)).stem


def open_binary(path: Path) -> IO[bytes]:
    """Open a file for reading, unpacking gzip if the name ends in ``.gz``; ``-`` is standard input.

    Raises:
        UnavailableError: if there is no such file or it may not be read.
    """
    if str(path) == "-":
        return sys.stdin.buffer
    try:
        raw = path.open("rb")
    except (OSError, ValueError) as error:
        raise UnavailableError(f"{path}: cannot read ({getattr(error, 'strerror', None) or error})") from error
    return cast(IO[bytes], gzip.open(raw)) if is_packed(path) else raw


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    r"""Lines with their numbers from 1; only ``\n`` and ``\r\n`` end one and are cut off, a UTF-8 signature is skipped.

    Raises:
        DataError: if the bytes are not UTF-8 (the message names the offset), break gzip, or a line is too long.
        UnavailableError: if there is no such file.
    """
    offset = number = 0
    with open_binary(path) as file:
        packed = path.stat().st_size if is_packed(path) else None
        try:
            for number, raw in enumerate(iter(lambda: file.readline(limits.LINE_BYTES + 1), b""), start=1):
                limits.check_line(raw, path, number)
                yield number, _decode(raw, path, number, offset)
                offset += len(raw)
                if packed is not None:
                    limits.check_unfolded(offset, packed, path, number)
        except BROKEN_GZIP as error:
            raise DataError(f"{path}:{number + 1}: broken gzip ({error}); expected a whole .gz file") from error


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines of a file in which a line is a text, an entry or a word, as ``numbered_lines``.

    Raises:
        DataError: likewise, and if a carriage return stands alone: whether it ends a line cannot be known.
        UnavailableError: if there is no such file.
    """
    for number, line in numbered_lines(path):
        if "\r" in line:
            raise DataError(
                f"{path}:{number}: found a carriage return inside a line; save the file with line ends LF or CRLF"
            )
        yield number, line


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


def read_text(path: Path) -> str:
    """The whole text of a file, with the line ends that it has; a UTF-8 signature is skipped.

    Raises:
        DataError: if the bytes are not UTF-8, break gzip or are too many.
        UnavailableError: if there is no such file.
    """
    with open_binary(path) as file:
        try:
            raw = limits.read_whole(file, path)
        except BROKEN_GZIP as error:
            raise DataError(f"{path}: broken gzip ({error}); expected a whole .gz file") from error
    if raw.startswith(_WIDE_BOMS) or b"\0" in raw.partition(b"\n")[0]:
        raise DataError(f"{path}:1: found UTF-16 or binary bytes; expected UTF-8 text")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}:{line}: found byte 0x{raw[error.start]:02x} at offset {error.start}, which is not UTF-8; save the "
            "file as UTF-8"
        ) from error


def read_json(path: Path) -> Any:
    """The value in a JSON file, gzip seen through.

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
        value = json.loads(text, object_pairs_hook=unique_keys, parse_int=_whole_number)
        if "\\ud" in text.lower():  # half a surrogate pair can be spelt in JSON, and breaks every tokenizer
            json.dumps(value, ensure_ascii=False).encode()
        if text.count("[") + text.count("{") > limits.JSON_DEPTH and limits.is_too_deep(value):
            raise RecursionError
    except json.JSONDecodeError as error:
        at, found = line + error.lineno - 1, f"{error.msg} at column {error.colno}"
        raise DataError(f"{path}:{at}: not JSON ({found}); expected one JSON value") from error
    except UnicodeEncodeError as error:
        raise DataError(f"{path}:{line}: found half a surrogate pair; expected whole characters") from error
    except RecursionError as error:
        found = f"found lists or objects more than {limits.JSON_DEPTH} deep"
        raise DataError(f"{path}:{line}: not usable JSON ({found}); expected flat records") from error
    except ValueError as error:
        raise DataError(f"{path}:{line}: not usable JSON ({error}); write each record as one object") from error
    return value


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of some pairs, as ``json.loads`` takes it for ``object_pairs_hook``.

    Raises:
        ValueError: if a key stands twice.
    """
    found = dict(pairs)
    if len(found) != len(pairs):
        counts = Counter(key for key, _ in pairs)
        raise ValueError(f"found the key {quoted(next(key for key in counts if counts[key] > 1))} twice")
    return found


def _whole_number(digits: str) -> int:
    if len(digits) > limits.JSON_DIGITS:
        raise ValueError(f"found a number of {len(digits)} digits, more than {limits.JSON_DIGITS}")
    return int(digits)


def csv_rows(path: Path, headers: Sequence[str], *, skip_blank: bool = False) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a CSV file (RFC 4180 quotes) by header, each with the number of its last line.

    Args:
        path: the file.
        headers: those that have to be there.
        skip_blank: whether a line without a cell is passed over instead of refused.

    Raises:
        DataError: if a header is missing or stands twice, a row is longer or shorter than the header, or quotes are
            broken.
        UnavailableError: if there is no such file.
    """
    csv.field_size_limit(limits.LINE_BYTES)
    reader = csv.reader((f"{line}\n" for _, line in numbered_lines(path)), strict=True)
    try:
        head = next(reader, [])
        missing = [name for name in headers if name not in head]
        if missing:
            raise DataError(f"{path}:1: found the columns {listed(head)}; expected also {listed(missing)}")
        twice = [name for name, times in Counter(head).items() if name and times > 1]
        if twice:
            raise DataError(f"{path}:1: found the column {quoted(twice[0])} twice; expected each header once")
        for cells in reader:
            number = reader.line_num
            if not cells and skip_blank:
                continue
            if len(cells) != len(head):
                raise DataError(
                    f"{path}:{number}: found {counted(len(cells), 'column')}; expected {len(head)} as in the header"
                )
            yield number, dict(zip(head, cells, strict=True))
    except csv.Error as error:
        raise DataError(f"{path}:{reader.line_num}: broken CSV ({error}); expected cells as in RFC 4180") from error
