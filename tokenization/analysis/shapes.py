"""The outer form of words: how they are written in capitals, and what is a number or a sign."""

from __future__ import annotations

import numpy as np

from finkd.tokenization.analysis.batch import Batch
from finkd.tokenization.analysis.characters import DIGIT, LETTER, LOWER, MARK, UPPER
from finkd.tokenization.analysis.words import Bools
from finkd.tokenization.tokenizer import Longs

SHAPES = ("lower case", "Capitalised", "ALL CAPITALS", "mIxed or with digits", "caseless script", "number", "sign")
_LOWER, _CAPITALISED, _CAPITALS, _MIXED, _CASELESS, _NUMBER, _SIGN = range(len(SHAPES))


def shapes(batch: Batch) -> Longs:
    """(words,) index into ``SHAPES`` of each word of a batch.

    A single capital counts as capitalised. Letters with digits are mixed; digits without letters are a number, whatever
    signs stand between them; a word with neither is a sign.
    """
    upper, lower, caseless, digits = (_count(batch, batch.kinds == kind) for kind in (UPPER, LOWER, LETTER, DIGIT))
    letters = upper + lower + caseless
    starts_upper = batch.kinds[batch.starts] == UPPER
    conditions = (
        (letters == 0) & (digits > 0),
        letters == 0,
        digits > 0,
        upper + lower == 0,
        upper == 0,
        starts_upper & (upper == 1),
        lower == 0,
    )
    choices = (_NUMBER, _SIGN, _MIXED, _CASELESS, _LOWER, _CAPITALISED, _CAPITALS)
    return np.select(conditions, choices, _MIXED).astype(np.int64)


def spelled(batch: Batch) -> Bools:
    """(words,) True for words of letters alone, marks on them included: no numbers, addresses or apostrophes."""
    letters = _count(batch, np.isin(batch.kinds, (UPPER, LOWER, LETTER, MARK)))
    found: Bools = letters == batch.ends - batch.starts
    return found


def _count(batch: Batch, flags: Bools) -> Longs:
    """(words,) characters of each word that are flagged."""
    running = np.concatenate(([0], np.cumsum(flags, dtype=np.int32)))
    return running[batch.ends] - running[batch.starts]
