"""Sums per bootstrap block of how stretches of text are cut."""

from __future__ import annotations

import numpy as np

from finkd.tokenization.analysis.batch import BLOCKS
from finkd.tokenization.analysis.words import Bools
from finkd.tokenization.tokenizer import Longs

STRETCHES, TOKENS, CONTINUED, WHOLE, LOST, CHARACTERS = range(6)
MEASURES = 6


class Tally:
    """Counts of stretches (words, numbers, entity words) by group and block; new groups find room.

    Attributes:
        sums: (blocks, groups, measures): stretches, tokens that touch them, stretches of two tokens or more, whole
            stretches, stretches that no token touches, and their characters.
    """

    def __init__(self, groups: int = 0) -> None:
        self.sums = np.zeros((BLOCKS, groups, MEASURES), np.int64)

    def add(self, blocks: Longs, groups: Longs, tokens: Longs, whole: Bools, characters: Longs) -> None:
        """Count some stretches.

        Args:
            blocks: (stretches,) block of each.
            groups: (stretches,) group of each.
            tokens: (stretches,) tokens that touch it.
            whole: (stretches,) True for those that are one known token.
            characters: (stretches,) its length.
        """
        if not len(groups):
            return
        missing = int(groups.max()) + 1 - self.sums.shape[1]
        if missing > 0:
            self.sums = np.pad(self.sums, ((0, 0), (0, missing), (0, 0)))
        width = self.sums.shape[1]
        place = blocks * width + groups
        for measure, amount in (
            (STRETCHES, None),
            (TOKENS, tokens),
            (CONTINUED, tokens > 1),
            (WHOLE, whole),
            (LOST, tokens == 0),
            (CHARACTERS, characters),
        ):
            counts = _counts(place, amount, BLOCKS * width)
            self.sums[:, :, measure] += counts.reshape(BLOCKS, width)

    def group(self, index: int) -> Longs:
        """(blocks, measures) sums of one group; zeros for one that never occurred."""
        if index >= self.sums.shape[1]:
            return np.zeros((BLOCKS, MEASURES), np.int64)
        return self.sums[:, index]

    @property
    def total(self) -> Longs:
        """(blocks, measures) sums over all groups."""
        found: Longs = self.sums.sum(axis=1)
        return found


def _counts(place: Longs, amount: Longs | Bools | None, size: int) -> Longs:
    if amount is None:
        return np.bincount(place, minlength=size)
    if amount.dtype == np.bool_:
        return np.bincount(place[amount], minlength=size)
    return np.bincount(place, weights=amount, minlength=size).astype(np.int64)
