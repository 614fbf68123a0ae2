"""Which words masked language modelling hides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from finkd.data.batches import TrainingData
from tokenization.alignment import words_of_pieces
from tokenization.tokenizer import Longs


def hiding(data: TrainingData, share: float, rarity: float = 0.0) -> TrainingData:
    """The same examples, with so many of their words hidden where a term needs hidden text.

    A word's chance is in proportion to n^-rarity, n being how often its rarest piece occurs in the text, and never
    above one. DistilBERT's training script chooses pieces in this way, with .7; the rule for words is finkd's.

    Args:
        data: examples.
        share: of the words.
        rarity: 0 hides all words alike.
    """
    if rarity == 0 or len(data.words) == 0:
        return replace(data, masking=share)
    weights = _rarest(data).astype(np.float64) ** -rarity
    return replace(data, masking=np.minimum(1.0, share * weights / weights.mean()).astype(np.float32))


def _rarest(data: TrainingData) -> Longs:
    """(words,) occurrences of the rarest piece that begins in each word; 1 where none does."""
    pieces = data.student.pieces
    occurs = np.bincount(pieces.ids)
    starts, ends = data.starts.astype(np.int64), data.ends.astype(np.int64)
    word = words_of_pieces(pieces, starts, ends, data.student.word_rows)
    inside = word >= 0
    most = np.iinfo(np.int64).max
    found = np.full(len(starts), most)
    np.minimum.at(found, word[inside], occurs[pieces.ids[inside]])
    return np.where(found == most, 1, found)
