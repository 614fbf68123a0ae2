"""A teacher's vocabulary with entries of the domain added until more would not pay."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from pydantic import NonNegativeFloat, PositiveInt

from finkd.corpora.wording import counted
from finkd.tokenization.surface import BYTE_FALLBACK
from finkd.tokenization.tokenizer import Longs, Tokenizer
from finkd.tokenization.trainers.counting import WordCounts
from finkd.tokenization.trainers.editing import (
    Words,
    cut_words,
    described_model,
    entries,
    joined,
    merge_pairs,
    with_entries,
)
from finkd.tokenization.trainers.pairs import BARRIER, Merge, frequent_merges

logger = logging.getLogger(__name__)

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
            teacher cuts into more than two tokens have no more tokens than the threshold on average (AVocaDo, Hong et
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


def grow(tokenizer: Tokenizer, counts: WordCounts, growth: Growth, name: str | None) -> Tokenizer:
    """Add entries of the text to a vocabulary; see ``vocabulary.grow``."""
    words = first = cut_words(tokenizer, counts)
    candidates = _candidates(tokenizer, first, growth.most)
    long = _long_words(first)
    taken = 0
    grown = _extended(tokenizer, [], first)
    enough = growth.rule == "fertility" and _fertility(words, long) <= growth.limit
    while not enough and taken < len(candidates):
        step = min(growth.step, len(candidates) - taken)
        taken += step
        grown = _extended(tokenizer, candidates[:taken], first)
        before, words = words, cut_words(grown, counts)
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
    """Places of the distinct words that are cut into more than two tokens."""
    distinct: dict[bytes, int] = {}
    for place in np.flatnonzero(words.lengths > _LONG).tolist():
        distinct.setdefault(words.ids[words.starts[place] : words.starts[place + 1]].tobytes(), place)
    return np.array([*distinct.values()], np.int64)


def _fertility(words: Words, chosen: Longs) -> float:
    """Mean tokens of some words, each counted once."""
    return float(words.lengths[chosen].mean()) if len(chosen) else 0.0


def _candidates(tokenizer: Tokenizer, words: Words, most: int) -> list[Merge]:
    """The most frequent pairs of adjacent tokens, merged one after another from the teacher's cuts on.

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
    """The tokenizer with some merges' entries after its own."""
    model = described_model(tokenizer)
    names = [*entries(model), *(merge.token for merge in added)]
    merges = [*merge_pairs(model), *(merge.pair for merge in added)]
    total = int((words.counts * words.lengths).sum())
    scores = {merge.token: float(np.log(merge.count / total)) for merge in added}
    own = dict(model["vocab"]) if model["type"] == "Unigram" else {}
    return with_entries(tokenizer, names, tokenizer.name, merges=merges, scores={**own, **scores})
