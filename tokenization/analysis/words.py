"""Characters by kind, and the words of raw text, found without a language's rules and without a loop over words."""

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np
import numpy.typing as npt

from finkd.tokenization.tokens import Longs

Bools = npt.NDArray[np.bool_]
Points = npt.NDArray[np.uint32]
Kinds = npt.NDArray[np.uint8]

BLANK, UPPER, LOWER, LETTER, DIGIT, MARK, JOINER, IDEOGRAPH, SIGN, CURRENCY = range(10)
"""White space and controls; letters by case, ``LETTER`` without one; digits and other numbers; combining marks;
invisible format characters; characters that are words by themselves; punctuation and symbols; currency signs."""

_OF_CATEGORY = {
    **dict.fromkeys(("Zs", "Zl", "Zp", "Cc"), BLANK),
    **dict.fromkeys(("Lu", "Lt"), UPPER),
    "Ll": LOWER,
    **dict.fromkeys(("Lm", "Lo"), LETTER),
    **dict.fromkeys(("Nd", "Nl", "No"), DIGIT),
    **dict.fromkeys(("Mn", "Mc", "Me"), MARK),
    "Cf": JOINER,
    "Sc": CURRENCY,
}
# BERT, too, takes each of these for a word: their scripts put no space between words.
_IDEOGRAPHS = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF))
_PLANE = 0x10000


def kinds(points: Points) -> Kinds:
    """Return the (characters,) kind of each code point."""
    found = _table()[np.minimum(points, _PLANE - 1)]
    beyond = points >= _PLANE
    if beyond.any():
        distinct, places = np.unique(points[beyond], return_inverse=True)
        found[beyond] = _of(distinct)[places]
    return found


@cache
def _table() -> Kinds:
    return _of(np.arange(_PLANE, dtype=np.uint32))


def _of(points: Points) -> Kinds:
    """Look up the kinds of distinct code points, one by one."""
    categories = map(unicodedata.category, map(chr, points.tolist()))
    found = np.array([_OF_CATEGORY.get(category, SIGN) for category in categories], np.uint8)
    for first, last in _IDEOGRAPHS:
        found[(points >= first) & (points <= last)] = IDEOGRAPH
    return found


_DECIMAL_SIGNS = np.array([ord(sign) for sign in ".,"], np.uint32)
_APOSTROPHES = np.array([ord(sign) for sign in "'\N{RIGHT SINGLE QUOTATION MARK}"], np.uint32)


def split(points: Points, kinds: Kinds) -> tuple[Longs, Longs]:
    """Return where words start and end.

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
    """Return for each character whether it continues a run, is part of a word, and is a combining mark."""
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
    """Flag the characters whose two neighbours are flagged."""
    found = np.zeros_like(flags)
    found[1:-1] = flags[:-2] & flags[2:]
    return found
