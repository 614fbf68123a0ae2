"""Labels of a teacher for every word of a text, computed once and kept in the store."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from finkd.corpora.sentence import Sentence, digest
from finkd.data.arrays import Array, Growing, mapped
from finkd.data.dataset import blocks
from finkd.inference.prediction import interruptible
from finkd.inference.tagger import sentence_logits
from finkd.progress import Listener, Progress
from finkd.store import Store, address
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
    key = address({"labels-of": teacher.key, "text": digest(sentences), "precision": precision, "version": 5})
    facts: dict[str, Any] = {"kind": "teacher labels"}
    if teacher.members:
        every = [
            (each, teacher_labels(sentences, each.taught_by, labels, store, precision, listen))
            for each in teacher.members
        ]
        stored = store.made(key, facts, lambda folder: _average(every, sentences, folder))
    else:
        parts = _Parts(key, sentences, teacher, store, precision, listen)
        if not store.has(key):
            parts.compute(processes.number(), processes.count())
        processes.wait()
        stored = store.made(key, facts, parts.join)
        if processes.is_first():
            parts.remove()
    return mapped(stored.folder)["scores"].reshape(-1, len(labels))


class _Parts:
    """Labels of a text in parts, each an entry of the store.

    Args:
        key: address of the whole.
        sentences: the text.
        teacher: the tagger.
        store: where parts are kept.
        precision: in which networks compute.
        listen: called after every part that was computed here.
    """

    def __init__(
        self,
        key: str,
        sentences: Iterable[Sentence],
        teacher: TaughtBy,
        store: Store,
        precision: Precision,
        listen: Listener | None,
    ) -> None:
        self.key, self.sentences, self.teacher = key, sentences, teacher
        self.store, self.precision, self.listen = store, precision, listen
        self.count = max(1, -(-sum(1 for _ in sentences) // PART))
        self._tagger: Any = None
        self._began, self._tokens = time.perf_counter(), 0

    def _key(self, number: int) -> str:
        return address({"part": number, "of": self.key, "sentences": PART})

    def compute(self, first: int, step: int) -> None:
        """Compute every ``step``-th part from ``first`` on, unless it is stored."""
        for number, part in enumerate(blocks(self.sentences, PART)):
            if number % step == first:
                self._made(number, part)

    def join(self, folder: Path) -> None:
        """Write the labels of the whole text; parts that another process left out are computed."""
        growing = Growing(folder)
        growing.add(scores=np.zeros(0, np.float32))
        for number, part in enumerate(blocks(self.sentences, PART)):
            growing.add(**mapped(self._made(number, part)))
        growing.whole()

    def remove(self) -> None:
        """Remove the parts, which the whole replaces."""
        for number in range(self.count):
            self.store.remove(self._key(number))

    def _made(self, number: int, part: Sequence[Sentence]) -> Path:
        def fill(folder: Path) -> None:
            self._tagger = self._tagger or self.teacher.labeller()
            growing = Growing(folder)
            with interruptible(self._count):
                for scores in sentence_logits(part, self._tagger, precision=self.precision):
                    growing.add(scores=scores.ravel())
            growing.add(scores=np.zeros(0, np.float32))
            growing.whole()
            if self.listen is not None:
                seconds = time.perf_counter() - self._began
                self.listen(Progress(number + 1, self.count, None, self._tokens, seconds))

        return self.store.filled(self._key(number), {"kind": "part of teacher labels"}, fill).folder

    def _count(self, tokens: int) -> None:
        self._tokens += tokens


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
