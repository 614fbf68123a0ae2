"""How many tokens touch a stretch of text, for many stretches at once."""

from __future__ import annotations

import numpy as np

from finkd.tokenization.analysis.batch import Batch
from finkd.tokenization.analysis.words import Bools
from finkd.tokenization.tokenizer import Longs, Tokens


class Coverage:
    """The tokens of a batch, counted by character.

    A token touches ``[start, end)`` if it starts before ``end`` and ends behind ``start``, and a token that ends before
    ``start`` also starts before ``end``. So two running counts answer every question with two look-ups.

    Args:
        tokens: of the batch's texts.
        batch: where the texts lie.
        unknown: (tokens,) True for tokens that are the unknown token.
    """

    def __init__(self, tokens: Tokens, batch: Batch, unknown: Bools) -> None:
        base = np.repeat(batch.bases, np.diff(tokens.rows))
        covering = tokens.ends > tokens.starts
        self.starts = (tokens.starts + base)[covering]
        self.ends = (tokens.ends + base)[covering]
        size = len(batch.points)
        self._started, self._ended = _running(self.starts, size), _running(self.ends, size)
        self._unknown: tuple[Longs, Longs] | None = None
        if unknown.any():
            hidden = unknown[covering]
            self._unknown = _running(self.starts[hidden], size), _running(self.ends[hidden], size)

    def touching(self, starts: Longs, ends: Longs) -> Longs:
        """Tokens that share a character with each stretch."""
        return self._started[ends] - self._ended[starts + 1]

    def known(self, starts: Longs, ends: Longs) -> Bools:
        """True for stretches that no unknown token touches."""
        if self._unknown is None:
            return np.ones(len(starts), np.bool_)
        started, ended = self._unknown
        found: Bools = started[ends] - ended[starts + 1] == 0
        return found

    def inside(self, borders: Longs) -> Bools:
        """True for borders between two characters that fall inside a token."""
        return self._started[borders] - self._ended[borders + 1] > 0


def _running(places: Longs, size: int) -> Longs:
    """(size + 2,) how many of the places are smaller than each index."""
    return np.concatenate(([0], np.cumsum(np.bincount(places, minlength=size + 1))))
