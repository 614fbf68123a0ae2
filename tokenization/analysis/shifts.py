"""One tokenizer against another on a text, and one text against another under a tokenizer."""

from __future__ import annotations

import numpy as np

from finkd.tokenization.analysis.accumulate import Accumulator, Side
from finkd.tokenization.analysis.bootstrap import Bootstrap, Counts, of_counts, quotient
from finkd.tokenization.analysis.distribution import divergence
from finkd.tokenization.analysis.forms import UNKNOWN, by_form, jaccard
from finkd.tokenization.analysis.profiles import NOTHING
from finkd.tokenization.analysis.result import DomainShift, TokenizerShift
from finkd.tokenization.analysis.tally import STRETCHES, TOKENS
from finkd.tokenization.tokenizer import Longs


def tokenizer_shift(
    corpus: str, name: str, sides: tuple[Side, Side], forms: tuple[Longs, Longs], bootstrap: Bootstrap
) -> TokenizerShift:
    """The reference's side and another's, on the same text.

    Args:
        corpus: name of the text.
        name: of the other tokenizer.
        sides: the reference's sums and the other's.
        forms: what the entries of each mean, see :func:`~tokenization.analysis.forms.common_forms`.
        bootstrap: draws of the text.
    """
    reference, other = sides
    size = max(int(each.max(initial=0)) for each in forms) + 1
    known = (forms[1] > UNKNOWN) & np.isin(forms[1], forms[0])
    theirs, ours = (by_form(side.counts, form, size) for side, form in zip(sides, forms, strict=True))
    occurring = np.flatnonzero(theirs.any(axis=0) | ours.any(axis=0))
    return TokenizerShift(
        corpus=corpus,
        tokenizer=name,
        length_ratio=bootstrap.ratio(other.tokens, reference.tokens) or NOTHING,
        overlap=jaccard(*forms),
        weighted_overlap=bootstrap.ratio(_total(other.counts[:, known]), _total(other.counts)) or NOTHING,
        divergence=of_counts(divergence, (bootstrap, theirs[:, occurring]), (bootstrap, ours[:, occurring])) or NOTHING,
    )


def domain_shift(
    names: tuple[str, str], texts: tuple[Accumulator, Accumulator], index: int, draws: tuple[Bootstrap, Bootstrap]
) -> DomainShift:
    """The first text and another one, under one tokenizer.

    Args:
        names: of the other text, and of the tokenizer.
        texts: the first one and the other.
        index: of the tokenizer.
        draws: of the first text and of the other.
    """
    first, other = (text.sides[index] for text in texts)
    in_first, in_other = (side.counts.any(axis=0) for side in (first, other))
    occurring = np.flatnonzero(in_first | in_other)
    here, there = other.words.total.T, first.words.total.T
    return DomainShift(
        corpus=names[0],
        tokenizer=names[1],
        fertility_ratio=quotient((draws[1], here[TOKENS], here[STRETCHES]), (draws[0], there[TOKENS], there[STRETCHES]))
        or NOTHING,
        overlap=float((in_first & in_other).sum() / max(len(occurring), 1)),
        weighted_overlap=draws[1].ratio(_total(other.counts[:, in_first]), _total(other.counts)) or NOTHING,
        divergence=of_counts(divergence, (draws[0], first.counts[:, occurring]), (draws[1], other.counts[:, occurring]))
        or NOTHING,
    )


def _total(counts: Counts) -> Longs:
    """(blocks,) tokens."""
    found: Longs = counts.sum(axis=1, dtype=np.int64)
    return found
