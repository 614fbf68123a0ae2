"""Tokens of a batch of texts, as flat arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Tokens:
    """The tokens of a batch of texts, ragged and flat: row ``r`` is ``slice(rows[r], rows[r + 1])`` of every array.

    Attributes:
        ids: (tokens,) vocabulary ids.
        starts: (tokens,) first character of each token in its original text, white space trimmed.
        ends: (tokens,) character after its last one; equal to ``starts`` for tokens without text of their own.
        rows: (texts + 1,) row borders.
        lengths: (texts,) characters of each text.
        opening: (tokens,) True for the special token that opens a row (role ``cls``).
        closing: (tokens,) True for the one that closes it (role ``sep``).
        cases: (tokens,) case of each token's word, an index into ``casing.CASES``.
    """

    ids: Ints
    starts: Ints
    ends: Ints
    rows: Longs
    lengths: Longs
    opening: npt.NDArray[np.bool_]
    closing: npt.NDArray[np.bool_]
    cases: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.rows) - 1

    @property
    def framing(self) -> npt.NDArray[np.bool_]:
        """(tokens,) True for the special tokens around a text, which are no part of it."""
        return self.opening | self.closing

    def take(self, indices: Sequence[int] | Longs) -> Tokens:
        """Return the tokens of the chosen texts, in the order given."""
        chosen = np.asarray(indices, dtype=np.int64)
        flat, rows = members(self.rows, chosen)
        return Tokens(
            self.ids[flat],
            self.starts[flat],
            self.ends[flat],
            rows,
            self.lengths[chosen],
            self.opening[flat],
            self.closing[flat],
            self.cases[flat],
        )


def members(borders: Longs, chosen: Longs) -> tuple[Longs, Longs]:
    """Return what lies within the chosen groups, group after group.

    Args:
        borders: (groups + 1,) borders of all groups.
        chosen: (chosen,) numbers of some of them.

    Returns:
        indices of the members, and the (chosen + 1,) borders between the groups that they now form.
    """
    counts = borders[chosen + 1] - borders[chosen]
    rows = np.concatenate(([0], np.cumsum(counts)))
    return np.repeat(borders[chosen] - rows[:-1], counts) + np.arange(rows[-1]), rows
