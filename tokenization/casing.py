"""Case of the word that each token belongs to, which an uncased vocabulary does not tell."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

CASES = ("no letters", "lower", "Initial", "UPPER", "miXed", "one letter")
"""Classes of words by the case of their letters (Collobert et al. 2011, section 3.2.2, have four of them)."""

_NONE, _LOWER, _INITIAL, _UPPER, _MIXED, _ONE = range(len(CASES))
_KNOWN = 0x20000
"""Later characters, of rare ideographs, have no case."""
_OTHER, _UNCASED, _SMALL, _CAPITAL, _MARK = range(5)


def token_cases(
    texts: Sequence[str], starts: npt.NDArray[np.int32], ends: npt.NDArray[np.int32], rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.uint8]:
    """Return the case of each token's word: the run of letters, their accents, and digits that the token begins in.

    Args:
        texts: as they were given to the tokenizer.
        starts: (tokens,) first character of each token in its text.
        ends: (tokens,) character after its last one.
        rows: (texts + 1,) borders of the texts' tokens.

    Returns:
        (tokens,) indices into ``CASES``; 0 for tokens without text.

    Example:
        >>> starts, ends = np.int32([0, 4, 10, 11, 13]), np.int32([3, 9, 11, 12, 18])
        >>> [CASES[index] for index in token_cases(["IBM hires J. Smith"], starts, ends, np.array([0, 5]))]
        ['UPPER', 'lower', 'one letter', 'no letters', 'Initial']
    """
    # A character after each text ends its last word, and can be looked up for an empty token there.
    points = np.frombuffer("".join(text + "\0" for text in texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    if not len(points):
        return np.zeros(0, np.uint8)
    kinds = np.where(points < _KNOWN, _kinds()[np.minimum(points, _KNOWN - 1)], _OTHER)
    places = np.arange(len(points))
    outside = kinds == _OTHER
    first = np.maximum.accumulate(np.where(outside, places + 1, 0))
    end = np.minimum.accumulate(np.where(outside, places, len(points))[::-1])[::-1]
    small, capital, mark = (np.concatenate(([0], np.cumsum(kinds == kind))) for kind in (_SMALL, _CAPITAL, _MARK))
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    at = np.repeat(np.cumsum(lengths + 1) - lengths - 1, np.diff(rows)) + starts
    begin, stop = first[at], np.maximum(end[at], first[at])
    smalls, capitals = small[stop] - small[begin], capital[stop] - capital[begin]
    length = stop - begin - (mark[stop] - mark[begin])
    found = np.select(
        [
            (starts == ends) | (smalls + capitals == 0),
            capitals == 0,
            (smalls == 0) & (length == 1),
            smalls == 0,
            (capitals == 1) & (kinds[np.minimum(begin, len(points) - 1)] == _CAPITAL),
        ],
        [_NONE, _LOWER, _ONE, _UPPER, _INITIAL],
        _MIXED,
    )
    return found.astype(np.uint8)


@cache
def _kinds() -> npt.NDArray[np.uint8]:
    """Return the kind of each character."""
    signs = [chr(point) for point in range(_KNOWN)]
    return np.array(
        [
            (_CAPITAL if sign.isupper() or sign.istitle() else _SMALL if sign.islower() else _UNCASED)
            if sign.isalnum()
            else _MARK
            if unicodedata.combining(sign)  # an accent of its own belongs to the word of its letter
            else _OTHER
            for sign in signs
        ],
        np.uint8,
    )
