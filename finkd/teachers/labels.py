"""Labels of a teacher for every word of a text, computed once and kept in the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from finkd.corpora.sentence import Sentence, digest
from finkd.data.arrays import Array, Growing, mapped
from finkd.data.dataset import blocks
from finkd.inference.prediction import interruptible
from finkd.inference.tagger import AnyTagger, sentence_logits
from finkd.parts import Fill, Parts
from finkd.progress import Listener
from finkd.store import Store, Stored, address
from finkd.system import processes
from finkd.system.precision import Precision
from finkd.teachers.ensemble import average
from finkd.teachers.taught_by import Member, TaughtBy

PART = 1024
"""Sentences whose labels are stored together, until those of all are: what a killed run loses at most."""
_WORDS_AT_ONCE = 1 << 18


def teacher_labels(
    sentences: Iterable[Sentence],
    teacher: TaughtBy,
    labels: Sequence[str],
    store: Store,
    precision: Precision,
    listen: Listener | None = None,
) -> Array:
    """Return the label scores of a teacher for every word, from the store.

    What is not stored is computed part by part, so that a killed run goes on where it was; processes that
    ``accelerate launch`` has started share the parts out. The labels of an ensemble's members are stored too.

    Args:
        sentences: gone through several times.
        teacher: the tagger or ensemble.
        labels: of the corpus.
        store: where they are kept.
        precision: in which networks compute.
        listen: called after every part that was computed here.

    Returns:
        (words, labels) float32, on disk; NaN for words that the teacher does not read.
    """
    text = _Text(sentences, digest(sentences), sum(1 for _ in sentences))
    return _Labelling(text, labels, store, precision, listen).by(teacher)


@dataclass(frozen=True)
class _Text:
    """Sentences, with what would take a pass over them to find out again."""

    sentences: Iterable[Sentence]
    digest: str
    count: int


@dataclass(frozen=True)
class _Labelling:
    """A text to be labelled by some teachers."""

    text: _Text
    labels: Sequence[str]
    store: Store
    precision: Precision
    listen: Listener | None

    def by(self, teacher: TaughtBy) -> Array:
        """(words, labels) scores of a teacher, from the store."""
        material = {"labels-of": teacher.key, "text": self.text.digest, "precision": self.precision, "version": 5}
        key, facts = address(material), {"kind": "teacher labels"}
        if teacher.members:
            every = [(member, self.by(member.taught_by)) for member in teacher.members]
            stored = self.store.made(key, facts, lambda folder: _average(every, self.text.sentences, folder))
        else:
            stored = self._by_one(teacher, key, facts)
        return mapped(stored.folder)["scores"].reshape(-1, len(self.labels))

    def _by_one(self, teacher: TaughtBy, key: str, facts: dict[str, Any]) -> Stored:
        parts = Parts(self.store, key, self.text.count, PART, "part of teacher labels", self.listen)
        tagger = cache(teacher.open_tagger)
        fills = (self._fill(tagger, block) for block in blocks(self.text.sentences, PART))
        if not processes.agreed(self.store.get(key) is not None):  # or else processes would wait at different places
            parts.share_out(fills)

        def join(folder: Path) -> None:
            growing = Growing(folder)
            growing.add(scores=np.zeros(0, np.float32))
            for number, block in enumerate(blocks(self.text.sentences, PART)):
                growing.add(**mapped(parts.made(number, self._fill(tagger, block))))
            growing.whole()

        stored = self.store.made(key, facts, join)
        if processes.is_first():
            parts.remove()
        return stored

    def _fill(self, tagger: Callable[[], AnyTagger], block: Sequence[Sentence]) -> Fill:
        """What writes the labels of some sentences, by a tagger that is read when it is first asked for."""

        def fill(folder: Path) -> int:
            counts: list[int] = []
            growing = Growing(folder)
            with interruptible(counts.append):
                for scores in sentence_logits(block, tagger(), precision=self.precision):
                    growing.add(scores=scores.ravel())
            growing.add(scores=np.zeros(0, np.float32))
            growing.whole()
            return sum(counts)

        return fill


def _average(every: Sequence[tuple[Member, Array]], sentences: Iterable[Sentence], folder: Path) -> None:
    """Write the mean of the members' label distributions; those that were trained on a sentence are not asked there."""
    saw = [
        np.fromiter(
            (sentence.text in member.trained_on for sentence in sentences for _ in sentence.spans), bool, len(scores)
        )
        for member, scores in every
    ]
    growing = Growing(folder)
    growing.add(scores=np.zeros(0, np.float32))
    for start in range(0, len(every[0][1]), _WORDS_AT_ONCE):
        some = slice(start, start + _WORDS_AT_ONCE)
        weights = [member.weight * ~seen[some] for (member, _), seen in zip(every, saw, strict=True)]
        growing.add(scores=average([scores[some] for _, scores in every], weights).ravel())
    growing.whole()
