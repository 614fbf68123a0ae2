"""Strict readers of labelled files: one generator per format, each yielding :class:`Sentence` with IOB2 tags.

A reader refuses what breaks the format with one line, ``path:line: found ...; expected ...``, and never guesses. Names
that end in ``.gz`` are unpacked on the way.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from corpora.errors import DataError
from corpora.lines import BROKEN_GZIP, numbered_lines, open_binary, parse_json, read_json, stem
from corpora.segmentation import label_text
from corpora.sentence import Sentence
from corpora.tags import Scheme, convert, first_illegal

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
            raise DataError(f"{path}:{number}: found {len(cells)} columns in {line!r}; expected {columns} as before")
        rows.add(cells[word_column], cells[tag_column], number)
        empty = False
    yield from rows.pop(document)
    if empty:
        raise DataError(f"{path}:1: found no words; expected one word and its tag per line")


def _checked_columns(path: Path, number: int, line: str, cells: Sequence[str], wanted: Sequence[int]) -> int:
    least = max(2, *(column + 1 if column >= 0 else -column for column in wanted))
    if len(cells) < least:
        raise DataError(f"{path}:{number}: found {len(cells)} columns in {line!r}; expected at least {least}")
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
                raise DataError(f"{path}:{number}: found {len(cells)} columns; expected {len(head)} as in the header")
            yield number, dict(zip(head, cells, strict=True))
    except csv.Error as error:
        raise DataError(f"{path}:{reader.line_num}: broken CSV ({error}); expected cells as in RFC 4180") from error
    if not number:
        raise DataError(f"{path}:1: found a header only; expected one word per row")


def read_jsonl(path: Path, scheme: Scheme = "IOB2") -> Iterator[Sentence]:
    """Read one JSON record per line; see :func:`sentence_of_record` for what a record holds.

    Raises:
        DataError: on a line that is no such record, or a file without records.
        UnavailableError: if there is no such file.
    """
    empty = True
    for number, line in numbered_lines(path):
        if line.strip():
            yield sentence_of_record(parse_json(line, path, number), f"{path}:{number}", scheme)
            empty = False
    if empty:
        raise DataError(f"{path}:1: found no records; expected one JSON object per line")


def read_json_spans(path: Path, scheme: Scheme = "IOB2") -> Iterator[Sentence]:
    """Read one JSON list of records, as :func:`read_jsonl` reads one per line.

    Raises:
        DataError: if the value is no list, a record is wrong (the message gives its place in the list) or the list is
            empty.
        UnavailableError: if there is no such file.
    """
    for index, record in enumerate(json_records(path)):
        yield sentence_of_record(record, f"{path}: record {index}", scheme)


def json_records(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON file that holds a list of them.

    Raises:
        DataError: if it holds anything else, or none.
        UnavailableError: if there is no such file.
    """
    records = read_json(path)
    if not isinstance(records, list) or not records or not all(isinstance(record, dict) for record in records):
        raise DataError(f"{path}:1: found {_kind(records)}; expected a JSON list of objects, at least one")
    return records


def read_parquet(path: Path, scheme: Scheme = "IOB2") -> Iterator[Sentence]:
    """Read the rows of a parquet file as records: list columns ``words`` or ``tokens``, and ``tags`` or ``ner_tags``.

    Raises:
        DataError: if the file is not parquet, or a row is no such record (the message gives its number).
        UnavailableError: if there is no such file.
    """
    import pyarrow
    import pyarrow.parquet

    with open_binary(path) as file:
        try:
            rows = pyarrow.parquet.read_table(file).to_pylist()
        except (pyarrow.ArrowException, OSError, *BROKEN_GZIP) as error:
            raise DataError(f"{path}: not a parquet file ({str(error).splitlines()[0]})") from error
    if not rows:
        raise DataError(f"{path}: found no rows; expected one sentence per row")
    for index, row in enumerate(rows):
        yield sentence_of_record(row, f"{path}: row {index}", scheme)


def sentence_of_record(record: Any, where: str, scheme: Scheme = "IOB2") -> Sentence:
    """The sentence that a JSON object or table row holds.

    Two shapes are read: ``words`` (or ``tokens``) with ``tags`` (or ``ner_tags``), and ``text`` with ``spans`` of
    ``{"start", "end", "label"}`` by character. Both may carry a ``document``. A word that a span's border cuts is split
    there.

    Args:
        record: the parsed value.
        where: where it stands, for messages.
        scheme: the scheme of ``tags``.

    Raises:
        DataError: if the record has another shape, or tags or spans are illegal.
    """
    if not isinstance(record, Mapping):
        raise DataError(f"{where}: found {_kind(record)}; expected an object with words and tags, or text and spans")
    document = str(record.get("document") or "")
    words, tags = record.get("words", record.get("tokens")), record.get("tags", record.get("ner_tags"))
    try:
        if words is not None and tags is not None:
            return _tagged(_strings(words, "words"), _strings(tags, "tags"), scheme, document)
        if isinstance(record.get("text"), str) and isinstance(record.get("spans"), list):
            return label_text(record["text"], [_span(span) for span in record["spans"]], document)
    except ValueError as error:
        raise DataError(f"{where}: {error}") from error
    keys = ", ".join(map(str, record)) or "none"
    raise DataError(f"{where}: found the keys {keys}; expected words and tags, or text and spans")


def _tagged(words: list[str], tags: list[str], scheme: Scheme, document: str) -> Sentence:
    if not words or len(words) != len(tags):
        raise ValueError(f"found {len(words)} words and {len(tags)} tags; expected as many, at least one")
    if not all(word.strip() for word in words):
        raise ValueError("found an empty word; expected a word for each tag")
    problem = first_illegal(tags, scheme)
    if problem:
        raise ValueError(f"tag {problem[0]} {problem[1]}")
    return Sentence.from_words(words, convert(tags, scheme), document)


def _strings(value: Any, name: str) -> list[str]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise ValueError(f"found {_kind(value)} as {name}; expected a list of text")
    values = list(value)
    wrong = [item for item in values if not isinstance(item, str)]
    if wrong:
        raise ValueError(
            f"found {wrong[0]!r} in {name}; expected text" + (" such as 'B-ORG'" if name == "tags" else "")
        )
    return values


def sentence_without_blanks(words: Sequence[str], tags: Sequence[str], document: str = "") -> Sentence:
    """A sentence of published tokens among which some are white space alone, which are no words.

    Raises:
        ValueError: if there are more words than tags or the reverse.
    """
    pairs = [(word, tag) for word, tag in zip(words, tags, strict=True) if word.strip()]
    return Sentence.from_words([word for word, _ in pairs], [tag for _, tag in pairs], document)


def _span(value: Any) -> tuple[int, int, str]:
    if not isinstance(value, Mapping):
        raise ValueError(f"found {_kind(value)} as a span; expected an object with start, end and label")
    start, end, label = value.get("start"), value.get("end"), value.get("label")
    is_number = all(isinstance(place, int) and not isinstance(place, bool) for place in (start, end))
    if not is_number or not isinstance(label, str) or not label:
        raise ValueError(f"found the span {dict(value)!r}; expected whole numbers start and end, and a label")
    return start, end, label  # type: ignore[return-value]


def _kind(value: Any) -> str:
    names = {"dict": "an object", "list": "a list", "str": "text", "NoneType": "null"}
    return names.get(type(value).__name__, repr(value))
