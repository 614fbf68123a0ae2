"""Entries that occur in the same contexts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import PositiveInt

from finkd.tokenization.maps.cooccurrence import Floats, Space
from finkd.tokenization.maps.exact import Exact
from finkd.tokenization.maps.vocabulary_map import Doubles, VocabularyMap, from_pairs, same_roles
from finkd.tokenization.tokenizer import Longs, Tokenizer

_BLOCK = 1024


@dataclass(frozen=True)
class Neighbours:
    """Equal entries, and for each other one a sparse mean of teacher entries that occur near the same words.

    After FOCUS (Dobler and de Melo, EMNLP 2023, arXiv 2305.14481): sparsemax of the cosine similarities to the entries
    of the overlap. There the space is fastText on the student's tokens; here it is counted on the text (``Space``),
    holds both vocabularies, and is the same every time.

    Attributes:
        overlap: only teacher entries that the student holds too are taken, as FOCUS has to; False takes any that the
            text shows.
        nearest: how many are considered for each entry.
        words: as in ``Space``.
        contexts: as in ``Space``.
        window: as in ``Space``.
        dimensions: as in ``Space``.
    """

    overlap: bool = True
    nearest: PositiveInt = 50
    words: PositiveInt = 50_000
    contexts: PositiveInt = 2000
    window: PositiveInt = 3
    dimensions: PositiveInt = 100
    needs_text: ClassVar[bool] = True

    def __call__(self, teacher: Tokenizer, student: Tokenizer, texts: Iterable[str] = ()) -> VocabularyMap:
        """Rows hold a single one, or up to ``nearest`` neighbours; entries that the text never shows hold nothing.

        Raises:
            ConfigError: if the texts can be read only once, or hold no word.
        """
        space = Space(self.words, self.contexts, self.window, self.dimensions)
        theirs, ours = space.vectors([teacher, student], texts)
        equal = Exact().equal(teacher, student)
        pairs = {**equal, **same_roles(teacher, student)}
        candidates = np.array(sorted(set(equal.values())) if self.overlap else range(len(teacher)), np.int64)
        candidates = candidates[theirs[candidates].any(axis=1)]
        missing = np.setdiff1d(np.flatnonzero(ours.any(axis=1)), list(pairs))
        rows, columns, weights = _combine(ours, missing, theirs, candidates, self.nearest)
        return from_pairs(
            np.concatenate((np.fromiter(pairs.keys(), np.int64, len(pairs)), rows)),
            np.concatenate((np.fromiter(pairs.values(), np.int64, len(pairs)), columns)),
            np.concatenate((np.ones(len(pairs)), weights)),
            teacher,
            student,
        )


def sparsemax(scores: Doubles) -> Doubles:
    """The nearest point of the simplex to each row (Martins and Astudillo, ICML 2016, algorithm 1).

    Args:
        scores: (rows, columns).

    Returns:
        (rows, columns), non-negative, rows summing to one.
    """
    falling = -np.sort(-scores, axis=1)
    sums = np.cumsum(falling, axis=1)
    places = np.arange(1, scores.shape[1] + 1)
    support = (1 + places * falling > sums).sum(axis=1)
    threshold = (sums[np.arange(len(scores)), support - 1] - 1) / support
    shares: Doubles = np.maximum(scores - threshold[:, None], 0.0)
    return shares


def _combine(
    ours: Floats, missing: Longs, theirs: Floats, candidates: Longs, nearest: int
) -> tuple[Longs, Longs, Doubles]:
    """(student entry, teacher entry, weight) of the nearest candidates of each missing entry."""
    found: list[tuple[Longs, Longs, Doubles]] = []
    kept = min(nearest, len(candidates))
    for start in range(0, len(missing) if kept else 0, _BLOCK):
        block = missing[start : start + _BLOCK]
        cosines = (ours[block] @ theirs[candidates].T).astype(np.float64)
        near = np.argpartition(-cosines, kept - 1, axis=1)[:, :kept]
        weights = sparsemax(np.take_along_axis(cosines, near, axis=1))
        row, column = np.nonzero(weights)
        found.append((block[row], candidates[near[row, column]], weights[row, column]))
    if not found:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    rows, columns, shares = zip(*found, strict=True)
    return np.concatenate(rows), np.concatenate(columns), np.concatenate(shares)
