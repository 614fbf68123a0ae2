"""Select sentences of raw text: near-duplicates, quality, likeness to the domain."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from finkd.corpora.sentence import Sentence

Doubles = npt.NDArray[np.float64]

_SHINGLE = 3
_PERMUTATIONS = 128
_BUCKETS = 10_000
_STOP_WORDS = frozenset({"the", "be", "to", "of", "and", "that", "have", "with"})


def distinct(sentences: Sequence[Sentence], similarity: float) -> list[int]:
    """Return the indices of the sentences that are like no earlier one.

    Sentences are compared as sets of three words in a row by MinHash with banding (Broder 1997; Lee et al. 2022, arXiv
    2107.06499, section 4.2), which finds most pairs above the threshold and few below.

    Args:
        sentences: in the order in which they are kept.
        similarity: Jaccard similarity, above 0 and below 1, from which a sentence counts as a repetition.
    """
    from datasketch import MinHash, MinHashLSH

    bands = MinHashLSH(threshold=similarity, num_perm=_PERMUTATIONS).hashranges
    seen: set[int] = set()  # a hash of each band takes a fifth of what MinHashLSH keeps
    kept = []
    for index, sentence in enumerate(sentences):
        sketch = MinHash(num_perm=_PERMUTATIONS, seed=1)
        sketch.update_batch(_shingles(sentence))
        hashes = [hash((start, sketch.hashvalues[start:end].tobytes())) for start, end in bands]
        if seen.isdisjoint(hashes):
            seen.update(hashes)
            kept.append(index)
    return kept


def quality(sentences: Sequence[Sentence]) -> Doubles:
    """Return the (sentences,) share of the rules for running text that each one keeps, 0 to 1.

    The rules are Gopher's (Rae et al. 2021, arXiv 2112.11446, table A1) as far as they fit single sentences: words of 3
    to 10 letters on average, four fifths of the words with a letter, a stop word, few symbols, an end.
    """
    return np.array([np.mean(_rules(sentence)) for sentence in sentences])


def likeness(sentences: Sequence[Sentence], domain: Sequence[Sentence]) -> Doubles:
    """Return the (sentences,) mean log-ratio of their words and word pairs under the domain and under all sentences.

    Words are hashed into 10,000 buckets, as in DSIR (Xie et al. 2023, arXiv 2302.03169, section 3.1), but the mean is
    taken instead of the sum, so that long sentences are not preferred.
    """
    buckets = [_buckets(sentence) for sentence in sentences]
    wanted, there = (_log_shares(each) for each in ([_buckets(sentence) for sentence in domain], buckets))
    ratio = wanted - there
    return np.array([ratio[each].mean() if len(each) else 0.0 for each in buckets])


def _shingles(sentence: Sentence) -> list[bytes]:
    words = [word.lower() for word in sentence.words]
    stops = max(1, len(words) - _SHINGLE + 1)
    return [" ".join(words[start : start + _SHINGLE]).encode("utf-8", "surrogatepass") for start in range(stops)]


def _buckets(sentence: Sentence) -> npt.NDArray[np.int64]:
    words = [word.lower() for word in sentence.words]
    features = [*words, *(" ".join(pair) for pair in pairwise(words))]
    return np.array([zlib.crc32(each.encode("utf-8", "surrogatepass")) % _BUCKETS for each in features], np.int64)


def _log_shares(buckets: Sequence[npt.NDArray[np.int64]]) -> Doubles:
    """Return the (buckets,) log of the share of each, with one occurrence added."""
    counts = np.ones(_BUCKETS)
    for each in buckets:
        np.add.at(counts, each, 1)
    shares: Doubles = np.log(counts / counts.sum())
    return shares


def _rules(sentence: Sentence) -> list[bool]:
    """Check a sentence against each rule."""
    words = sentence.words
    lengths = [len(word) for word in words if word.isalpha()]
    with_letter = [any(letter.isalpha() for letter in word) for word in words if word.isalnum()]
    text = sentence.text.rstrip().rstrip("\"'\N{RIGHT DOUBLE QUOTATION MARK}")
    return [
        bool(lengths) and 3 <= sum(lengths) / len(lengths) <= 10,
        bool(with_letter) and sum(with_letter) >= 0.8 * len(with_letter),
        any(word.lower() in _STOP_WORDS for word in words),
        sum(not word.isalnum() for word in words) <= 0.3 * len(words),
        text.endswith((".", "!", "?")),
    ]


def ranks(scores: Sequence[Doubles]) -> Doubles:
    """Return the (sentences,) mean of the ranks, 0 to 1, that several scores give; equal scores have equal ranks."""
    found = []
    for each in scores:
        _, place, counts = np.unique(each, return_inverse=True, return_counts=True)
        below = np.cumsum(counts) - counts
        found.append((below[place] + (counts[place] - 1) / 2) / max(1, len(each) - 1))
    mean: Doubles = np.mean(found, axis=0)
    return mean
