"""Taggers that finkd did not train, by kind: transformers, spaCy, GLiNER, and files of predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from finkd.corpora.sentence import Sentence
from finkd.inference.tagger import Logits
from finkd.models.model import Model
from finkd.models.spec import ModelSpec
from finkd.teachers import kind_of, kinds
from finkd.teachers.label_map import LabelMap, LabelReading, Probabilities, as_scores, corpus_labels


class TaggerSource(Protocol):
    """Finished tagger with labels of its own."""

    @property
    def key(self) -> str:
        """Content address of the tagger."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Its labels, in any order and scheme."""

    def probabilities(self, sentences: Sequence[Sentence], precision: str) -> list[Probabilities]:
        """Compute (words, labels) distributions of each sentence; NaN for words that it does not read."""

    @property
    def load(self) -> Callable[[], Model] | None:
        """Reads its network and tokenizer, whose hidden states can be learned from; ``None`` if it has none."""

    @property
    def spec(self) -> ModelSpec | None:
        """What is known of that network before it is read."""


@dataclass(frozen=True)
class FinishedTagger:
    """Finished tagger, read as a tagger of a corpus.

    Attributes:
        name: of the tagger: ``KIND:NAME``, or a folder, file or hub id whose kind its files tell.
        source: the tagger.
        reading: settings that read its labels as those of the corpus.
        labels: IOB2 labels of the corpus.
    """

    name: str
    source: TaggerSource
    reading: LabelReading
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check that the labels of both sides fit.

        Raises:
            ConfigError: if a type of one side has no counterpart on the other.
        """
        _ = self._map

    @classmethod
    def open(cls, name: str, reading: LabelReading, labels: Sequence[str] | None = None) -> FinishedTagger:
        """Find a tagger and read its labels.

        Args:
            name: as for the class.
            reading: settings that read its labels.
            labels: of the corpus; by default those of the tagger's own types.

        Raises:
            FinkdError: if it is nowhere, is no tagger, or its labels do not fit the corpus.
        """
        kind, rest = kind_of(name)
        source = kinds.get(kind)(rest, reading)
        own = tuple(labels) if labels is not None else corpus_labels(source.labels, reading, name)
        return cls(name, source, reading, own)

    @cached_property
    def _map(self) -> LabelMap:
        return LabelMap.of(self.source.labels, self.labels, self.reading, self.name)

    def sentence_logits(self, sentences: Sequence[Sentence], precision: str) -> list[Logits]:
        """Compute (words, labels) log-probabilities of each sentence; NaN for words that it does not read."""
        return [as_scores(self._map(each)) for each in self.source.probabilities(sentences, precision)]
