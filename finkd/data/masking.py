"""Choose the words to mask."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from finkd.data.batches import TrainingData
from finkd.tokenization.alignment import words_of_tokens
from finkd.tokenization.tokens import Longs


def with_masking(data: TrainingData, fraction: float, rarity: float = 0.0) -> TrainingData:
    """Return the same examples with masking probabilities for their words.

    A word's chance is in proportion to n^-rarity, n being how often its rarest token occurs in the text, and never
    above one. DistilBERT's training script chooses tokens in this way, with .7; the rule for words is finkd's.

    Args:
        data: examples.
        fraction: of the words.
        rarity: 0 masks all words alike.
    """
    if rarity == 0 or len(data.word_ids) == 0:
        return replace(data, masking=fraction)
    weights = _rarest(data).astype(np.float64) ** -rarity
    return replace(data, masking=np.minimum(1.0, fraction * weights / weights.mean()).astype(np.float32))


def _rarest(data: TrainingData) -> Longs:
    """Return (words,) the count of the rarest token that begins in each word; 1 where none does."""
    tokens = data.student.tokens
    occurs = np.bincount(tokens.ids)
    starts, ends = data.starts.astype(np.int64), data.ends.astype(np.int64)
    word = words_of_tokens(tokens, starts, ends, data.student.word_rows)
    inside = word >= 0
    most = np.iinfo(np.int64).max
    found = np.full(len(starts), most)
    np.minimum.at(found, word[inside], occurs[tokens.ids[inside]])
    return np.where(found == most, 1, found)
