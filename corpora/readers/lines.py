"""Text and CSV files read strictly: UTF-8 only, gzip unpacked, lines numbered, sizes bounded."""

from __future__ import annotations

import csv
import gzip
import sys
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, cast

from finkd.corpora.errors import DataError, UnavailableError, listed, quoted
from finkd.corpora.readers import limits
from finkd.corpora.wording import counted

BROKEN_GZIP = (gzip.BadGzipFile, zlib.error, EOFError)
_WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff")
_PACKED = ".gz"


def is_packed(path: Path) -> bool:
    """Return whether a file's name says that it is gzip."""
    return path.suffix.lower() == _PACKED


def without_packing(name: str) -> str:
    """Return a file's name without ``.gz``."""
    return name[: -len(_PACKED)] if name.lower().endswith(_PACKED) else name


def stem(path: Path) -> str:
    """Return a file's name without ``.gz`` and without the suffix of its format."""
    return Path(without_packing(path.name)).stem


def suffix(path: Path) -> str:
    """Return the suffix of a file's format in small letters, without ``.gz``."""
    return Path(without_packing(path.name).lower()).suffix


def open_binary(path: Path) -> IO[bytes]:
    """Open a file for reading, unpacking gzip if the name ends in ``.gz``; ``-`` is standard input.

    Raises:
        UnavailableError: if there is no such file or it may not be read.
    """
    if str(path) == "-":
        return sys.stdin.buffer
    try:
        return cast(IO[bytes], gzip.open(path)) if is_packed(path) else path.open("rb")
    except (OSError, ValueError) as error:
        raise UnavailableError(f"{path}: cannot read ({getattr(error, 'strerror', None) or error})") from error


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    r"""Read lines, without the ``\n`` or ``\r\n`` that ends them, with their numbers from 1; skip a UTF-8 signature.

    Raises:
        DataError: if the bytes are not UTF-8 (the message names the offset), break gzip, or a line is too long.
        UnavailableError: if there is no such file.
    """
    offset = number = 0
    with open_binary(path) as file:
        packed = path.stat().st_size if is_packed(path) else None
        try:
            for number, raw in enumerate(iter(lambda: file.readline(limits.LINE_BYTES + 1), b""), start=1):
                if len(raw) > limits.LINE_BYTES:
                    found = f"found a line of more than {limits.LINE_BYTES:,} bytes"
                    raise DataError(f"{path}:{number}: {found}; expected one text or record per line")
                yield number, _decode(raw, path, number, offset).removesuffix("\n").removesuffix("\r")
                offset += len(raw)
                if packed is not None and offset > max(limits.LINE_BYTES, limits.PACKED_RATIO * packed):
                    raise DataError(
                        f"{path}:{number}: found more than {limits.PACKED_RATIO} times the {packed} bytes that the "
                        "gzip file has; expected packed text, unpack it if it is meant"
                    )
        except BROKEN_GZIP as error:
            raise DataError(f"{path}:{number + 1}: broken gzip ({error}); expected a whole .gz file") from error


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Read the lines of a file in which a line is a text, an entry or a word, as ``numbered_lines``.

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


def _decode(raw: bytes, path: Path, line: int = 1, offset: int = 0) -> str:
    """Decode the bytes that begin at a line and an offset of a file; skip a UTF-8 signature at its beginning."""
    if offset == 0 and (raw.startswith(_WIDE_BOMS) or b"\0" in raw.partition(b"\n")[0]):
        raise DataError(f"{path}:1: found UTF-16 or binary bytes; expected UTF-8 text")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        at, found = line + raw.count(b"\n", 0, error.start), f"byte 0x{raw[error.start]:02x}"
        raise DataError(
            f"{path}:{at}: found {found} at offset {offset + error.start}, which is not UTF-8; save the file as UTF-8"
        ) from error
    return text if offset else text.removeprefix("\ufeff")


def read_whole(file: IO[bytes], path: Path) -> bytes:
    """Read the bytes of a file that has to be held as a whole.

    Raises:
        DataError: if there are more than ``limits.HELD_BYTES``.
    """
    raw = file.read(limits.HELD_BYTES + 1)
    if len(raw) > limits.HELD_BYTES:
        raise DataError(
            f"{path}: found more than {limits.HELD_BYTES:,} bytes to be read as a whole; expected less, such as JSON "
            "lines or several files"
        )
    return raw


def read_text(path: Path) -> str:
    """Read the whole text of a file, with the line ends that it has; a UTF-8 signature is skipped.

    Raises:
        DataError: if the bytes are not UTF-8, break gzip or are too many.
        UnavailableError: if there is no such file.
    """
    with open_binary(path) as file:
        try:
            raw = read_whole(file, path)
        except BROKEN_GZIP as error:
            raise DataError(f"{path}: broken gzip ({error}); expected a whole .gz file") from error
    return _decode(raw, path)


def csv_rows(path: Path, headers: Sequence[str], *, skip_blank: bool = False) -> Iterator[tuple[int, dict[str, str]]]:
    """Read the rows of a CSV file (RFC 4180 quotes) by header, each with the number of its last line.

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
