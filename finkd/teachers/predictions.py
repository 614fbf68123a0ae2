"""Files of predictions as teachers: tags or label distributions that any tagger wrote, word by word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from finkd import corpora
from finkd.corpora.errors import DataError, UnavailableError, listed
from finkd.corpora.files import exists, sha256
from finkd.corpora.readers.json_files import json_lines
from finkd.corpora.readers.lines import without_packing
from finkd.corpora.sentence import Sentence
from finkd.corpora.tags import OUTSIDE, label_names
from finkd.corpora.wording import counted
from finkd.teachers.label_map import LabelReading, Probabilities

DISTRIBUTIONS = "distributions"
_TOLERANCE = 0.01
"""Of probabilities, which networks compute a little differently for the same words in another batch."""
_SCHEMES = {"IOB1": "IOB1", "IO": "IOB1", "BIOES": "BIOES"}
"""Of files with tags: IO is IOB1 without neighbours of one type."""


@dataclass(frozen=True)
class Entries:
    """Label distributions of the words of a sentence, as their probabilities above 0.

    Attributes:
        words: number of words.
        rows: (entries,) word of each probability.
        columns: (entries,) label of each.
        values: (entries,) the probabilities.
    """

    words: int
    rows: npt.NDArray[np.int32]
    columns: npt.NDArray[np.int32]
    values: npt.NDArray[np.float64]

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, float]], places: Mapping[str, int]) -> Entries:
        """Take the entries of a mapping of label -> probability for each word, given the place of each label."""
        entries = [
            (row, places[label], min(value, 1.0))
            for row, each in enumerate(rows)
            for label, value in each.items()
            if value > 0
        ]
        columns = [*zip(*entries, strict=True)] or [(), (), ()]
        words, labels = (np.array(column, np.int32) for column in columns[:2])
        return cls(len(rows), words, labels, np.array(columns[2], np.float64))

    def whole(self, labels: int) -> Probabilities:
        """Return (words, labels) distributions."""
        found = np.zeros((self.words, labels))
        found[self.rows, self.columns] = self.values
        return found


@dataclass(frozen=True)
class Predictions:
    """Label distributions of sentences, looked up by their words.

    Attributes:
        path: the file.
        labels: of all of its words, ``O`` first.
        sentences: the sentences of the file, in order.
        found: words of a sentence -> their distributions.
    """

    path: Path
    labels: tuple[str, ...]
    sentences: tuple[Sentence, ...]
    found: Mapping[tuple[str, ...], Entries] = field(repr=False)

    load: ClassVar[None] = None
    spec: ClassVar[None] = None

    @property
    def key(self) -> str:
        """SHA-256 of the file."""
        return sha256(self.path)

    def probabilities(self, sentences: Sequence[Sentence], precision: str) -> list[Probabilities]:
        """Return (words, labels) distributions of each sentence; NaN for all words of one that the file lacks."""
        return [
            self.found[sentence.words].whole(len(self.labels))
            if sentence.words in self.found
            else np.full((len(sentence.spans), len(self.labels)), np.nan)
            for sentence in sentences
        ]


def open_predictions(name: str, reading: LabelReading) -> Predictions:
    """Read a file of predictions; of nearly equal ones for the same words, the first counts.

    Either JSON lines with ``words`` and ``distributions``, for each word a mapping of label -> probability (labels that
    it leaves out have 0), or a labelled corpus in a format that finkd reads, whose tags are taken as certain.

    Raises:
        DataError: if the file breaks its format, or holds two predictions for the same words.
        UnavailableError: if there is no such file.
    """
    path = Path(name).expanduser()
    if not exists(path):
        raise UnavailableError(f"{name}: there is no such file of predictions")
    if _has_distributions(path):
        records = [*_records(path)]
        labels = (OUTSIDE, *sorted({label for _, rows in records for row in rows for label in row} - {OUTSIDE}))
        sentences = [sentence for sentence, _ in records]
        distributions: Iterable[Sequence[Mapping[str, float]]] = [rows for _, rows in records]
    else:
        data = corpora.load(path, _SCHEMES.get(reading.scheme or "", "IOB2"))
        labels = label_names(data.types)
        sentences = [sentence for split in data.splits.values() for sentence in split]
        distributions = ([{tag: 1.0} for tag in sentence.tags or ()] for sentence in sentences)
    found: dict[tuple[str, ...], Entries] = {}
    places = {label: place for place, label in enumerate(labels)}
    for sentence, rows in zip(sentences, distributions, strict=True):
        entries = Entries.of(rows, places)
        first = found.setdefault(sentence.words, entries)
        if first is not entries and not np.allclose(
            first.whole(len(labels)), entries.whole(len(labels)), rtol=0, atol=_TOLERANCE
        ):
            raise DataError(f"{path}: holds two different predictions for {' '.join(sentence.words)[:60]!r}; keep one")
    return Predictions(path, labels, tuple(sentences), found)


def _has_distributions(path: Path) -> bool:
    if not without_packing(path.name).lower().endswith(".jsonl"):
        return False
    _, first = next(iter(json_lines(path)), (0, None))
    return isinstance(first, dict) and DISTRIBUTIONS in first


def _records(path: Path) -> Iterator[tuple[Sentence, list[Mapping[str, float]]]]:
    for number, record in json_lines(path):
        where = f"{path}:{number}"
        found = record if isinstance(record, dict) else {}
        words, rows = found.get("words"), found.get(DISTRIBUTIONS)
        if not isinstance(words, list) or not all(isinstance(word, str) and word for word in words):
            raise DataError(f"{where}: expected 'words', a list of texts (found {_found(record)})")
        if not isinstance(rows, list) or len(rows) != len(words):
            of = counted(len(words), "word")
            raise DataError(f"{where}: expected {DISTRIBUTIONS!r}, a list with a mapping for each of {of}")
        for row in rows:
            _check_row(row, where)
        yield Sentence.from_words(words), rows


def _check_row(row: Any, where: str) -> None:
    is_numbers = isinstance(row, dict) and all(
        type(each) in (int, float) and -_TOLERANCE <= each <= 1 + _TOLERANCE for each in row.values()
    )
    if not is_numbers or abs(sum(row.values()) - 1) > _TOLERANCE:
        raise DataError(f"{where}: expected label -> probability, from 0 to 1 and 1 together (found {str(row)[:100]})")


def _found(record: Any) -> str:
    return listed(record) if isinstance(record, dict) else type(record).__name__
