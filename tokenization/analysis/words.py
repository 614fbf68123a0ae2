"""Raw text into words by kind of character, without a language's rules and without a loop over words."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from finkd.tokenization.analysis.characters import BLANK, DIGIT, JOINER, LETTER, LOWER, MARK, UPPER, Kinds, Points
from finkd.tokenization.tokenizer import Longs

Bools = npt.NDArray[np.bool_]

_DECIMAL_SIGNS = np.array([ord(sign) for sign in ".,"], np.uint32)
_APOSTROPHES = np.array([ord(sign) for sign in "'\N{RIGHT SINGLE QUOTATION MARK}"], np.uint32)


def split(points: Points, kinds: Kinds) -> tuple[Longs, Longs]:
    """Where words start and end.

    A word is a run of letters and digits, together with ``.`` or ``,`` between two digits, an apostrophe between two
    letters, an invisible character between any two of them, and combining marks. Every other visible character
    (punctuation, symbol, ideograph) is a word by itself. White space, controls and invisible characters elsewhere
    belong to no word.

    Args:
        points: (characters,) code points.
        kinds: (characters,) their kinds.

    Returns:
        (words,) first characters and (words,) characters after the last one.
    """
    run, visible, mark = _runs(points, kinds)
    first = visible.copy()
    first[1:] &= ~(visible[:-1] & ((run[1:] & run[:-1]) | mark[1:]))
    last = visible.copy()
    last[:-1] &= ~visible[1:] | first[1:]
    return np.flatnonzero(first), np.flatnonzero(last) + 1


def _runs(points: Points, kinds: Kinds) -> tuple[Bools, Bools, Bools]:
    """For each character: does it go on with its neighbours, is it part of a word, is it a combining mark?"""
    letter = (kinds == LOWER) | (kinds == UPPER) | (kinds == LETTER)
    digit = kinds == DIGIT
    mark = kinds == MARK
    run = letter | digit
    if mark.any():
        # A mark, and a mark on a mark, goes on as the character does that carries it.
        carrier = np.maximum.accumulate(np.where(mark, 0, np.arange(len(mark))))
        run |= mark & run[carrier]
        letter |= mark & letter[carrier]
    joins = np.isin(points, _DECIMAL_SIGNS) & _between(digit)
    joins |= np.isin(points, _APOSTROPHES) & _between(letter)
    joins |= (kinds == JOINER) & _between(run)
    run |= joins
    visible = ((kinds != BLANK) & (kinds != JOINER)) | joins
    return run, visible, mark


def _between(flags: Bools) -> Bools:
    """True where both neighbours are."""
    found = np.zeros_like(flags)
    found[1:-1] = flags[:-2] & flags[2:]
    return found
