"""Metrics of a vocabulary: efficiency and divergence of token counts, costs in an encoder, the knee of a curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from finkd.tokenization.analysis.bootstrap import Doubles
from finkd.tokenization.tokens import Longs


@dataclass(frozen=True)
class Encoder:
    """The shape of the encoder that a vocabulary is priced in.

    Attributes:
        parameters: all its weights, embeddings included.
        width: hidden size.
        rank: columns of its token embeddings, fewer than the width where they are factorised.
        layers: transformer layers.
        heads: attention heads of a layer.
        intermediate: width of the feed-forward layers.
        positions: longest sequence that it reads, in tokens.
    """

    parameters: int
    width: int
    rank: int
    layers: int
    heads: int
    intermediate: int
    positions: int

    @property
    def feed_forward_matrices(self) -> int:
        """Matrices of a feed-forward layer."""
        return 2

    def flops_per_token(self, length: Doubles) -> Doubles:
        """Floating-point operations of one forward pass for each token of a sequence of this many tokens.

        layers * (8 width^2 + 4 width intermediate + 4 length width): four square projections, the two feed-forward
        ones (three where they are gated), and the products of queries with keys and of weights with values, at two
        operations for a multiplication with its addition. Embedding look-ups, the projection of factorised embeddings,
        normalisation, softmax and biases are left out.
        """
        fixed = 8 * self.width**2 + 2 * self.feed_forward_matrices * self.width * self.intermediate
        found: Doubles = self.layers * (fixed + 4.0 * length * self.width)
        return found

    def flops_per_word(self, tokens: Doubles, words: Doubles, texts: Doubles) -> Doubles:
        """Return the same for each word: tokens per word, special tokens included, at the mean length of a text.

        Args:
            tokens: tokens in total, special tokens included.
            words: words in total.
            texts: texts in total.
        """
        return self.flops_per_token(tokens / texts) * tokens / words

    def embedding_share(self, own_entries: int, entries: int) -> float:
        """Share of the weights that are token embeddings, after the vocabulary has been exchanged."""
        rest = self.parameters - own_entries * self.rank
        return entries * self.rank / (rest + entries * self.rank)


ALPHA = 2.5


def renyi_efficiency(counts: Doubles, entries: int) -> Doubles:
    """Compute the Rényi entropy of the token distribution, of order ``ALPHA``, over its greatest possible value.

    H_a(p) / log |V| with H_a(p) = log(sum p^a) / (1 - a); Zouhar et al., "Tokenization and the Noiseless Channel", ACL
    2023 (arXiv 2306.16842), where 2.5 went best with translation quality. It can be gamed: Cognetta et al., "Two
    Counterexamples to Tokenization and the Noiseless Channel", LREC-COLING 2024 (arXiv 2402.14614), raise it by
    changes that make models worse. So it never decides anything here by itself.

    Args:
        counts: (rows, tokens) occurrences.
        entries: size of the vocabulary, those that never occur included.

    Returns:
        (rows,) between 0 and 1; NaN for rows without tokens or a vocabulary of one entry.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = counts / counts.sum(axis=1, keepdims=True)
        powers = shares * shares * np.sqrt(shares)  # shares^2.5, ten times faster than the general power
        found: Doubles = np.log(powers.sum(axis=1)) / (1 - ALPHA) / np.log(entries)
    return found


def divergence(ours: Doubles, theirs: Doubles) -> Doubles:
    """Jensen-Shannon divergence of two distributions in bits, from 0 (the same) to 1 (nothing in common).

    Lin, "Divergence measures based on the Shannon entropy", IEEE Transactions on Information Theory 37(1), 1991.

    Args:
        ours: (rows, tokens) occurrences.
        theirs: (rows, tokens) occurrences of the same tokens.

    Returns:
        (rows,); NaN where either has no tokens.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        p = ours / ours.sum(axis=1, keepdims=True)
        q = theirs / theirs.sum(axis=1, keepdims=True)
    middle = (p + q) / 2
    found: Doubles = _bits(middle) - (_bits(p) + _bits(q)) / 2
    return np.clip(found, 0.0, 1.0)


def core_entries(counts: Longs, share: float = 0.95) -> int:
    """Return the fewest entries that together make this share of all occurrences.

    Args:
        counts: (tokens,) occurrences.
        share: between 0 and 1.
    """
    falling = np.cumsum(np.sort(counts)[::-1])
    if not len(falling) or not falling[-1]:
        return 0
    return int(np.searchsorted(falling, share * falling[-1])) + 1


def _bits(shares: Doubles) -> Doubles:
    """Return the (rows,) Shannon entropy."""
    logs = np.log2(shares, where=shares > 0, out=np.zeros_like(shares))
    found: Doubles = -(shares * logs).sum(axis=1)
    return found


_LEAST_BEND = 1e-9


def knee(sizes: Sequence[float], costs: Sequence[float]) -> float | None:
    """Find the point of a curve farthest below the straight line between its ends, both axes scaled to 0..1.

    That is Kneedle without its smoothing and threshold (Satopaa et al., "Finding a 'Kneedle' in a Haystack", ICDCS
    Workshops 2011). It depends on the range of sizes that was tried; past the knee, further entries buy less than the
    sweep's average.

    Returns:
        the size at the knee; ``None`` for fewer than three points, for a curve that does not fall from its first to
        its last point, and for one that never dips below the line.
    """
    if len(sizes) < 3 or costs[-1] >= costs[0]:
        return None
    x, y = np.asarray(sizes, np.float64), np.asarray(costs, np.float64)
    below = (1 - (x - x[0]) / (x[-1] - x[0])) - (y - y[-1]) / (y[0] - y[-1])
    best = int(np.argmax(below))
    return float(x[best]) if below[best] > _LEAST_BEND else None
