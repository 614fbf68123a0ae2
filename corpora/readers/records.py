"""Strict readers of files with one sentence per record: JSON lines, JSON lists and parquet tables.

As in ``finkd.corpora.readers.columns``, what breaks the format is refused with the place where it stands.
"""

from __future__ import annotations

import io
import logging
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import IO, Any

from finkd.corpora.errors import DataError, first_line, listed, quoted
from finkd.corpora.readers import limits
from finkd.corpora.readers.annotation_tools import (
    ENTITIES,
    NUMBERS,
    TAGS,
    WORDS,
    common_shape,
    left_out,
    text_number,
    with_one_text,
)
from finkd.corpora.readers.characters import clean_label, clean_tag, clean_word
from finkd.corpora.readers.json_files import json_lines, read_json
from finkd.corpora.readers.lines import BROKEN_GZIP, is_packed, open_binary, read_whole
from finkd.corpora.readers.offsets import Offsets, Passage, check_offsets, in_characters
from finkd.corpora.segmentation import LabelledSpan, label_text
from finkd.corpora.sentence import Sentence
from finkd.corpora.tags import Scheme, convert, first_illegal
from finkd.corpora.wording import counted

logger = logging.getLogger(__name__)

Records = Iterable[tuple[str, Any]]
"""Parsed records, each with where it stands."""
_COLUMNS = (*WORDS, *TAGS, *ENTITIES, "text", "spans", "document", "answer")


def read_jsonl(path: Path, scheme: Scheme = "IOB2", offsets: Offsets = "characters") -> Iterator[Sentence]:
    """Read one JSON record per line; see :func:`record_content` for what a record holds.

    Raises:
        DataError: on a line that is no such record, or a file without records.
        UnavailableError: if there is no such file.
    """
    records = ((f"{path}:{number}", record) for number, record in json_lines(path))
    return sentences_of(records, path, scheme, offsets)


def read_json_spans(path: Path, scheme: Scheme = "IOB2", offsets: Offsets = "characters") -> Iterator[Sentence]:
    """Read one JSON list of records, as :func:`read_jsonl` reads one per line.

    Raises:
        DataError: if the value is no list, a record is wrong (the message gives its place in the list) or the list is
            empty.
        UnavailableError: if there is no such file.
    """
    records = ((f"{path}: record {index}", record) for index, record in enumerate(json_records(path)))
    return sentences_of(records, path, scheme, offsets)


