"""Counts of distinct words in bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt

from finkd.tokenization.analysis.batch import TextBatch
from finkd.tokenization.tokenizer import Longs

Keys = npt.NDArray[np.uint64]

CAPACITY = 65_536
_MULTIPLIER = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2^64
_MIX = np.uint64(0xD6E8FEB86659FD93)


class WordCounter:
    """Occurrences of words, and how many extra tokens each tokenizer spends on them.

    When there are more than twice ``capacity`` distinct words, the rarer half is dropped, and what was dropped may come
    back later with a smaller count. So every count is at most ``missed`` too low, and a word that is not held occurred
    at most ``missed`` times (the idea of lossy counting, Manku and Motwani, VLDB 2002). Words are told apart by a
    64-bit hash.

    Args:
        tokenizers: how many there are.
        capacity: distinct words that are always kept.
    """

    def __init__(self, tokenizers: int, capacity: int = CAPACITY) -> None:
        self.capacity = capacity
        self.missed = 0
        self._keys = np.zeros(0, np.uint64)
        self._values = np.zeros((0, 1 + tokenizers), np.int64)
        self._spelled: dict[int, str] = {}

    def add(self, keys: Keys, extra: Longs, spell: Callable[[int], str]) -> None:
        """Count some words.

        Args:
            keys: (words,) from :func:`word_keys`.
            extra: (words, tokenizers) tokens beyond the first.
            spell: the word at an index of ``keys``.
        """
        if not len(keys):
            return
        distinct, first, inverse, counts = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
        sums = [np.bincount(inverse, weights=column, minlength=len(distinct)) for column in extra.T]
        values = np.stack([counts, *sums], axis=1).astype(np.int64)
        at = np.searchsorted(self._keys, distinct)
        held = np.zeros(len(distinct), np.bool_)
        inside = at < len(self._keys)
        held[inside] = self._keys[at[inside]] == distinct[inside]
        self._values[at[held]] += values[held]
        for key, index in zip(distinct[~held].tolist(), first[~held].tolist(), strict=True):
            self._spelled[key] = spell(index)
        self._keys = np.insert(self._keys, at[~held], distinct[~held])
        self._values = np.insert(self._values, at[~held], values[~held], axis=0)
        if len(self._keys) > 2 * self.capacity:
            self._prune()

    def _prune(self) -> None:
        counts = self._values[:, 0]
        threshold = int(np.partition(counts, len(counts) - self.capacity - 1)[len(counts) - self.capacity - 1])
        kept = counts > threshold
        for key in self._keys[~kept].tolist():
            del self._spelled[key]
        self._keys, self._values = self._keys[kept], self._values[kept]
        self.missed += threshold

    def worst(self, tokenizer: int, count: int, least: int = 1) -> list[tuple[str, int, tuple[int, ...]]]:
        """List words in falling order of the extra tokens that they cost a tokenizer over the text, then by spelling.

        Returns:
            (word, occurrences, extra tokens of each tokenizer), each costing at least one.
        """
        cost = self._values[:, 1 + tokenizer]
        places = np.flatnonzero((cost > 0) & (self._values[:, 0] >= least))
        if len(places) > count:
            lowest = np.partition(cost[places], len(places) - count)[len(places) - count]
            places = places[cost[places] >= lowest]
        rows = [(self._spelled[int(self._keys[place])], self._values[place].tolist()) for place in places.tolist()]
        rows.sort(key=lambda row: (-row[1][1 + tokenizer], row[0]))
        return [(word, values[0], tuple(values[1:])) for word, values in rows[:count]]


def word_keys(batch: TextBatch, starts: Longs, ends: Longs) -> Keys:
    """Return the (words,) hash of each word's characters, whatever stands around it.

    With P the running sum of c_i m^i over the batch's characters c, the word in ``[s, e)`` has the key
    (P_e - P_s) m^-s modulo 2^64: one pass over the characters, two look-ups for each word.
    """
    powers, inverses = _powers(len(batch.points).bit_length())
    size = len(batch.points)
    mixed = (batch.points.astype(np.uint64) + np.uint64(1)) * _MIX
    mixed ^= mixed >> np.uint64(29)
    running = np.concatenate((np.zeros(1, np.uint64), np.cumsum(mixed * powers[:size], dtype=np.uint64)))
    keys: Keys = (running[ends] - running[starts]) * inverses[starts]
    return keys


@cache
def _powers(bits: int) -> tuple[Keys, Keys]:
    """Return the (2^bits,) powers of the multiplier and of its inverse, modulo 2^64."""
    return _progression(_MULTIPLIER, 2**bits), _progression(pow(_MULTIPLIER, -1, 2**64), 2**bits)


def _progression(factor: int, length: int) -> Keys:
    found = np.full(length, factor, np.uint64)
    found[:1] = 1
    return np.cumprod(found, dtype=np.uint64)
