"""What a system found in the scored text, kept for each run record, without the text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from finkd.corpora.errors import DataError
from finkd.corpora.sentence import Entity, Sentence
from finkd.record_files import read_record, write_record
from finkd.records import SUFFIX
from finkd.store import address
from finkd.tokenization.analysis.batch import batches
from finkd.tokenization.analysis.counts import TokenIndex
from finkd.tokenization.tokenizer import Tokenizer

VERSION = 1
_FOLDER = "predictions"
_DIGITS = 4


@dataclass(frozen=True)
class RecordedPredictions:
    """The entities that a system found, and what a page of errors needs to know of its vocabulary.

    Attributes:
        text: address of the sentences and their gold tags; see ``text_address``.
        entities: per sentence, in order.
        scores: per sentence, the probability of each entity; empty for systems that give none.
        tokens: per sentence, the number of tokens of each word; empty for systems without a tokenizer.
        version: of this format.
    """

    text: str
    entities: tuple[tuple[Entity, ...], ...]
    scores: tuple[tuple[float, ...], ...] = ()
    tokens: tuple[tuple[int, ...], ...] = ()
    version: int = VERSION

    @classmethod
    def of(
        cls,
        sentences: Sequence[Sentence],
        entities: Iterable[Sequence[Entity]],
        scores: Sequence[Sequence[float]] = (),
        tokenizer: Tokenizer | None = None,
    ) -> RecordedPredictions:
        """Return the predictions of a system for some sentences."""
        return cls(
            text_address(sentences),
            tuple(map(tuple, entities)),
            tuple(tuple(round(score, _DIGITS) for score in each) for each in scores),
            tuple(map(tuple, tokens_of_words(sentences, tokenizer))) if tokenizer else (),
        )

    def save(self, record: Path) -> None:
        """Write the predictions of a run record, atomically."""
        write_record(self, predictions_file(record), indent=None)

    @classmethod
    def load(cls, record: Path) -> RecordedPredictions:
        """Read the predictions of a run record.

        Raises:
            DataError: if there are none of this version, or they were changed.
        """
        if not predictions_file(record).is_file():
            raise DataError(
                f"{predictions_file(record)}: there are no predictions of {record.name}; run the experiment again"
            )
        return read_record(cls, predictions_file(record), VERSION, "file of predictions", "run the experiment again")


def predictions_file(record: Path) -> Path:
    """Return the path of the predictions of a run record: in a folder beside the records'."""
    return record.absolute().parent.with_name(_FOLDER) / f"{record.name.removesuffix(SUFFIX)}.json"


def text_address(sentences: Sequence[Sentence]) -> str:
    """Return the address of some labelled sentences: predictions fit no others."""
    return address({"sentences": [[each.text, each.spans, each.tags] for each in sentences]})


def tokens_of_words(sentences: Sequence[Sentence], tokenizer: Tokenizer) -> list[list[int]]:
    """Count the tokens that touch each word in its sentence: a word alone is other tokens where spaces belong to them.

    Returns:
        per sentence, the count of each word.
    """
    found: list[list[int]] = []
    for batch in batches(sentences, {}):
        tokens = tokenizer.encode(batch.texts)
        index = TokenIndex(tokens, batch, np.zeros(len(tokens.ids), np.bool_))
        counts = np.split(index.touching(batch.starts, batch.ends), batch.rows[1:-1])
        found += [each.tolist() for each in counts]
    return found
