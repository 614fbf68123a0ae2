"""Counts of distinct words in bounded memory."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress

import numpy as np

from finkd.tokenization.tokens import Longs

CAPACITY = 65_536


class WordCounter:
    """Occurrences of words, and how many extra tokens each tokenizer spends on them.

    When there are more than twice ``capacity`` distinct words, the rarer half is dropped, and what was dropped may come
    back later with a smaller count. So every count is at most ``missed`` too low, and a word that is not held occurred
    at most ``missed`` times (the idea of lossy counting, Manku and Motwani, VLDB 2002).

    Args:
        tokenizers: how many there are.
        capacity: distinct words that are always kept.
    """

    def __init__(self, tokenizers: int, capacity: int = CAPACITY) -> None:
        self.capacity = capacity
        self.missed = 0
        self._rows: dict[str, int] = {}
        self._values = np.zeros((0, 1 + tokenizers), np.int64)

    def add(self, words: Sequence[str], extra: Longs) -> None:
        """Count some words.

        Args:
            words: the words.
            extra: (words, tokenizers) tokens beyond the first.
        """
        rows = np.array([self._rows.setdefault(word, len(self._rows)) for word in words], np.int64)
        self._values = np.pad(self._values, ((0, len(self._rows) - len(self._values)), (0, 0)))
        np.add.at(self._values, rows, np.column_stack((np.ones_like(rows), extra)))
        if len(self._rows) > 2 * self.capacity:
            counts = self._values[:, 0]
            threshold = int(np.sort(counts)[-self.capacity - 1])
            kept = counts > threshold
            self._rows = {word: row for row, word in enumerate(compress(self._rows, kept))}
            self._values = self._values[kept]
            self.missed += threshold

    def worst(self, tokenizer: int, count: int, least: int = 1) -> list[tuple[str, int, tuple[int, ...]]]:
        """List words in falling order of the extra tokens that they cost a tokenizer over the text, then by spelling.

        Returns:
            (word, occurrences, extra tokens of each tokenizer), each costing at least one.
        """
        cost = self._values[:, 1 + tokenizer]
        words = list(self._rows)
        places = np.flatnonzero((cost > 0) & (self._values[:, 0] >= least)).tolist()
        places.sort(key=lambda place: (-cost[place], words[place]))
        values = self._values[places[:count]].tolist()
        return [(words[place], row[0], tuple(row[1:])) for place, row in zip(places, values, strict=False)]
