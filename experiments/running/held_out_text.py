"""Raw text in two parts: one to learn from, and one that is held out and tagged by the teacher."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from finkd.corpora.errors import ConfigError, DataError
from finkd.corpora.sentence import Sentence
from finkd.data.raw_text import KeptText, Text
from finkd.inference.viterbi import decode
from finkd.machine.precision import Precision
from finkd.store import Store
from finkd.teachers.finished_tagger import FinishedTagger
from finkd.teachers.labels import teacher_labels
from finkd.teachers.predictions import Predictions
from finkd.teachers.teacher import of_tagger

log = logging.getLogger(__name__)

_LARGEST_SHARE = 0.2
"""Of a text that is held out, if it is short."""


@dataclass(frozen=True)
class Part:
    """Some of the sentences of a text, as stages read them.

    Attributes:
        sentences: in their order.
        whole: what decides which sentences the text has.
    """

    sentences: Sequence[Sentence] = field(repr=False)
    whole: Mapping[str, Any]

    @property
    def fingerprint(self) -> dict[str, Any]:
        """Values that determine the sentences."""
        return {"of": dict(self.whole), "sentences": len(self.sentences)}

    def draw(self, sentences: int | None = None) -> Sequence[Sentence]:
        """Return the sentences, or the first ones."""
        return self.sentences[:sentences]


def train_and_held_out(
    tagger: FinishedTagger, text: str | None, sentences: int, held_out: int, store: Store, precision: Precision
) -> tuple[Part, list[Sentence]]:
    """Divide a text; the held-out part has the tags of the teacher.

    Args:
        tagger: the teacher.
        text: by name or path; ``None`` stands for the sentences of a file of predictions.
        sentences: how many to learn from, at most.
        held_out: how many more are held out, at most a fifth of those that there are.
        store: keeps the text and the teacher's labels.
        precision: in which the teacher reads.

    Raises:
        FinkdError: if the text is nowhere, has too few sentences, or the teacher cannot read what is held out.
    """
    raw = _raw(tagger, text, sentences + held_out, store)
    kept = min(held_out, int(_LARGEST_SHARE * len(raw.sentences)))
    if kept == 0:
        raise DataError(f"text: expected 5 sentences or more, to hold some out (found {len(raw.sentences)})")
    test = _tagged(raw.sentences[-kept:], tagger, store, precision)
    return replace(raw, sentences=raw.sentences[:-kept]), test


def _tagged(
    sentences: Sequence[Sentence], teacher: FinishedTagger, store: Store, precision: Precision
) -> list[Sentence]:
    """Return sentences with the teacher's tags, but for those of which it does not read every word."""
    rows = np.asarray(teacher_labels(sentences, of_tagger(teacher), teacher.labels, store, precision))
    borders = np.cumsum([0, *(len(sentence.spans) for sentence in sentences)])
    found = []
    for sentence, start, end in zip(sentences, borders, borders[1:], strict=False):
        if not np.isnan(rows[start:end]).any():
            (tags,) = decode([rows[start:end]], teacher.labels)
            found.append(replace(sentence, tags=tuple(tags)))
    if not found:
        raise DataError(
            f"text: the teacher reads no whole sentence of the {len(sentences)} that are held out; give text that it "
            "was made for, or hold out more (--held-out)"
        )
    if left := len(sentences) - len(found):
        log.warning("text: %d of %d sentences held out are not scored: the teacher lacks words", left, len(sentences))
    return found


def _raw(tagger: FinishedTagger, text: str | None, sentences: int, store: Store) -> Part:
    """Return the text: as it was named, or the sentences of a file of predictions."""
    if text is None:
        if not isinstance(tagger.source, Predictions):
            raise ConfigError("--text: expected raw text (only a file of predictions has sentences of its own)")
        return Part(_shuffled(tagger.source.sentences)[:sentences], {"predictions": tagger.source.key})
    kept = KeptText(Text(text, sentences), store)
    if kept.shortage:
        log.warning("text: %s", kept.shortage)
    return Part(kept.draw(), kept.fingerprint)


def _shuffled(sentences: Sequence[Sentence]) -> list[Sentence]:
    """The different sentences in an order that does not depend on theirs, so that what is held out is like the rest."""
    different = {sentence.text: sentence for sentence in sentences}
    return sorted(different.values(), key=lambda sentence: hashlib.sha256(sentence.text.encode()).digest())
