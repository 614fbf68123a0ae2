"""Strict readers of files with one word per line or row: CoNLL columns and CSV.

What breaks the format is refused with one line, ``path:line: found ...; expected ...``, and never repaired. Files whose
names end in ``.gz`` are unpacked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from finkd.corpora.errors import DataError, listed, quoted
from finkd.corpora.readers.characters import CONTROLS, clean_tag, clean_word, named
from finkd.corpora.readers.lines import csv_rows, stem, text_lines
from finkd.corpora.sentence import Sentence
from finkd.corpora.tags import Scheme, convert, first_illegal
from finkd.corpora.wording import counted

DOCSTART = "-DOCSTART-"
_LEAST_COLUMNS = 2


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
        try:
            self.words.append(clean_word(word))
            self.tags.append(clean_tag(tag))
        except ValueError as error:
            raise DataError(f"{self.path}:{line}: {error}") from error
        self.lines.append(line)

    def pop(self, document: str) -> Iterator[Sentence]:
        """Yield the sentence, if there is one, and start the next."""
        if self.words:
            problem = None if self.drop_orphans else first_illegal(self.tags, self.scheme)
            if problem:
                raise DataError(f"{self.path}:{self.lines[problem[0]]}: tag {problem[1]}")
            yield Sentence.from_words(self.words, convert(self.tags, self.scheme), document)
        self.words, self.tags, self.lines = [], [], []


def read_conll(path: Path, scheme: Scheme = "IOB2", separator: str | None = None) -> Iterator[Sentence]:
    r"""Read one word per line in columns, a blank line after each sentence, ``-DOCSTART-`` before each document.

    The first column holds the words, the last one their tags. Documents are named ``stem-1``, ``stem-2``, ...; a file
    without ``-DOCSTART-`` names none.

    Args:
        path: the file.
        scheme: the scheme of its tags.
        separator: ``"\t"``, or ``" "`` for runs of spaces; ``None`` takes tabs if the first word's line has one.

    Raises:
        DataError: on a line with another number of columns than the first one, a control character, an illegal tag, a
            file without words.
        UnavailableError: if there is no such file.
    """
    rows = _Rows(path, scheme)
    columns = documents = 0
    document = ""
    empty = True
    for number, line in _visible_lines(path):
        if not line.strip():
            yield from rows.pop(document)
            continue
        if line.split()[0] == DOCSTART:
            yield from rows.pop(document)
            documents += 1
            document = f"{stem(path)}-{documents}"
            continue
        separator = separator or ("\t" if "\t" in line else " ")
        cells = line.split(separator) if separator != " " else [cell for cell in line.split(" ") if cell]
        found = f"{path}:{number}: found {counted(len(cells), 'column')} in {quoted(line)}"
        if not columns and len(cells) < _LEAST_COLUMNS:
            raise DataError(f"{found}; expected at least {_LEAST_COLUMNS}")
        columns = columns or len(cells)
        if len(cells) != columns:
            raise DataError(f"{found}; expected {columns} as before")
        rows.add(cells[0], cells[-1], number)
        empty = False
    yield from rows.pop(document)
    if empty:
        raise DataError(f"{path}:1: found no words; expected one word and its tag per line")


def _visible_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield lines that hold no control character but tabs, without the signatures of joined files."""
    for number, line in text_lines(path):
        control = next((found for found in CONTROLS.finditer(line) if found[0] != "\t"), None)
        if control:
            raise DataError(
                f"{path}:{number}: found {named(control[0])} inside the line {quoted(line)}; expected words and tags"
            )
        yield number, line.removeprefix("\ufeff")


@dataclass(frozen=True)
class TokenColumns:
    """The headers of a CSV file with one word per row.

    Attributes:
        word: header of the words.
        tag: header of the tags.
        sentence: headers whose values together number the sentence; rows of one sentence follow each other.
        document: header of the document; a file need not have it.
    """

    word: str = "word"
    tag: str = "tag"
    sentence: tuple[str, ...] = ("sentence",)
    document: str = "document"


def read_csv_tokens(
    path: Path,
    columns: TokenColumns = TokenColumns(),
    scheme: Scheme = "IOB2",
    tag_of: Callable[[str], str] = str,
    drop_orphans: bool = False,
) -> Iterator[Sentence]:
    """Read a CSV file (RFC 4180 quotes) with a header and one word per row.

    Args:
        path: the file.
        columns: what its headers mean.
        scheme: the scheme of its tags.
        tag_of: turns a cell of the tag column into a tag.
        drop_orphans: read tags that form no entity as ``O`` instead of refusing them, for corpora that are known to
            hold some.

    Raises:
        DataError: on missing headers, a row of another length or of no sentence, an illegal tag, a file
            without rows.
        UnavailableError: if there is no such file.
    """
    rows = _Rows(path, scheme, drop_orphans)
    before: tuple[str, ...] | None = None
    document = ""
    empty = True
    for number, row in csv_rows(path, (columns.word, columns.tag, *columns.sentence)):
        empty = False
        name = row.get(columns.document, "").strip()
        key = (name, *(row[header].strip() for header in columns.sentence))
        if not all(key[1:]):
            raise DataError(f"{path}:{number}: found an empty {listed(columns.sentence)}; expected it in every row")
        if key != before:
            yield from rows.pop(document)
            before = key
            document = f"{stem(path)}-{name}" if name else ""
        rows.add(row[columns.word], tag_of(row[columns.tag]), number)
    if empty:
        raise DataError(f"{path}:1: found a header only; expected one word per row")
    yield from rows.pop(document)
