"""Labels of a teacher for every word of a text, computed once and kept in the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Literal

import numpy as np

from finkd.corpora.sentence import Sentence, digest
from finkd.data.arrays import Growing, Joined, mapped
from finkd.data.dataset import blocks
from finkd.inference.interrupt import interruptible
from finkd.inference.tagger import AnyTagger, sentence_logits
from finkd.machine.precision import Precision
from finkd.progress import Listener
from finkd.store import Store, address
from finkd.stored_parts import Fill, Parts
from finkd.teachers.ensemble import average
from finkd.teachers.teacher import Member, Teacher

PART = 1024
"""Sentences whose labels are an entry of the store: what a killed run loses at most."""
_WORDS_AT_ONCE = 1 << 14
_KIND = "teacher labels"

Asked = Literal["all", "in-turn"]
"""Which members of an ensemble label a sentence: all of them, or one, another for each part of the text."""


def teacher_labels(
    sentences: Iterable[Sentence],
    teacher: Teacher,
    labels: Sequence[str],
    store: Store,
    precision: Precision,
    listen: Listener | None = None,
    members: Asked = "all",
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
        members: of an ensemble, that label a sentence. In turn, an ensemble costs what one of its members costs, and a
            student still learns from all of them (Fukuda et al., Interspeech 2017, switch the teacher from batch to
            batch). Their weights and what they were trained on are not looked at then.

    Returns:
        (words, labels) float32, on disk; NaN for words that the teacher does not read.
    """
    labelling = _Labelling(sentences, labels, store, precision, listen)
    if members == "in-turn" and teacher.members:
        return labelling.in_turn([member.teacher for member in teacher.members])
    return labelling.by(teacher)


@dataclass(frozen=True)
class _Labelling:
    """A text to be labelled by some teachers."""

    sentences: Iterable[Sentence]
    labels: Sequence[str]
    store: Store
    precision: Precision
    listen: Listener | None

    def by(self, teacher: Teacher) -> Joined:
        """(words, labels) scores of a teacher, from the store."""
        if not teacher.members:
            return self.in_turn([teacher])
        every = [(member, self.by(member.teacher)) for member in teacher.members]
        key = self._address(teacher, self.sentences)
        stored = self.store.made(key, {"kind": _KIND}, lambda folder: _average(every, self.sentences, folder))
        return self._joined([stored.folder])

    def in_turn(self, teachers: Sequence[Teacher]) -> Joined:
        """(words, labels) scores of the teachers, from the store: of the first for the first part, and so on."""
        taggers = [cache(teacher.open_tagger) for teacher in teachers]
        keys = [self._address(teacher, block) for block, teacher in zip(self._parts(), cycle(teachers))]

        def fills() -> Iterator[Fill]:
            return (self._fill(tagger, block) for block, tagger in zip(self._parts(), cycle(taggers)))

        return self._joined(Parts(self.store, keys, _KIND, self.listen).share_out(fills))

    def _parts(self) -> Iterator[list[Sentence]]:
        return blocks(self.sentences, PART)

    def _joined(self, folders: Sequence[Path]) -> Joined:
        return Joined(folders, lambda folder: mapped(folder)["scores"].reshape(-1, len(self.labels)))

    def _address(self, teacher: Teacher, sentences: Iterable[Sentence]) -> str:
        if not teacher.is_model:  # what finkd has trained has another address anyway where the text has other tags
            sentences = (replace(each, tags=None) for each in sentences)
        text = digest(sentences)
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
