"""What the counts of tokens say: how evenly a vocabulary is used, and how far two uses lie apart."""

from __future__ import annotations

import numpy as np

from finkd.tokenization.analysis.bootstrap import Doubles
from finkd.tokenization.tokenizer import Longs

ALPHA = 2.5


def renyi_efficiency(counts: Doubles, entries: int) -> Doubles:
    """Rényi entropy of the token distribution, of order ``ALPHA``, over its greatest possible value.

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
    """The fewest entries that together make this share of all occurrences.

    Args:
        counts: (tokens,) occurrences.
        share: between 0 and 1.
    """
    falling = np.cumsum(np.sort(counts)[::-1])
    if not len(falling) or not falling[-1]:
        return 0
    return int(np.searchsorted(falling, share * falling[-1])) + 1


def _bits(shares: Doubles) -> Doubles:
    """(rows,) Shannon entropy."""
    logs = np.log2(shares, where=shares > 0, out=np.zeros_like(shares))
    found: Doubles = -(shares * logs).sum(axis=1)
    return found
