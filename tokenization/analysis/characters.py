"""What kind of character each one is, for whole batches at once."""

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np
import numpy.typing as npt

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
    """(characters,) kind of each code point."""
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
    """Kinds of distinct code points, one by one."""
    categories = map(unicodedata.category, map(chr, points.tolist()))
    found = np.array([_OF_CATEGORY.get(category, SIGN) for category in categories], np.uint8)
    for first, last in _IDEOGRAPHS:
        found[(points >= first) & (points <= last)] = IDEOGRAPH
    return found
