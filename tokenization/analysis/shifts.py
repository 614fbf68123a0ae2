"""Compare two tokenizers on one text, and two texts under one tokenizer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from finkd.tokenization.analysis.bootstrap import NOTHING, Bootstrap, Counts, of_counts, quotient
from finkd.tokenization.analysis.counts import STRETCHES, TOKENS, Accumulator, Side
from finkd.tokenization.analysis.metrics import divergence
from finkd.tokenization.analysis.result import DomainShift, Estimate, TokenizerShift
from finkd.tokenization.analysis.words import Bools
from finkd.tokenization.surface import Form, canonical_forms
from finkd.tokenization.tokenizer import Tokenizer
from finkd.tokenization.tokens import Longs

UNKNOWN, FRAMING = 0, -1


def common_forms(tokenizers: Sequence[Tokenizer]) -> list[Longs]:
    """Number what each entry stands for, with the same number in every vocabulary.

    Two entries mean the same if they spell the same text and agree on whether it continues a word; case counts only if
    every tokenizer keeps it. The unknown token is ``UNKNOWN`` everywhere, other special tokens are ``FRAMING``. Entries
    without a text (byte-level tokens that end within a character) mean the same if they are written the same.

    Returns:
        (entries,) for each tokenizer.
    """
    fold = any(tokenizer.lowercases for tokenizer in tokenizers)
    numbers: dict[Form | str, int] = {}
    numbered = []
    for tokenizer in tokenizers:
        forms, special = canonical_forms(tokenizer, fold), {*tokenizer.special_ids.values()}
        found = np.full(len(tokenizer), FRAMING, np.int64)
        for index, token in enumerate(tokenizer.vocabulary):
            if token and index not in special:
                found[index] = numbers.setdefault(forms.get(index, token), len(numbers) + 1)
        if "unk" in tokenizer.special_ids:
            found[tokenizer.special_ids["unk"]] = UNKNOWN
        numbered.append(found)
    return numbered


def jaccard(ours: Longs, theirs: Longs) -> float:
    """Return the forms common to both over the forms of either; special tokens left out."""
    ours, theirs = np.unique(ours[ours > UNKNOWN]), np.unique(theirs[theirs > UNKNOWN])
    common = len(np.intersect1d(ours, theirs, assume_unique=True))
    return common / max(len(ours) + len(theirs) - common, 1)


def by_form(counts: Counts, forms: Longs, size: int) -> Longs:
    """Sum (blocks, entries) occurrences of entries to (blocks, size) occurrences of forms."""
    kept = forms != FRAMING
    rows = [np.bincount(forms[kept], weights=row, minlength=size) for row in counts[:, kept]]
    return np.array(rows).astype(np.int64)


def tokenizer_shift(
    corpus: str, name: str, sides: tuple[Side, Side], forms: tuple[Longs, Longs], bootstrap: Bootstrap
) -> TokenizerShift:
    """Compare the reference's sums with another tokenizer's, on the same text."""
    reference, other = sides
    size = max(int(each.max(initial=0)) for each in forms) + 1
    known: Bools = (forms[1] > UNKNOWN) & np.isin(forms[1], forms[0])
    theirs, ours = (by_form(side.counts, form, size) for side, form in zip(sides, forms, strict=True))
    occurring = np.flatnonzero(theirs.any(axis=0) | ours.any(axis=0))
    return TokenizerShift(
        corpus=corpus,
        tokenizer=name,
        length_ratio=bootstrap.rate(other.tokens, reference.tokens),
        overlap=jaccard(*forms),
        weighted_overlap=_share(bootstrap, other, known),
        divergence=of_counts(divergence, (bootstrap, theirs[:, occurring]), (bootstrap, ours[:, occurring])) or NOTHING,
    )


def domain_shift(
    names: tuple[str, str], texts: tuple[Accumulator, Accumulator], index: int, draws: tuple[Bootstrap, Bootstrap]
) -> DomainShift:
    """Compare the first text with another one, under one tokenizer."""
    first, other = (text.sides[index] for text in texts)
    in_first, in_other = (np.asarray(side.counts.any(axis=0)) for side in (first, other))
    occurring = np.flatnonzero(in_first | in_other)
    here, there = other.words.total.T, first.words.total.T
    return DomainShift(
        corpus=names[0],
        tokenizer=names[1],
        fertility_ratio=quotient((draws[1], here[TOKENS], here[STRETCHES]), (draws[0], there[TOKENS], there[STRETCHES]))
        or NOTHING,
        overlap=float((in_first & in_other).sum() / max(len(occurring), 1)),
        weighted_overlap=_share(draws[1], other, in_first),
        divergence=of_counts(divergence, (draws[0], first.counts[:, occurring]), (draws[1], other.counts[:, occurring]))
        or NOTHING,
    )


def _share(bootstrap: Bootstrap, side: Side, entries: Bools) -> Estimate:
    """Estimate the share of a side's tokens that are among some (entries,)."""
    part, whole = (counts.sum(axis=1, dtype=np.int64) for counts in (side.counts[:, entries], side.counts))
    return bootstrap.rate(part, whole)