def json_records(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a JSON file that holds a list of them.

    Raises:
        DataError: if it holds anything else, or none.
        UnavailableError: if there is no such file.
    """
    records = read_json(path)
    if not isinstance(records, list) or not records or not all(isinstance(record, dict) for record in records):
        raise DataError(f"{path}:1: found {_kind(records)}; expected a JSON list of objects, at least one")
    return records


def read_parquet(path: Path, scheme: Scheme = "IOB2", offsets: Offsets = "characters") -> Iterator[Sentence]:
    """Read the rows of a parquet file as records: list columns ``words`` or ``tokens``, and ``tags`` or ``ner_tags``.

    Raises:
        DataError: if the file is not parquet or too big, or a row is no such record (the message gives its number).
        UnavailableError: if there is no such file.
    """
    import pyarrow

    with open_binary(path) as file:
        try:
            rows = _rows(io.BytesIO(read_whole(file, path)) if is_packed(path) else file, path)
        except (pyarrow.ArrowException, OSError, ValueError, OverflowError, *BROKEN_GZIP) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"{path}: not a parquet file that can be read ({first_line(error)[:200]})") from error
    return sentences_of(((f"{path}: row {index}", row) for index, row in enumerate(rows)), path, scheme, offsets)


def _rows(file: IO[bytes], path: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet

    table = pyarrow.parquet.ParquetFile(file)
    groups = [table.metadata.row_group(index) for index in range(table.metadata.num_row_groups)]
    values = sum(group.column(index).num_values for group in groups for index in range(group.num_columns))
    if values > limits.TABLE_VALUES:
        raise DataError(f"{path}: found {values} values; expected {limits.TABLE_VALUES} at most, split it into several")
    names = table.schema_arrow.names
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(f"{path}: found the column {quoted(twice[0])} twice; expected each name once")
    kept = [name for name in names if name in _COLUMNS]
    if not kept and table.metadata.num_rows:
        raise DataError(f"{path}: row 0: found the keys {listed(names)}; expected words and tags, or text and spans")
    read = table.read(columns=[*kept, *(name for name in names if name in chain(*NUMBERS))])
    read.validate(full=True)
    rows: list[dict[str, Any]] = read.to_pylist()
    return rows


def sentences_of(records: Records, path: Path | str, scheme: Scheme, offsets: Offsets) -> Iterator[Sentence]:
    """Yield the sentences of a file's records, after checking that the spans of all of them fit.

    Args:
        records: each with where it stands.
        path: of all of them, for messages.
        scheme: how tags are written.
        offsets: what the offsets of spans count.

    Raises:
        DataError: if a record is none, or there is none.
    """
    answers = Counter[str]()
    read: list[Sentence | Passage] = []
    numbered: dict[tuple[str, str, str], tuple[str, Sentence | Passage]] = {}
    for where, record in with_one_text(records, path, offsets):
        if answer := left_out(record):
            answers[answer] += 1
            continue
        content, number = record_content(record, where, scheme), text_number(record)
        first = numbered.setdefault((*number, content.text), (where, content)) if number else (where, content)
        if not _repeats(content, where, *first):
            read.append(content)
    if answers:
        found = " and ".join(f"{count} with the answer {answer!r}" for answer, count in sorted(answers.items()))
        logger.warning("%s: left out %s; %s left", path, found, counted(len(read), "record"))
    if not read:
        expected = "one that was not rejected" if answers else "one JSON object per line, or one sentence per row"
        raise DataError(f"{path}:1: found no records; expected {expected}")
    check_offsets([each for each in read if isinstance(each, Passage)], path, offsets)
    for each in read:
        if isinstance(each, Passage):
            try:
                yield label_text(each.text, in_characters(each.text, each.spans, offsets), each.document)
            except ValueError as error:
                raise DataError(f"{each.where}: {error}") from error
        else:
            yield each


def _repeats(content: Sentence | Passage, where: str, place: str, before: Sentence | Passage) -> bool:
    """Return whether a record repeats the first one of its text, which stands at ``place``.

    Raises:
        DataError: if it contradicts that one.
    """
    if place == where:
        return False
    if _meaning(content) != _meaning(before):
        raise DataError(f"{where}: labels the text of {place} otherwise; expected one annotation of each text")
    return True


def _meaning(content: Sentence | Passage) -> object:
    return (content.text, {*content.spans}) if isinstance(content, Passage) else content


def record_content(record: Any, where: str, scheme: Scheme = "IOB2") -> Sentence | Passage:
    """Return what a JSON object or table row holds.

    Two shapes are read: ``words`` (or ``tokens``) with ``tags`` (or ``ner_tags``), and ``text`` with ``spans`` of
    ``{"start", "end", "label"}``. Both may carry a ``document``. A word that holds a span's border is split there.
    Records of labelling tools (``finkd.corpora.readers.annotation_tools``) are brought to the second shape.

    Raises:
        DataError: if the record has another shape, or tags or spans are illegal.
    """
    if not isinstance(record, Mapping):
        raise DataError(f"{where}: found {_kind(record)}; expected an object with words and tags, or text and spans")
    try:
        words, tags = _either(record, *WORDS), _either(record, *TAGS)
        document = _document(record.get("document"))
        if words is not None and tags is not None:
            return _tagged(_strings(words, "words"), _strings(tags, "tags"), scheme, document)
        record = common_shape(record)
        text, spans = record.get("text"), record.get("spans")
        if isinstance(text, str) and isinstance(spans, list):
            if len(text) > limits.TEXT_CHARACTERS:
                expected = f"expected {limits.TEXT_CHARACTERS} at most, such as a paragraph"
                raise ValueError(f"found a text of {len(text)} characters; {expected}")
            return Passage(where, text, tuple(dict.fromkeys(map(_span, spans))), document)
    except ValueError as error:
        raise DataError(f"{where}: {error}") from error
    raise DataError(f"{where}: found the keys {listed(record)}; expected words and tags, or text and spans")


def _either(record: Mapping[str, Any], name: str, other: str) -> Any:
    """Return the value under one of two names."""
    value = record.get(name)
    return record.get(other) if value is None else value


def _document(value: Any) -> str:
    """Return a document's name; numbers are names, 0 too. No value, empty text and NaN (a gap of a table) name none.

    Raises:
        ValueError: if it is something else.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"found {quoted(value)} as document; expected a name or a number")
    return str(value).strip()


def _tagged(words: list[str], tags: list[str], scheme: Scheme, document: str) -> Sentence:
    if not words or len(words) != len(tags):
        raise ValueError(
            f"found {counted(len(words), 'word')} and {counted(len(tags), 'tag')}; expected as many, at least one"
        )
    words, tags = [clean_word(word) for word in words], [clean_tag(tag) for tag in tags]
    problem = first_illegal(tags, scheme)
    if problem:
        raise ValueError(f"tag {problem[0]} {problem[1]}")
    return Sentence.from_words(words, convert(tags, scheme), document)


def _strings(value: Any, name: str) -> list[str]:
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise ValueError(f"found {_kind(value)} as {name}; expected a list of text")
    values = list(value)
    wrong = [item for item in values if not isinstance(item, str)]
    if wrong:
        raise ValueError(
            f"found {quoted(wrong[0])} in {name}; expected text" + (" such as 'B-ORG'" if name == "tags" else "")
        )
    return values


def sentence_without_blanks(words: Sequence[str], tags: Sequence[str], document: str = "") -> Sentence:
    """Return a sentence of published tokens among which some are white space alone, which are no words.

    Raises:
        ValueError: if there are more words than tags or the reverse.
    """
    pairs = [(word, tag) for word, tag in zip(words, tags, strict=True) if word.strip()]
    return Sentence.from_words([word for word, _ in pairs], [tag for _, tag in pairs], document)


def _span(value: Any) -> LabelledSpan:
    if not isinstance(value, Mapping):
        raise ValueError(f"found {_kind(value)} as a span; expected an object with start, end and label")
    start, end, label = value.get("start"), value.get("end"), value.get("label")
    is_number = all(isinstance(place, int) and not isinstance(place, bool) for place in (start, end))
    if not is_number or not isinstance(label, str):
        raise ValueError(f"found the span {quoted(dict(value))}; expected whole numbers start and end, and a label")
    return start, end, clean_label(label)  # type: ignore[return-value]


def _kind(value: Any) -> str:
    names = {"dict": "an object", "list": "a list", "str": "text", "NoneType": "null"}
    return names.get(type(value).__name__, quoted(value))
