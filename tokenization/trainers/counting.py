"""Count words in memory that does not grow with the text."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from finkd.corpora.errors import ConfigError

logger = logging.getLogger(__name__)

CAPACITY = 4_000_000
"""Distinct words held at a time: about a gigabyte of them."""


@dataclass(frozen=True)
class WordCounts:
    """Words, here stretches without white space, with their occurrences.

    Attributes:
        counts: word -> occurrences.
        missed: no count is lower than the truth by more than this, and no word that is left out occurred more often;
            0 if every word was held, and then the counts do not depend on the order of the texts.
        opening: word -> how many of its occurrences open a text, with no space before them.
    """

    counts: Mapping[str, int]
    missed: int = 0
    opening: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Occurrences of all words."""
        return sum(self.counts.values())


def likely_names(text: str, words: Sequence[str]) -> list[int]:
    """Indices of the words that begin with a capital and do not open their text; all in capitals, it names nothing."""
    if text.isupper():
        return []
    return [place for place, word in enumerate(words) if place and word[0].isupper()]


def count_words(texts: Iterable[str] | WordCounts, capacity: int = CAPACITY, names: int = 1) -> WordCounts:
    """Count the stretches without white space of a stream of texts.

    A vocabulary that is made from plain counts spends its entries on the commonest words and splits names into many
    tokens, although entity recognition is about names. ``names`` lets likely names count as several occurrences.

    All is exact as long as there are at most ``capacity`` distinct ones. Beyond that the rarer half is dropped whenever
    that many have come together (the idea of lossy counting, Manku and Motwani, VLDB 2002), with a warning: only words
    about as rare as ``missed`` are then undercounted, and which ones depends on the order of the texts.

    Args:
        texts: read once; counts are returned as they are.
        capacity: distinct words to hold.
        names: occurrences that a likely name (``likely_names``) stands for.

    Raises:
        ConfigError: if a text cannot be written as UTF-8 (it holds half of a surrogate pair).
    """
    if isinstance(texts, WordCounts):
        return texts
    counts: Counter[str] = Counter()
    opening: Counter[str] = Counter()
    missed = 0
    for text in texts:
        words = text.split()
        counts.update(words)
        if words and not text[0].isspace():
            opening[words[0]] += 1
        if names > 1:
            for place in likely_names(text, words):
                counts[words[place]] += names - 1
        if len(counts) > capacity:
            missed += _drop_rarest(counts, capacity // 2)
            opening = Counter({word: count for word, count in opening.items() if word in counts})
    if missed:
        logger.warning(
            "vocabulary.texts: more than %d distinct words; rare ones were dropped, and counts may be %d too low",
            capacity,
            missed,
        )
    try:
        for word in counts:
            word.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"vocabulary.texts: {error.object!r} is not text (half of a surrogate pair); read the file as UTF-8"
        ) from error
    return WordCounts(counts, missed, opening)


def mix_counts(general: Iterable[str] | WordCounts, domain: Iterable[str] | WordCounts, weight: float) -> WordCounts:
    """Combine the counts of two corpora, weighted rather than repeated.

    Together they count as many words as both corpora have, of which the domain has the share ``weight`` whatever the
    corpora's sizes. A word whose weighted count rounds to nothing is left out.

    Args:
        general: texts or counts of the general corpus.
        domain: of the domain's.
        weight: share of the domain, above 0 and below 1.

    Raises:
        ConfigError: if the weight is not between 0 and 1, or one of the corpora holds no word.
    """
    if not 0 < weight < 1:
        raise ConfigError(f"vocabulary.weight: expected a share of the domain between 0 and 1 (got {weight})")
    first, second = count_words(general), count_words(domain)
    for name, each in (("general", first), ("domain", second)):
        if not each.total:
            raise ConfigError(f"vocabulary.{name}: no word in the texts; check the corpus that was given")
    total = first.total + second.total
    factors = (1 - weight) * total / first.total, weight * total / second.total
    return WordCounts(
        _weighted((first.counts, second.counts), factors),
        round(first.missed * factors[0] + second.missed * factors[1]),
        _weighted((first.opening, second.opening), factors),
    )


def _weighted(counts: Iterable[Mapping[str, int]], factors: Iterable[float]) -> dict[str, int]:
    weighted: defaultdict[str, float] = defaultdict(float)
    for each, factor in zip(counts, factors, strict=True):
        for word, count in each.items():
            weighted[word] += count * factor
    return {word: rounded for word, count in weighted.items() if (rounded := round(count))}


def _drop_rarest(counts: Counter[str], kept: int) -> int:
    """Drop all but about the ``kept`` most frequent words; gives the largest count that was dropped."""
    threshold = sorted(counts.values(), reverse=True)[kept]
    for word in [word for word, count in counts.items() if count <= threshold]:
        del counts[word]
    return threshold
