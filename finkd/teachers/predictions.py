"""Files of predictions as teachers: tags or label distributions that any tagger wrote, word by word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

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
_SCHEMES = {"IOB1": "IOB1", "IO": "IOB1", "BIOES": "BIOES"}
"""Of files with tags: IO is IOB1 without neighbours of one type."""


@dataclass(frozen=True)
class Predictions:
    """Label distributions of sentences, looked up by their words.

    Attributes:
        path: the file.
        labels: of all of its words, ``O`` first.
        sentences: the sentences of the file, in order.
        found: words of a sentence -> (words, labels) distributions.
    """

    path: Path
    labels: tuple[str, ...]
    sentences: tuple[Sentence, ...]
    found: Mapping[tuple[str, ...], Probabilities] = field(repr=False)

    load: ClassVar[None] = None
    spec: ClassVar[None] = None

    @property
    def key(self) -> str:
        """SHA-256 of the file."""
        return sha256(self.path)

    def probabilities(self, sentences: Sequence[Sentence], precision: str) -> list[Probabilities]:
        """Return (words, labels) distributions of each sentence; NaN for all words of one that the file lacks."""
        return [
            self.found[sentence.words]
            if sentence.words in self.found
            else np.full((len(sentence.spans), len(self.labels)), np.nan)
            for sentence in sentences
        ]


def open_predictions(name: str, reading: LabelReading) -> Predictions:
    """Read a file of predictions.

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
        read = [(sentence, _array(rows, labels)) for sentence, rows in records]
    else:
        data = corpora.load(path, _SCHEMES.get(reading.scheme or "", "IOB2"))
        labels = label_names(data.types)
        read = [(sentence, _certain(sentence, labels)) for split in data.splits.values() for sentence in split]
    found: dict[tuple[str, ...], Probabilities] = {}
    for sentence, array in read:
        if not np.allclose(found.setdefault(sentence.words, array), array):
            raise DataError(f"{path}: holds two different predictions for {' '.join(sentence.words)[:60]!r}; keep one")
    return Predictions(path, labels, tuple(sentence for sentence, _ in read), found)


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
    is_numbers = isinstance(row, dict) and all(type(each) in (int, float) and 0 <= each <= 1 for each in row.values())
    if not is_numbers or abs(sum(row.values()) - 1) > _TOLERANCE:
        raise DataError(f"{where}: expected label -> probability, from 0 to 1 and 1 together (found {str(row)[:100]})")


def _found(record: Any) -> str:
    return listed(record) if isinstance(record, dict) else type(record).__name__


def _array(rows: Sequence[Mapping[str, float]], labels: Sequence[str]) -> Probabilities:
    return np.array([[row.get(label, 0.0) for label in labels] for row in rows], np.float64).reshape(-1, len(labels))


def _certain(sentence: Sentence, labels: Sequence[str]) -> Probabilities:
    tags = [labels.index(tag) for tag in sentence.tags or ()]
    return np.eye(len(labels))[np.array(tags, np.int64)]
