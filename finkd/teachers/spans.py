"""Label distributions of taggers that return spans of characters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from finkd.corpora.errors import ConfigError
from finkd.corpora.sentence import Sentence
from finkd.corpora.tags import OUTSIDE, entity_types
from finkd.teachers.label_map import Probabilities


class Span(NamedTuple):
    """Entity in a text.

    Attributes:
        start: its first character.
        end: the character after its last one.
        type: its type.
        probability: of the entity; 1 from taggers that give none.
    """

    start: int
    end: int
    type: str
    probability: float = 1.0


def span_probabilities(sentence: Sentence, spans: Iterable[Span], labels: Sequence[str]) -> Probabilities:
    """Return (words, labels) distributions of a sentence from the entities that a tagger found in its text.

    An entity covers the words that share a character with it. Where two share a word, the more probable one has it.

    Args:
        sentence: the words.
        spans: the entities.
        labels: ``O`` first, then ``B-X`` and ``I-X`` of each type.

    Raises:
        ConfigError: if an entity has another type.
    """
    found = np.zeros((len(sentence.spans), len(labels)))
    found[:, labels.index(OUTSIDE)] = 1
    starts, ends = np.array(sentence.spans, np.int64).reshape(-1, 2).T
    taken = np.zeros(len(starts), bool)
    for span in sorted(spans, key=lambda each: -each.probability):
        words = np.flatnonzero((starts < span.end) & (ends > span.start))
        if len(words) == 0 or taken[words].any():
            continue
        if f"B-{span.type}" not in labels:
            raise ConfigError(
                f"teacher: found an entity of the type {span.type!r}, which it does not list among its types "
                f"({', '.join(entity_types(labels))}); remove the component that sets it"
            )
        taken[words] = True
        found[words] = 0
        found[words, labels.index(OUTSIDE)] = 1 - span.probability
        found[words[:1], labels.index(f"B-{span.type}")] = span.probability
        found[words[1:], labels.index(f"I-{span.type}")] = span.probability
    return found
