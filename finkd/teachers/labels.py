"""Labels of a teacher for every word of a text, computed once and kept in the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from finkd.corpora.sentence import Sentence, digest
from finkd.data.arrays import Growing, Joined, mapped
from finkd.data.dataset import blocks
from finkd.inference.prediction import interruptible
from finkd.inference.tagger import AnyTagger, sentence_logits
from finkd.parts import Fill, Parts
from finkd.progress import Listener
from finkd.store import Store, address
from finkd.system.precision import Precision
from finkd.teachers.ensemble import average
from finkd.teachers.taught_by import Member, TaughtBy

PART = 1024
"""Sentences whose labels are an entry of the store: what a killed run loses at most."""
_WORDS_AT_ONCE = 1 << 18


def teacher_labels(
    sentences: Iterable[Sentence],
    teacher: TaughtBy,
    labels: Sequence[str],
    store: Store,
    precision: Precision,
    listen: Listener | None = None,
) -> Joined:
    """Return the label scores of a teacher for every word of a text, from the store.

    What is not stored is computed part by part, so that a killed run goes on where it was and a longer text that begins
    with this one is labelled from there; processes that ``accelerate launch`` has started share the parts out. The
    labels of an ensemble's members are stored too.

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
    return _Labelling(sentences, labels, store, precision, listen).by(teacher)


@dataclass(frozen=True)
class _Labelling:
    """A text to be labelled by some teachers."""

    sentences: Iterable[Sentence]
    labels: Sequence[str]
    store: Store
    precision: Precision
    listen: Listener | None

    def by(self, teacher: TaughtBy) -> Joined:
        """(words, labels) scores of a teacher, from the store."""
        tagger = cache(teacher.open_tagger)
        kind = "teacher labels"
        if teacher.members:
            every = [(member, self.by(member.taught_by)) for member in teacher.members]
            key = self._address(teacher, digest(self.sentences))
            stored = self.store.made(key, {"kind": kind}, lambda folder: _average(every, self.sentences, folder))
            folders = [stored.folder]
        else:
            keys = [self._address(teacher, digest(block)) for block in blocks(self.sentences, PART)]
            fills = (self._fill(tagger, block) for block in blocks(self.sentences, PART))
            folders = Parts(self.store, keys, kind, self.listen).share_out(fills)
        return Joined([mapped(folder)["scores"].reshape(-1, len(self.labels)) for folder in folders])

    def _address(self, teacher: TaughtBy, text: str) -> str:
        return address({"labels-of": teacher.key, "text": text, "precision": self.precision, "version": 6})

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


def _average(every: Sequence[tuple[Member, Joined]], sentences: Iterable[Sentence], folder: Path) -> None:
    """Write the mean of the members' label distributions; those that were trained on a sentence are not asked there."""
    saw = [
        np.fromiter(
            (sentence.text in member.trained_on for sentence in sentences for _ in sentence.spans), bool, len(scores)
        )
        for member, scores in every
    ]
    growing = Growing(folder)
    growing.add(scores=np.zeros(0, np.float32))
    words = np.arange(len(every[0][1]))
    for some in np.split(words, range(_WORDS_AT_ONCE, len(words), _WORDS_AT_ONCE)):
        weights = [member.weight * ~seen[some] for (member, _), seen in zip(every, saw, strict=True)]
        growing.add(scores=average([scores.take(some) for _, scores in every], weights).ravel())
    growing.whole()
