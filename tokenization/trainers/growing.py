"""Grow a teacher's vocabulary by byte-pair encoding on the domain's text until further entries gain little."""

from __future__ import annotations

import heapq
import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Literal

import numpy as np
from pydantic import NonNegativeFloat, PositiveInt

from finkd.corpora.wording import counted
from finkd.tokenization.surface import BYTE_FALLBACK
from finkd.tokenization.tokenizer import Tokenizer
from finkd.tokenization.tokens import Longs
from finkd.tokenization.trainers.algorithm import MINIMUM_COUNT
from finkd.tokenization.trainers.counting import WordCounts, count_words
from finkd.tokenization.trainers.editing import (
    Words,
    described_model,
    entries,
    joined,
    merge_pairs,
    protected_tokenizer,
    tokenize_words,
    with_entries,
)
from finkd.tokenization.trainers.protection import LEARNED, Protection

logger = logging.getLogger(__name__)

Pair = tuple[str, str]
BARRIER = ""
"""Stands for a token that nothing may be merged with."""

_THRESHOLDS = {"likelihood": 0.01, "fertility": 3.0}
_INTERVAL = 10_000
_LONG = 2


@dataclass(frozen=True)
class Growth:
    """When a vocabulary has grown enough.

    Attributes:
        rule: ``likelihood`` stops when the last entries raised the unigram log-likelihood of the text by no more than
            the threshold's share for every ten thousand of them (AdaLM, Yao et al., arXiv 2106.13474, and its code,
            microsoft/unilm adalm/incr_bpe/vocab_extend.py). ``fertility`` stops when the distinct words that the
            teacher splits into more than two tokens have no more tokens than the threshold on average (AVocaDo, Hong et
            al., arXiv 2110.13434, and its code, Jimin9401/avocado corpus_utils/tokenizer_learner.py).
        threshold: by default those of the two programs: 0.01 for ``likelihood``, 3 for ``fertility``.
        step: entries added between two looks at the rule.
        most: entries added at most.
    """

    rule: Literal["likelihood", "fertility"] = "likelihood"
    threshold: NonNegativeFloat | None = None
    step: PositiveInt = 1000
    most: PositiveInt = 20_000

    @property
    def limit(self) -> float:
        """The threshold, the rule's own if none is set."""
        return _THRESHOLDS[self.rule] if self.threshold is None else self.threshold


GROWTH = Growth()


def grow(
    teacher: Tokenizer,
    texts: Iterable[str] | WordCounts,
    *,
    growth: Growth = GROWTH,
    protect: Protection = LEARNED,
    name: str | None = None,
) -> Tokenizer:
    """Add entries of the domain to a teacher's vocabulary until more would not pay.

    The teacher's entries keep their ids, except tokens that were added after its model's own (DeBERTa-v3's ``[MASK]``),
    which come after the new ones. New ones are the most frequent pairs of adjacent tokens within a word of the text,
    merged one after another; the rule is applied to what the grown tokenizer really does to the text. Every WordPiece,
    BPE and Unigram tokenizer can be grown.

    Args:
        teacher: not changed.
        texts: of the domain, read once; or counts.
        growth: when to stop.
        protect: words that stay whole, from now on.
        name: what reports call it.

    Raises:
        ConfigError: if there is no word in the texts, or the tokenizer's model is of another kind.
    """
    counts = count_words(texts)
    tokenizer = protected_tokenizer(teacher, counts, protect, growth.most)
    words = first = tokenize_words(tokenizer, counts)
    candidates = _candidates(tokenizer, first, growth.most)
    long = _long_words(first)
    taken = 0
    grown = _extended(tokenizer, [], first)
    enough = growth.rule == "fertility" and _fertility(words, long) <= growth.limit
    while not enough and taken < len(candidates):
        step = min(growth.step, len(candidates) - taken)
        taken += step
        grown = _extended(tokenizer, candidates[:taken], first)
        before, words = words, tokenize_words(grown, counts)
        if growth.rule == "fertility":
            reached = _fertility(words, long)
        else:
            reached = _gain(before, words, len(grown)) * _INTERVAL / step
        logger.info("vocabulary.grow: %s added, %s %.4f", counted(taken, "entry"), growth.rule, reached)
        enough = reached <= growth.limit
    if not enough and taken == growth.most:
        logger.warning("vocabulary.most: %s added before the %s rule was met", counted(taken, "entry"), growth.rule)
    grown.name = name or f"{tokenizer.name}-grown-{len(grown)}"
    return grown


