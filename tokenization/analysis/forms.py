"""What the entries of several vocabularies mean, so that they can be compared whatever marks their families use."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from finkd.tokenization.analysis.bootstrap import Counts
from finkd.tokenization.surface import Form, canonical_forms
from finkd.tokenization.tokenizer import Longs, Tokenizer

UNKNOWN, FRAMING = 0, -1


def common_forms(tokenizers: Sequence[Tokenizer]) -> list[Longs]:
    """Number of what each entry stands for, the same number in every vocabulary.

    Two entries mean the same if they spell the same text and agree on whether it continues a word; case counts only if
    every tokenizer keeps it. The unknown token is ``UNKNOWN`` everywhere, other special tokens are ``FRAMING``. Entries
    without a text (byte-level tokens that end within a character) mean the same if they are written the same.

    Returns:
        (entries,) for each tokenizer.
    """
    fold = any(tokenizer.lowercases for tokenizer in tokenizers)
    numbers: dict[Form | str, int] = {}
    return [_numbered(tokenizer, canonical_forms(tokenizer, fold), numbers) for tokenizer in tokenizers]


def jaccard(ours: Longs, theirs: Longs) -> float:
    """Forms common to both over the forms of either; special tokens left out."""
    ours, theirs = np.unique(ours[ours > UNKNOWN]), np.unique(theirs[theirs > UNKNOWN])
    common = len(np.intersect1d(ours, theirs, assume_unique=True))
    return common / max(len(ours) + len(theirs) - common, 1)


def by_form(counts: Counts, forms: Longs, size: int) -> Longs:
    """(blocks, size) occurrences of each form, from (blocks, entries) occurrences of the entries."""
    kept = forms != FRAMING
    rows = [np.bincount(forms[kept], weights=row, minlength=size) for row in counts[:, kept]]
    return np.array(rows).astype(np.int64)


def _numbered(tokenizer: Tokenizer, forms: dict[int, Form], numbers: dict[Form | str, int]) -> Longs:
    """(entries,) number of each entry's form; forms not met before get the next one."""
    special = {*tokenizer.special_ids.values()}
    found = np.full(len(tokenizer), FRAMING, np.int64)
    for index, token in enumerate(tokenizer.vocabulary):
        if token and index not in special:
            found[index] = numbers.setdefault(forms.get(index, token), len(numbers) + 1)
    if "unk" in tokenizer.special_ids:
        found[tokenizer.special_ids["unk"]] = UNKNOWN
    return found
