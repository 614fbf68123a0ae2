"""The labelled text of an experiment: what each seed learns from and is scored on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from finkd import corpora
from finkd.corpora.errors import ConfigError, DataError
from finkd.corpora.registry import unknown
from finkd.corpora.sentence import Sentence
from finkd.evaluation.error_analysis import frequencies
from finkd.evaluation.folds import Fold, folds
from finkd.evaluation.ner import document_names, known_words
from finkd.experiments.configuration.experiment import Experiment
from finkd.experiments.configuration.reading import TINY
from finkd.experiments.configuration.splits import with_train
from finkd.store import address


@dataclass(frozen=True)
class Gold:
    """The labelled text of a run.

    Attributes:
        train: what systems learn from.
        scored: what they are scored on.
        corpus: address of ``train``.
    """

    train: Sequence[Sentence]
    scored: Sequence[Sentence]
    corpus: str

    @cached_property
    def known(self) -> frozenset[str]:
        """The words of ``train``."""
        return known_words(self.train)

    @cached_property
    def frequencies(self) -> Mapping[str, int]:
        """How often each entity stands in ``train``, by its lower-cased words."""
        return frequencies(self.train)

    @cached_property
    def overlap(self) -> float:
        """Share of the scored sentences that also stand in ``train``."""
        seen = {sentence.text for sentence in self.train}
        return sum(sentence.text in seen for sentence in self.scored) / len(self.scored)


class LabelledText:
    """The labelled corpus of an experiment.

    Args:
        experiment: what is compared.

    Raises:
        FinkdError: if the corpus, or a split of it, does not exist.
    """

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        data = corpora.load(experiment.corpus, experiment.scheme, experiment.offsets)
        self.data = with_train(data, whole=experiment.cross_validation is not None)
        self._train = self._split("train")
        self._scored = self._split(experiment.split)
        self._folds: dict[tuple[str, int], list[Fold]] = {}
        self._golds: dict[int, Gold] = {}
        self.extra_splits = {name: self._split(name) for name in experiment.extra_splits}

    def gold(self, seed: int) -> Gold:
        """Return the labelled text of a seed; in cross-validation, each is scored on another part of the documents."""
        parts = self.experiment.cross_validation
        key = seed if parts else 0
        if key not in self._golds:
            corpus = address({"tiny": self.data.fingerprint}) if self.experiment.tiny else self.data.fingerprint
            gold = Gold(self._train, self._scored, corpus)
            if parts:
                fold = self.folds(gold, parts)[seed - 1]
                gold = Gold(fold.rest, fold.part, address({"corpus": corpus, "scored": seed, "folds": parts}))
            self._golds[key] = gold
        return self._golds[key]

    def folds(self, gold: Gold, count: int) -> list[Fold]:
        """Return the folds of the text that systems learn from."""
        key = gold.corpus, count
        if key not in self._folds:
            self._folds[key] = folds(_with_documents(gold.train, alone=self.experiment.tiny), count)
        return self._folds[key]

    def _split(self, name: str) -> Sequence[Sentence]:
        if name not in self.data.splits:
            raise ConfigError(unknown(f"splits of {self.data.name}", name, list(self.data.splits)))
        if not self.data.splits[name]:
            raise DataError(f"{self.data.name}: its {name} split has no sentence")
        return self.data.splits[name][:TINY] if self.experiment.tiny else self.data.splits[name]


def _with_documents(sentences: Sequence[Sentence], *, alone: bool) -> list[Sentence]:
    """Give a name to the document of each sentence that has none: that of a document of its own.

    Args:
        sentences: of a whole split, so that names differ between its parts.
        alone: whether every sentence is a document; a rehearsal has few.
    """
    names = [str(place) for place in range(len(sentences))] if alone else document_names(sentences)
    return [replace(sentence, document=name) for sentence, name in zip(sentences, names, strict=True)]
