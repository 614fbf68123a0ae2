"""Byte-pair encoding from any cut of words: the most frequent pair of neighbours becomes one token, and so on."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import pairwise

from finkd.tokenization.trainers.algorithm import MINIMUM_COUNT

BARRIER = ""
"""Stands for a token that nothing may be merged with."""

Pair = tuple[str, str]


@dataclass(frozen=True)
class Merge:
    """An entry that a pair of tokens becomes.

    Attributes:
        pair: the tokens.
        token: the entry.
        count: how often the pair stood in the text when its turn came.
    """

    pair: Pair
    token: str
    count: int


def frequent_merges(
    words: Mapping[tuple[str, ...], int], joined: Callable[[str, str], str], taken: Collection[str], most: int
) -> list[Merge]:
    """Merge the most frequent pair of adjacent tokens until there are ``most`` merges or no pair occurs twice.

    Of equally frequent pairs the one that sorts first is taken, so that the result depends on nothing but the counts.

    Args:
        words: tokens of each word -> occurrences.
        joined: spells the token that two become.
        taken: tokens that are never made: those of the vocabulary that is to be extended.
        most: merges at most.
    """
    state = _Pairs(words)
    found: list[Merge] = []
    known = set(taken)
    while len(found) < most:
        best = state.pop()
        if best is None:
            break
        pair, count = best
        token = joined(*pair)
        if token not in known:
            known.add(token)
            found.append(Merge(pair, token, count))
            state.merge(pair, token)
    return found


class _Pairs:
    """Pairs of neighbours in words, with their counts and the words that hold them."""

    def __init__(self, words: Mapping[tuple[str, ...], int]) -> None:
        self._words = [list(word) for word in words]
        self._times = list(words.values())
        self._counts: defaultdict[Pair, int] = defaultdict(int)
        self._places: defaultdict[Pair, set[int]] = defaultdict(set)
        for place in range(len(self._words)):
            self._count(place, 1)
        self._heap = [(-count, pair) for pair, count in self._counts.items()]
        heapq.heapify(self._heap)

    def pop(self) -> tuple[Pair, int] | None:
        """The most frequent pair that has not been given yet, if one is frequent enough."""
        while self._heap:
            negative, pair = heapq.heappop(self._heap)
            count = self._counts.get(pair, 0)
            if count == -negative and count >= MINIMUM_COUNT:
                return pair, count
        return None

    def merge(self, pair: Pair, token: str) -> None:
        """Let the pair be one token wherever it stands."""
        changed: set[Pair] = set()
        for place in sorted(self._places[pair]):
            changed |= self._count(place, -1)
            self._words[place] = _merged(self._words[place], pair, token)
            changed |= self._count(place, 1)
        # Counts that are in the heap already are out of date; pop() passes over them.
        for other in changed:
            if self._counts[other] >= MINIMUM_COUNT:
                heapq.heappush(self._heap, (-self._counts[other], other))
            elif not self._counts[other]:
                del self._counts[other], self._places[other]

    def _count(self, place: int, sign: int) -> set[Pair]:
        """Add the pairs of one word to the counts, or take them away."""
        word, touched = self._words[place], set()
        for pair in pairwise(word):
            if BARRIER not in pair:
                self._counts[pair] += sign * self._times[place]
                if sign > 0:
                    self._places[pair].add(place)
                else:
                    self._places[pair].discard(place)
                touched.add(pair)
        return touched


def _merged(word: list[str], pair: Pair, token: str) -> list[str]:
    """Every occurrence of the pair as one token, from the left."""
    merged: list[str] = []
    place = 0
    while place < len(word):
        if tuple(word[place : place + 2]) == pair:
            merged.append(token)
            place += 2
        else:
            merged.append(word[place])
            place += 1
    return merged