def log_likelihood(words: Words, size: int) -> float:
    """Sum of log p over the tokens of a text, p being each entry's share of them.

    AdaLM takes the mean over sentences, which is this over a constant: relative gains are the same.
    """
    occurrences = words.occurrences(size)
    present = occurrences[occurrences > 0].astype(np.float64)
    return float((present * np.log(present / present.sum())).sum())


def _gain(before: Words, after: Words, size: int) -> float:
    """Relative rise of the log-likelihood."""
    first, second = log_likelihood(before, size), log_likelihood(after, size)
    return (first - second) / first if first else 0.0


def _long_words(words: Words) -> Longs:
    """Return the places of the distinct words of more than two tokens."""
    distinct: dict[bytes, int] = {}
    for place in np.flatnonzero(words.lengths > _LONG).tolist():
        distinct.setdefault(words.ids[words.starts[place] : words.starts[place + 1]].tobytes(), place)
    return np.array([*distinct.values()], np.int64)


def _fertility(words: Words, chosen: Longs) -> float:
    """Mean tokens of some words, each counted once."""
    return float(words.lengths[chosen].mean()) if len(chosen) else 0.0


def _candidates(tokenizer: Tokenizer, words: Words, most: int) -> list[Merge]:
    """Return the most frequent pairs of adjacent tokens, merged one after another from the teacher's tokens.

    The papers train a domain vocabulary from scratch and take what the teacher lacks. Merging the teacher's own tokens
    gives entries that every family can reach; a BPE model gets the pairs as its merges.
    """
    model = described_model(tokenizer)
    fixed = {*tokenizer.special_ids.values(), *tokenizer.literal}
    tokens = [
        BARRIER if index in fixed or BYTE_FALLBACK.fullmatch(token) else token
        for index, token in enumerate(tokenizer.vocabulary)
    ]
    spelled: Counter[tuple[str, ...]] = Counter()
    flat, starts = words.ids.tolist(), words.starts.tolist()
    for place, count in enumerate(words.counts.tolist()):
        first, last = starts[place], starts[place + 1]
        if last - first > 1:
            spelled[tuple(tokens[index] for index in flat[first:last])] += count
    return frequent_merges(spelled, partial(joined, model), {*tokenizer.vocabulary}, most)


def _extended(tokenizer: Tokenizer, added: Sequence[Merge], words: Words) -> Tokenizer:
    """Return the tokenizer with some merges' entries after its own."""
    model = described_model(tokenizer)
    names = [*entries(model), *(merge.token for merge in added)]
    merges = [*merge_pairs(model), *(merge.pair for merge in added)]
    total = int((words.counts * words.lengths).sum())
    scores = {merge.token: float(np.log(merge.count / total)) for merge in added}
    own = dict(model["vocab"]) if model["type"] == "Unigram" else {}
    return with_entries(tokenizer, names, tokenizer.name, merges=merges, scores={**own, **scores})


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
        """Return the most frequent pair that has not been given yet, if one is frequent enough."""
        while self._heap:
            negative, pair = heapq.heappop(self._heap)
            count = self._counts.get(pair, 0)
            if count == -negative and count >= MINIMUM_COUNT:
                return pair, count
        return None

    def merge(self, pair: Pair, token: str) -> None:
        """Replace the pair by one token wherever it occurs."""
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
    """Return every occurrence of the pair as one token, from the left."""
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
