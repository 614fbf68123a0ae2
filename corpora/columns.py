"""Strict readers of files with one word per line or row: CoNLL columns and CSV.

A reader refuses what breaks the format with one line, ``path:line: found ...; expected ...``, and never guesses. Names
that end in ``.gz`` are unpacked on the way.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from corpora.errors import DataError
from corpora.lines import numbered_lines, stem
from corpora.sentence import Sentence
from corpora.tags import Scheme, convert, first_illegal
from corpora.wording import counted

DOCSTART = "-DOCSTART-"


@dataclass
class _Rows:
    """The words of the sentence being read, each with the line it came from."""

    path: Path
    scheme: Scheme
    drop_orphans: bool = False
    words: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)

    def add(self, word: str, tag: str, line: int) -> None:
        if not word.strip():
            raise DataError(f"{self.path}:{line}: found an empty word; expected a word and its tag")
        self.words.append(word)
        self.tags.append(tag)
        self.lines.append(line)

    def pop(self, document: str) -> Iterator[Sentence]:
        """Yield the sentence, if there is one, and start the next."""
        if self.words:
            problem = None if self.drop_orphans else first_illegal(self.tags, self.scheme)
            if problem:
                raise DataError(f"{self.path}:{self.lines[problem[0]]}: tag {problem[1]}")
            yield Sentence.from_words(self.words, convert(self.tags, self.scheme), document)
        self.words, self.tags, self.lines = [], [], []


def read_conll(
    path: Path,
    scheme: Scheme = "IOB2",
    separator: str | None = None,
    word_column: int = 0,
    tag_column: int = -1,
) -> Iterator[Sentence]:
    r"""Read one word per line in columns, a blank line after each sentence, ``-DOCSTART-`` before each document.

    Documents are named ``stem-1``, ``stem-2``, ...; a file without ``-DOCSTART-`` names none.

    Args:
        path: the file.
        scheme: the scheme of its tags.
        separator: ``"\t"``, or ``" "`` for runs of spaces; ``None`` takes tabs if the first line has one.
        word_column: index of the words' column.
        tag_column: index of the tags' column.

    Raises:
        DataError: on a line with another number of columns than the first one, an illegal tag, a file without words.
        UnavailableError: if there is no such file.
    """
    rows = _Rows(path, scheme)
    columns = documents = 0
    document = ""
    empty = True
    for number, line in numbered_lines(path):
        if not line.strip():
            yield from rows.pop(document)
            continue
        separator = separator or ("\t" if "\t" in line else " ")
        cells = line.split(separator) if separator != " " else [cell for cell in line.split(" ") if cell]
        if cells[0] == DOCSTART:
            yield from rows.pop(document)
            documents += 1
            document = f"{stem(path)}-{documents}"
            continue
        columns = columns or _checked_columns(path, number, line, cells, (word_column, tag_column))
        if len(cells) != columns:
            raise DataError(
                f"{path}:{number}: found {counted(len(cells), 'column')} in {line!r}; expected {columns} as before"
            )
        rows.add(cells[word_column], cells[tag_column], number)
        empty = False
    yield from rows.pop(document)
    if empty:
        raise DataError(f"{path}:1: found no words; expected one word and its tag per line")


def _checked_columns(path: Path, number: int, line: str, cells: Sequence[str], wanted: Sequence[int]) -> int:
    least = max(2, *(column + 1 if column >= 0 else -column for column in wanted))
    if len(cells) < least:
        raise DataError(
            f"{path}:{number}: found {counted(len(cells), 'column')} in {line!r}; expected at least {least}"
        )
    return len(cells)


@dataclass(frozen=True)
class TokenColumns:
    """The headers of a CSV file with one word per row.

    Attributes:
        word: header of the words.
        tag: header of the tags.
        sentence: headers whose values together number the sentence; rows of one sentence follow each other.
        document: header of the document, or ``None``.
    """

    word: str = "word"
    tag: str = "tag"
    sentence: tuple[str, ...] = ("sentence",)
    document: str | None = None


def read_csv_tokens(
    path: Path,
    columns: TokenColumns = TokenColumns(),
    scheme: Scheme = "IOB2",
    tag_of: Callable[[str], str] | None = None,
    drop_orphans: bool = False,
) -> Iterator[Sentence]:
    """Read a CSV file (RFC 4180 quotes) with a header and one word per row.

    Args:
        path: the file.
        columns: what its headers mean.
        scheme: the scheme of its tags.
        tag_of: turns a cell of the tag column into a tag; raises ``ValueError`` on a cell it does not know.
        drop_orphans: read tags that form no entity as ``O`` instead of refusing them, for corpora that are known to
            hold some.

    Raises:
        DataError: on missing headers, a row of another length, an unknown or illegal tag, a file without rows.
        UnavailableError: if there is no such file.
    """
    rows = _Rows(path, scheme, drop_orphans)
    before: tuple[str, ...] | None = None
    document = ""
    wanted = [columns.word, columns.tag, *columns.sentence, *([columns.document] if columns.document else [])]
    for number, row in csv_rows(path, wanted):
        key = tuple(row[name] for name in columns.sentence)
        if key != before:
            yield from rows.pop(document)
            before = key
            document = f"{stem(path)}-{row[columns.document]}" if columns.document else ""
        try:
            tag = tag_of(row[columns.tag]) if tag_of else row[columns.tag]
        except ValueError as error:
            raise DataError(f"{path}:{number}: {error}") from error
        rows.add(row[columns.word], tag, number)
    yield from rows.pop(document)


def csv_rows(path: Path, headers: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a CSV file by header, each with the number of its last line.

    Raises:
        DataError: if a header is missing, a row is longer or shorter than the header, quotes are broken, or there are
            no rows.
        UnavailableError: if there is no such file.
    """
    reader = csv.reader((line + "\n" for _, line in numbered_lines(path)), strict=True)
    try:
        head = next(reader, [])
        missing = [name for name in headers if name not in head]
        if missing:
            found = ", ".join(head) or "none"
            raise DataError(f"{path}:1: found the columns {found}; expected also {', '.join(missing)}")
        number = 0
        for cells in reader:
            number = reader.line_num
            if len(cells) != len(head):
                raise DataError(
                    f"{path}:{number}: found {counted(len(cells), 'column')}; expected {len(head)} as in the header"
                )
            yield number, dict(zip(head, cells, strict=True))
    except csv.Error as error:
        raise DataError(f"{path}:{reader.line_num}: broken CSV ({error}); expected cells as in RFC 4180") from error
    if not number:
        raise DataError(f"{path}:1: found a header only; expected one word per row")
