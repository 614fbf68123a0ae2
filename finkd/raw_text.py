"""Unlabelled text that stages read: drawn once, kept on disk, read from there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import corpora
from corpora.sentence import Sentence
from corpora.shelf import Shelf
from finkd.store import Store, address

_FILE = "sentences.arrow"


class RawText(Protocol):
    """Unlabelled sentences that a stage may ask for."""

    @property
    def fingerprint(self) -> dict[str, Any]:
        """Everything that decides which sentences these are."""

    def draw(self, sentences: int | None = None) -> Sequence[Sentence]:
        """The sentences, or another number of them."""


@dataclass(frozen=True)
class Text:
    """A sample of an unlabelled corpus.

    Attributes:
        corpus: its name or path.
        sentences: how many to draw.
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
        """Everything that decides which sentences are drawn."""
        return {
            "text": corpora.fingerprint(self.corpus, self.sources),
            "sentences": self.sentences,
            "seed": self.seed,
            "words": [self.min_words, self.max_words],
        }

    def sample(self, sentences: int) -> Iterator[Sentence]:
        """As many sentences, whatever the configured number; a larger number begins with the smaller one's."""
        return corpora.sample_sentences(self.corpus, sentences, self.seed, self.sources, self.min_words, self.max_words)


class KeptText:
    """A sample of an unlabelled corpus in the store of an experiment, where every student and seed reads it.

    Args:
        text: what to draw.
        store: where it is kept.
    """

    def __init__(self, text: Text, store: Store) -> None:
        self.text = text
        self.store = store

    @property
    def fingerprint(self) -> dict[str, Any]:
        """Everything that decides which sentences are drawn."""
        return self.text.fingerprint

    def draw(self, sentences: int | None = None) -> Shelf:
        """The sentences, or another number of them, drawn now if they were not before; memory holds none of them."""
        if sentences is None or sentences <= self.text.sentences:
            return self._drawn[:sentences]
        return self._kept(sentences)

    @cached_property
    def _drawn(self) -> Shelf:
        return self._kept(self.text.sentences)

    def _kept(self, sentences: int) -> Shelf:
        return kept(self.store, {**self.fingerprint, "sentences": sentences}, lambda: self.text.sample(sentences))


def kept(store: Store, fingerprint: Mapping[str, Any], draw: Callable[[], Iterable[Sentence]]) -> Shelf:
    """Sentences from a store, drawn now if they are not in it.

    Args:
        store: the store.
        fingerprint: everything that decides which sentences these are.
        draw: makes them.
    """
    facts: dict[str, Any] = {"kind": "sentences"}

    def fill(folder: Path) -> None:
        facts["sentences"] = Shelf.write(folder / _FILE, draw())

    return Shelf.read(store.made(address({"drawn": fingerprint}), facts, fill).folder / _FILE)
