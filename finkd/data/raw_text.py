"""Samples of unlabelled text, drawn once and kept on disk."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from finkd import corpora
from finkd.corpora.sentence import Sentence
from finkd.corpora.text.sentence_file import SentenceFile
from finkd.store import Store, address

log = logging.getLogger(__name__)

_FILE = "sentences.arrow"
_COUNTED = 30_000
"""Sentences that are counted before a run, which takes some seconds."""


class RawText(Protocol):
    """A source of unlabelled sentences."""

    @property
    def fingerprint(self) -> dict[str, Any]:
        """Values that determine the sample."""

    def draw(self, sentences: int | None = None) -> Sequence[Sentence]:
        """Return the sentences, or the first ``sentences`` of a sample of that size."""


@dataclass(frozen=True)
class TextPart:
    """The sentences of a raw text from one share of it to another.

    Attributes:
        text: the whole.
        start: share of its sentences before the part.
        end: share of its sentences up to the end of the part.
    """

    text: RawText
    start: float
    end: float

    @property
    def fingerprint(self) -> dict[str, Any]:
        """Values that determine the part."""
        return {"part-of": self.text.fingerprint, "from": self.start, "to": self.end}

    def draw(self, sentences: int | None = None) -> Sequence[Sentence]:
        """Return its sentences, or as many of the first ones; all, if there are fewer."""
        every = self.text.draw()
        # The last part of a short text has a sentence, too.
        start, end = (
            len(every) if share == 1 else min(round(share * len(every)), len(every) - 1)
            for share in (self.start, self.end)
        )
        return every[start : end if sentences is None else min(end, start + sentences)]


@dataclass(frozen=True)
class Text:
    """A sample of an unlabelled corpus.

    Attributes:
        corpus: its name or path.
        sentences: how many to draw; all, if the corpus has fewer.
        sources: source -> weight in the draw; ``None`` takes all by their size.
        seed: another seed draws others.
        min_words: shorter sentences are left out.
        max_words: longer ones too.
    """

    corpus: str
    sentences: int
    sources: Mapping[str, float] | None = None
    seed: int = 0
    min_words: int = 5
    max_words: int = 60

    @cached_property
    def fingerprint(self) -> dict[str, Any]:
        """Values that determine the sample."""
        return {
            "text": corpora.fingerprint(self.corpus, self.sources),
            "sentences": self.sentences,
            "seed": self.seed,
            "words": [self.min_words, self.max_words],
        }

    def sample(self, sentences: int) -> Iterator[Sentence]:
        """Draw sentences, all if there are fewer; a larger sample begins with the smaller one.

        Raises:
            DataError: if there is none, or a file is broken.
        """
        lengths = (self.min_words, self.max_words)
        return corpora.sample_sentences(self.corpus, sentences, self.seed, self.sources, *lengths, or_fewer=True)

    def count(self, sentences: int) -> int:
        """Estimate how many of ``sentences`` are available: counting stops after some thousands, as if all were.

        Raises:
            DataError: as for ``sample``.
        """
        found = sum(1 for _ in self.sample(min(sentences, _COUNTED)))
        return found if found < _COUNTED else sentences


class KeptText:
    """A sample of an unlabelled corpus that all students and seeds share through the store.

    Args:
        text: what to draw.
        store: where it is kept.
    """

    def __init__(self, text: Text, store: Store) -> None:
        self.text = text
        self.store = store

    @property
    def fingerprint(self) -> dict[str, Any]:
        """Values that determine the sample."""
        return self.text.fingerprint

    @cached_property
    def count(self) -> int:
        """Number of sentences: of the stored ones, or until they are drawn the estimate ``Text.count``.

        Raises:
            DataError: if there is none, or a file is broken.
        """
        stored = self.store.get(_key(self.fingerprint))
        return int(stored.facts["sentences"]) if stored else self.text.count(self.text.sentences)

    @property
    def shortage(self) -> str:
        """Warning for a corpus with fewer sentences than requested; empty if it has enough."""
        asked = self.text.sentences
        return (
            f"{self.count:,} distinct sentences of {asked:,} asked for; using all of them" if self.count < asked else ""
        )

    def draw(self, sentences: int | None = None) -> SentenceFile:
        """Return the sentences, or another number of them, from disk; the first call draws them.

        A smaller corpus is drawn as a whole.
        """
        if sentences is None or sentences <= self.text.sentences:
            return self._drawn[:sentences]
        return self._kept(sentences)

    @cached_property
    def _drawn(self) -> SentenceFile:
        drawn = self._kept(self.text.sentences)
        if self.count != len(drawn):
            self.count = len(drawn)
            log.warning("%s: %s", self.text.corpus, self.shortage)
        return drawn

    def _kept(self, sentences: int) -> SentenceFile:
        return kept(self.store, {**self.fingerprint, "sentences": sentences}, lambda: self.text.sample(sentences))


def kept(store: Store, fingerprint: Mapping[str, Any], draw: Callable[[], Iterable[Sentence]]) -> SentenceFile:
    """Return sentences from a store; the first call draws them.

    Args:
        store: the store.
        fingerprint: everything that decides which sentences these are.
        draw: makes them.
    """
    facts: dict[str, Any] = {"kind": "sentences"}

    def fill(folder: Path) -> None:
        facts["sentences"] = SentenceFile.write(folder / _FILE, draw())

    return SentenceFile.read(store.made(_key(fingerprint), facts, fill).folder / _FILE)


def _key(fingerprint: Mapping[str, Any]) -> str:
    return address({"drawn": fingerprint})
