"""Strict readers of files with one sentence per record: JSON lines, JSON lists and parquet tables.

As in ``corpora.columns``, what breaks the format is refused with the place where it stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from corpora.errors import DataError
from corpora.lines import BROKEN_GZIP, numbered_lines, open_binary, parse_json, read_json
from corpora.segmentation import label_text
from corpora.sentence import Sentence
from corpora.tags import Scheme, convert, first_illegal
from corpora.wording import counted


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
        raise ValueError(
            f"found {counted(len(words), 'word')} and {counted(len(tags), 'tag')}; expected as many, at least one"
        )
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
